"""Deep pages, found from the nearest bookmark or from the last row, not from the first.

Each deep page that was fetched leaves a bookmark where it ends: how many rows come before it, and the sort key of the
last of these. The page after it is then found at once, and any other from the bookmark before it or after it. What
lies between is passed by its values in an index, not row by row.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Table

from aiida_like.storage import Snapshot
from querylang.compile import RowsQuery, compile_rows, compile_total, compile_value_at, first_of
from querylang.condition import Condition, Order
from querylang.index_scan import is_indexed
from querylang.keyset import Place, place_fields, reversed_order, rows_after, total_order
from querylang.lowering.predicates import Predicate
from querylang.options import Window
from restapi.fetching.reading import Bookmark, Bookmarks, Rows


@dataclass(frozen=True)
class _KeysetScan:
    """A scan in one direction: the sort key it starts after, if any, then an offset and a limit.

    Each row also carries its sort key.
    """

    order: tuple[Order, ...]
    start: Place
    window: Window
    is_backward: bool = False

    def rows(self, snapshot: Snapshot, query: RowsQuery) -> Rows:
        after = (rows_after(self.order, self.start),) if self.start else ()
        fields = (*query.fields, *place_fields(self.order))
        query, window = replace(query, fields=fields, order=self.order, after=after), self.window
        if window.offset >= snapshot.storage.tuning.deep_offset and _is_order_of_values(query):
            query, window = _from_value(snapshot, query, window)
        keys_first = snapshot.storage.database.indexes_have_keys
        found = snapshot.list_rows(compile_rows(query, window, keys_first=keys_first))
        return found[::-1] if self.is_backward else found


def _is_order_of_values(query: RowsQuery) -> bool:
    """Whether it is about all rows, and an index has the values of the first of several terms of their order."""
    is_narrowed = query.conditions or len(query.order) == 1 or not isinstance(query.entity.table, Table)
    return not is_narrowed and is_indexed(first_of(query)) and not query.order[0].field.is_nullable


def _from_value(snapshot: Snapshot, query: RowsQuery, window: Window) -> tuple[RowsQuery, Window]:
    """The same window, counted from the first row that has the value of its first row.

    A database reads values from an index. For an order of two terms it sorts, or looks up, each row that it passes.
    """
    first = query.order[0]
    found = snapshot.rows(compile_value_at(query, window.offset))
    if not found:
        return query, window
    before, since = (
        Condition(predicate, first.field, tuple(found[0]))
        for predicate in (
            (Predicate.GREATER, Predicate.LESS_OR_EQUAL)
            if first.descending
            else (Predicate.LESS, Predicate.GREATER_OR_EQUAL)
        )
    )
    passed = int(snapshot.rows(compile_total(replace(query, conditions=(*query.after, before))))[0][0])
    return replace(query, after=(*query.after, since)), replace(window, offset=window.offset - passed)


def fetch_deep(snapshot: Snapshot, query: RowsQuery, window: Window, total: int | None) -> Rows:
    """The rows of a window; `total` is the number of all rows, if known."""
    order = total_order(query.order, query.entity)
    name = ("deep pages", tuple((term.field.name, term.descending) for term in order))
    bookmarks = Bookmarks(snapshot, name, compile_total(query))
    scans = _scans(order, window, total, bookmarks.known())
    rows = min(scans, key=lambda each: each.window.offset).rows(snapshot, query)
    shown = len(query.fields)
    if rows:
        bookmarks.add(Bookmark(window.offset + len(rows), tuple(rows[-1][shown:])))
    return [row[:shown] for row in rows]


def _scans(
    order: tuple[Order, ...], window: Window, total: int | None, known: Sequence[Bookmark]
) -> Iterator[_KeysetScan]:
    """The scan from the bookmark before the window, and the one from the bookmark after it."""
    place = bisect_left(known, (window.offset + 1,))
    passed, key = known[place - 1] if place else Bookmark(0, ())
    yield _KeysetScan(order, key, Window(window.limit, window.offset - passed))
    if total is None or any(term.field.is_nullable for term in order):
        return
    end = min(window.offset + window.limit, total)
    place = bisect_left(known, (end + 1,))
    passed, key = known[place] if place < len(known) else Bookmark(total + 1, ())
    if end > window.offset:
        rows = Window(end - window.offset, passed - 1 - end)
        yield _KeysetScan(reversed_order(order), key, rows, is_backward=True)
