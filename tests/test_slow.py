"""Few rows that took long to find are found once, until something is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like import storage
from aiida_like.profiles import find
from aiida_like.storage.database import Database
from restapi.fetching import reading
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


@pytest.fixture
def all_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (reading, storage):
        monkeypatch.setattr(module, "SLOW", 0.0)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Those that the database has run in the block."""
    run: list[str] = []
    rows = Database.rows

    def look(self: Database, sql: str, values: Any) -> Any:
        run.append(sql)
        return rows(self, sql, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "rows", look)
        yield run


def answers(client: FlaskClient, number: int) -> list[Any]:
    """Each URL is a new one, for which no answer is kept."""
    found = [client.get(f"/api/v4/{quote(url, safe='/?=&')}&_={number}", buffered=True) for url in LISTS]
    found.append(client.post("/api/v4/querybuilder", json=QUERY))
    assert {each.status_code for each in found} == {200}, [each.text for each in found]
    return [each.json["data"] for each in found]


@pytest.mark.usefixtures("all_is_slow")
def test_rows_are_found_once(target: dict[str, Any], serve: Serve, forgetful: FlaskClient) -> None:
    client = serve(find(**target), {}).test_client()
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


@pytest.mark.usefixtures("all_is_slow")
def test_not_behind_a_commit(changing: Writable, serve: Serve) -> None:
    client = serve(find(**changing.target), {}).test_client()
    forgetful = serve(find(**changing.target), {"CACHE": False}).test_client()
    with changing.committing() as commit:
        for number in range(3):
            commit(f"UPDATE db_dbnode SET label = 'label {number}' WHERE uuid = '{graph.silicon}'")
            assert answers(client, 2 * number) == answers(client, 2 * number + 1) == answers(forgetful, number)


@pytest.mark.usefixtures("all_is_slow")
def test_nothing_is_not_looked_for_twice(target: dict[str, Any], serve: Serve) -> None:
    """No row brings the data version along; but another statement for it takes as long."""
    client = serve(find(**target), {}).test_client()
    client.get("/api/v4/nodes?limit=1")
    with statements() as run:
        response = client.get('/api/v4/nodes?label="no such"&limit=1')
    assert response.json["data"]["nodes"] == []
    assert len([sql for sql in run if "label" in sql and "LIMIT" in sql]) == 1
    assert "ETag" in response.headers


@pytest.mark.usefixtures("all_is_slow")
@pytest.mark.parametrize(("few", "short"), [(4, 16_000), (50, 10)])
def test_only_a_little_is_remembered(
    target: dict[str, Any], serve: Serve, monkeypatch: pytest.MonkeyPatch, few: int, short: int
) -> None:
    monkeypatch.setattr(reading, "FEW", few)
    monkeypatch.setattr(reading, "SHORT", short)
    client = serve(find(**target), {}).test_client()
    for _ in range(2):
        with statements() as run:
            client.post("/api/v4/querybuilder", json=QUERY)
    assert [sql for sql in run if "LIMIT" in sql]


def test_what_is_fast_is_not_remembered(target: dict[str, Any], serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (reading, storage):
        monkeypatch.setattr(module, "SLOW", 3600.0)
    client = serve(find(**target), {}).test_client()
    for _ in range(2):
        with statements() as run:
            client.post("/api/v4/querybuilder", json=QUERY)
    assert [sql for sql in run if "LIMIT" in sql]


@pytest.mark.usefixtures("all_is_slow")
def test_lists_do_not_take_the_place_of_counts(
    target: dict[str, Any], serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "MAX_LISTS", 3)
    app = serve(find(**target), {})
    client = app.test_client()
    client.get("/api/v4/nodes/statistics")
    for number in range(10):
        client.get(f"/api/v4/nodes/page/2?perpage={number + 1}")
    opened = app.extensions["aiida_like_storage"]()
    assert len(opened.lists._held.results) <= 3
    with statements() as run:
        client.get("/api/v4/nodes/statistics?_=1")
    assert [sql for sql in run if "GROUP BY" in sql] == []


@pytest.mark.usefixtures("all_is_slow")
def test_slow_statements_are_forgotten(target: dict[str, Any], serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.memory, "MAX_RESULTS", 5)
    app = serve(find(**target), {})
    for number in range(20):
        app.test_client().post("/api/v4/querybuilder", json={**QUERY, "limit": number + 1})
    lists = app.extensions["aiida_like_storage"]().lists
    assert 0 < len(lists._slow) <= 5
