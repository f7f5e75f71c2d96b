"""The types as which a value in JSON is compared, ordered or shown."""

from __future__ import annotations

from sqlalchemy import func

from aiida_like.storage.sql import json_expressions as json
from aiida_like.storage.sql.expressions import casefolded
from querylang.lowering.in_sql import InSQL

Path = tuple[str, ...]
"""Keys that lead to a value in JSON."""


class AsType(InSQL):
    """The type as which the SQL of a value gives it: NULL where the value is of another type, or where there is none.

    ITSELF is the column as it is, and JSON the value of any type. CASEFOLDED is the column in lower case, for text and
    uuids, and CASEFOLDED_TEXT a text in JSON. TYPE is the name of the type; TYPE_OR_NULL is "null" where there is no
    value. CASTs convert values of other types, with the words of AiiDA's QueryBuilder.

    `sql` makes the value of a column, and of the path in it if it is JSON.
    """

    ITSELF = "itself", lambda column, _: column
    CASEFOLDED = "casefolded", lambda column, _: casefolded(column)
    NUMBER = "number", json.json_number
    TEXT = "text", json.json_string
    CASEFOLDED_TEXT = "casefolded text", lambda column, path: casefolded(json.json_string(column, path))
    BOOLEAN = "boolean", json.json_boolean
    TYPE = "type", json.json_type
    TYPE_OR_NULL = "type or null", lambda column, path: func.coalesce(json.json_type(column, path), "null")
    LENGTH = "length", json.json_length
    JSON = "json", json.json_value
    CAST_FLOAT = "f", json.json_as_float
    CAST_INTEGER = "i", json.json_as_integer
    CAST_BOOLEAN = "b", json.json_as_boolean
    CAST_TEXT = "t", json.json_as_text
    CAST_JSON = "j", json.json_value
    CAST_DATETIME = "d", json.json_as_datetime
