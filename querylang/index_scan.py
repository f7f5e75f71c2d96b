"""Index-order scans, where a database would take another way: SQLite keeps no statistics of AiiDA's files.

By default a database takes an index on a condition, looks up all rows that fulfil it, and sorts them. A scan in order
reads an index on the order instead, and looks at each row until the page is full. The scan is shorter where many rows
fulfil the conditions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Table, func, select

from aiida_like.storage.sql.expressions import unindexed
from aiida_like.storage.statements import Statement
from querylang.compile import RowsQuery, first_of
from querylang.condition import Condition
from querylang.lowering.predicates import Predicate
from querylang.options import Window
from querylang.terms import leaves, replaced

ONE_IN = 10
"""Of how many rows one must fulfil the conditions: rarer rows may all lie at the far end of the index."""

_RANGES = frozenset(
    {
        Predicate.EQUAL,
        Predicate.IN,
        Predicate.GREATER,
        Predicate.LESS,
        Predicate.GREATER_OR_EQUAL,
        Predicate.LESS_OR_EQUAL,
        Predicate.BETWEEN,
        Predicate.IN_INTERVALS,
        Predicate.LIKE_WITHIN,
        Predicate.HAS_PREFIX,
    }
)
"""Predicates that an index serves, and that cost nothing for one row; those of relations need a SELECT of their own."""


def can_scan_in_order(query: RowsQuery) -> bool:
    """Whether an index gives the order, and a database could take another index for a condition instead."""
    first = first_of(query)
    if not query.conditions or not isinstance(query.entity.table, Table) or not is_indexed(first):
        return False
    indexed = [each for term in query.conditions for each in leaves(term) if is_indexed(each.field.expression)]
    are_ranges = all(each.predicate in _RANGES for each in indexed)
    return are_ranges and any(each.field.expression is not first for each in indexed)


def compile_size(table: FromClause) -> Statement:
    """A SELECT of the largest id, which is about how many rows the table has."""
    return Statement(("size", str(table)), lambda: select(func.max(table.c.id)), {})


def is_shorter(window: Window, total: int, size: int, least: int, one_in: int = ONE_IN) -> bool:
    """Whether a scan in order is shorter. `total` of `size` rows fulfil the conditions, and can lie anywhere.

    Fewer than `least` are sorted faster than an index is scanned.
    """
    return total >= least and total * one_in >= size and (window.offset + window.limit) * size < total * total


def scan_in_order(query: RowsQuery) -> RowsQuery:
    """The query with conditions that no index serves, so that the database scans the index on the order."""
    first = first_of(query)

    def without_index(condition: Condition) -> Condition:
        field = condition.field
        if field.expression is first or not is_indexed(field.expression):
            return condition
        other = replace(field, name=f"unindexed {field.name}", expression=unindexed(field.expression))
        return replace(condition, field=other)

    return replace(query, conditions=tuple(replaced(term, without_index) for term in query.conditions))


def is_indexed(expression: ColumnElement[Any]) -> bool:
    """Whether AiiDA has an index on the expression that can give an order."""
    return isinstance(expression, Column) and bool(expression.primary_key or expression.index or expression.unique)
