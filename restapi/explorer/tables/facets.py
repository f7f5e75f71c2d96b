"""Facets beside a table: which values its rows share, each a link to the rows that have it.

Those of columns are counted with the page. Counting what lies in JSON reads every row, so it is done when somebody
opens the facet: a part of a page, at `PATH/parts/facet`; without JavaScript the page itself with `facet=`. So is
counting a column of many rows, but nobody has to open that.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from querylang.ast import Query
from querylang.unparse import unparse
from restapi.explorer import filters
from restapi.explorer.ask import ApiRefused
from restapi.explorer.tables.definitions import FacetKey, Table, asks_json
from restapi.explorer.visit import Visit
from restapi.layout.kinds import kind_of, short_type, shortened

_SHOWN = 8
"""Values that are shown at first."""

_LONGEST = 60

_MOST_FILTERED = 1000
"""Rows whose facets are counted with the page where filters hold, which no index helps to count."""

_FEWEST = 40
"""Links of all facets together that are worth a facet."""

_MOST_ALONE = 100
"""Values of a facet that is a part of its own."""

_LONGEST_FILTER = 1000
"""Characters of a value that a link can filter by."""


@dataclass(frozen=True)
class FacetValue:
    """`url` leads to the rows that have the value; of one that is chosen already, to those that need not have it.

    It is empty where no filter finds the value. `word` is what somebody types to mean it.
    """

    text: str
    title: str
    count: int
    url: str
    is_chosen: bool
    kind: str = ""
    word: str = ""


@dataclass(frozen=True)
class Facet:
    """`key` is that of its filters. `distinct` is the number of all values, and `is_open`: they are to be seen at once.

    `values` is None where they have not been counted: `part_url` does, and `page_url` without JavaScript.
    """

    key: str
    title: str
    is_open: bool
    part_url: str
    page_url: str
    values: Sequence[FacetValue] | None = None
    distinct: int = 0

    @property
    def first(self) -> Sequence[FacetValue]:
        return (self.values or ())[:_SHOWN]

    @property
    def more(self) -> Sequence[FacetValue]:
        return (self.values or ())[_SHOWN:]


def facets_of(visit: Visit, table: Table, query: Query, total: int | None, most: int) -> Sequence[Facet]:
    """All facets of a table, as far as they are to be counted with the page. `total` is the number of its rows.

    They have at most so many links together, those of the most frequent values; where that is too few, there are none.
    """
    if most < _FEWEST:
        return ()
    opened = filters.words_of(query, "facet")
    keys = list(dict.fromkeys([*_at_once(table, query, total), *opened]))
    counted = _counted(visit, table, query, keys)
    known = {each.key for each in table.facets}
    more = tuple(FacetKey(each, each, at_once=0) for each in opened if each not in known)
    facets = (*table.facets, *more)
    each_most = most // max(1, len(facets))
    return [_facet(visit, table, query, each, counted, each_most, is_asked=each.key in opened) for each in facets]


def _at_once(table: Table, query: Query, total: int | None) -> Sequence[str]:
    """The keys of facets that take little time to count."""
    if total is None or asks_json(query, table.entity):
        return ()
    is_filtered = table.scope or filters.filters_of(query).pairs
    most = _MOST_FILTERED if is_filtered else sys.maxsize
    return [each.key for each in table.facets if 0 < total <= min(each.at_once, most)]


def facet_alone(visit: Visit, table: Table, query: Query) -> Facet:
    """The facet that a query names. Raises ApiRefused: it names none, or there is no such key."""
    key, *_ = filters.words_of(query, "facet") or ("",)
    answer = _ask(visit, table, query, [key])
    spec = next((each for each in table.facets if each.key == key), FacetKey(key, key, at_once=0))
    return _facet(visit, table, query, spec, answer, _MOST_ALONE, is_asked=True)


def _counted(visit: Visit, table: Table, query: Query, keys: Sequence[str]) -> Mapping[str, Any]:
    """The facets of these keys; none if counting them takes too long: then they stay to be opened one by one."""
    if not keys:
        return {}
    try:
        return _ask(visit, table, query, keys)
    except ApiRefused as refused:
        if refused.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return {}


def _ask(visit: Visit, table: Table, query: Query, keys: Sequence[str]) -> Mapping[str, Any]:
    asked = filters.with_option(filters.filters_of(query), "facet", keys)
    text = filters.joined(table.scope, unparse(asked), "fields=id&limit=1")
    found: Mapping[str, Any] = visit.api.ask(table.api_path, text, prefer="count=none").data["facets"]
    return found


def _facet(
    visit: Visit, table: Table, query: Query, spec: FacetKey, counted: Mapping[str, Any], most: int, *, is_asked: bool
) -> Facet:
    filtering = filters.filters_of(query)
    part = unparse(filters.with_option(query, "facet", (spec.key,)))
    opened = filters.with_option(query, "facet", (*filters.words_of(query, "facet"), spec.key))
    found = counted.get(spec.key)
    values = None
    if found is not None:
        values = [_value(visit, table, query, filtering, spec.key, each) for each in found["values"][:most]]
    return Facet(
        key=spec.key,
        title=spec.title,
        is_open=is_asked or spec.at_once > 0,
        part_url=visit.url(f"{table.path}/parts/facet", part),
        page_url=visit.url(table.path, unparse(opened)),
        values=values,
        distinct=0 if found is None else found["distinct"],
    )


def _value(
    visit: Visit, table: Table, query: Query, filtering: Query, key: str, found: Mapping[str, Any]
) -> FacetValue:
    value, name = found["value"], found.get("name")
    is_type = key == "node_type"
    text = "none" if value is None else name or (short_type(value) if is_type else _written(value))
    shown = shortened(text, _LONGEST)
    title = str(value)[:400] if is_type or shown != text else ""
    is_long = isinstance(value, str) and len(value) > _LONGEST_FILTER
    if isinstance(value, dict | list) or is_long or len(text) > _LONGEST_FILTER:
        return FacetValue(shown, title, found["count"], "", is_chosen=False)
    pair = filters.equal(key, value)
    is_chosen = pair in filtering.pairs
    changed = filters.removed(query, pair) if is_chosen else filters.added(query, pair)
    url = visit.url(table.path, unparse(changed))
    kind = kind_of(value) if is_type and value else ""
    word = "" if value is None else str(name or value)
    return FacetValue(shown, title, found["count"], url, is_chosen, kind, word)


def _written(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case "":
            return '""'
        case _:
            return str(value)
