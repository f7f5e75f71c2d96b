"""Numbers that follow from others are those that counting gives."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from aiida_like.profiles import find
from aiida_like.storage import Statement, Storage
from aiida_like.tuning import Tuning
from tests.conftest import NOTHING_IS_SLOW, Golden, statements_read
from tests.golden import graph
from tests.writable import Writable

Serve = Callable[..., Flask]

LISTS = [
    "v4/nodes?",
    "v4/nodes?node_type=like=%22data.core.dict%25%22&",
    "v4/nodes?node_type=like=%22process.%25%22&user_id=1&",
    "v2/nodes?attributes.value>2&",
    "v2/structures?",
    "v4/groups?",
    f"v4/nodes/{graph.relax}/links/outgoing?",
]
BOUNDS = ("id>", "id>=", "id<", "id<=")


def total(client: FlaskClient, url: str) -> int:
    answer = client.get(f"/api/{url}", buffered=True)
    assert answer.status_code == 200, answer.text
    return int(answer.headers["X-Total-Count"])


@pytest.mark.parametrize("path", LISTS)
def test_lists_that_begin_elsewhere(client: FlaskClient, forgetful: FlaskClient, path: str) -> None:
    chosen = random.Random(path)
    for bound in BOUNDS:
        for number in (*chosen.sample(range(-5, 90), 25), -(10**15), 10**15):
            url = f"{path}{bound}{number}&limit=1"
            assert total(client, url) == total(forgetful, url), url


def strategy(answer: TestResponse) -> str:
    """How the number of its rows was found."""
    (named,) = re.findall(r'total;desc="([^"]*)"', answer.headers["Server-Timing"])
    return str(named)


@pytest.fixture
def fresh(target: dict[str, Any], serve: Serve) -> Flask:
    """One that has answered nothing, and where no list is slow."""
    return serve(find(**target), {}, tuning=NOTHING_IS_SLOW)


@contextmanager
def totals_read() -> Iterator[list[Statement]]:
    """The statements of the block that count the rows of a list, and nothing else."""
    found: list[Statement] = []
    with statements_read() as seen:
        yield found
    found += [each for each in seen if kind_of(each) == "total"]


def kind_of(statement: Statement) -> str:
    key = statement.cache_key
    return str(key[0] if isinstance(key, tuple) else key)


ROWS = {"rows", "near rows", "first rows"}


@pytest.mark.parametrize(
    ("window", "is_told"),
    [
        ("limit=4", True),
        ("limit=400", True),
        ("limit=2&offset=2", True),
        ("limit=3", False),
        ("limit=2", False),
        ("limit=2&offset=3", False),
        ("limit=2&offset=8", False),
    ],
)
def test_the_last_rows_tell_the_number(fresh: Flask, target: dict[str, Any], window: str, is_told: bool) -> None:
    """Where they come first, as they bring the data version along, and what they bring may say the number."""
    client = fresh.test_client()
    last = total(client, "v4/nodes?limit=1") - 3
    with totals_read() as seen:
        answer = client.get(f"/api/v4/nodes?id>{last}&{window}", buffered=True)
    assert answer.headers["X-Total-Count"] == "3"
    if "repository" in target:
        assert (not seen) is is_told
        assert strategy(answer) == ("last rows" if is_told else "counted")
    else:
        assert (len(seen), strategy(answer)) == (1, "counted")


def test_a_number_that_nothing_tells_comes_with_the_rows(fresh: Flask, target: dict[str, Any]) -> None:
    """In PostgreSQL. Of SQLite it comes first, as it tells which way to the rows is shorter."""
    client = fresh.test_client()
    client.get("/api/v4/nodes?limit=1")
    strategies = []
    with statements_read() as seen:
        for ids, number in (("1,2,3", "3"), ("1,2,3,4", "4")):
            for limit in (2, 1):
                answer = client.get(f"/api/v4/nodes?id=in={ids}&limit={limit}", buffered=True)
                assert answer.headers["X-Total-Count"] == number
                strategies.append(strategy(answer))
    kinds = ["rows" if kind_of(each) in ROWS else kind_of(each) for each in seen]
    counts = ["count(" in str(each.build()) for each in seen]
    if "repository" in target:
        assert strategies == ["with the rows", "remembered"] * 2
        assert (kinds, counts) == (["rows"] * 4, [True, False] * 2)
    else:
        assert strategies == ["counted", "remembered"] * 2
        assert (kinds, counts) == (["total", "rows", "rows"] * 2, [True, False, False] * 2)


@pytest.mark.parametrize("condition", ["", "node_type=like=%22data.%25%22&"])
def test_only_the_rows_between_are_counted(fresh: Flask, target: dict[str, Any], condition: str) -> None:
    client = fresh.test_client()
    list_ = f"/api/v4/nodes?{condition}limit=1&{{}}"

    def found(bound: str) -> tuple[int, str]:
        answer = client.get(list_.format(bound), buffered=True)
        return int(answer.headers["X-Total-Count"]), strategy(answer)

    first, how = found("id>20")
    assert how == "counted"
    with totals_read() as seen:
        second, how = found("id>23")
        assert found("id>20") == (first, "remembered")
    assert first - second in range(4)
    if condition and "repository" not in target:
        assert how == "counted"
        return
    (statement,) = seen
    assert [value for value in statement.values.values() if isinstance(value, int)] == [20, 23]
    assert how == "from a bookmark"
    # From the end it is nearer.
    with totals_read() as seen:
        assert found("id>10000") == (0, "last rows" if "repository" in target else "counted")
    assert all(20 not in statement.values.values() for statement in seen)


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        ("id>26", "from a bookmark"),
        ("id>49", "from a bookmark"),
        ("id>52", "counted"),
        ("id<33", "from a bookmark"),
        ("id<9", "counted"),
    ],
)
def test_it_is_counted_from_the_nearer_end(golden: Golden, serve: Serve, bound: str, expected: str) -> None:
    """From a bound that is known, or from the end of the table, which is at 81."""
    client = serve(find(str(golden.sqlite)), {}, tuning=NOTHING_IS_SLOW).test_client()
    for known in ("id>20", "id<20"):
        total(client, f"v4/nodes?{known}&limit=1")
    assert strategy(client.get(f"/api/v4/nodes?{bound}&limit=1", buffered=True)) == expected


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_statistics_of_all_users(target: dict[str, Any], serve: Serve, forgetful: FlaskClient, version: str) -> None:
    client = serve(find(**target), {}).test_client()
    users = [each["id"] for each in client.get("/api/v4/users").json["data"]["users"]]
    assert len(users) > 1
    for user in (*users, 0, 999):
        url = f"/api/{version}/nodes/statistics?user={user}"
        found = [each.get(url, buffered=True).json["data"] for each in (client, forgetful)]
        assert found[0] == found[1]


def test_nothing_follows_from_what_was_before_a_commit(changing: Writable, serve: Serve) -> None:
    client = serve(find(**changing.target), {}).test_client()
    forgetful = serve(find(**changing.target), {"CACHE": False}).test_client()
    urls = ["v4/nodes?id>30&limit=1", "v4/nodes?id>33&limit=1", "v4/nodes?full_type=%22data.%25%7C%22&limit=1"]
    with changing.committing() as commit:
        for change in ("", f"UPDATE db_dbnode SET node_type = 'node.' WHERE uuid = '{graph.silicon}'"):
            if change:
                commit(change)
            for each in (client, forgetful):
                each.get("/api/v4/nodes/full_types_count", buffered=True)
            assert [total(client, url) for url in urls] == [total(forgetful, url) for url in urls]
            client.get("/api/v4/nodes/statistics?user=1", buffered=True)
            found = [each.get("/api/v4/nodes/statistics?user=2", buffered=True).data for each in (client, forgetful)]
            assert found[0] == found[1]


def test_they_are_not_too_many(golden: Golden, serve: Serve) -> None:
    app = serve(find(str(golden.archive)), {}, tuning=Tuning(bookmarks=4))
    client, storage = app.test_client(), app.extensions["aiida_like_storage"]()
    for number in range(60):
        total(client, f"v4/nodes?id>{number}&user_id>0&limit=1")
    assert 0 < max(sizes_of_bookmarks(storage, "totals")) <= 4


def sizes_of_bookmarks(storage: Storage, name: str) -> list[int]:
    """How many bookmarks are remembered of each list."""
    assert storage.caches is not None
    remembered: Any = storage.caches.results._current.results
    return [len(rows) for (key, *_), rows in remembered.items() if key[0] == "bookmarks" and key[1][0] == name]
