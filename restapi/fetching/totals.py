"""How many rows a list has in all: counted once, and remembered until something is committed.

Some numbers follow from others. Lists that begin at different ids, as `id>1000` and `id>1020`, differ by the rows
between, which are counted faster. And how many nodes there are of each type says how many match a pattern of types.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Table

from aiida_like.models import node
from aiida_like.storage import Storage
from querylang.compile import RowsQuery, compile_total, compile_totals
from querylang.condition import Condition
from querylang.terms import Term
from querylang.walk import compile_size
from restapi.fetching.bookmarks import Marks
from restapi.fetching.node_types import recalled_type_counts
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
    found = _of_types(storage, query)
    if found is None:
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
    return _bounded(query) is not None or _type_tests(query) is not None


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

    def count_blocks(self, storage: Storage, width: int) -> int:
        """The same, and leaves marks between blocks of keys, so that no other bound is far from one."""
        found = fetch(storage, compile_totals(self.query(), width))
        numbers = {int(block): int(number) for block, number in found}
        total = self.total(sum(numbers.values()))
        side, behind = self.bounded.side, min(total, self.known)
        lower, marks = min(self.end, self.bounded.bound), []
        for block in sorted(numbers, reverse=not side.is_below):
            passed = behind + numbers[block]
            marks.append((side.bound_at(block * width), behind if side.is_below else passed))
            behind = passed
        # The first block begins before the part does.
        self.bounded.marks(storage).add(*(mark for mark in marks if mark[0] > lower))
        return total


FAR = 10_000
"""Rows of so many keys are counted at once; of more, so that there are marks between them."""

BLOCKS = 250
"""Of so many equal parts of a table."""

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
    width = -(-size // BLOCKS)
    if storage.estimates and part.length > max(FAR, 2 * width) and storage.is_settled(version_of_request()):
        return part.count_blocks(storage, width)
    return None if part.is_last else part.count(storage)


_TYPE_TESTS: Mapping[str, Callable[..., bool]] = {
    "=": lambda found, wanted: found == wanted,
    "has prefix": lambda found, _, start, __: found is not None and found.startswith(start),
    "empty": lambda found: not found,
}


def _of_types(storage: Storage, query: RowsQuery) -> int | None:
    """The number of nodes of some types, from those of each type."""
    tests = _type_tests(query)
    if tests is None:
        return None
    counts = recalled_type_counts(storage)
    if counts is None:
        return None
    return sum(number for types, number in counts.items() if all(test(*types) for test in tests))


_TypeTest = Callable[[str, str | None], bool]


def _type_tests(query: RowsQuery) -> list[_TypeTest] | None:
    """None: there are conditions about something else than types, or none at all."""
    if query.entity.table is not node:
        return None
    tests = [test for test in map(_type_test, query.conditions) if test is not None]
    return tests if len(tests) == len(query.conditions) > 0 else None


def _type_test(term: Term[Condition]) -> _TypeTest | None:
    """None: it is about something else than types."""
    if not isinstance(term, Condition) or term.test not in _TYPE_TESTS:
        return None
    test, values = _TYPE_TESTS[term.test], term.values
    if term.field.expression is node.c.node_type:
        return lambda node_type, _: test(node_type, *values)
    if term.field.expression is node.c.process_type:
        return lambda _, process_type: test(process_type, *values)
    return None
