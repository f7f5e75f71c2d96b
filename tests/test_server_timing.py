"""`Server-Timing`: what an answer has cost, and how the number of its rows was found."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, get_args

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from aiida_like.profiles import find
from aiida_like.storage import Strategy
from tests.conftest import NOTHING_IS_SLOW, Golden
from tests.golden import graph

Serve = Callable[..., Flask]

HEADER = re.compile(
    r'db;dur=\d+\.\d{3};desc="(?P<statements>\d+) statements"'
    r'(?:, memory;desc="(?P<remembered>[1-9]\d*) results")?'
    r'(?:, total;desc="(?P<total>[a-z ]+)")?'
)


class Cost(NamedTuple):
    """What a header says: how many statements were run, results remembered, and how the number of rows was found."""

    statements: int
    remembered: int = 0
    total: str = ""


KEPT = "cache;desc=hit"


def told(answer: TestResponse) -> Cost | str:
    header = answer.headers["Server-Timing"]
    if header == KEPT:
        return KEPT
    found = HEADER.fullmatch(header)
    assert found is not None, header
    return Cost(int(found["statements"]), int(found["remembered"] or 0), found["total"] or "")


NONE, ESTIMATED = {"Prefer": "count=none"}, {"Prefer": "count=estimated"}

SAME = None
"""The same as on SQLite."""

ASKED: list[tuple[str, dict[str, str], Cost | str, Cost | None]] = [
    ("nodes?limit=2", {}, Cost(2, 0, "counted"), Cost(1, 0, "with the rows")),
    ("nodes?limit=3", {}, Cost(1, 1, "remembered"), SAME),
    ("nodes?limit=3", {}, Cost(1, 1, "remembered"), SAME),
    ("nodes?limit=3", {}, KEPT, SAME),
    ("nodes?limit=2&offset=70", {}, Cost(1, 1, "remembered"), SAME),
    # The bookmark of the page before, and that it is not there yet for this one.
    ("nodes?limit=2&offset=72", {}, Cost(1, 3, "remembered"), SAME),
    ("nodes?id>20&limit=1", {}, Cost(2, 0, "counted"), SAME),
    # How large the table is, the rows between, and those that are asked for.
    ("nodes?id>23&limit=1", {}, Cost(3, 2, "from a bookmark"), SAME),
    ("nodes?id>78&limit=9", {}, Cost(2, 2, "counted"), Cost(1, 0, "last rows")),
    # In PostgreSQL no row could bring the data version, so the statement runs once more behind it.
    ("nodes?label=%22no such%22", {}, Cost(2, 0, "counted"), Cost(2, 0, "last rows")),
    ("nodes?limit=4", NONE, Cost(1), SAME),
    ("nodes?limit=4", ESTIMATED, Cost(1, 1, "remembered"), Cost(2, 0, "estimated")),
    ("nodes?id<5&limit=4", ESTIMATED, Cost(2, 0, "counted"), Cost(2, 0, "counted")),
    ("nodes?limit=5&facet=label", {}, Cost(2, 1, "remembered"), SAME),
    ("nodes?limit=5&format=csv", {}, Cost(2, 1, "remembered"), SAME),
    (f"nodes/{graph.silicon}", {}, Cost(1), SAME),
    ("nodes/statistics", {}, Cost(2), SAME),
    ("nodes/statistics?_=1", {}, Cost(0, 1), SAME),
    ("server", {}, Cost(0), SAME),
]


@pytest.fixture
def client(target: dict[str, Any], serve: Serve) -> FlaskClient:
    """Of a server that has answered nothing."""
    tuning = replace(NOTHING_IS_SLOW, deep_offset=60, estimated_rows=10)
    return serve(find(**target), {}, tuning=tuning).test_client()


def test_what_it_says(client: FlaskClient, target: dict[str, Any]) -> None:
    """One after the other, as what was found for one is remembered for those behind it."""
    is_postgresql = "repository" in target
    costs = [(url, told(client.get(f"/api/v4/{url}", headers=headers, buffered=True))) for url, headers, *_ in ASKED]
    assert costs == [
        (url, on_postgresql if is_postgresql and on_postgresql is not SAME else on_sqlite)
        for url, _, on_sqlite, on_postgresql in ASKED
    ]


def test_each_strategy_for_a_total_is_here() -> None:
    named = {each.total for _, _, *costs in ASKED for each in costs if isinstance(each, Cost)}
    assert named == {*get_args(Strategy), ""}


def test_without_caches(target: dict[str, Any], serve: Serve) -> None:
    client = serve(find(**target), {"CACHE": False}).test_client()
    expected = Cost(1, 0, "with the rows") if "repository" in target else Cost(2, 0, "counted")
    for _ in range(3):
        assert told(client.get("/api/v4/nodes?limit=2", buffered=True)) == expected


def test_a_query_by_post(client: FlaskClient) -> None:
    asked = {"path": [{"entity_type": "user", "tag": "u"}], "project": {"u": ["id"]}}
    for _ in range(3):
        assert told(client.post("/api/v4/querybuilder", json=asked)) == Cost(1)


def test_head_says_it_too(client: FlaskClient) -> None:
    assert told(client.head(f"/api/v4/nodes/{graph.silicon}")) == Cost(1)


def test_errors_and_304_say_it_too(client: FlaskClient) -> None:
    """What took too long is what one wants to know of most."""
    tag = client.get("/api/v4/users").headers["ETag"]
    not_modified = client.get("/api/v4/users", headers={"If-None-Match": tag})
    assert not_modified.status_code == 304
    assert told(not_modified).statements <= 1
    refused = client.get("/api/v4/nodes?foo=1")
    assert (refused.status_code, told(refused)) == (400, Cost(0))


@pytest.mark.parametrize("cache", [True, False])
def test_a_count_that_is_stopped_tells_no_number(golden: Golden, serve: Serve, *, cache: bool) -> None:
    client = serve(find(str(golden.archive)), {"CACHE": cache, "STATEMENT_SECONDS": 1e-9}).test_client()
    # SQLite looks at the clock only once in 50 000 instructions.
    conditions = " OR ".join(
        [f"attributes.value={number}" for number in range(1000, 1050)]
        + [f'label>"z{number}" AND label<"a"' for number in range(75)]
    )
    answer = client.get("/api/v4/nodes", query_string={"filter": conditions})
    cost = told(answer)
    assert isinstance(cost, Cost)
    assert (answer.status_code, cost.total) == (503, "")


def test_each_list_of_an_answer_tells_its_own(client: FlaskClient) -> None:
    answer = client.get(f"/api/v4/nodes/{graph.relax}/links/tree", buffered=True)
    assert answer.headers["Server-Timing"].count("counted") + answer.headers["Server-Timing"].count("rows") >= 2


def test_what_has_no_such_header(client: FlaskClient) -> None:
    """Where nothing was read: a URL that no resource has, and pages."""
    answers = [client.get(url) for url in ("/api/v4/nothing", "/", "/healthz", "/api/v4/docs")]
    assert [each.status_code for each in answers] == [404, 200, 200, 200]
    assert not any("Server-Timing" in each.headers for each in answers)
