"""Few rows that took long to find are found once, until something is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import find
from aiida_like.storage.databases.database import Database
from aiida_like.tuning import Tuning
from tests.golden import graph
from tests.writable import Writable

Serve = Callable[..., Flask]

LISTS = [
    'nodes?label=like="%"&limit=7&orderby=-ctime',
    "nodes?limit=7&offset=60",
    "nodes/page/2?perpage=5&orderby=label",
    'nodes?attributes.value>2&label="no such"',
    f"nodes/{graph.silicon}/links/outgoing?orderby=id",
    "computers?",
]
QUERY = {
    "path": [{"entity_type": "node", "tag": "n"}],
    "project": {"n": ["id", "label", "attributes"]},
    "order_by": [{"n": ["id"]}],
    "limit": 5,
}


ALL_IS_SLOW = Tuning(slow_seconds=0.0)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Those that the database has run in the block."""
    run: list[str] = []
    fetch = Database.fetch

    def look(self: Database, sql: str, *more: Any) -> Any:
        run.append(sql)
        return fetch(self, sql, *more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "fetch", look)
        yield run


def answers(client: FlaskClient, number: int) -> list[Any]:
    """Each URL is a new one, for which no answer is kept."""
    found = [client.get(f"/api/v4/{quote(url, safe='/?=&')}&_={number}", buffered=True) for url in LISTS]
    found.append(client.post("/api/v4/querybuilder", json=QUERY))
    assert {each.status_code for each in found} == {200}, [each.text for each in found]
    return [each.json["data"] for each in found]


def test_rows_are_found_once(target: dict[str, Any], serve: Serve, forgetful: FlaskClient) -> None:
    client = serve(find(**target), {}, tuning=ALL_IS_SLOW).test_client()
    expected = answers(forgetful, 0)
    assert answers(client, 1) == expected
    assert answers(client, 2) == expected
    with statements() as run:
        assert answers(client, 3) == expected
    # What is left are data versions, and the node that a path names.
    assert not [sql for sql in run if "LIMIT" in sql and "LIMIT 2" not in sql]


FIRST = "/api/v4/nodes?orderby=-ctime&limit=5"


def test_first_rows_behind_a_commit(changing: Writable, serve: Serve) -> None:
    client = serve(find(**changing.target), {}).test_client()
    with changing.committing() as commit:
        for label in "abc":
            commit(f"UPDATE db_dbnode SET label = '{label}'")
            for number in range(4):
                found = client.get(f"{FIRST}&_={label}{number}").json["data"]["nodes"]
                assert [node["label"] for node in found] == [label] * 5


def test_not_behind_a_commit(changing: Writable, serve: Serve) -> None:
    client = serve(find(**changing.target), {}, tuning=ALL_IS_SLOW).test_client()
    forgetful = serve(find(**changing.target), {"CACHE": False}).test_client()
    with changing.committing() as commit:
        for number in range(3):
            commit(f"UPDATE db_dbnode SET label = 'label {number}' WHERE uuid = '{graph.silicon}'")
            assert answers(client, 2 * number) == answers(client, 2 * number + 1) == answers(forgetful, number)


def test_nothing_is_not_looked_for_twice(target: dict[str, Any], serve: Serve) -> None:
    """No row brings the data version along; but another statement for it takes as long."""
    client = serve(find(**target), {}, tuning=ALL_IS_SLOW).test_client()
    client.get("/api/v4/nodes?limit=1")
    with statements() as run:
        response = client.get('/api/v4/nodes?label="no such"&limit=1')
    assert response.json["data"]["nodes"] == []
    assert len([sql for sql in run if "label" in sql and "LIMIT" in sql]) == 1
    assert "ETag" in response.headers


@pytest.mark.parametrize(("few", "short"), [(4, 16_000), (50, 10)])
def test_only_a_little_is_remembered(target: dict[str, Any], serve: Serve, few: int, short: int) -> None:
    tuning = replace(ALL_IS_SLOW, list_rows=few, list_characters=short)
    client = serve(find(**target), {}, tuning=tuning).test_client()
    for _ in range(2):
        with statements() as run:
            client.post("/api/v4/querybuilder", json=QUERY)
    assert [sql for sql in run if "LIMIT" in sql]


def test_what_is_fast_is_not_remembered(target: dict[str, Any], serve: Serve) -> None:
    client = serve(find(**target), {}, tuning=Tuning(slow_seconds=float("inf"))).test_client()
    for _ in range(2):
        with statements() as run:
            client.post("/api/v4/querybuilder", json=QUERY)
    assert [sql for sql in run if "LIMIT" in sql]


def test_lists_do_not_take_the_place_of_counts(target: dict[str, Any], serve: Serve) -> None:
    app = serve(find(**target), {}, tuning=replace(ALL_IS_SLOW, cached_lists=3))
    client = app.test_client()
    client.get("/api/v4/nodes/statistics")
    for number in range(10):
        client.get(f"/api/v4/nodes/page/2?perpage={number + 1}")
    caches = app.extensions["aiida_like_storage"]().caches
    assert 0 < len(caches.lists) <= 3
    with statements() as run:
        client.get("/api/v4/nodes/statistics?_=1")
    assert [sql for sql in run if "GROUP BY" in sql] == []


def test_slow_statements_are_forgotten(target: dict[str, Any], serve: Serve) -> None:
    app = serve(find(**target), {}, tuning=replace(ALL_IS_SLOW, cached_lists=5))
    for number in range(20):
        app.test_client().post("/api/v4/querybuilder", json={**QUERY, "limit": number + 1})
    lists = app.extensions["aiida_like_storage"]().caches.lists
    assert 0 < len(lists._slow) <= 5
