"""Deep pages: the way to them begins at the nearest place that is known, not at the first row.

Each deep page that was fetched leaves the place where it ends as a milestone, which stays true until something is
committed. The page behind it is then found at once, and any other from the milestone before it or behind it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from aiida_like.storage import Storage
from querylang.compile import RowsQuery, Statement, compile_rows, compile_total
from querylang.condition import Order
from querylang.keyset import Place, following, place_fields, total_order
from querylang.options import Window
from restapi.exchange import version_of_request
from restapi.reading import fetch

DEEP = 1000
"""A page behind so many rows; fewer are passed faster than a place is looked for."""

MOST = 500
"""Milestones of one list; of more, every other one is forgotten."""

Milestone = tuple[Any, ...]
"""How many rows come before it, and behind that number the values of the place of the last of these."""


@dataclass(frozen=True)
class _Way:
    """Rows in one direction, behind a place or behind none, so many of them from so many on."""

    order: tuple[Order, ...]
    place: Place
    window: Window
    is_backward: bool = False

    def rows(self, storage: Storage, query: RowsQuery) -> Sequence[Sequence[Any]]:
        behind = (following(self.order, self.place),) if self.place else ()
        found = fetch(storage, compile_rows(replace(query, order=self.order, behind=behind), self.window))
        return found[::-1] if self.is_backward else found


def is_deep(storage: Storage, query: RowsQuery, window: Window) -> bool:
    return window.offset >= DEEP and storage.memory is not None and not query.behind


def fetch_deep(storage: Storage, query: RowsQuery, window: Window, total: int | None = None) -> Sequence[Sequence[Any]]:
    """The rows of a window far behind the first row, of `total` rows if that is known."""
    order = total_order(query.order, query.entity)
    version, key = version_of_request(), _key(query, order)
    known = cast("Sequence[Milestone]", storage.recall(version, key.shape, key.values) or ())
    way = min(_ways(order, window, total, known), key=lambda each: each.window.offset)
    rows = way.rows(storage, replace(query, fields=(*query.fields, *place_fields(order))))
    shown = len(query.fields)
    if rows:
        reached = (window.offset + len(rows), *rows[-1][shown:])
        storage.remember(version, key.shape, key.values, _with(known, reached))
    return [row[:shown] for row in rows]


def _ways(order: tuple[Order, ...], window: Window, total: int | None, known: Sequence[Milestone]) -> Iterator[_Way]:
    """From the milestone before the window, and from the one behind it."""
    position = bisect_left(known, (window.offset + 1,))
    passed, *place = known[position - 1] if position else (0,)
    yield _Way(order, tuple(place), replace(window, offset=window.offset - passed))
    if total is None or any(term.field.is_nullable for term in order):
        return
    end = min(window.offset + window.limit, total)
    position = bisect_left(known, (end + 1,))
    passed, *place = known[position] if position < len(known) else (total + 1,)
    if end > window.offset:
        backward = tuple(replace(term, descending=not term.descending) for term in order)
        yield _Way(backward, tuple(place), Window(end - window.offset, passed - 1 - end), is_backward=True)


def _with(known: Sequence[Milestone], reached: Milestone) -> Sequence[Milestone]:
    position = bisect_left(known, (reached[0],))
    if position < len(known) and known[position][0] == reached[0]:
        return known
    kept = [*known[:position], reached, *known[position:]]
    return kept if len(kept) <= MOST else kept[::2]


def _key(query: RowsQuery, order: Sequence[Order]) -> Statement:
    """What tells lists apart: as the number of their rows, and in which order they come."""
    counted = compile_total(query)
    terms = tuple((term.field.name, term.descending) for term in order)
    return replace(counted, shape=("milestones", counted.shape, terms))
