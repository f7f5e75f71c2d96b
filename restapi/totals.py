"""How many rows a list has in all: counted once, and remembered until something is committed.

Some numbers follow from others. Lists that begin at different ids, as `id>1000` and `id>1020`, differ by the rows
between, which are counted faster. And how many nodes there are of each type says how many match a pattern of types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Table

from aiida_like.models import node
from aiida_like.storage import Storage
from querylang.compile import RowsQuery, compile_total
from querylang.condition import Condition
from querylang.terms import Term
from querylang.walk import compile_size
from restapi.exchange import version_of_request
from restapi.marks import Marks
from restapi.node_types import recalled_type_counts
from restapi.reading import fetch, statistic


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


def remember_total(storage: Storage, query: RowsQuery, total: int) -> None:
    counted, version = compile_total(query), version_of_request()
    storage.remember(version, counted.shape, counted.values, [(total,)])
    bounded = _bounded(query)
    if bounded is not None:
        bounded.marks(storage).add((bounded.bound, total))


@dataclass(frozen=True)
class _Bounded:
    """A list of which one condition says where it begins or ends, by the key of its rows, an integer."""

    query: RowsQuery
    condition: Condition
    rest: tuple[Term[Condition], ...]

    @property
    def bound(self) -> int:
        return int(self.condition.values[0])

    def marks(self, storage: Storage) -> Marks:
        """Bounds with their numbers, of all lists that differ in the bound only."""
        counted = compile_total(replace(self.query, conditions=self.rest))
        return Marks(storage, replace(counted, shape=("bounds", self.condition.test, counted.shape)))


@dataclass(frozen=True)
class _Side:
    """Which rows lie between two bounds: the tests of both. `is_below`: the list has what lies below its bound."""

    lower: str
    upper: str
    is_below: bool


_SIDES: Mapping[str, _Side] = {
    ">": _Side(">", "<=", is_below=False),
    ">=": _Side(">=", "<", is_below=False),
    "<": _Side(">=", "<", is_below=True),
    "<=": _Side(">", "<=", is_below=True),
}


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


def _from_nearest(storage: Storage, query: RowsQuery) -> int | None:
    bounded = _bounded(query)
    known = bounded.marks(storage).known() if bounded is not None else ()
    # SQLite counts by an index on the rest, past all rows that lie elsewhere, or reads all rows between.
    if bounded is None or not known or (bounded.rest and not storage.estimates):
        return None
    side, bound, field = _SIDES[bounded.condition.test], bounded.bound, bounded.condition.field
    nearest, total = min(known, key=lambda each: abs(each[0] - bound))
    size = statistic(storage, compile_size(query.entity.table))
    if abs(nearest - bound) >= (bound if side.is_below else size - bound):
        return None
    lower, upper = sorted((nearest, bound))
    between = (Condition(side.lower, field, (lower,)), Condition(side.upper, field, (upper,)))
    counted = compile_total(replace(query, conditions=(*bounded.rest, *between)))
    number = int(fetch(storage, counted)[0][0])
    return int(total + number if side.is_below == (nearest < bound) else total - number)


_TYPE_TESTS: Mapping[str, Callable[..., bool]] = {
    "=": lambda found, wanted: found == wanted,
    "has prefix": lambda found, _, start, __: found is not None and found.startswith(start),
    "empty": lambda found: not found,
}


def _of_types(storage: Storage, query: RowsQuery) -> int | None:
    """The number of nodes of some types, from those of each type."""
    tests = [_type_test(each) for each in query.conditions]
    if query.entity.table is not node or not tests or None in tests:
        return None
    counts = recalled_type_counts(storage)
    if counts is None:
        return None
    return sum(number for types, number in counts.items() if all(test(*types) for test in tests if test))


def _type_test(term: Term[Condition]) -> Callable[[str, str | None], bool] | None:
    """None: it is about something else than types."""
    if not isinstance(term, Condition) or term.test not in _TYPE_TESTS:
        return None
    test, values = _TYPE_TESTS[term.test], term.values
    if term.field.expression is node.c.node_type:
        return lambda node_type, _: test(node_type, *values)
    if term.field.expression is node.c.process_type:
        return lambda _, process_type: test(process_type, *values)
    return None
