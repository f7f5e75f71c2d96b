"""Dictionaries that compare one number in JSON: of each row its id and that number say whether it is found.

So numbers that were read for one threshold answer for all others, and only the rows that are found are read.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from aiida_like.links import id_list
from querylang.graph.ast import As, GraphQuery, Operand, Projection, Sorting, Step, Term, Test
from querylang.graph.compile import values_of
from querylang.graph.walk import is_of_kind
from querylang.terms import Every, shape_of

RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}


@dataclass(frozen=True)
class Numbers:
    """Those of one key, of all rows of one vertex that fulfil `kind`, by id.

    `test` compares each of them with its value; rows without such a number are not found.
    """

    query: GraphQuery
    step: Step
    kind: tuple[Term, ...]
    test: Test
    descending: bool

    @property
    def key(self) -> Hashable:
        """The same for all thresholds."""
        operand = self.test.operand
        kind = Every(self.kind)
        values = tuple(values_of([kind]).values())
        return "numbers", self.step, operand, shape_of(kind), values, self.descending

    def found(self, numbers: Sequence[Sequence[float]]) -> list[int]:
        """The ids of those that are found, of pairs of an id and a number."""
        compare, (value,) = RELATIONS[self.test.name], self.test.values
        return [int(pk) for pk, number in numbers if compare(number, value)]

    def part(self, after: int | None, size: int) -> GraphQuery:
        """The ids and numbers of `size` rows, from behind an id on."""
        key = self._id
        behind = () if after is None else (Test("<" if self.descending else ">", key, (after,)),)
        number = Projection(self.test.operand, "number")
        order = (Sorting(key, self.descending),)
        filters = {self.step.tag: Every((*self.kind, *behind))}
        return GraphQuery((self.step,), filters, (Projection(key, "id"), number), order, size)

    def of_ids(self, ids: Sequence[int]) -> GraphQuery:
        """The rows with these ids, as the query shows them."""
        among = Every((Test("among", self._id, (id_list(ids),)),))
        return replace(self.query, filters={self.step.tag: among}, limit=len(ids), offset=0)

    @property
    def last(self) -> int:
        """So many are to be found."""
        return self.query.offset + (self.query.limit or 0)

    @property
    def _id(self) -> Operand:
        return Operand(self.step.tag, self.step.vertex.columns["id"])


def numbers_of(query: GraphQuery) -> Numbers | None:
    """None: something else narrows too, or the rows are wanted in another order than by id."""
    if (
        query.distinct
        or query.limit is None
        or len(query.steps) > 1
        or any(each.function for each in query.projections)
    ):
        return None
    (step,) = query.steps
    descending = bool(query.order) and query.order[0].descending
    if query.order and query.order[0].operand != Operand(step.tag, step.vertex.columns["id"]):
        return None
    filters = query.filters.get(step.tag, Every(()))
    assert isinstance(filters, Every), filters
    tests: list[Test] = []
    kind: list[Term] = []
    for term in filters.terms:
        if isinstance(term, Test) and term.operand.taken is As.NUMBER and term.name in RELATIONS:
            tests.append(term)
        elif is_of_kind(term, step.vertex.type_column):
            kind.append(term)
        else:
            return None
    return Numbers(query, step, tuple(kind), tests[0], descending) if len(tests) == 1 else None
