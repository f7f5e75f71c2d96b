"""Deep pages from the nearest known place: the rows that counting from the first one gives."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import find
from restapi.fetching import bookmarks as marks
from restapi.fetching import deep_pages as milestones
from restapi.fetching import reading
from tests.conftest import fetched_by
from tests.golden import graph
from tests.test_cursor import LISTS, rows_of
from tests.writable import Writable

Serve = Callable[..., Flask]


@pytest.fixture(autouse=True)
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The golden graph is small: each page but the first is deep."""
    monkeypatch.setattr(milestones, "DEEP", 1)


@pytest.mark.parametrize("path", LISTS)
def test_pages_in_any_order(client: FlaskClient, forgetful: FlaskClient, path: str) -> None:
    for order in LISTS[path]:
        url = f"/api/{path}?{f'orderby={order}&' if order else ''}"
        whole = rows_of(forgetful.get(url))
        windows = [(offset, limit) for offset in range(1, len(whole) + 2) for limit in (1, 4, len(whole))]
        chosen = random.Random(order).sample(windows, min(len(windows), 30))
        for preference in ("count=exact", "count=none"):
            for offset, limit in chosen:
                found = client.get(f"{url}limit={limit}&offset={offset}", headers={"Prefer": preference})
                assert rows_of(found) == whole[offset : offset + limit], (order, offset, limit)


def test_what_is_passed(target: dict[str, Any], serve: Serve) -> None:
    client = serve(find(**target), {}).test_client()
    total = int(client.get("/api/v4/nodes?limit=1").headers["X-Total-Count"])

    def passed(url: str) -> int:
        with fetched_by(reading, "fetch_list") as seen:
            assert client.get(url, buffered=True).status_code == 200
        return int(seen[0].values.get("offset", 0))

    first = "/api/v4/nodes?orderby=-ctime&limit=5&offset={}"
    assert passed(first.format(20)) == 20
    assert passed(first.format(25)) == 0
    assert passed(first.format(32)) == 2
    # Back from the milestone at 37, over the row before it.
    assert passed(first.format(31)) == 0
    assert passed(first.format(13)) == 25 - 1 - 18
    assert passed(first.format(total - 5)) == 0
    # Each list has its own: another order, another filter, other pages of the same.
    assert passed("/api/v4/nodes?orderby=ctime&limit=5&offset=25") == 25
    assert passed("/api/v4/nodes?orderby=-ctime&id>0&limit=5&offset=25") == 25
    assert passed("/api/v4/nodes/page/6?orderby=-ctime&perpage=5&fields=uuid") == 0


def test_where_values_are_missing_nobody_goes_back(target: dict[str, Any], serve: Serve) -> None:
    client = serve(find(**target), {}).test_client()
    total = int(client.get("/api/v4/nodes?limit=1").headers["X-Total-Count"])
    with fetched_by(reading, "fetch_list") as seen:
        for url in ("process_type", "-process_type"):
            client.get(f"/api/v4/nodes?orderby={url}&limit=1&offset={total - 1}")
    assert [statement.values["offset"] for statement in seen] == [total - 1] * 2


def test_nothing_is_remembered_where_caches_are_off(forgetful: FlaskClient) -> None:
    with fetched_by(reading, "fetch_list") as seen:
        for offset in (20, 25):
            forgetful.get(f"/api/v4/nodes?limit=5&offset={offset}", headers={"Prefer": "count=none"})
    assert [statement.values["offset"] for statement in seen] == [20, 25]


def test_a_commit_moves_all_rows(changing: Writable, serve: Serve) -> None:
    client = serve(find(**changing.target), {}).test_client()
    forgetful = serve(find(**changing.target), {"CACHE": False}).test_client()
    url = "/api/v4/nodes?orderby=-ctime&limit=5&offset="
    with changing.committing() as commit:
        for change in (f"UPDATE db_dbnode SET ctime = '2001-01-01' WHERE uuid = '{graph.silicon}'", ""):
            for offset in (10, 15, 40, 12):
                asked = [rows_of(each.get(f"{url}{offset}")) for each in (client, forgetful)]
                assert asked[0] == asked[1]
            if change:
                commit(change)


def test_they_are_not_too_many(archive_client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "MOST", 4)
    whole = rows_of(archive_client.get("/api/v4/nodes?orderby=-id&limit=400"))
    for offset in random.Random(0).sample(range(1, len(whole)), 30):
        found = rows_of(archive_client.get(f"/api/v4/nodes?orderby=-id&limit=3&offset={offset}"))
        assert found == whole[offset : offset + 3]
    storage = archive_client.application.extensions["aiida_like_storage"]()
    sizes = [len(rows) for (shape, *_), rows in storage.memory._held.results.items() if shape[0] == "milestones"]
    assert 0 < max(sizes) <= 4
