"""`Prefer: count=`: how the number of all rows is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from aiida_like.profiles import find
from aiida_like.tuning import Tuning
from tests.conftest import Golden, GoldenPostgreSQL, statements_read
from tests.golden import graph

LIST = "/api/v2/nodes"


def ask(client: FlaskClient, url: str, preference: str) -> TestResponse:
    response = client.get(url, headers={"Prefer": preference})
    assert response.status_code == 200, response.text
    return response


def numbers(response: TestResponse) -> tuple[str | None, str | None, str | None]:
    headers = response.headers
    return headers.get("X-Total-Count"), headers.get("X-Total-Counts"), headers.get("Preference-Applied")


NODES = len(astuple(graph))
ALL = str(NODES)


@pytest.mark.parametrize(
    "preference",
    ["count=exact", "Count = exact", 'count="exact"', "respond-async, count=exact, wait=5", "count=exact; strict"],
)
def test_exact(client: FlaskClient, preference: str) -> None:
    assert numbers(ask(client, LIST, preference)) == (ALL, ALL, "count=exact")


@pytest.mark.parametrize("preference", ["", "count", "count=all", "counts=none", "return=minimal", "count=", ",;="])
def test_what_is_not_understood_is_ignored(client: FlaskClient, preference: str) -> None:
    assert numbers(ask(client, LIST, preference)) == (ALL, ALL, None)


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_none(client: FlaskClient, version: str) -> None:
    counted, not_counted = (
        client.get(f"/api/{version}/nodes?limit=3"),
        ask(client, f"/api/{version}/nodes?limit=3", "count=none"),
    )
    assert numbers(not_counted) == (None, None, "count=none")
    assert not_counted.json == counted.json


def relations(response: TestResponse) -> dict[str, int]:
    """The pages of the Link header."""
    links = (link.split("; ") for link in response.headers["Link"].split(", "))
    return {rel.removeprefix('rel="').rstrip('"'): int(url.rstrip(">").rpartition("/page/")[2]) for url, rel in links}


def test_pages_without_a_total(client: FlaskClient) -> None:
    """Whether there is a next one is known all the same."""
    last = -(-NODES // 20)
    for page in range(1, last + 1):
        response = ask(client, f"{LIST}/page/{page}", "count=none")
        expected = {"first": 1, "prev": page - 1, "next": page + 1}
        if page == 1:
            del expected["prev"]
        if page == last:
            del expected["next"]
        assert relations(response) == expected
        assert response.json["data"] == client.get(f"{LIST}/page/{page}").json["data"]
    behind = ask(client, f"{LIST}/page/{last + 1}", "count=none")
    assert (behind.json["data"], relations(behind)) == ({"nodes": []}, {"first": 1, "prev": last})


def test_an_estimate_of_few_rows_is_exact(client: FlaskClient) -> None:
    assert numbers(ask(client, f"{LIST}?id<=5&limit=2", "count=estimated")) == ("5", "5", "count=exact")


def test_an_estimate_of_many_rows(target: dict[str, Any], serve: Callable[..., Flask]) -> None:
    """PostgreSQL says what its planner expects; SQLite has no such numbers, and counts."""
    client = serve(find(**target), {}, tuning=Tuning(estimated_rows=10)).test_client()
    for query in ("", '?type=like="data.%"', "?attributes.value=isnull=true", '?user="Ada Lindqvist"&limit=1'):
        response = ask(client, LIST + query, "count=estimated")
        total, _, applied = numbers(response)
        exact = client.get(LIST + query).headers["X-Total-Count"]
        if "repository" not in target:
            assert (total, applied) == (exact, "count=exact")
        elif int(exact) > 10:
            assert applied == "count=estimated"
            assert int(total or 0) > 10
        assert response.json["data"] == client.get(LIST + query).json["data"]
    # Of the whole table it knows, after ANALYZE, as autovacuum runs it.
    paged = ask(client, f"{LIST}/page/2", "count=estimated")
    assert ("last" in relations(paged)) == ("repository" not in target)


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_an_estimate_that_is_exact_takes_the_way_of_exact_rows(
    golden: Golden, serve: Callable[..., Flask], version: str
) -> None:
    """SQLite counts all the same, and a total that is known decides which way to the rows is shorter."""
    client = serve(find(str(golden.sqlite)), {"CACHE": False}, tuning=Tuning(scanned_rows=0)).test_client()
    url = f"/api/{version}/nodes?orderby=-ctime&limit=2&user_id=1&cursor="
    read = []
    for preference in ("count=exact", "count=estimated", "count=none"):
        with statements_read() as statements:
            ask(client, url, preference)
        read.append(statements[-1].cache_key)
    exact, estimated, uncounted = read
    assert estimated == exact != uncounted


def test_estimates_follow_statistics(golden_postgresql: GoldenPostgreSQL, serve: Callable[..., Flask]) -> None:
    """They are those of the planner: another condition, another number."""
    profile = find(golden_postgresql.url, str(golden_postgresql.repository))
    client = serve(profile, {}, tuning=Tuning(estimated_rows=1)).test_client()
    whole, some = (int(numbers(ask(client, LIST + query, "count=estimated"))[0] or 0) for query in ("", "?id<=40"))
    assert whole > some > 1
