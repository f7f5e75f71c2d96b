"""Deep pages from the nearest known place: the rows that counting from the first one gives."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import find
from tests.conftest import NOTHING_IS_SLOW, Golden, statements_read
from tests.golden import graph
from tests.test_cursor import LISTS, rows_of
from tests.test_totals import ROWS, kind_of, sizes_of_bookmarks
from tests.writable import Writable

Serve = Callable[..., Flask]


SHALLOW = replace(NOTHING_IS_SLOW, deep_offset=1)
"""The golden graph is small: each page but the first is deep."""


@contextmanager
def offsets() -> Iterator[list[int]]:
    """How many rows were passed in the block, for each part of a list."""
    found: list[int] = []
    with statements_read() as seen:
        yield found
    found += [each.values.get("offset", 0) for each in seen if kind_of(each) in {*ROWS, "value at"}]


@pytest.fixture
def shallow(target: dict[str, Any], serve: Serve) -> FlaskClient:
    """Of a server that has answered nothing."""
    return serve(find(**target), {}, tuning=SHALLOW).test_client()


@pytest.mark.parametrize("path", LISTS)
def test_pages_in_any_order(shallow: FlaskClient, forgetful: FlaskClient, path: str) -> None:
    for order in LISTS[path]:
        url = f"/api/{path}?{f'orderby={order}&' if order else ''}"
        whole = rows_of(forgetful.get(url))
        windows = [(offset, limit) for offset in range(1, len(whole) + 2) for limit in (1, 4, len(whole))]
        chosen = random.Random(order).sample(windows, min(len(windows), 30))
        for preference in ("count=exact", "count=none"):
            for offset, limit in chosen:
                found = shallow.get(f"{url}limit={limit}&offset={offset}", headers={"Prefer": preference})
                assert rows_of(found) == whole[offset : offset + limit], (order, offset, limit)


def test_what_is_passed(shallow: FlaskClient) -> None:
    total = int(shallow.get("/api/v4/nodes?limit=1").headers["X-Total-Count"])

    def passed(url: str) -> int:
        with offsets() as found:
            assert shallow.get(url, buffered=True).status_code == 200
        return max(found)

    first = "/api/v4/nodes?orderby=-ctime&limit=5&offset={}"
    assert passed(first.format(20)) == 20
    assert passed(first.format(25)) == 0
    assert passed(first.format(32)) == 2
    # Back from the bookmark at 37, over the row before it.
    assert passed(first.format(31)) == 0
    assert passed(first.format(13)) == 25 - 1 - 18
    assert passed(first.format(total - 5)) == 0
    # Each list has its own: another order, another filter, other pages of the same.
    assert passed("/api/v4/nodes?orderby=ctime&limit=5&offset=25") == 25
    assert passed("/api/v4/nodes?orderby=-ctime&id>0&limit=5&offset=25") == 25
    assert passed("/api/v4/nodes/page/6?orderby=-ctime&perpage=5&fields=uuid") == 0


@pytest.mark.parametrize(
    ("order", "is_by_value"),
    [("-ctime", True), ("ctime", True), ("uuid", True), ("-id", False), ("label", False), ("process_type", False)],
)
def test_rows_are_passed_by_their_values(shallow: FlaskClient, order: str, is_by_value: bool) -> None:
    """An index has them: rows are read, or sorted, from the first one of the page on."""
    for narrowed in ("", "id>0&"):
        with offsets() as found:
            shallow.get(f"/api/v4/nodes?{narrowed}orderby={order}&limit=3&offset=20")
        assert found[0] == 20
        assert len(found) == (2 if is_by_value and not narrowed else 1)
        assert len(found) == 1 or found[1] < 3


def test_where_values_are_missing_nobody_goes_back(shallow: FlaskClient) -> None:
    total = int(shallow.get("/api/v4/nodes?limit=1").headers["X-Total-Count"])
    with offsets() as found:
        for url in ("process_type", "-process_type"):
            shallow.get(f"/api/v4/nodes?orderby={url}&limit=1&offset={total - 1}")
    assert found == [total - 1] * 2


def test_nothing_is_remembered_where_caches_are_off(target: dict[str, Any], serve: Serve) -> None:
    client = serve(find(**target), {"CACHE": False}, tuning=SHALLOW).test_client()
    with offsets() as found:
        for offset in (20, 25):
            client.get(f"/api/v4/nodes?limit=5&offset={offset}", headers={"Prefer": "count=none"})
    assert found == [20, 25]


def test_a_commit_moves_all_rows(changing: Writable, serve: Serve) -> None:
    client = serve(find(**changing.target), {}, tuning=SHALLOW).test_client()
    forgetful = serve(find(**changing.target), {"CACHE": False}).test_client()
    url = "/api/v4/nodes?orderby=-ctime&limit=5&offset="
    with changing.committing() as commit:
        for change in (f"UPDATE db_dbnode SET ctime = '2001-01-01' WHERE uuid = '{graph.silicon}'", ""):
            for offset in (10, 15, 40, 12):
                asked = [rows_of(each.get(f"{url}{offset}")) for each in (client, forgetful)]
                assert asked[0] == asked[1]
            if change:
                commit(change)


def test_they_are_not_too_many(golden: Golden, serve: Serve, archive_client: FlaskClient) -> None:
    app = serve(find(str(golden.archive)), {}, tuning=replace(SHALLOW, bookmarks=4))
    client, storage = app.test_client(), app.extensions["aiida_like_storage"]()
    whole = rows_of(archive_client.get("/api/v4/nodes?orderby=-id&limit=400"))
    for offset in random.Random(0).sample(range(1, len(whole)), 30):
        found = rows_of(client.get(f"/api/v4/nodes?orderby=-id&limit=3&offset={offset}"))
        assert found == whole[offset : offset + 3]
    assert 0 < max(sizes_of_bookmarks(storage, "deep pages")) <= 4
