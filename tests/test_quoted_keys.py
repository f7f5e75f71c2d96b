"""Keys of JSON in a URL that hold a comma, a point or quotes, so that they are quoted: shown, ordered by, counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import find
from tests import writable
from tests.conftest import Golden

KEYS = {"a,b": '"a,b"', "a.b": '"a.b"', 'a"b': '"a""b"', "=": '"="'}
"""A key, and how a path names it."""


@pytest.fixture(scope="module")
def client(golden: Golden, tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., Flask]) -> FlaskClient:
    """Of nodes 1 to 3, each key leads to 10 times the id, in reverse."""
    copy = writable.sqlite(golden, tmp_path_factory.mktemp("quoted"))
    with copy.committing() as commit:
        for pk in (1, 2, 3):
            extras = json.dumps({"sub": dict.fromkeys(KEYS, 10 * (4 - pk))}).replace("'", "''")
            commit(f"UPDATE db_dbnode SET extras = '{extras}' WHERE id = {pk}")
    return serve(find(**copy.target)).test_client()


def rows(client: FlaskClient, query: str) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v4/nodes?{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["data"]["nodes"]
    return found


@pytest.mark.parametrize("written", KEYS.values())
def test_a_quoted_key(client: FlaskClient, written: str) -> None:
    path = f"extras.sub.{written}"
    assert [row["id"] for row in rows(client, f"{path}=20&fields=id")] == [2]
    assert [row["id"] for row in rows(client, f"id<4&orderby={path}&fields=id")] == [3, 2, 1]
    assert [row["id"] for row in rows(client, f"id<4&orderby=-{path},id&fields=id")] == [1, 2, 3]
    assert rows(client, f"id=1&fields=id,{path},label") == [{"id": 1, path: 30, "label": "pw parameters"}]
    facets = client.get(f"/api/v4/nodes?id<4&facet={path},user&fields=id").json["data"]["facets"]
    assert list(facets) == [path, "user"]
    assert [(each["value"], each["count"]) for each in facets[path]["values"]] == [(10, 1), (20, 1), (30, 1)]
