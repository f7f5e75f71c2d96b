"""Repairs the copy of an archive's database: afterwards each value is of the type of its column, and JSON is JSON.

An archive can come from anybody, and one odd value must not break the list that it stands in. The archive itself
stays as it is.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import orjson
from sqlalchemy import Boolean, Column, Integer, String
from sqlalchemy.types import TypeEngine

from aiida_like import json_text, models

NO_TIME = "1980-01-01 00:00:00.000000"
"""Stands for a time that is none: the first that a zip file can have."""

_AT_ONCE = 1000
_TEXT = "typeof({0}) != 'text' OR {0} GLOB '*[^ -~]*'"
_FRACTION = "substr({0}, 21)"

_SUSPECTS: Mapping[type[TypeEngine[Any]], str] = {
    Integer: "typeof({0}) != 'integer'",
    Boolean: "typeof({0}) != 'integer'",
    String: _TEXT,
    models.Uuid: _TEXT,
    models.Timestamp: (
        "typeof({0}) != 'text' OR {0} < '0001' OR time(substr({0}, 1, 19)) IS NULL "
        "OR date(substr({0}, 1, 10), '+0 days') IS NOT substr({0}, 1, 10) "
        f"OR substr({{0}}, 20, 1) NOT IN ('', '.') OR {_FRACTION} GLOB '*[^0-9]*' OR length({_FRACTION}) > 6"
    ),
    models.JSONText: (
        "CASE WHEN typeof({0}) = 'text' AND json_valid({0}) "
        r"THEN json_type({0}) != 'object' OR {0} LIKE '%\ud%' ELSE 1 END"
    ),
}
"""By type of a column, the condition of values that Python has to look at."""


def repair(connection: sqlite3.Connection) -> int:
    """The number of values that were replaced. Raises sqlite3.DatabaseError."""
    return sum(
        _repair_column(connection, table.name, column)
        for table in models.metadata.sorted_tables
        for column in table.columns
        if not column.primary_key
    )


def _repair_column(connection: sqlite3.Connection, table: str, column: Column[Any]) -> int:
    name, type_ = f'"{column.name}"', type(column.type)
    suspect = _SUSPECTS[type_].format(name)
    # A part at a time, as all may be suspects.
    statement = (
        f"SELECT id, typeof({name}) = 'text', CAST({name} AS BLOB) FROM {table} "  # noqa: S608 (our own names)
        f"WHERE id > ? AND ({suspect}) AND {name if column.nullable else 1} IS NOT NULL ORDER BY id LIMIT {_AT_ONCE}"
    )
    number, last = 0, -(2**63)
    while found := connection.execute(statement, (last,)).fetchall():
        mended = []
        for row, is_text, stored in found:
            value = _MENDS[type_](stored or b"", column)
            if not (is_text and isinstance(value, str) and value.encode() == stored):
                mended.append((value, row))
        # Two uuids could become one.
        connection.executemany(f"UPDATE OR IGNORE {table} SET {name} = ? WHERE id = ?", mended)  # noqa: S608
        number, last = number + len(mended), found[-1][0]
    return number


def _text(stored: bytes, _: Column[Any]) -> str:
    return stored.decode(errors="replace")


def _json(stored: bytes, column: Column[Any]) -> str | None:
    """AiiDA's columns of JSON hold objects. Half characters, of which no text can be made, are replaced."""
    try:
        text = stored.decode()
        value = json_text.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        return None if column.nullable else "{}"
    with suppress(orjson.JSONDecodeError):
        orjson.loads(text)
        return text
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return written.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


_MENDS: Mapping[type[TypeEngine[Any]], Callable[[bytes, Column[Any]], Any]] = {
    Integer: lambda _, __: 0,
    Boolean: lambda _, __: 0,
    String: _text,
    models.Uuid: _text,
    models.Timestamp: lambda _, __: NO_TIME,
    models.JSONText: _json,
}
"""By type of a column, what a suspect becomes."""
