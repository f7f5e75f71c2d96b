"""Sizes of rows: one value can have megabytes, so few rows can be more than fits into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter, length_hint
from typing import Any

from sqlalchemy import Boolean, Integer, Numeric, Select

from aiida_like.models import JSONText, Timestamp, Uuid

Row = Sequence[Any]

_SMALL = (Integer, Numeric, Boolean, Timestamp, Uuid)
"""Types of columns whose values are small, or made so where anybody's database is written anew."""

_TEXTS_AT_ONCE, _JSON_AT_ONCE, _ALL = 32, 4, 1_000_000_000
"""Rows that are fetched at once: a page of usual lists, few of those with JSON, and all of those that are small."""


@dataclass(frozen=True)
class LargeColumns:
    """The columns of a statement whose values can be large: `values` gives those of a row, None if there are none.

    `at_once`: how many rows are fetched before their sizes are looked at. `have_json`: some are documents, so what is
    written to see sizes would be long.
    """

    values: Callable[[Row], Iterable[Any]] | None = None
    at_once: int = _ALL
    have_json: bool = False

    @classmethod
    def of(cls, statement: Select[Any]) -> LargeColumns:
        types = {
            position: column.type
            for position, column in enumerate(statement.selected_columns)
            if not isinstance(column.type, _SMALL)
        }
        have_json = any(isinstance(each, JSONText) for each in types.values())
        if not types:
            return cls()
        first = min(types)
        # Of one position itemgetter would give no tuple.
        values = itemgetter(*types) if len(types) > 1 else itemgetter(slice(first, first + 1))
        return cls(values, _JSON_AT_ONCE if have_json else _TEXTS_AT_ONCE, have_json)

    def readable(self, rows: Sequence[Row]) -> tuple[Sequence[Row], int]:
        """The rows with text for bytes, which SQLite takes in any column; and as `characters`."""
        if bytes in {*map(type, chain.from_iterable(rows))}:
            rows = [tuple(map(_text, row)) for row in rows]
        return rows, self.characters(rows)

    def characters(self, rows: Iterable[Row]) -> int:
        """The number of characters in the large columns."""
        return characters_of(map(self.values, rows)) if self.values else 0


def _text(value: Any) -> Any:
    """The value; bytes as text, with U+FFFD for what is no UTF-8."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def characters_of(rows: Iterable[Iterable[Any]]) -> int:
    """The number of characters of all texts. Numbers have no length."""
    return sum(map(length_hint, chain.from_iterable(rows)))
