"""Deep pages, found from the nearest bookmark or from the last row, not from the first.

Each deep page that was fetched leaves a bookmark where it ends: how many rows come before it, and the sort key of the
last of these. The page after it is then found at once, and any other from the bookmark before it or after it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from aiida_like.storage import Snapshot
from querylang.compile import RowsQuery, compile_rows, compile_total
from querylang.condition import Order
from querylang.keyset import Place, place_fields, reversed_order, rows_after, total_order
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
        query = replace(query, fields=fields, order=self.order, after=after)
        keys_first = snapshot.storage.database.indexes_have_keys
        found = snapshot.list_rows(compile_rows(query, self.window, keys_first=keys_first))
        return found[::-1] if self.is_backward else found


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
