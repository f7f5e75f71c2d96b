"""Which way to the rows of a page is shorter, for databases that keep no statistics, as SQLite does of AiiDA's files.

One way takes an index on a condition, looks up all rows that fulfil it, and sorts them. The other goes along an index
on the order, and looks at each row until the page is full: shorter where many rows fulfil the conditions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Table, func, select

from aiida_like.storage.expressions import unindexed
from querylang.compile import RowsQuery, Statement, first_of
from querylang.condition import Condition
from querylang.options import Window
from querylang.terms import leaves, replaced

ONE_IN = 10
"""What is not as frequent may lie all at the far end, where the walk comes last, and takes too long."""

MANY = 1000
"""Fewer rows are sorted at once."""

_RANGES = frozenset({"=", "in", ">", "<", ">=", "<=", "within", "in intervals", "starts with", "has prefix"})
"""Tests that an index serves, and that take no time for one row. Those of relations have statements of their own."""


def can_walk(query: RowsQuery) -> bool:
    """Whether an index gives the order, and another could be taken for a condition."""
    first = first_of(query)
    if not query.conditions or not isinstance(query.entity.table, Table) or not is_indexed(first):
        return False
    indexed = [each for term in query.conditions for each in leaves(term) if is_indexed(each.field.expression)]
    are_ranges = all(each.test in _RANGES for each in indexed)
    return are_ranges and any(each.field.expression is not first for each in indexed)


def compile_size(table: FromClause) -> Statement:
    """A SELECT of the largest id, which is about how many rows the table has."""
    return Statement(("size", str(table)), lambda: select(func.max(table.c.id)), {})


def is_shorter(window: Window, total: int, size: int, one_in: int = ONE_IN) -> bool:
    """Whether the walk is: `total` of `size` rows fulfil the conditions, and lie anywhere."""
    return total >= MANY and total * one_in >= size and (window.offset + window.limit) * size < total * total


def along(query: RowsQuery) -> RowsQuery:
    """The same rows, found along the order: no index is to be taken for a condition."""
    first = first_of(query)

    def without_index(condition: Condition) -> Condition:
        field = condition.field
        if field.expression is first or not is_indexed(field.expression):
            return condition
        other = replace(field, name=f"unindexed {field.name}", expression=unindexed(field.expression))
        return replace(condition, field=other)

    return replace(query, conditions=tuple(replaced(term, without_index) for term in query.conditions))


def is_indexed(expression: ColumnElement[Any]) -> bool:
    """Whether AiiDA has an index on it, one that can give an order."""
    return isinstance(expression, Column) and bool(expression.primary_key or expression.index or expression.unique)
