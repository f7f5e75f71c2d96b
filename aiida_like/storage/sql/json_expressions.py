"""The value at a path in a JSON column, as SQLAlchemy expressions that mean the same on both databases.

A path is a tuple of keys; where there is a list, a key is an index into it, from 0, or from the end with a minus.
Each expression is NULL where nothing is at the path, or nothing of its type.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Any

import orjson
from sqlalchemy import BigInteger, Boolean, Float, Integer, String, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from aiida_like.models import JSONValue, Timestamp
from aiida_like.storage.sql.expressions import CHECKS_JSON, IS_CAREFUL, readable_json
from aiida_like.storage.sql.jsonb import DATETIME, INTEGER, NUMBER

Path = tuple[str, ...]


class AtPath(FunctionElement[Any]):
    """`sqlite` and `postgresql` are templates of its SQL.

    In them `{type}` is the type of the value as each database calls it, `{value}` the value, as JSON text in SQLite and
    as jsonb in PostgreSQL, `{text}` the same as text, and `{operand}` what it is compared with. SQLite's own functions
    are `{json}` and `{path}`; `{number}` is the value as a number of PostgreSQL.
    """

    sqlite: str
    postgresql: str

    def __init__(self, json: Any, path: Path, *operands: Any) -> None:
        self.path = path
        super().__init__(json, *operands)


class json_value(AtPath):  # noqa: N801 (these read as the SQL functions they are)
    """The value as JSON."""

    type = JSONValue()
    # Only lists and objects go through Python, which sorts their keys.
    sqlite = "(CASE WHEN {type} IN ('object', 'array') THEN {value} ELSE {scalar} END)"
    postgresql = "{value}"


class json_type(AtPath):  # noqa: N801
    """The type: object, array, string, number, boolean or null."""

    type = String()
    sqlite = (
        "(CASE {type} WHEN 'text' THEN 'string' WHEN 'integer' THEN 'number' WHEN 'real' THEN 'number' "
        "WHEN 'true' THEN 'boolean' WHEN 'false' THEN 'boolean' ELSE {type} END)"
    )
    postgresql = "{type}"


class json_number(AtPath):  # noqa: N801
    type = Float()
    sqlite = "(CASE WHEN {type} IN ('integer', 'real') THEN CAST(json_extract({json}, {path}) AS REAL) END)"
    postgresql = "(CASE WHEN {type} = 'number' THEN {number} END)"


class json_string(AtPath):  # noqa: N801
    type = String()
    sqlite = "(CASE WHEN {type} = 'text' THEN json_extract({json}, {path}) END)"
    postgresql = "(CASE WHEN {type} = 'string' THEN {text} END)"


class json_boolean(AtPath):  # noqa: N801
    type = Boolean()
    sqlite = "(CASE {type} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)"
    postgresql = "(CASE WHEN {type} = 'boolean' THEN CAST({text} AS BOOLEAN) END)"


class json_length(AtPath):  # noqa: N801
    """The length of a list."""

    type = Integer()
    sqlite = "(CASE WHEN {type} = 'array' THEN json_array_length({json}, {path}) END)"
    postgresql = "(CASE WHEN {type} = 'array' THEN jsonb_array_length({value}) END)"


class json_same(AtPath):  # noqa: N801
    """Whether the value equals the operand, JSON text of an object or a list; false if there is no value."""

    type = Boolean()
    sqlite = "json_same({value}, {operand})"
    postgresql = "coalesce({value} = CAST({operand} AS JSONB), false)"


class json_contains(AtPath):  # noqa: N801
    """Whether the value contains the operand, JSON text."""

    type = Boolean()
    sqlite = "json_contains({value}, {operand})"
    postgresql = "({value} @> CAST({operand} AS JSONB))"


class json_has_key(AtPath):  # noqa: N801
    """Whether the operand is a key of an object, a text in a list, or the text itself."""

    type = Boolean()
    sqlite = "json_has_key({value}, {operand})"
    postgresql = "({value} ? {operand})"


class json_has_plain_key(AtPath):  # noqa: N801
    """`json_has_key` for a key that `is_plain`: in an object SQLite finds it without Python."""

    type = Boolean()
    sqlite = (
        "(CASE {type} WHEN 'object' THEN json_type({json}, {path} || '.\"' || {operand} || '\"') IS NOT NULL "
        "ELSE json_has_key({value}, {operand}) END)"
    )
    postgresql = json_has_key.postgresql


def _compared(relation: str, sign: str) -> tuple[str, str]:
    """SQL of a comparison of numbers, for SQLite and PostgreSQL."""
    # PostgreSQL unpacks the whole document at each access. So most rows, which do not match, are accessed once, for a
    # comparison as JSON with a bound a bit beyond the operand, because a cast to NUMERIC rounds. In a SELECT of its own
    # the bound is computed once for all rows.
    operand = "CAST({operand} AS DOUBLE PRECISION)"
    number = f"SELECT CAST({operand} AS NUMERIC) AS n"
    bound = f"(SELECT to_jsonb(n {sign} abs(n) * 1e-14) FROM ({number}) AS operand)"  # noqa: S608 (of two signs)
    exactly = f"{{type}} = 'number' THEN {{number}} {relation} {operand}"
    # SQLite extracts the value first, and the type of matches only, because a text can be cast to a number too.
    as_real = "CAST(json_extract({json}, {path}) AS REAL)"
    return (
        f"(CASE WHEN {as_real} {relation} {{operand}} THEN {{type}} IN ('integer', 'real') ELSE 0 END)",
        f"(CASE WHEN {{value}} {relation[0]}= {bound} THEN (CASE WHEN {exactly} ELSE false END) ELSE false END)",
    )


class json_less(AtPath):  # noqa: N801
    """Whether the value is a number less than the operand; false for all others. Likewise the three below."""

    type = Boolean()
    sqlite, postgresql = _compared("<", "+")


class json_less_or_equal(AtPath):  # noqa: N801
    type = Boolean()
    sqlite, postgresql = _compared("<=", "+")


class json_greater(AtPath):  # noqa: N801
    type = Boolean()
    sqlite, postgresql = _compared(">", "-")


class json_greater_or_equal(AtPath):  # noqa: N801
    type = Boolean()
    sqlite, postgresql = _compared(">=", "-")


class json_as_text(AtPath):  # noqa: N801
    """A cast to text. The classes below are casts too."""

    type = String()
    sqlite = (
        "(CASE {type} WHEN 'text' THEN json_extract({json}, {path}) WHEN 'null' THEN NULL "
        "ELSE canonical_json({value}) END)"
    )
    postgresql = "{text}"


class json_as_float(AtPath):  # noqa: N801
    type = Float()
    sqlite = f"json_cast_float({json_as_text.sqlite})"
    postgresql = f"(CASE WHEN {{text}} ~ '{NUMBER}' THEN CAST({{text}} AS DOUBLE PRECISION) END)"


class json_as_integer(AtPath):  # noqa: N801
    type = BigInteger()
    sqlite = f"json_cast_integer({json_as_text.sqlite})"
    postgresql = f"(CASE WHEN {{text}} ~ '{INTEGER}' THEN CAST({{text}} AS BIGINT) END)"


class json_as_boolean(AtPath):  # noqa: N801
    type = Boolean()
    sqlite = f"json_cast_boolean({json_as_text.sqlite})"
    postgresql = (
        "(CASE WHEN lower(trim({text})) IN ('true', 't', 'yes', 'y', 'on', '1') THEN true "
        "WHEN lower(trim({text})) IN ('false', 'f', 'no', 'n', 'off', '0') THEN false END)"
    )


class json_as_datetime(AtPath):  # noqa: N801
    """A time in UTC; a written shift is ignored."""

    type = Timestamp()
    sqlite = f"json_cast_datetime({json_as_text.sqlite})"
    postgresql = f"CAST(substring({{text}} from '{DATETIME}') AS TIMESTAMP WITH TIME ZONE)"


_PLAIN = re.compile(r"[ !#-\[\]-~]+")
_INDEX = re.compile(r"\s*[+-]?[0-9]+")
_LITERAL = re.compile("[A-Za-z0-9_ .:|+-]*")
"""Keys that can stand in any literal of SQL; others, such as those with quotes, are parameters."""


HAS_ARROWS = sqlite3.sqlite_version_info >= (3, 38)
"""Whether SQLite has the operator `->`."""


def is_plain(key: str) -> bool:
    """Whether SQLite's own paths find the key; keys with other characters are looked up in Python."""
    return _PLAIN.fullmatch(key) is not None


