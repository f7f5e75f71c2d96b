"""The query of a dictionary, checked against the schema."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from querylang import terms
from querylang.graph.schema import Column, Relation, Source, Vertex
from querylang.lowering.as_type import AsType
from querylang.lowering.predicates import Predicate


class Function(Enum):
    COUNT = "count"
    MAX = "max"
    MIN = "min"


@dataclass(frozen=True)
class Operand:
    """A column of what `tag` stands for; of a JSON column the value at `path` in it, taken as `as_type`."""

    tag: str
    column: Column
    path: tuple[str, ...] = ()
    as_type: AsType = AsType.ITSELF

    @property
    def casefolded(self) -> Operand:
        """The text or uuid in lower case, as it is compared alphabetically."""
        is_column = self.as_type is AsType.ITSELF
        return replace(self, as_type=AsType.CASEFOLDED if is_column else AsType.CASEFOLDED_TEXT)


@dataclass(frozen=True)
class GraphCondition:
    """A predicate of an operand, with the values that it compares the operand with."""

    predicate: Predicate
    operand: Operand
    values: tuple[Any, ...] = ()

    @property
    def cache_key(self) -> Hashable:
        """What the SQL depends on: all but the values."""
        return self.predicate, self.operand, len(self.values)


Term = terms.Term[GraphCondition]


@dataclass(frozen=True)
class Step:
    """A vertex of the path, and how it is joined to one before it."""

    tag: str
    vertex: Vertex
    relation: Relation | None = None
    to: str | None = None
    edge_tag: str | None = None
    is_outer: bool = False


def is_outer(steps: Iterable[Step], tag: str) -> bool:
    """Whether a vertex or edge is joined by an outer join, so that all its columns can be NULL."""
    return any(step.is_outer and tag in {step.tag, step.edge_tag} for step in steps)


@dataclass(frozen=True)
class Projection:
    """One value of each row; `key` is its name in the answer."""

    operand: Operand
    key: str
    function: Function | None = None


@dataclass(frozen=True)
class Sorting:
    """One term of an order."""

    operand: Operand
    descending: bool


@dataclass(frozen=True)
class GraphQuery:
    """A path through the graph, and what is asked of it.

    `filters` are by tag, of vertices and edges. `limit` None: all rows.

    `forces_order_index`: rows are to be found by the index on the order, not by one on what they are filtered by.
    """

    steps: tuple[Step, ...]
    filters: Mapping[str, Term]
    projections: tuple[Projection, ...]
    order: tuple[Sorting, ...] = ()
    limit: int | None = None
    offset: int = 0
    distinct: bool = False
    forces_order_index: bool = False

    def filter_of(self, tag: str) -> Term:
        return self.filters.get(tag, terms.Every(()))

    @property
    def cache_key(self) -> Hashable:
        """What the SQL depends on: all but the values of the filters and the window."""
        filters = tuple((tag, terms.cache_key_of(term)) for tag, term in self.filters.items())
        return self.steps, filters, self.projections, self.order, self.distinct, self.forces_order_index


def source_of(step: Step) -> Mapping[str, Source]:
    """The vertex and the edge of a step, by their tags."""
    edge = {step.edge_tag: step.relation.edge} if step.edge_tag and step.relation else {}
    return {step.tag: step.vertex, **edge}
