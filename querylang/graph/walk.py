"""The shorter way to the rows of a QueryBuilder's dictionary, for databases without statistics: see `querylang.walk`.

Here nobody counts the rows. That many are of the type which is asked for must do, and that nothing else narrows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Column, Select, func, select

from querylang.compile import Statement
from querylang.graph.ast import As, GraphQuery, Operand, Projection, Term, Test
from querylang.graph.compile import compile_graph
from querylang.options import Window
from querylang.terms import Every, leaves
from querylang.walk import is_indexed, is_shorter


def kind_of(query: GraphQuery) -> GraphQuery | None:
    """All rows of its type, to be counted. None: no index gives the order, or something else is asked."""
    if len(query.steps) != 1 or query.distinct or query.limit is None or not query.order:
        return None
    (step,) = query.steps
    first = query.order[0].operand
    filters = query.filters.get(step.tag)
    if not _has_index(query, first) or not isinstance(filters, Every):
        return None
    kinds = tuple(each for each in filters.terms if _is_kind(each, step.vertex.type_column))
    others = (test.operand for each in filters.terms if each not in kinds for test in leaves(each))
    if len(kinds) != 1 or any(_has_index(query, operand) for operand in others if operand != first):
        return None
    key = Projection(Operand(step.tag, step.vertex.columns["id"]), "id")
    return GraphQuery(query.steps, {step.tag: Every(kinds)}, (key,))


def compile_frequency(kind: GraphQuery, most: int) -> Statement:
    """A SELECT of how many rows there are, `most` at most."""
    rows = compile_graph(kind, most)

    def build() -> Select[Any]:
        return select(func.count()).select_from(rows.build().subquery())

    return Statement(("frequency", rows.shape), build, rows.values)


def along(query: GraphQuery, frequency: int, size: int) -> GraphQuery:
    """The same rows, found along their order, if that is shorter where so many of `size` rows are of the type."""
    window = Window(query.limit or 0, query.offset)
    return replace(query, walks=True) if is_shorter(window, frequency, size) else query


def _is_kind(term: Term, type_column: str | None) -> bool:
    return all(_is_itself(test, type_column) for test in leaves(term))


def _is_itself(test: Test, name: str | None) -> bool:
    return test.operand.taken is As.ITSELF and test.operand.column.name == name


def _has_index(query: GraphQuery, operand: Operand) -> bool:
    if operand.taken is not As.ITSELF or operand.tag != query.steps[0].tag:
        return False
    column = query.steps[0].vertex.table.c[operand.column.name]
    return isinstance(column, Column) and is_indexed(column)
