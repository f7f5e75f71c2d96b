"""Numbers of all rows of a list that are known: remembered until a commit, or told by the number of a list like it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Table

from aiida_like.storage import Snapshot, Strategy
from querylang.compile import RowsQuery, compile_total
from querylang.condition import Condition
from querylang.index_scan import compile_size
from querylang.lowering.predicates import Predicate
from querylang.terms import Term
from restapi.fetching.reading import Bookmark, Bookmarks


def keep_total(snapshot: Snapshot, query: RowsQuery, total: int, strategy: Strategy) -> int:
    """Remembers the number of all rows, and returns it."""
    snapshot.effort.totals.append(strategy)
    snapshot.remember(compile_total(query), [(total,)])
    ids = _id_range(query)
    if ids is not None:
        _bookmarks(snapshot, query, ids).add(Bookmark(ids.bound, (total,)))
    return total


def may_know_total(snapshot: Snapshot, query: RowsQuery) -> bool:
    """Whether the number may be known without counting all rows; whether there was a commit is not looked at."""
    return snapshot.may_recall(compile_total(query)) or _id_range(query) is not None


_BEYOND: Mapping[Predicate, Predicate] = {
    Predicate.GREATER: Predicate.LESS_OR_EQUAL,
    Predicate.GREATER_OR_EQUAL: Predicate.LESS,
    Predicate.LESS: Predicate.GREATER_OR_EQUAL,
    Predicate.LESS_OR_EQUAL: Predicate.GREATER,
}
"""Comparisons that bound a list of ids, and the one that all ids beyond the bound fulfil."""


@dataclass(frozen=True)
class _IdRange:
    """The condition of a list that it begins or ends at an id, and all its other conditions."""

    condition: Condition
    rest: tuple[Term[Condition], ...]

    @property
    def bound(self) -> int:
        return int(self.condition.values[0])


def _id_range(query: RowsQuery) -> _IdRange | None:
    bounds = [
        each
        for each in query.conditions
        if isinstance(each, Condition)
        and each.field.expression is query.entity.key
        and each.predicate in _BEYOND
        and type(each.values[0]) is int
    ]
    if len(bounds) != 1 or not isinstance(query.entity.table, Table):
        return None
    return _IdRange(bounds[0], tuple(each for each in query.conditions if each is not bounds[0]))


def _bookmarks(snapshot: Snapshot, query: RowsQuery, ids: _IdRange) -> Bookmarks:
    """Bounds with their totals, of all lists that differ in the bound only."""
    counted = compile_total(replace(query, conditions=ids.rest))
    return Bookmarks(snapshot, ("totals", ids.condition.predicate), counted)


def total_from_bookmark(snapshot: Snapshot, query: RowsQuery) -> int | None:
    """The total of a list that begins at another id, as `id>1000` after `id>1020`: only the ids between are counted."""
    ids = _id_range(query)
    # With other conditions SQLite scans all rows in their index, or reads all rows between the bounds.
    if ids is None or (ids.rest and not snapshot.storage.database.has_statistics):
        return None
    bound, predicate = ids.bound, ids.condition.predicate
    known = _bookmarks(snapshot, query, ids).known()
    place = bisect_left(known, (bound,))
    beside = known[max(0, place - 1) : place + 1]
    if not beside:
        return None
    nearest, (total,) = min(beside, key=lambda each: abs(each.position - bound))
    is_below = predicate in (Predicate.LESS, Predicate.LESS_OR_EQUAL)
    end = 0 if is_below else snapshot.statistic(compile_size(query.entity.table))
    if abs(end - bound) <= abs(nearest - bound):
        return None
    is_larger = is_below == (nearest < bound)
    of_larger, of_smaller = (bound, nearest) if is_larger else (nearest, bound)
    between = (
        replace(ids.condition, values=(of_larger,)),
        Condition(_BEYOND[predicate], ids.condition.field, (of_smaller,)),
    )
    counted = int(snapshot.rows(compile_total(replace(query, conditions=(*ids.rest, *between))))[0][0])
    return int(total) + counted if is_larger else int(total) - counted
