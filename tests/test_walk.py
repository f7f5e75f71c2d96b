"""Which way to the rows of a page is taken on SQLite, and that both lead there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask

from aiida_like.profiles import find
from aiida_like.storage import open_storage
from querylang import walk
from querylang.compile import RowsQuery, compile_rows
from querylang.grammar import Grammar
from querylang.lower import lower, order_by
from querylang.options import OrderTerm, Window, split
from querylang.walk import along, can_walk, is_shorter
from restapi import fetch
from restapi.dialects.aiida_v2.entities import NODES
from restapi.dialects.aiida_v2.options import OPTIONS
from tests.conftest import Golden
from tests.golden import graph
from tests.test_plans import explained

GRAMMAR = Grammar(OPTIONS)


def query_of(text: str, key: str, *, descending: bool = True) -> RowsQuery:
    conditions = lower(split(GRAMMAR.parse(text), OPTIONS, OPTIONS)[1], NODES)
    return RowsQuery(NODES, NODES.shown, conditions, order_by((OrderTerm(key, descending),), NODES))


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ('type=like="data.%"', "ctime", True),
        ('type=like="data.%"', "id", True),
        ("user_id=1", "mtime", True),
        ("user_id=1&ctime>2016-01-01", "uuid", True),
        ('filter=user_id=1 OR label="x"', "ctime", True),
        ('type=like="data.%"', "type", False),  # lower case has no index
        ("user_id=1", "label", False),
        ("user_id=1", "description", False),
        ("ctime>2016-04-01", "ctime", False),
        ("id>5", "id", False),
        ("", "ctime", False),
        ('description="x"', "ctime", False),
        ("attributes.value>1", "ctime", False),
        (f'descendant_of="{graph.silicon}"', "ctime", False),
        (f'user_id=1&descendant_of="{graph.silicon}"', "ctime", False),
        ('group="x"', "ctime", False),
    ],
)
def test_where_it_can_be(text: str, key: str, expected: bool) -> None:
    assert can_walk(query_of(text, key)) is expected


@pytest.mark.parametrize(
    ("window", "total", "size", "expected"),
    [
        (Window(20), 200_000, 1_000_000, True),
        (Window(400), 200_000, 1_000_000, True),
        (Window(20, 50_000), 200_000, 1_000_000, False),  # too far to go
        (Window(20), 50_000, 1_000_000, False),  # too rare
        (Window(20), 900, 1000, False),  # sorted at once
        (Window(20), 1000, 1000, True),
    ],
)
def test_where_it_is_shorter(window: Window, total: int, size: int, expected: bool) -> None:
    assert is_shorter(window, total, size) is expected


@pytest.mark.parametrize("key", ["ctime", "mtime", "uuid", "id"])
def test_the_order_is_that_of_the_index(golden: Golden, key: str) -> None:
    with closing(open_storage(find(str(golden.sqlite)))) as storage:
        steps = explained(storage, compile_rows(along(query_of('type=like="data.%"&user_id=1', key)), Window(20)))
    index = "rowid" if key == "id" else {"uuid": "sqlite_autoindex"}.get(key, key)
    assert index in steps
    assert [step for step in steps.splitlines() if "node_type" in step or "user_id" in step] == []


@pytest.mark.parametrize(
    "query",
    [
        'type=like="data.%"&orderby=-ctime',
        "user_id=1&orderby=mtime",
        "user_id=1&id>20&orderby=uuid",
        'filter=user_id=1 OR label="aiida"&orderby=-id',
        'type=like="process.%"&orderby=-ctime&offset=3',
        'label=in="aiida","","NaCl"&orderby=ctime,label',
    ],
)
def test_both_lead_to_the_same_rows(
    golden: Golden, serve: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    client = serve(find(str(golden.sqlite)), {"CACHE": "no"}).test_client()
    taken: list[bool] = []

    def decide(window: Window, total: int, size: int) -> bool:
        assert 0 < total <= size
        return taken[-1]

    monkeypatch.setattr(fetch, "is_shorter", decide)
    monkeypatch.setattr(fetch, "MANY", 0)
    monkeypatch.setattr(walk, "MANY", 0)
    answers: list[Any] = []
    for walks in (False, True):
        taken.append(walks)
        url = f"/api/v2/nodes?{quote(query, safe='=&')}"
        answers += [client.get(url + part, buffered=True) for part in ("", "&limit=7")]
    (whole, first, walked_whole, walked_first) = ((each.data, each.headers["X-Total-Count"]) for each in answers)
    assert (whole, first) == (walked_whole, walked_first)
    assert len(answers[0].json["data"]["nodes"]) > 2
