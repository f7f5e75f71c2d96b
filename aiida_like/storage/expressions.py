"""SQL that each database spells differently, as SQLAlchemy expressions that mean the same on both."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Integer, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from aiida_like.models import Timestamp, Uuid

UNICODE_LOWER, PATTERN_MATCHES = "unicode_lower", "pattern_matches"
"""Python functions that every SQLite connection of ours has."""

HAS_UNICODE_COLLATION = "aiida_like_has_unicode_collation"
"""An attribute of the dialect of PostgreSQL: whether the server knows the collation `und-x-icu`."""


_FINAL_SIGMA, _SIGMA = "\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}"


def casefold(text: str) -> str:
    """The text in lower case, as the SQL function `casefolded` gives it: not `str.casefold`, which makes ss of ß.

    A sigma at the end of a word becomes the other sigma, because a word may go on where a pattern ends.
    """
    return text.lower().replace(_FINAL_SIGMA, _SIGMA)


class casefolded(FunctionElement[str]):  # noqa: N801 (reads as the SQL function it is)
    """`casefolded(text)`: the text or uuid in lower case by the rules of Unicode, compared by code points."""

    type = String()
    inherit_cache = True


class like(FunctionElement[bool]):  # noqa: N801
    r"""`like(text, pattern)`: SQL's LIKE, case-sensitive, escape `\`."""

    inherit_cache = True


class like_within(FunctionElement[bool]):  # noqa: N801
    """`like_within(text, pattern, first, end)`: `like` for a pattern whose matches all lie in [first, end).

    PostgreSQL finds the range of its `varchar_pattern_ops` index itself; SQLite needs its bounds.
    """

    inherit_cache = True


class has_prefix(FunctionElement[bool]):  # noqa: N801
    """`has_prefix(text, pattern, first, end)`: `like` for a pattern that matches exactly the texts in [first, end)."""

    inherit_cache = True


class matches(FunctionElement[bool]):  # noqa: N801
    """`matches(text, pattern, regex)`: whether a text matches a `patterns.Pattern`, given as text and as regex."""

    inherit_cache = True


class json_text(FunctionElement[str]):  # noqa: N801
    """`json_text(json, key)`: the string or number below a key as text, NULL where there is none."""

    type = String()
    inherit_cache = True


class json_object_text(FunctionElement[str]):  # noqa: N801
    """`json_object_text(json, key)`: the object below a key as text in the canonical form of jsonb, else `{}`."""

    type = String()
    inherit_cache = True


class in_json_array(FunctionElement[bool]):  # noqa: N801
    """`in_json_array(number, numbers)`: whether the number is in an array, which is given as text, `[1,2,3]`."""

    inherit_cache = True


class unindexed(FunctionElement[Any]):  # noqa: N801
    """`unindexed(column)`: the value of an integer or text, for a condition that no index should serve.

    A database without statistics, such as SQLite, would take the index on types of links, which finds a third of them.
    """

    inherit_cache = True


class defeat_bloom_filter(FunctionElement[bool]):  # noqa: N801
    """`defeat_bloom_filter(test, first)`: the same truth, written so that it depends on the column `first` as well.

    `test` is about a joined table, `first` a column of the table before it. After ANALYZE, SQLite would read all of the
    joined table to make a Bloom filter of the rows that pass a test of that table alone. No index serves the result.
    """

    inherit_cache = True


class utc_day(FunctionElement[str]):  # noqa: N801
    """`utc_day(time)`: `YYYY-MM-DD`"""

    type = Timestamp()
    inherit_cache = True


