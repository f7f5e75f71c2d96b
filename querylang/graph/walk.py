"""The shorter way to the rows of a QueryBuilder's dictionary, for databases without statistics: see `querylang.walk`.

Here nobody counts the rows. That many are of the types which are asked for must do, and that nothing else narrows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, Select, func, select

from querylang.compile import Statement
from querylang.graph.ast import As, GraphQuery, Operand, Projection, Step, Term, Test
from querylang.graph.compile import compile_graph
from querylang.graph.schema import Walk
from querylang.options import Window
from querylang.terms import Every, leaves
from querylang.walk import ONE_IN, is_indexed, is_shorter


def kinds_of(query: GraphQuery) -> Sequence[GraphQuery]:
    """For each vertex the rows of its type, to be counted. Nothing: no index gives the order, or a filter narrows."""
    if query.distinct or query.limit is None or not query.order or not all(map(_is_within_reach, query.steps)):
        return ()
    first = query.order[0].operand
    of_tags = {step.tag: step for step in query.steps}
    edges = [tag for tag, term in query.filters.items() if tag not in of_tags and list(leaves(term))]
    if edges or first.tag not in of_tags or not _has_index(of_tags[first.tag], first):
        return ()
    kinds = [kind for step in query.steps if (kind := _kind_of(query, step, first)) is not None]
    # Where nothing is joined, only the index on the type could be taken instead.
    is_chosen = len(query.steps) > 1 or any(leaves(query.filters.get(first.tag, Every(()))))
    return kinds if is_chosen and len(kinds) == len(query.steps) else ()


def compile_frequency(kind: GraphQuery, most: int) -> Statement:
    """A SELECT of how many rows there are, `most` at most."""
    rows = compile_graph(kind, most)

    def build() -> Select[Any]:
        return select(func.count()).select_from(rows.build().subquery())

    return Statement(("frequency", rows.shape), build, rows.values)


def along(query: GraphQuery, frequency: int, size: int) -> GraphQuery:
    """The same rows, found along their order, if that is shorter: so many of `size` rows are of the rarest type."""
    window = Window(query.limit or 0, query.offset)
    # With each further vertex the other way takes longer for a row, and this one only for those of the right type.
    return replace(query, walks=True) if is_shorter(window, frequency, size, ONE_IN * len(query.steps)) else query


def _kind_of(query: GraphQuery, step: Step, first: Operand) -> GraphQuery | None:
    """None: an index finds fewer than all of the type."""
    filters = query.filters.get(step.tag, Every(()))
    assert isinstance(filters, Every), filters
    kinds = tuple(each for each in filters.terms if _is_kind(each, step.vertex.type_column))
    others = (test.operand for each in filters.terms if each not in kinds for test in leaves(each))
    if len(kinds) > 1 or any(_has_index(step, operand) for operand in others if operand != first):
        return None
    key = Projection(Operand(step.tag, step.vertex.columns["id"]), "id")
    return GraphQuery((Step(step.tag, step.vertex),), {step.tag: Every(kinds)}, (key,))


def _is_within_reach(step: Step) -> bool:
    return not step.is_outer and not isinstance(step.relation, Walk)


def _is_kind(term: Term, type_column: str | None) -> bool:
    return all(_is_itself(test, type_column) for test in leaves(term))


def _is_itself(test: Test, name: str | None) -> bool:
    return test.operand.taken is As.ITSELF and test.operand.column.name == name


def _has_index(step: Step, operand: Operand) -> bool:
    column = step.vertex.table.c[operand.column.name]
    return operand.taken is As.ITSELF and isinstance(column, Column) and is_indexed(column)
