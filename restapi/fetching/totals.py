"""The number of all rows of a list, from the first of some named strategies that can tell it.

`Server-Timing` names the strategy. The number is remembered until a commit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Table

from aiida_like.storage import Snapshot, Statement
from querylang.compile import RowsQuery, compile_matches, compile_total
from querylang.condition import Condition
from querylang.index_scan import compile_size
from querylang.lowering.predicates import Predicate
from querylang.options import Window
from querylang.terms import Term
from restapi.fetching.bookmarks import Bookmark, Bookmarks
from restapi.fetching.reading import Rows, fetch_remembered

REMEMBERED, COUNTED, WITH_ROWS, LAST_ROWS = "remembered", "counted", "with the rows", "last rows"


def fetch_total(snapshot: Snapshot, query: RowsQuery) -> int:
    """The number of all rows.

    Raises:
        StatementTimeout, StorageError.
    """
    counted = compile_total(query)
    strategies = _WITHOUT_CACHES if snapshot.storage.caches is None else STRATEGIES
    for name, strategy in strategies.items():
        total = strategy(snapshot, query, counted)
        if total is not None:
            if name != REMEMBERED and snapshot.storage.caches is not None:
                _remember(snapshot, query, counted, total)
            snapshot.effort.totals.append(name)
            return total
    raise AssertionError(query)


def may_know_total(snapshot: Snapshot, query: RowsQuery) -> bool:
    """Whether the number may be known without counting all rows; whether there was a commit is not looked at."""
    return snapshot.may_recall(compile_total(query)) or _id_range(query) is not None


def note_total(snapshot: Snapshot, query: RowsQuery, total: int) -> int:
    """Remembers the number of all rows that came with the rows, and returns it."""
    snapshot.effort.totals.append(WITH_ROWS)
    _remember(snapshot, query, compile_total(query), total)
    return total


def total_after(snapshot: Snapshot, query: RowsQuery, window: Window, rows: Rows) -> int:
    """The number of all rows, after those of the window came: the last rows of a list tell it."""
    are_last = len(rows) < window.limit and (rows or not window.offset) and not query.after
    if not are_last:
        return fetch_total(snapshot, query)
    snapshot.effort.totals.append(LAST_ROWS)
    return window.offset + len(rows)


def estimate_total(snapshot: Snapshot, query: RowsQuery) -> tuple[int, bool]:
    """An estimate of the number of all rows, and whether it is exact: few rows are counted.

    Raises:
        StatementTimeout, StorageError.
    """
    most = snapshot.storage.tuning.estimated_rows
    if not snapshot.storage.database.has_statistics:
        return fetch_total(snapshot, query), True
    counted = int(fetch_remembered(snapshot, compile_total(query, most + 1))[0][0])
    snapshot.effort.totals.append(COUNTED if counted <= most else "estimated")
    if counted <= most:
        return counted, True
    return max(snapshot.storage.expected_rows(compile_matches(query)), counted), False


def _remember(snapshot: Snapshot, query: RowsQuery, counted: Statement, total: int) -> None:
    snapshot.remember(counted, [(total,)])
    ids = _id_range(query)
    if ids is not None:
        ids.bookmarks(snapshot).add(Bookmark(ids.bound, (total,)))


def _remembered(snapshot: Snapshot, _: RowsQuery, counted: Statement) -> int | None:
    rows = snapshot.recall(counted)
    return None if rows is None else int(rows[0][0])


@dataclass(frozen=True)
class _Side:
    """The comparisons that select the ids between two bounds. `is_below`: the list has what lies below its bound."""

    lower: Predicate
    upper: Predicate
    is_below: bool


_SIDES: Mapping[Predicate, _Side] = {
    Predicate.GREATER: _Side(Predicate.GREATER, Predicate.LESS_OR_EQUAL, is_below=False),
    Predicate.GREATER_OR_EQUAL: _Side(Predicate.GREATER_OR_EQUAL, Predicate.LESS, is_below=False),
    Predicate.LESS: _Side(Predicate.GREATER_OR_EQUAL, Predicate.LESS, is_below=True),
    Predicate.LESS_OR_EQUAL: _Side(Predicate.GREATER, Predicate.LESS_OR_EQUAL, is_below=True),
}


@dataclass(frozen=True)
class _IdRange:
    """A list that begins or ends at an id. `condition` has that id, `rest` are all other conditions."""

    query: RowsQuery
    condition: Condition
    rest: tuple[Term[Condition], ...]

    @property
    def bound(self) -> int:
        return int(self.condition.values[0])

    @property
    def side(self) -> _Side:
        return _SIDES[self.condition.predicate]

    def bookmarks(self, snapshot: Snapshot) -> Bookmarks:
        """Bounds with their totals, of all lists that differ in the bound only."""
        counted = compile_total(replace(self.query, conditions=self.rest))
        return Bookmarks(snapshot, ("totals", self.condition.predicate), counted)

    def between(self, bound: int) -> RowsQuery:
        """The rows between the bound of the list and another."""
        lower, upper = sorted((bound, self.bound))
        field = self.condition.field
        between = (Condition(self.side.lower, field, (lower,)), Condition(self.side.upper, field, (upper,)))
        return replace(self.query, conditions=(*self.rest, *between))


def _id_range(query: RowsQuery) -> _IdRange | None:
    bounds = [
        each
        for each in query.conditions
        if isinstance(each, Condition)
        and each.field.expression is query.entity.key
        and each.predicate in _SIDES
        and type(each.values[0]) is int
    ]
    if len(bounds) != 1 or not isinstance(query.entity.table, Table):
        return None
    return _IdRange(query, bounds[0], tuple(each for each in query.conditions if each is not bounds[0]))


def _from_bookmark(snapshot: Snapshot, query: RowsQuery, _: Statement) -> int | None:
    """The total of a list that begins at another id, as `id>1000` after `id>1020`: only the ids between are counted."""
    ids = _id_range(query)
    # With other conditions SQLite scans all rows in their index, or reads all rows between the bounds.
    if ids is None or (ids.rest and not snapshot.storage.database.has_statistics):
        return None
    known = ids.bookmarks(snapshot).known()
    place = bisect_left(known, (ids.bound,))
    beside = known[max(0, place - 1) : place + 1]
    if not beside:
        return None
    nearest = min(beside, key=lambda each: abs(each.position - ids.bound))
    end = 0 if ids.side.is_below else snapshot.statistic(compile_size(query.entity.table))
    if abs(end - ids.bound) <= abs(nearest.position - ids.bound):
        return None
    between = int(snapshot.rows(compile_total(ids.between(nearest.position)))[0][0])
    (total,) = nearest.key
    is_larger = ids.side.is_below == (nearest.position < ids.bound)
    return int(total) + between if is_larger else int(total) - between


def _counted(snapshot: Snapshot, _: RowsQuery, counted: Statement) -> int:
    return int(snapshot.rows(counted)[0][0])


STRATEGIES: Mapping[str, Callable[[Snapshot, RowsQuery, Statement], int | None]] = {
    REMEMBERED: _remembered,
    "from a bookmark": _from_bookmark,
    COUNTED: _counted,
}
"""Ways to the number of all rows, the fastest first. It can also come with the rows, see `fetch_with_total`."""

_WITHOUT_CACHES = {COUNTED: STRATEGIES[COUNTED]}