def _operands(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> list[str]:
    operands: list[ColumnElement[Any]] = list(element.clauses)
    return [compiler.process(operand, **kw) for operand in operands]


def _json_extract(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> str:
    # Not ->>, which SQLite has from 3.38 only.
    json, key = _operands(element, compiler, **kw)
    return f"""json_extract({json}, '$."' || {key} || '"')"""


@compiles(casefolded, "sqlite")
def _casefolded_sqlite(element: casefolded, compiler: SQLCompiler, **kw: Any) -> str:
    # SQLite's own lower() knows ASCII only; calling Python for every row would be ten times slower.
    (text,) = _operands(element, compiler, **kw)
    return f"(CASE WHEN {text} GLOB '*[^ -~]*' THEN {UNICODE_LOWER}({text}) ELSE lower({text}) END)"


@compiles(casefolded, "postgresql")
def _casefolded_postgresql(element: casefolded, compiler: SQLCompiler, **kw: Any) -> str:
    (text,) = _operands(element, compiler, **kw)
    if isinstance(next(iter(element.clauses)).type, Uuid):
        text = f"CAST({text} AS TEXT)"
    if getattr(compiler.dialect, HAS_UNICODE_COLLATION, True):
        text = f'{text} COLLATE "und-x-icu"'
    return f"""(replace(lower({text}), '{_FINAL_SIGMA}', '{_SIGMA}') COLLATE "C")"""


@compiles(like)
def _like(element: like, compiler: SQLCompiler, **kw: Any) -> str:
    text, pattern = _operands(element, compiler, **kw)
    return rf"({text} LIKE {pattern} ESCAPE '\')"


@compiles(like_within, "sqlite")
def _like_within_sqlite(element: like_within, compiler: SQLCompiler, **kw: Any) -> str:
    text, pattern, first, end = _operands(element, compiler, **kw)
    return rf"({text} >= {first} AND {text} < {end} AND {text} LIKE {pattern} ESCAPE '\')"


@compiles(has_prefix, "sqlite")
def _has_prefix_sqlite(element: has_prefix, compiler: SQLCompiler, **kw: Any) -> str:
    text, _, first, end = _operands(element, compiler, **kw)
    return f"({text} >= {first} AND {text} < {end})"


@compiles(has_prefix, "postgresql")
@compiles(like_within, "postgresql")
def _like_within_postgresql(element: like_within | has_prefix, compiler: SQLCompiler, **kw: Any) -> str:
    text, pattern, *_ = _operands(element, compiler, **kw)
    return rf"({text} LIKE {pattern} ESCAPE '\')"


@compiles(matches, "sqlite")
def _matches_sqlite(element: matches, compiler: SQLCompiler, **kw: Any) -> str:
    text, pattern, _ = _operands(element, compiler, **kw)
    return f"{PATTERN_MATCHES}({pattern}, {text})"


@compiles(matches, "postgresql")
def _matches_postgresql(element: matches, compiler: SQLCompiler, **kw: Any) -> str:
    text, _, regex = _operands(element, compiler, **kw)
    return f"({text} ~ {regex})"


@compiles(json_text, "sqlite")
def _json_text_sqlite(element: json_text, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST({_json_extract(element, compiler, **kw)} AS TEXT)"


@compiles(json_text, "postgresql")
def _json_text_postgresql(element: json_text, compiler: SQLCompiler, **kw: Any) -> str:
    json, key = _operands(element, compiler, **kw)
    return f"({json} ->> {key})"


@compiles(json_object_text, "sqlite")
def _json_object_text_sqlite(element: json_object_text, compiler: SQLCompiler, **kw: Any) -> str:
    return f"coalesce(canonical_json({_json_extract(element, compiler, **kw)}), '{{}}')"


@compiles(json_object_text, "postgresql")
def _json_object_text_postgresql(element: json_object_text, compiler: SQLCompiler, **kw: Any) -> str:
    json, key = _operands(element, compiler, **kw)
    return f"coalesce({json} ->> {key}, '{{}}')"


@compiles(utc_day, "sqlite")
def _utc_day_sqlite(element: utc_day, compiler: SQLCompiler, **kw: Any) -> str:
    return f"substr({_operands(element, compiler, **kw)[0]}, 1, 10)"


@compiles(utc_day, "postgresql")
def _utc_day_postgresql(element: utc_day, compiler: SQLCompiler, **kw: Any) -> str:
    # Not to_char, which takes twice as long for a million times.
    return f"CAST({_operands(element, compiler, **kw)[0]} AT TIME ZONE 'UTC' AS DATE)"


@compiles(in_json_array, "sqlite")
def _in_json_array_sqlite(element: in_json_array, compiler: SQLCompiler, **kw: Any) -> str:
    number, numbers = _operands(element, compiler, **kw)
    return f"({number} IN (SELECT value FROM json_each({numbers})))"  # noqa: S608 (both are SQL, with its values bound)


@compiles(in_json_array, "postgresql")
def _in_json_array_postgresql(element: in_json_array, compiler: SQLCompiler, **kw: Any) -> str:
    number, numbers = _operands(element, compiler, **kw)
    return f"({number} = ANY (CAST(translate({numbers}, '[]', '{{}}') AS BIGINT[])))"


@compiles(unindexed, "sqlite")
def _unindexed_sqlite(element: unindexed, compiler: SQLCompiler, **kw: Any) -> str:
    return f"+{_operands(element, compiler, **kw)[0]}"


@compiles(unindexed, "postgresql")
def _unindexed_postgresql(element: unindexed, compiler: SQLCompiler, **kw: Any) -> str:
    (column,) = element.clauses
    nothing = "+ 0" if isinstance(column.type, Integer) else "|| ''"
    return f"({_operands(element, compiler, **kw)[0]} {nothing})"


@compiles(defeat_bloom_filter, "sqlite")
def _defeat_bloom_filter_sqlite(element: defeat_bloom_filter, compiler: SQLCompiler, **kw: Any) -> str:
    test, first = _operands(element, compiler, **kw)
    return f"(({test}) = ({first} IS {first}))"


@compiles(defeat_bloom_filter, "postgresql")
def _defeat_bloom_filter_postgresql(element: defeat_bloom_filter, compiler: SQLCompiler, **kw: Any) -> str:
    return _operands(element, compiler, **kw)[0]
