"""Numbers that follow from others are those that counting gives."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import find
from restapi.fetching import bookmarks as marks
from restapi.fetching import reading, totals
from tests.conftest import Golden, fetched_by
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
def test_the_last_rows_tell_the_number(target: dict[str, Any], serve: Serve, window: str, is_told: bool) -> None:
    """Where they come first, as they bring the data version along, and what they bring may say the number."""
    app = serve(find(**target), {})
    client, storage = app.test_client(), app.extensions["aiida_like_storage"]()
    last = total(client, "v4/nodes?limit=1") - 3
    with fetched_by(totals) as seen:
        assert total(client, f"v4/nodes?id>{last}&{window}") == 3
    if storage.data_version.along is not None:
        assert (not seen) is is_told


def test_a_number_that_nothing_tells_comes_with_the_rows(target: dict[str, Any], serve: Serve) -> None:
    app = serve(find(**target), {})
    client, storage = app.test_client(), app.extensions["aiida_like_storage"]()
    with fetched_by(totals) as alone, fetched_by(reading, "fetch_list") as rows:
        for ids, number in (("1,2,3", 3), ("1,2,3,4", 4)):
            assert total(client, f"v4/nodes?id=in={ids}&limit=2") == number
            assert total(client, f"v4/nodes?id=in={ids}&limit=1") == number
    if storage.data_version.along is not None:
        assert not alone
        assert ["count(" in str(statement.build()) for statement in rows] == [True, False] * 2


@pytest.mark.parametrize("condition", ["", "node_type=like=%22data.%25%22&"])
def test_only_the_rows_between_are_counted(target: dict[str, Any], serve: Serve, condition: str) -> None:
    app = serve(find(**target), {})
    client, storage = app.test_client(), app.extensions["aiida_like_storage"]()
    list_ = f"v4/nodes?{condition}limit=1&{{}}"
    first = total(client, list_.format("id>20"))
    with fetched_by(totals) as seen:
        second = total(client, list_.format("id>23"))
        assert total(client, list_.format("id>20")) == first
    if condition and not storage.estimates:
        return
    (statement,) = seen
    assert [value for value in statement.values.values() if isinstance(value, int)] == [20, 23]
    assert first - second in range(4)
    # From the end it is nearer.
    with fetched_by(totals) as seen:
        total(client, list_.format("id>10000"))
    assert all(20 not in statement.values.values() for statement in seen)


@pytest.mark.parametrize(("bound", "between"), [("id>26", True), ("id>50", False), ("id<33", True)])
def test_what_takes_sqlite_longer(golden: Golden, serve: Serve, bound: str, between: bool) -> None:
    """It counts rows to the end of the table faster than those up to a bound."""
    client = serve(find(str(golden.sqlite)), {}).test_client()
    for known in ("id>20", "id<20"):
        total(client, f"v4/nodes?{known}&limit=1")
    with fetched_by(totals) as seen:
        total(client, f"v4/nodes?{bound}&limit=1")
    assert bool(seen) is between


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


def test_they_are_not_too_many(archive_client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "MOST", 4)
    for number in range(60):
        total(archive_client, f"v4/nodes?id>{number}&user_id>0&limit=1")
    storage = archive_client.application.extensions["aiida_like_storage"]()
    sizes = [len(rows) for (shape, *_), rows in storage.memory._held.results.items() if shape[0] == "bounds"]
    assert 0 < max(sizes) <= 4
