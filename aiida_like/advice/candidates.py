"""Candidate indexes for a statement, from the columns it uses. Only the database can say whether it takes one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from typing import Any

from sqlalchemy import ClauseList, Column, Dialect, Select, String, Table

from aiida_like.advice.index import Index, Part
from aiida_like.advice.uses import Expression, Uses, plain, uses_of
from aiida_like.models import JSONText
from aiida_like.storage.sql.expressions import casefolded
from aiida_like.storage.sql.json_expressions import (
    AtPath,
    is_written,
    json_boolean,
    json_length,
    json_number,
    json_string,
    json_type,
    json_value,
)

_ORDERED_FORMS = (json_number, json_string, json_boolean, json_length, json_type)
"""Expressions of the value at a JSON path that have an order."""

_SHORT = 255
"""The longest text, in characters, that is indexed: PostgreSQL refuses a value that does not fit on a page."""

_MOST_READ = 4
"""The most columns of an index that holds all columns of a statement, so that the table is not read."""

_PYTHON = re.compile(r"\b(unicode_lower|pattern_matches|json_at|json_same|json_contains|json_has_key|json_cast_\w+)\(")
"""Calls of our Python functions in SQLite. AiiDA lacks them, and could store no row with an index on one."""


def candidates(select: Select[Any], dialect: Dialect) -> Iterator[Index]:
    """Candidate indexes, table by table, the most promising first."""
    method = "btree" if dialect.name == "postgresql" else None
    for table, uses in uses_of(select).items():
        maker = _Maker(table, dialect)
        seen: set[tuple[Part, ...]] = set()
        for expressions in _orders(uses):
            parts = maker.parts(expressions)
            if parts and parts not in seen:
                seen.add(parts)
                yield Index(str(table.name), parts, method)
        if method:
            yield from maker.special(uses)


def _orders(uses: Uses) -> Iterator[Sequence[Expression]]:
    """Sequences of columns that an index might have.

    Columns tested for equality come before the one that rows are ordered by, so that the index gives the order.
    """
    # The index of a unique column finds the one row already.
    leading = [each for each in (*uses.equal, *uses.grouped, *uses.ranged) if not _is_unique(each)]
    trailing = [*uses.ordered[:1], *uses.grouped, *uses.ranged, *uses.equal]
    if len(uses.equal) > 1 and uses.ordered:
        yield (*uses.equal, uses.ordered[0])
    yield from permutations(uses.grouped, 2)
    for first in leading:
        yield from ((first, second) for second in trailing if second is not first)
    yield from ((each,) for each in (*leading, *uses.ordered[:1]))
    if len(uses.columns) <= _MOST_READ:
        for first in leading:
            yield (first, *(column for column in uses.columns.values() if column is not first))


class _Maker:
    """Makes parts of indexes on one table, in the SQL of one dialect."""

    def __init__(self, table: Table, dialect: Dialect) -> None:
        self._table = table
        self._dialect = dialect
        self._is_sqlite = dialect.name == "sqlite"

    def parts(self, expressions: Iterable[Expression]) -> tuple[Part, ...]:
        """The parts of an index; none if an expression cannot be indexed, or if the primary key would do as well."""
        found = []
        for expression in dict.fromkeys(expressions):
            part = self._part(expression)
            if part is None:
                return ()
            if part not in found:
                found.append(part)
        if self._is_sqlite and found and found[-1].sql == "id":
            found.pop()  # each index of SQLite ends with the key
        return () if not found or found[0].sql == "id" else tuple(found)

    def special(self, uses: Uses) -> Iterator[Index]:
        """Indexes of PostgreSQL without an order: hash for text of any length, GIN for values inside JSON."""
        texts = (each for each in uses.equal if isinstance(each, json_string) and is_written(each.path))
        inside = (each for each in uses.inside if isinstance(each, AtPath) and is_written(each.path))
        for method, parts in (("hash", map(self._expression, texts)), ("gin", map(self._inside, inside))):
            yield from (Index(str(self._table.name), (part,), method) for part in parts if part is not None)

    def _inside(self, expression: AtPath) -> Part | None:
        json = _inner(expression)
        if not expression.path:
            return Part(str(json.name), str(json.name)) if isinstance(json, Column) else None
        return self._expression(json_value(json, expression.path))

    def _part(self, expression: Expression) -> Part | None:
        match expression:
            case Column():
                return None if _is_long(expression) else Part(str(expression.name), str(expression.name))
            case casefolded():
                text = _inner(expression)
                # No index is worth it for uuids, which are compared alphabetically by hardly anybody.
                is_fit = not self._is_sqlite and isinstance(text.type, String) and self._part(text) is not None
                return self._expression(expression) if is_fit else None
            case AtPath() if isinstance(expression, _ORDERED_FORMS) and is_written(expression.path):
                # JSON text can have any length, which a B-tree of PostgreSQL refuses.
                is_unfit = isinstance(expression, json_string) and not self._is_sqlite
                return None if is_unfit else self._expression(expression)
        return None

    def _expression(self, expression: Expression) -> Part | None:
        compiler = self._dialect.statement_compiler(self._dialect, None)
        sql = compiler.process(expression, include_table=False, literal_binds=True)
        return None if _PYTHON.search(sql) else Part(sql if sql.startswith("(") else f"({sql})", _label(expression))


def _is_unique(expression: Expression) -> bool:
    return isinstance(expression, Column) and bool(expression.unique or expression.primary_key)


def _is_long(column: Column[Any]) -> bool:
    kind = column.type
    return isinstance(kind, JSONText) or (isinstance(kind, String) and (kind.length or _SHORT + 1) > _SHORT)


def _inner(expression: Expression) -> Expression:
    inner: Expression = plain(next(iter(expression.get_children())))
    return plain(next(iter(inner.get_children()))) if isinstance(inner, ClauseList) else inner


def _label(expression: Expression) -> str:
    match expression:
        case AtPath():
            return "_".join((_inner(expression).name, *expression.path))
        case casefolded():
            return f"{_label(_inner(expression))}_lowered"
    return str(getattr(expression, "name", "expression"))
