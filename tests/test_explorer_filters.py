"""Queries of pages: how filters are added, taken away and replaced, and how times are shown."""

from __future__ import annotations

import pytest

from aiida_like.errors import QueryError
from querylang.ast import Option
from querylang.unparse import unparse
from restapi.dialects.aiida_v4.entities import GROUPS, NODES
from restapi.explorer import filters
from restapi.explorer.times import ShownTime, shown_time
from restapi.layout.quantities import duration

QUERY = 'id>3&label="a b"&cursor=xyz&offset=5&orderby=-ctime&filter=(id=5 OR label="a")&full_type="a|b"'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", 'attributes.x="a"'),
        ('a "b" & c', 'attributes.x="a ""b"" & c"'),
        (True, "attributes.x=true"),
        (7, "attributes.x=7"),
        (-0.5, "attributes.x=-0.5"),
        (None, "attributes.x=isnull=true"),
    ],
)
def test_values(value: filters.Value | None, text: str) -> None:
    pair = filters.equal("attributes.x", value)
    assert filters.pair_text(pair) == text
    assert filters.read(text).pairs == (pair,)


def test_keys_in_quotes() -> None:
    assert filters.pair_text(filters.equal('extras."a b"."c.d"', 1)) == 'extras."a b"."c.d"=1'


def test_filters_are_added_once_and_begin_anew() -> None:
    query = filters.read(QUERY)
    pair = filters.equal("id", 9)
    once = filters.added(query, pair, pair)
    assert unparse(once) == 'id>3&label="a b"&orderby=-ctime&filter=id=5 OR label="a"&full_type=a|b&id=9'
    assert filters.added(once, pair, *query.pairs[:1]) == once


def test_filters_are_taken_away() -> None:
    query = filters.read(QUERY)
    first, second = query.pairs[:2]
    rest = 'orderby=-ctime&filter=id=5 OR label="a"&full_type=a|b'
    assert unparse(filters.removed(query, first, second)) == rest
    assert unparse(filters.without_filters(query)) == "orderby=-ctime"
    assert unparse(filters.filters_of(query)) == 'id>3&label="a b"&filter=id=5 OR label="a"&full_type=a|b'


def test_options_are_replaced() -> None:
    query = filters.read("orderby=id&id>3&fields=id,label")
    assert filters.words_of(query, "fields") == ("id", "label")
    assert filters.words_of(query, "limit") == ()
    assert filters.has_option(query, "orderby")
    assert not filters.has_option(query, "id")
    assert unparse(filters.with_option(query, "orderby", ["-ctime", 'extras."a,b"'])) == (
        'id>3&fields=id,label&orderby=-ctime,"extras.""a,b"""'
    )
    assert unparse(filters.without_options(query, "orderby", "fields")) == "id>3"
    assert filters.joined("a=1", "", "b=2") == "a=1&b=2"


def test_options_are_checked_as_by_the_api() -> None:
    filters.check(filters.read("full_type=a|b&limit=3&_=5"), NODES)
    for text in ("limit=1&limit=2", "limit=a", "filename=x", "full_type=a"):
        with pytest.raises(QueryError):
            filters.check(filters.read(text), NODES)
    with pytest.raises(QueryError):
        filters.check(filters.read("full_type=a|b"), GROUPS)
    assert filters.is_filter(Option("full_type", ("a",)))


def test_times() -> None:
    full = "Tue, 16 Apr 2024 13:23:07 GMT"
    assert shown_time(full) == ShownTime("2024-04-16 13:23", full, "2024-04-16T13:23:07Z")
    assert shown_time(None) == ShownTime("", "", "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3725, "1 h 2 min"),
        (187_200, "2 d 4 h"),
        (-5, "0.0 s"),
        (float("inf"), "11574074074 d 1 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
