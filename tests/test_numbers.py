"""Numbers in JSON that are remembered: other thresholds find what a server finds that remembers nothing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.errors import StatementTimeout
from aiida_like.profiles import find
from querylang.graph.numbers import numbers_of
from querylang.graph.read import read
from restapi.fetching import known_numbers
from restapi.fetching import querybuilder as fetch_graph
from tests.golden import graph
from tests.test_slow import statements
from tests.writable import Writable

Serve = Callable[..., Flask]

ANY = {"path": [{"entity_type": "node", "tag": "n"}], "limit": 5}
JOBS = {"path": [{"entity_type": "process.calculation.calcjob.CalcJobNode.", "tag": "n"}], "limit": 5}
BY_ID = {"order_by": [{"n": [{"id": {"order": "desc"}}]}]}


def compared(query: dict[str, Any], relation: str, value: float, key: str = "attributes.value") -> dict[str, Any]:
    return query | {"filters": {"n": {key: {relation: value}}}}


def ask(client: FlaskClient, asked: dict[str, Any]) -> Any:
    response = client.post("/api/v4/querybuilder", json={"project": {"n": ["id", "label", "attributes"]}, **asked})
    assert response.status_code == 200, response.text
    return response.json["data"], response.headers["X-Total-Count"]


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiida_like.storage.SETTLED", 0.0)


@pytest.fixture(params=[(256, 6), (3, 6), (3, 2)], ids=str)
def parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several sizes: all rows in one part, in several, and not all rows."""
    for name, number in zip(("FIRST", "PARTS"), request.param, strict=True):
        monkeypatch.setattr(known_numbers, name, number)


RELATIONS = ("<", "<=", ">", ">=", "==")
QUERIES = [
    *(query | order | window for query, order, window in product((ANY, JOBS), ({}, BY_ID), ({}, {"offset": 2}))),
    ANY | {"limit": 1000},
    ANY | {"limit": 0},
    ANY | BY_ID | {"offset": 1000},
    ANY | {"project": {"n": ["uuid", "attributes.value", "ctime"]}},
]


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("key", ["attributes.value", "attributes.exit_status", "attributes.no.such", "extras.x"])
def test_all_thresholds_find_the_same(target: dict[str, Any], serve: Serve, forgetful: FlaskClient, key: str) -> None:
    client = serve(find(**target), {}).test_client()
    thresholds = (-7, 0, 0.5, 2.5, 305, 2**60, 1e300)
    everywhere = [compared(ANY, relation, value, key) for relation, value in product(RELATIONS, thresholds)]
    elsewhere = [compared(query, relation, 0.5, key) for query, relation in product(QUERIES, ("<", ">=", ">"))]
    for asked in everywhere + elsewhere:
        assert ask(client, asked) == ask(forgetful, asked), asked


def test_no_document_is_read_again(target: dict[str, Any], serve: Serve) -> None:
    client = serve(find(**target), {}).test_client()
    for value in range(2):
        ask(client, compared(ANY, "<", value))
    with statements() as run:
        found = [ask(client, compared(ANY, relation, value)) for relation in ("<", ">=") for value in (-5, 0.2, 20)]
    assert [total for _, total in found] == ["1", "2", "4", "5", "4", "2"]
    assert not [sql for sql in run if "CASE WHEN" in sql], run


@pytest.mark.parametrize("cache", [True, False])
def test_what_is_asked_once_costs_nothing(target: dict[str, Any], serve: Serve, cache: bool) -> None:
    """And without caches nothing is remembered."""
    client = serve(find(**target), {"CACHE": cache}).test_client()
    client.get("/api/v4/nodes?limit=1")
    for value in range(1 if cache else 3):
        with statements() as run:
            ask(client, compared(ANY, "<", value))
        assert len([sql for sql in run if "CASE WHEN" in sql]) == 1


