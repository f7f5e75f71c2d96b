"""The types as which a value in JSON is compared, ordered or shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, func

from aiida_like.storage import json_expressions as json
from querylang.lowering.covering import covering

Path = tuple[str, ...]
"""Keys that lead to a value in JSON."""


class AsType(Enum):
    """The type as which the SQL of a value gives it: NULL where the value is of another type, or where there is none.

    ITSELF is the column as it is, and JSON the value of any type. TYPE is the name of the type; TYPE_OR_NULL is "null"
    where there is no value. CASTs convert values of other types, with the words of AiiDA's QueryBuilder.
    """

    ITSELF = "itself"
    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    TYPE = "type"
    TYPE_OR_NULL = "type or null"
    LENGTH = "length"
    JSON = "json"
    CAST_FLOAT = "f"
    CAST_INTEGER = "i"
    CAST_BOOLEAN = "b"
    CAST_TEXT = "t"
    CAST_JSON = "j"
    CAST_DATETIME = "d"

    # That of Enum is a call in Python, for each operand of a query.
    __hash__ = object.__hash__


EXPRESSIONS: Mapping[AsType, Callable[[ColumnElement[Any], Path], ColumnElement[Any]]] = covering(
    AsType,
    {
        AsType.ITSELF: lambda column, _: column,
        AsType.NUMBER: json.json_number,
        AsType.TEXT: json.json_string,
        AsType.BOOLEAN: json.json_boolean,
        AsType.TYPE: json.json_type,
        AsType.TYPE_OR_NULL: lambda column, path: func.coalesce(json.json_type(column, path), "null"),
        AsType.LENGTH: json.json_length,
        AsType.JSON: json.json_value,
        AsType.CAST_FLOAT: json.json_as_float,
        AsType.CAST_INTEGER: json.json_as_integer,
        AsType.CAST_BOOLEAN: json.json_as_boolean,
        AsType.CAST_TEXT: json.json_as_text,
        AsType.CAST_JSON: json.json_value,
        AsType.CAST_DATETIME: json.json_as_datetime,
    },
)
"""The SQL of each, for the value at a path of a JSON column."""