def is_written(path: Path) -> bool:
    """Whether the path is a literal in the statement: else databases take no index on the expression."""
    return all(map(_LITERAL.fullmatch, path))


@compiles(AtPath, "sqlite")
def _at_path_sqlite(element: AtPath, compiler: SQLCompiler, **kw: Any) -> str:
    json, *operands = (compiler.process(clause, **kw) for clause in element.clauses)
    json = readable_json(json, compiler)
    is_direct = all(is_plain(key) and not _INDEX.fullmatch(key) for key in element.path)
    keys = compiler.process(literal(orjson.dumps(element.path).decode(), String()), **kw)
    value = f"json_at({json}, {keys})"
    if isinstance(element, json_value) and not (is_direct and HAS_ARROWS):
        return value
    if is_direct:
        path = _written(compiler, "$" + "".join(f'."{key}"' for key in element.path), element.path, **kw)
    else:
        json, path = value, "'$'"
    type_ = f"json_type({json}, {path})"
    scalar = f"({json} -> {path})"
    if getattr(compiler.dialect, CHECKS_JSON, False):
        scalar = f"(CASE WHEN {scalar} GLOB '*\\u[dD]*' THEN {value} ELSE {scalar} END)"
    parts = {"type": type_, "value": value, "json": json, "path": path, "scalar": scalar}
    return _filled(element.sqlite, **parts, operand="".join(operands))


