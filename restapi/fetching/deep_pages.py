"""Deep pages: the way to them begins at the nearest place that is known, or at the last row, not at the first.

Each deep page that was fetched leaves a mark where it ends: how many rows come before it, and the place of the last of
these. The page behind it is then found at once, and any other from the milestone before it or behind it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiida_like.storage import Storage
from querylang.compile import RowsQuery, Statement, compile_total
from querylang.condition import Order
from querylang.keyset import Place, following, place_fields, reversed_order, total_order
from querylang.options import Window
from restapi.fetching.bookmarks import Mark, Marks
from restapi.fetching.reading import fetch_rows

DEEP = 1000
"""A page behind so many rows; fewer are passed faster than a place is looked for."""


@dataclass(frozen=True)
class _Way:
    """Rows in one direction, behind a place or behind none, so many of them from so many on, each with its place."""

    order: tuple[Order, ...]
    place: Place
    window: Window
    is_backward: bool = False

    def rows(self, storage: Storage, query: RowsQuery) -> Sequence[Sequence[Any]]:
        behind = (following(self.order, self.place),) if self.place else ()
        fields = (*query.fields, *place_fields(self.order))
        query = replace(query, fields=fields, order=self.order, behind=behind)
        found = fetch_rows(storage, query, self.window)
        return found[::-1] if self.is_backward else found


def is_deep(query: RowsQuery, window: Window) -> bool:
    return window.offset >= DEEP and not query.behind


def fetch_window(
    storage: Storage, query: RowsQuery, window: Window, total: int | None = None
) -> Sequence[Sequence[Any]]:
    """The rows of a window, of `total` rows if that is known."""
    if not is_deep(query, window):
        return fetch_rows(storage, query, window)
    order = total_order(query.order, query.entity)
    milestones = Marks(storage, _key(query, order))
    way = min(_ways(order, window, total, milestones.known()), key=lambda each: each.window.offset)
    rows = way.rows(storage, query)
    shown = len(query.fields)
    if rows:
        milestones.add((window.offset + len(rows), *rows[-1][shown:]))
    return [row[:shown] for row in rows]


def _ways(order: tuple[Order, ...], window: Window, total: int | None, known: Sequence[Mark]) -> Iterator[_Way]:
    """From the milestone before the window, and from the one behind it."""
    position = bisect_left(known, (window.offset + 1,))
    passed, *place = known[position - 1] if position else (0,)
    yield _Way(order, tuple(place), Window(window.limit, window.offset - passed))
    if total is None or any(term.field.is_nullable for term in order):
        return
    end = min(window.offset + window.limit, total)
    position = bisect_left(known, (end + 1,))
    passed, *place = known[position] if position < len(known) else (total + 1,)
    if end > window.offset:
        rows = Window(end - window.offset, passed - 1 - end)
        yield _Way(reversed_order(order), tuple(place), rows, is_backward=True)


def _key(query: RowsQuery, order: Sequence[Order]) -> Statement:
    """What tells lists apart: as the number of their rows, and in which order they come."""
    counted = compile_total(query)
    terms = tuple((term.field.name, term.descending) for term in order)
    return replace(counted, shape=("milestones", counted.shape, terms))
