"""How many rows a list has in all: counted once, and remembered until something is committed.

Some numbers follow from others. Lists that begin at different ids, as `id>1000` and `id>1020`, differ by the rows
between, which are counted faster.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Table

from aiida_like.storage import Storage
from querylang.compile import RowsQuery, compile_total
from querylang.condition import Condition
from querylang.terms import Term
from querylang.walk import compile_size
from restapi.fetching.bookmarks import Marks
from restapi.fetching.reading import fetch, statistic
from restapi.http.exchange import version_of_request


def fetch_total(storage: Storage, query: RowsQuery) -> int:
    found = recall_total(storage, query)
    if found is None:
        found = int(fetch(storage, compile_total(query))[0][0])
        remember_total(storage, query, found)
    return found


def recall_total(storage: Storage, query: RowsQuery) -> int | None:
    """None: it is not known, and does not follow from what is."""
    counted = compile_total(query)
    rows = storage.recall(version_of_request(), counted.shape, counted.values)
    if rows is not None:
        return int(rows[0][0])
    found = _from_nearest(storage, query)
    if found is not None:
        remember_total(storage, query, found)
    return found


def may_be_known(storage: Storage, query: RowsQuery) -> bool:
    """Whether `recall_total` could tell the number once the data version is told, which is not asked for here.

    It is remembered of some version, or may follow from others.
    """
    counted = compile_total(query)
    if storage.recall(storage.remembered_version, counted.shape, counted.values) is not None:
        return True
    return _bounded(query) is not None


def remember_total(storage: Storage, query: RowsQuery, total: int) -> None:
    counted, version = compile_total(query), version_of_request()
    storage.remember(version, counted.shape, counted.values, [(total,)])
    bounded = _bounded(query)
    if bounded is not None:
        bounded.marks(storage).add((bounded.bound, total))


@dataclass(frozen=True)
class _Side:
    """Which rows lie between two bounds: the tests of both. `is_below`: the list has what lies below its bound."""

    lower: str
    upper: str
    is_below: bool

    def bound_at(self, key: int) -> int:
        """The bound between this key and the one before it."""
        return key - 1 if self.lower == ">" else key


_SIDES: Mapping[str, _Side] = {
    ">": _Side(">", "<=", is_below=False),
    ">=": _Side(">=", "<", is_below=False),
    "<": _Side(">=", "<", is_below=True),
    "<=": _Side(">", "<=", is_below=True),
}


@dataclass(frozen=True)
class _Bounded:
    """A list of which one condition says where it begins or ends, by the key of its rows, an integer."""

    query: RowsQuery
    condition: Condition
    rest: tuple[Term[Condition], ...]

    @property
    def bound(self) -> int:
        return int(self.condition.values[0])

    @property
    def side(self) -> _Side:
        return _SIDES[self.condition.test]

    def marks(self, storage: Storage) -> Marks:
        """Bounds with their numbers, of all lists that differ in the bound only."""
        counted = compile_total(replace(self.query, conditions=self.rest))
        return Marks(storage, replace(counted, shape=("bounds", self.condition.test, counted.shape)))


def _bounded(query: RowsQuery) -> _Bounded | None:
    bounds = [
        each
        for each in query.conditions
        if isinstance(each, Condition)
        and each.field.expression is query.entity.key
        and each.test in _SIDES
        and type(each.values[0]) is int
    ]
    if len(bounds) != 1 or not isinstance(query.entity.table, Table):
        return None
    return _Bounded(query, bounds[0], tuple(each for each in query.conditions if each is not bounds[0]))


@dataclass(frozen=True)
class _Part:
    """The rows between the bound of a list and `end`, behind which there are `known`."""

    bounded: _Bounded
    end: int
    known: int
    is_last: bool = False

    @property
    def length(self) -> int:
        return abs(self.end - self.bounded.bound)

    @property
    def effort(self) -> float:
        """How long SQLite takes for a row of it: it reads the key of each where there is an upper end to look for."""
        return 1 if self.is_last and not self.bounded.side.is_below else WITH_END

    def query(self) -> RowsQuery:
        if self.is_last:
            return self.bounded.query
        side, field = self.bounded.side, self.bounded.condition.field
        lower, upper = sorted((self.end, self.bounded.bound))
        between = (Condition(side.lower, field, (lower,)), Condition(side.upper, field, (upper,)))
        return replace(self.bounded.query, conditions=(*self.bounded.rest, *between))

    def total(self, number: int) -> int:
        """Of the list, if there are so many of them: beside those that are known, or among them."""
        is_beside = self.bounded.side.is_below == (self.end < self.bounded.bound)
        return self.known + number if is_beside else self.known - number

    def count(self, storage: Storage) -> int:
        """The total of the list."""
        return self.total(int(fetch(storage, compile_total(self.query()))[0][0]))


WITH_END = 3.5
"""Times as long as a row that is only passed."""


def _from_nearest(storage: Storage, query: RowsQuery) -> int | None:
    """The number behind a bound, from that behind the nearest one: only the rows between are counted."""
    bounded = _bounded(query)
    # SQLite counts by an index on the rest, past all rows that lie elsewhere, or reads all rows between.
    if bounded is None or storage.memory is None or (bounded.rest and not storage.estimates):
        return None
    size = statistic(storage, compile_size(query.entity.table))
    known = bounded.marks(storage).known()
    position = bisect_left(known, (bounded.bound,))
    beside = (_Part(bounded, *mark) for mark in known[max(0, position - 1) : position + 1])
    last = _Part(bounded, 0 if bounded.side.is_below else size, 0, is_last=True)
    part = min((last, *beside), key=lambda each: each.length * (1 if storage.estimates else each.effort))
    return None if part.is_last else part.count(storage)