@compiles(AtPath, "postgresql")
def _at_path_postgresql(element: AtPath, compiler: SQLCompiler, **kw: Any) -> str:
    json, *operands = (compiler.process(clause, **kw) for clause in element.clauses)
    value, text = f"({json})", f"({json} #>> '{{}}')"
    if element.path:
        path = _written(compiler, _array(element.path), element.path, **kw)
        value = f"({json} #> CAST({path} AS TEXT[]))"
        text = f"({json} #>> CAST({path} AS TEXT[]))"
    type_ = f"jsonb_typeof({value})"
    number = f"CAST({text} AS DOUBLE PRECISION)"
    if getattr(compiler.dialect, IS_CAREFUL, False):
        number = _filled(_ANY_NUMBER, value=value, number=number)
    parts = {"type": type_, "value": value, "text": text, "number": number}
    return _filled(element.postgresql, **parts, operand="".join(operands))


_ANY_NUMBER = (
    "(CASE WHEN {value} > '1.7976931348623157e308' THEN 'Infinity' WHEN {value} < '-1.7976931348623157e308' "
    "THEN '-Infinity' WHEN {value} > '-3e-324' AND {value} < '3e-324' THEN 0 ELSE {number} END)"
)
"""A number of JSON, which has no limits there, as SQLite reads it: a cast of one beyond doubles is an error."""


def _written(compiler: SQLCompiler, text: str, path: Path, **kw: Any) -> str:
    return compiler.process(literal(text, String()), **({**kw, "literal_binds": True} if is_written(path) else kw))


def _filled(template: str, **parts: str) -> str:
    """The template with its parts. Not `str.format`, because regular expressions have braces too."""
    for name, part in parts.items():
        template = template.replace(f"{{{name}}}", part)
    return template


def _array(path: Path) -> str:
    """A path as a literal of an array of PostgreSQL."""
    return "{" + ",".join('"' + re.sub(r'(["\\])', r"\\\1", key) + '"' for key in path) + "}"
