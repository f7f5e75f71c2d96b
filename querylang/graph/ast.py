"""What a dictionary asks, checked against the schema."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from querylang import terms
from querylang.graph.schema import Column, Relation, Source, Vertex


class As(Enum):
    """As what the value of an operand is taken."""

    ITSELF = "itself"
    NUMBER = "number"
    STRING = "string"
    BOOLEAN = "boolean"
    KIND = "kind"
    LENGTH = "length"
    JSON = "json"
    CAST_FLOAT = "f"
    CAST_INTEGER = "i"
    CAST_BOOLEAN = "b"
    CAST_TEXT = "t"
    CAST_JSON = "j"
    CAST_DATETIME = "d"

    # That of Enum is a call in Python, for each operand of a query.
    __hash__ = object.__hash__


class Function(Enum):
    COUNT = "count"
    MAX = "max"
    MIN = "min"


@dataclass(frozen=True)
class Operand:
    """A column of what `tag` stands for; of a JSON column what is at `path` in it."""

    tag: str
    column: Column
    path: tuple[str, ...] = ()
    taken: As = As.ITSELF


@dataclass(frozen=True)
class Test:
    """`name` is a key of `predicates.TESTS`."""

    name: str
    operand: Operand
    values: tuple[Any, ...] = ()

    @property
    def shape(self) -> Hashable:
        return self.name, self.operand, len(self.values)


Term = terms.Term[Test]


@dataclass(frozen=True)
class Step:
    """A vertex of the path, and how it is joined to one before it."""

    tag: str
    vertex: Vertex
    relation: Relation | None = None
    to: str | None = None
    edge_tag: str | None = None
    is_outer: bool = False


@dataclass(frozen=True)
class Projection:
    """One value of each row; `key` is its name in the answer."""

    operand: Operand
    key: str
    function: Function | None = None


@dataclass(frozen=True)
class Sorting:
    operand: Operand
    descending: bool


@dataclass(frozen=True)
class GraphQuery:
    """`filters` are by tag, of vertices and edges. `limit` None: all rows.

    `walks`: rows are to be found along the order, not by an index on what they are filtered by.
    """

    steps: tuple[Step, ...]
    filters: Mapping[str, Term]
    projections: tuple[Projection, ...]
    order: tuple[Sorting, ...] = ()
    limit: int | None = None
    offset: int = 0
    distinct: bool = False
    walks: bool = False

    @property
    def shape(self) -> Hashable:
        """Queries of the same shape differ in nothing but values."""
        filters = tuple((tag, terms.shape_of(term)) for tag, term in self.filters.items())
        return self.steps, filters, self.projections, self.order, self.distinct, self.walks


def source_of(step: Step) -> Mapping[str, Source]:
    """What the tags of a step stand for."""
    edge = {step.edge_tag: step.relation.edge} if step.edge_tag and step.relation else {}
    return {step.tag: step.vertex, **edge}