def test_nothing_is_learned_of_what_changes_often(
    target: dict[str, Any], serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would cost more than it saves."""
    monkeypatch.setattr("aiida_like.storage.SETTLED", 1000.0)
    client = serve(find(**target), {}).test_client()
    for value in range(4):
        with statements() as run:
            ask(client, compared(ANY, "<", value))
        assert len([sql for sql in run if "CASE WHEN" in sql]) == 1


@pytest.mark.parametrize("reason", ["patience", "timeout"])
def test_learning_has_an_end(
    target: dict[str, Any], serve: Serve, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    """Who asked has the answer already."""
    client = serve(find(**target), {}).test_client()
    expected = ask(client, compared(ANY, "<", 1))
    if reason == "patience":
        monkeypatch.setattr(known_numbers, "LEARNING", -1.0)
    else:
        monkeypatch.setattr(fetch_graph, "partial", lambda *_: too_long)
    for _ in range(3):
        with statements() as run:
            assert ask(client, compared(ANY, "<", 1)) == expected
        assert len([sql for sql in run if "CASE WHEN" in sql]) == 1


def too_long(*_: Any) -> Any:
    raise StatementTimeout(30.0)


def test_behind_a_commit(changing: Writable, serve: Serve) -> None:
    client = serve(find(**changing.target), {}).test_client()
    forgetful = serve(find(**changing.target), {"CACHE": False}).test_client()
    asked = [compared(ANY, ">", value) for value in (-10, 0, 1, 5)]
    with changing.committing() as commit:
        for change in (
            f"UPDATE db_dbnode SET attributes = '{{\"value\": 3}}' WHERE uuid = '{graph.silicon}'",
            f"UPDATE db_dbnode SET attributes = '{{\"value\": \"3\"}}' WHERE uuid = '{graph.silicon}'",
            f"UPDATE db_dbnode SET label = 'another', attributes = '{{\"value\": 6}}' WHERE uuid = '{graph.silicon}'",
        ):
            for each in asked * 2:
                assert ask(client, each) == ask(forgetful, each)
            commit(change)
        for each in asked:
            assert ask(client, each) == ask(forgetful, each)


def test_a_commit_while_rows_are_read(changing: Writable, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    app = serve(find(**changing.target), {})
    client = app.test_client()
    storage = app.extensions["aiida_like_storage"]
    asked = compared(ANY | {"limit": 100}, ">", -1000)
    before = [ask(client, asked) for _ in range(3)]
    assert before[0] == before[1] == before[2] != ({}, "0")
    rows_at = type(storage()).rows_at
    with changing.committing() as commit:

        def commit_first(*args: Any) -> Any:
            commit("UPDATE db_dbnode SET attributes = '{\"value\": -5000}' WHERE id = 27")
            return rows_at(*args)

        monkeypatch.setattr(type(storage()), "rows_at", commit_first)
        assert ask(client, asked) == ask(serve(find(**changing.target), {"CACHE": False}).test_client(), asked)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (compared(ANY, "<", 1), True),
        (compared(JOBS | BY_ID, "==", 1), True),
        (compared(ANY, "<", 1) | {"limit": None}, False),
        (compared(ANY, "<", 1) | {"distinct": True, "project": {"n": ["id"]}}, False),
        (compared(ANY, "<", 1) | {"order_by": [{"n": ["ctime"]}]}, False),
        (compared(ANY, "<", 1) | {"project": {"n": [{"id": {"func": "count"}}]}}, False),
        (compared(ANY, "<", 1) | {"path": [*ANY["path"], {"entity_type": "node", "tag": "m"}]}, False),
        (ANY, False),
        (ANY | {"filters": {"n": {"attributes.a": {"<": 1, ">": 0}}}}, False),
        (ANY | {"filters": {"n": {"attributes.a": {"!<": 1}}}}, False),
        (ANY | {"filters": {"n": {"attributes.a": {"<": 1}, "label": "x"}}}, False),
        (ANY | {"filters": {"n": {"attributes.a": "x"}}}, False),
        (ANY | {"filters": {"n": {"attributes.a": {"of_length": 1}}}}, False),
    ],
)
def test_which_dictionaries(asked: dict[str, Any], expected: bool) -> None:
    assert (numbers_of(read(asked)) is not None) is expected
