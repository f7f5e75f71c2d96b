"""The scan of an index in the order of a QueryBuilder's dictionary.

See `querylang.index_scan` for when it is shorter. Here nobody counts the rows that are found: that many rows are of the
types which are asked for must do, and that no other filter narrows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, func, select

from aiida_like.storage.statements import Statement
from querylang.compile import values_of
from querylang.graph.ast import GraphQuery, Operand, Projection, Step, Term
from querylang.graph.compile import compile_graph
from querylang.graph.schema import Vertex, Walk
from querylang.index_scan import ONE_IN, is_shorter
from querylang.options import Window
from querylang.schema import FieldType
from querylang.terms import Every, cache_key_of, leaves


@dataclass(frozen=True)
class TypeFilter:
    """The rows of a vertex that are of a type: those that fulfil all `terms`."""

    vertex: Vertex
    terms: tuple[Term, ...]


def type_filters_of(query: GraphQuery, *, has_statistics: bool) -> Sequence[TypeFilter]:
    """The type filter of each vertex, for `compile_frequency`; none where a scan in order is no choice.

    It is none where no index gives the order, or where another index finds fewer rows than all of the types.
    A database that `has_statistics` knows what other filters find, and the way to one vertex. Where vertices are
    joined, PostgreSQL takes the rows of a page for spread over the index of the links, and read 50 000 links for 20.
    """
    if not (_is_page_in_order_of_index(query) and _filters_vertices_alone(query)):
        return ()
    first = query.order[0].operand
    if len(query.steps) == 1 and (has_statistics or not leaves(query.filter_of(first.tag))):
        # Without joins and filters there is no other index to take.
        return ()
    found = [_type_filter(query, step, first, has_statistics=has_statistics) for step in query.steps]
    type_filters = [each for each in found if each is not None]
    return type_filters if len(type_filters) == len(found) else ()


def compile_frequency(type_filter: TypeFilter, most: int) -> Statement:
    """A SELECT of how many rows are of the type, `most` at most."""
    name, terms = type_filter.vertex.name, Every(type_filter.terms)

    def build() -> Select[Any]:
        key = Projection(Operand(name, type_filter.vertex.columns["id"]), "id")
        rows = compile_graph(GraphQuery((Step(name, type_filter.vertex),), {name: terms}, (key,)), most)
        return select(func.count()).select_from(rows.build().subquery())

    values = {"limit": most, "offset": 0, **values_of([terms])}
    return Statement(("frequency", name, cache_key_of(terms)), build, values)


def scan_in_order(query: GraphQuery, frequency: int, size: int, least: int) -> GraphQuery:
    """The query, with the scan forced if `is_shorter`. `frequency` of `size` rows are of the rarest type."""
    window = Window(query.limit or 0, query.offset)
    # With each further vertex a row takes longer to look up by type; the scan joins only rows of the right type.
    is_forced = is_shorter(window, frequency, size, least, ONE_IN * len(query.steps))
    return replace(query, forces_order_index=True) if is_forced else query


def _is_page_in_order_of_index(query: GraphQuery) -> bool:
    """Whether it asks for the first rows of the vertices, in an order that an index gives."""
    if query.distinct or query.limit is None or not query.order:
        return False
    first = query.order[0].operand
    # Text is sorted in lower case, which has no index.
    has_index = first.column.is_indexed and first.column.type is not FieldType.STRING
    return has_index and any(step.tag == first.tag for step in query.steps)


def _filters_vertices_alone(query: GraphQuery) -> bool:
    """Whether each vertex is joined by single links, of which none is filtered."""
    edges = {step.edge_tag for step in query.steps}
    is_filtered = any(tag in edges and leaves(term) for tag, term in query.filters.items())
    return not is_filtered and not any(step.is_outer or isinstance(step.relation, Walk) for step in query.steps)


def _type_filter(query: GraphQuery, step: Step, first: Operand, *, has_statistics: bool) -> TypeFilter | None:
    """None: another filter may find fewer rows than all of the type. `first` is what rows are ordered by."""
    filters = query.filter_of(step.tag)
    assert isinstance(filters, Every), filters
    types: list[Term] = []
    others: list[Term] = []
    for term in filters.terms:
        (types if _is_about_type(term, step.vertex.type_column) else others).append(term)
    operands = [condition.operand for term in others for condition in leaves(term)]
    is_narrowed = any(operand != first and (has_statistics or operand.column.is_indexed) for operand in operands)
    return None if len(types) > 1 or is_narrowed else TypeFilter(step.vertex, tuple(types))


def _is_about_type(term: Term, type_column: str | None) -> bool:
    return all(condition.operand.column.name == type_column for condition in leaves(term))
