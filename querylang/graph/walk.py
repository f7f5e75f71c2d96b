"""The shorter way to the rows of a QueryBuilder's dictionary, for databases without statistics: see `querylang.walk`.

Here nobody counts the rows. That many are of the types which are asked for must do, and that nothing else narrows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, func, select

from querylang.compile import Statement
from querylang.graph.ast import As, GraphQuery, Operand, Projection, Step, Term, Test
from querylang.graph.compile import compile_graph, values_of
from querylang.graph.schema import Vertex, Walk
from querylang.options import Window
from querylang.terms import Every, leaves, shape_of
from querylang.walk import ONE_IN, is_shorter


@dataclass(frozen=True)
class Kind:
    """The rows of a vertex that are of a type: those that fulfil all `terms`."""

    vertex: Vertex
    terms: tuple[Term, ...]

    @property
    def tests(self) -> Sequence[Test]:
        return [test for term in self.terms for test in leaves(term)]


def kinds_of(query: GraphQuery) -> Sequence[Kind]:
    """The kind of each vertex, to be counted. Nothing: no index gives the order, or a filter narrows."""
    if query.distinct or query.limit is None or not query.order or not all(map(_is_within_reach, query.steps)):
        return ()
    first = query.order[0].operand
    tags = {step.tag for step in query.steps}
    edges = [tag for tag, term in query.filters.items() if tag not in tags and leaves(term)]
    if edges or first.tag not in tags or not _has_index(first):
        return ()
    # Where nothing is joined, only the index on the type could be taken instead.
    if len(query.steps) == 1 and not leaves(query.filters.get(first.tag, Every(()))):
        return ()
    kinds = [kind for step in query.steps if (kind := _kind_of(query, step, first)) is not None]
    return kinds if len(kinds) == len(query.steps) else ()


def compile_frequency(kind: Kind, most: int) -> Statement:
    """A SELECT of how many rows there are, `most` at most."""
    name, terms = kind.vertex.name, Every(kind.terms)

    def build() -> Select[Any]:
        key = Projection(Operand(name, kind.vertex.columns["id"]), "id")
        rows = compile_graph(GraphQuery((Step(name, kind.vertex),), {name: terms}, (key,)), most)
        return select(func.count()).select_from(rows.build().subquery())

    values = {"limit": most, "offset": 0, **values_of([terms])}
    return Statement(("frequency", name, shape_of(terms)), build, values)


def along(query: GraphQuery, frequency: int, size: int) -> GraphQuery:
    """The same rows, found along their order, if that is shorter: so many of `size` rows are of the rarest type."""
    window = Window(query.limit or 0, query.offset)
    # With each further vertex the other way takes longer for a row, and this one only for those of the right type.
    return replace(query, walks=True) if is_shorter(window, frequency, size, ONE_IN * len(query.steps)) else query


def _kind_of(query: GraphQuery, step: Step, first: Operand) -> Kind | None:
    """None: an index finds fewer than all of the type."""
    filters = query.filters.get(step.tag, Every(()))
    assert isinstance(filters, Every), filters
    kinds: list[Term] = []
    others: list[Term] = []
    for term in filters.terms:
        (kinds if is_of_kind(term, step.vertex.type_column) else others).append(term)
    narrowed = any(test.operand != first and _has_index(test.operand) for term in others for test in leaves(term))
    return None if len(kinds) > 1 or narrowed else Kind(step.vertex, tuple(kinds))


def _is_within_reach(step: Step) -> bool:
    return not step.is_outer and not isinstance(step.relation, Walk)


def is_of_kind(term: Term, type_column: str | None) -> bool:
    return all(test.operand.taken is As.ITSELF and test.operand.column.name == type_column for test in leaves(term))


def _has_index(operand: Operand) -> bool:
    return operand.taken is As.ITSELF and operand.column.is_indexed
