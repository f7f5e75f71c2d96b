"""The uses of columns in a SELECT, table by table, which decide what an index could do for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BinaryExpression, ClauseElement, Column, ColumnElement, Select, Table, UnaryExpression
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import Grouping, Label

from aiida_like.storage.sql.expressions import has_prefix, in_json_array, like, like_within, unindexed
from aiida_like.storage.sql.json_expressions import json_contains, json_has_key, json_has_plain_key

Expression = ColumnElement[Any]
_EQUAL = frozenset({operators.eq, operators.in_op, operators.is_})
_RANGE = frozenset({operators.lt, operators.le, operators.gt, operators.ge})
_INSIDE = (json_contains, json_has_key, json_has_plain_key)


@dataclass(frozen=True)
class Uses:
    """Expressions of one table that a SELECT compares, orders or groups by, in the order in which they occur.

    `inside`: tests of values inside JSON. `columns`: all columns that are read, by name.
    """

    equal: list[Expression] = field(default_factory=list)
    ranged: list[Expression] = field(default_factory=list)
    ordered: list[Expression] = field(default_factory=list)
    grouped: list[Expression] = field(default_factory=list)
    inside: list[Expression] = field(default_factory=list)
    columns: dict[str, Expression] = field(default_factory=dict)


def uses_of(select: Select[Any]) -> Mapping[Table, Uses]:
    found: dict[Table, Uses] = {}
    for element in _walk(select, set()):
        for kind, expression in _used(element):
            table = _table_of(expression)
            if table is not None:
                into = getattr(found.setdefault(table, Uses()), kind)
                if not any(expression.compare(known) for known in into):
                    into.append(expression)
        if isinstance(element, Column) and isinstance(element.table, Table):
            found.setdefault(element.table, Uses()).columns[element.name] = element
    return found


def tables_of(select: Select[Any]) -> set[Table]:
    """The tables that a SELECT reads."""
    elements = list(_walk(select, set()))
    of_columns = (element.table for element in elements if isinstance(element, Column))
    return {table for table in (*elements, *of_columns) if isinstance(table, Table)}


def plain(expression: Any) -> Any:
    """The expression without labels, parentheses, ASC and DESC, which change nothing for an index."""
    while isinstance(expression, (Label, Grouping)) or (
        isinstance(expression, UnaryExpression) and expression.modifier is not None
    ):
        expression = expression.element
    return expression


def _walk(element: ClauseElement, seen: set[int]) -> Iterator[ClauseElement]:
    if id(element) in seen:
        return
    seen.add(id(element))
    yield element
    if isinstance(element, Table):
        return
    for child in element.get_children():
        if isinstance(child, ClauseElement):
            yield from _walk(child, seen)


def _used(element: Any) -> Iterator[tuple[str, Expression]]:
    for kind, look in _LOOKS:
        if isinstance(element, kind):
            yield from look(element)


def _of_comparison(element: BinaryExpression[Any]) -> Iterator[tuple[str, Expression]]:
    kind = "equal" if element.operator in _EQUAL else "ranged" if element.operator in _RANGE else None
    if kind is not None:
        # Both sides, because a join can look up rows from either table.
        yield from ((kind, plain(side)) for side in (element.left, element.right))


def _of_order(element: UnaryExpression[Any]) -> Iterator[tuple[str, Expression]]:
    if element.modifier in (operators.asc_op, operators.desc_op):
        yield "ordered", plain(element)


def _of_groups(element: Select[Any]) -> Iterator[tuple[str, Expression]]:
    for column in element._group_by_clauses:  # noqa: SLF001 (SQLAlchemy has no other name for it)
        for base in map(plain, column.base_columns):
            # `unindexed` avoids an index of AiiDA; a new index may well have the column in second place.
            yield "grouped", plain(next(iter(base.clauses))) if isinstance(base, unindexed) else base


_LOOKS: tuple[tuple[Any, Callable[[Any], Iterator[tuple[str, Expression]]]], ...] = (
    (BinaryExpression, _of_comparison),
    (UnaryExpression, _of_order),
    (Select, _of_groups),
    (in_json_array, lambda element: iter([("equal", plain(next(iter(element.clauses))))])),
    ((like, like_within, has_prefix), lambda element: iter([("ranged", plain(next(iter(element.clauses))))])),
    (_INSIDE, lambda element: iter([("inside", element)])),
)


def _table_of(expression: Expression) -> Table | None:
    """The one table of all columns in an expression; None: no table, several, or no index is wanted."""
    if isinstance(expression, unindexed) or not isinstance(expression, ColumnElement):
        return None
    tables = {element.table for element in _walk(expression, set()) if isinstance(element, Column)}
    table = tables.pop() if len(tables) == 1 else None
    return table if isinstance(table, Table) else None
