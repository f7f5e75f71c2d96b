"""SQL that each database spells differently, as SQLAlchemy expressions that mean the same on both."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from aiida_like.models import Timestamp, Uuid, shown_json

HAS_UNICODE_COLLATION = "aiida_like_has_unicode_collation"
"""An attribute of the dialect of PostgreSQL: whether the server knows the collation `und-x-icu`."""

CHECKS_JSON = "aiida_like_checks_json"
"""An attribute of the dialect of SQLite: whether what stands in columns of JSON can be any text."""

IS_CAREFUL = "aiida_like_is_careful"
"""An attribute of a dialect: whether statements pass over values that SQL can make nothing of.

So they do once the database was found to hold one: no other pays for it.
"""


HAS_OLD_NAMES = "aiida_like_has_old_names"
"""An attribute of the dialect of SQLite: whether types of nodes without `core.` were found."""

IS_NARROW = "aiida_like_is_narrow"
"""An attribute of what was compiled: whether it leaves out names that were not found, see `spelled`."""

_FINAL_SIGMA, _SIGMA = "\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}"


def casefold(text: str) -> str:
    """The text in lower case, as the SQL function `casefolded` gives it: not `str.casefold`, which makes ss of ß.

    A sigma at the end of a word becomes the other sigma, because a word may go on where a pattern ends.
    """
    return text.lower().replace(_FINAL_SIGMA, _SIGMA)


class DialectFunction(FunctionElement[Any]):
    """A function with a template of its SQL for each database, in which `{0}` is the first operand.

    Where no template can say it, as for `casefolded` and `unindexed` in PostgreSQL, the attribute is missing, and a
    function below writes the SQL.
    """

    sqlite: str
    postgresql: str
    of_json = False
    """Whether the first operand is JSON."""


class casefolded(DialectFunction):  # noqa: N801 (reads as the SQL function it is)
    """`casefolded(text)`: the text or uuid in lower case by the rules of Unicode, compared by code points."""

    type = String()
    # SQLite's own lower() knows ASCII only; calling Python for every row would be ten times slower.
    # (GLOB is false for bytes in many builds of it.)
    sqlite = "(CASE WHEN CAST({0} AS TEXT) GLOB '*[^ -~]*' THEN unicode_lower(CAST({0} AS BLOB)) ELSE lower({0}) END)"


class like(DialectFunction):  # noqa: N801
    r"""`like(text, pattern)`: SQL's LIKE, case-sensitive, escape `\`."""

    sqlite = postgresql = r"({0} LIKE {1} ESCAPE '\')"


class like_within(DialectFunction):  # noqa: N801
    """`like_within(text, pattern, first, end)`: `like` for a pattern whose matches all lie in [first, end).

    PostgreSQL finds the range of its `varchar_pattern_ops` index itself; SQLite needs its bounds.
    """

    sqlite = r"({0} >= {2} AND {0} < {3} AND {0} LIKE {1} ESCAPE '\')"
    postgresql = like.postgresql


class has_prefix(DialectFunction):  # noqa: N801
    """`has_prefix(text, pattern, first, end)`: `like` for a pattern that matches exactly the texts in [first, end)."""

    sqlite = "({0} >= {2} AND {0} < {3})"
    postgresql = like.postgresql


class prefix_range(has_prefix):  # noqa: N801
    """`has_prefix` for a statement that finds all rows: PostgreSQL keeps a plan for all patterns, with an index.

    Such a plan takes a range for a few rows, so in a list it would find all of them, and sort them for the first ones.
    """

    postgresql = "({0} ~>=~ {2} AND {0} ~<~ {3})"


class spelled(FunctionElement[Any]):  # noqa: N801
    """`spelled(today, other)`: either condition; in SQLite the first alone until other names than today's were found.

    It takes twice as long for two ranges of types as for one, which PostgreSQL does not.
    """


@compiles(spelled, "sqlite")
@compiles(spelled, "postgresql")
def _spelled_so(element: spelled, compiler: SQLCompiler, **kw: Any) -> str:
    today, *others = (compiler.process(each, **kw) for each in element.clauses)
    if compiler.dialect.name == "sqlite" and not getattr(compiler.dialect, HAS_OLD_NAMES, False):
        setattr(compiler, IS_NARROW, True)
        return today
    return f"({' OR '.join((today, *others))})"


class matches(DialectFunction):  # noqa: N801
    """`matches(text, pattern, regex)`: whether a text matches a `patterns.Pattern`, given as text and as regex."""

    sqlite = "pattern_matches({1}, CAST({0} AS BLOB))"
    postgresql = "({0} ~ {2})"


_EXTRACT = """json_extract({0}, '$."' || {1} || '"')"""
"""Not ->>, which SQLite has from 3.38 only."""


class json_scalar_text(DialectFunction):  # noqa: N801
    """`json_scalar_text(json, key)`: the string or number below a key as text, NULL where there is none."""

    type = String()
    sqlite = f"CAST({_EXTRACT} AS TEXT)"
    of_json = True
    postgresql = "({0} ->> {1})"


class json_object_text(DialectFunction):  # noqa: N801
    """`json_object_text(json, key)`: the object below a key as text in the canonical form of jsonb, else `{}`."""

    type = String()
    sqlite = f"coalesce(canonical_json({_EXTRACT}), '{{{{}}}}')"
    of_json = True
    postgresql = "coalesce({0} ->> {1}, '{{}}')"


class in_json_array(DialectFunction):  # noqa: N801
    """`in_json_array(number, numbers)`: whether the number is in an array, which is given as text, `[1,2,3]`."""

    sqlite = "({0} IN (SELECT value FROM json_each({1})))"
    postgresql = "({0} = ANY (CAST(translate({1}, '[]', '{{}}') AS BIGINT[])))"


class joined_in_json_array(DialectFunction):  # noqa: N801
    """`joined_in_json_array(number, numbers)`: `in_json_array` of a key of rows, for arrays that may be long.

    PostgreSQL looks each number of the array up, or reads all rows once where these are few. Those few it would compare
    with one number after the other.
    """

    sqlite = in_json_array.sqlite
    postgresql = "({0} IN (SELECT unnest(CAST(translate({1}, '[]', '{{}}') AS BIGINT[]))))"


class hashed_in_json_array(DialectFunction):  # noqa: N801
    """`hashed_in_json_array(number, numbers)`: `in_json_array` of rows that something else finds; no index serves it.

    PostgreSQL compares a number with one of an array after the other, unless they are rows of a subquery, and it makes
    a join of the subquery, of ten rows as it thinks, unless it stands below IS TRUE.
    """

    sqlite = in_json_array.sqlite.replace("{0}", "+{0}")
    postgresql = "(({0} IN (SELECT unnest(CAST(translate({1}, '[]', '{{}}') AS BIGINT[])))) IS TRUE)"


class unindexed(DialectFunction):  # noqa: N801
    """`unindexed(column)`: the same value, for a condition that no index should serve if it is an integer or text.

    A database without statistics, such as SQLite, would take the index on types of links, which finds a third of them.
    """

    sqlite = "+{0}"


class defeat_bloom_filter(DialectFunction):  # noqa: N801
    """`defeat_bloom_filter(test, first)`: the same truth, written so that it depends on the column `first` as well.

    `test` is about a joined table, `first` a column of the table before it. After ANALYZE, SQLite would read all of the
    joined table to make a Bloom filter of the rows that pass a test of that table alone. No index serves the result.
    """

    sqlite = "(({0}) = ({1} IS {1}))"
    postgresql = "{0}"


class utc_day(DialectFunction):  # noqa: N801
    """`utc_day(time)`: `YYYY-MM-DD`"""

    type = Timestamp()
    sqlite = "substr({0}, 1, 10)"
    # Not to_char, which takes twice as long for a million times.
    postgresql = "CAST({0} AT TIME ZONE 'UTC' AS DATE)"


@compiles(DialectFunction, "sqlite")
@compiles(DialectFunction, "postgresql")
def _spelled(element: DialectFunction, compiler: SQLCompiler, **kw: Any) -> str:
    operands = [compiler.process(operand, **kw) for operand in element.clauses]
    if compiler.dialect.name != "sqlite":
        return element.postgresql.format(*operands)
    if element.of_json:
        operands[0] = readable_json(operands[0], compiler)
    return element.sqlite.format(*operands)


def readable_json(json: str, compiler: SQLCompiler) -> str:
    """SQL of JSON for functions of SQLite, which end a statement at any text that is none."""
    return _READABLE.format(json) if getattr(compiler.dialect, IS_CAREFUL, False) else json


_VALID = "typeof({0}) = 'text' AND json_valid({0}) AND {0} NOT GLOB '*\\u[dD]*'"
_MENDED = "ELSE json_mended(CAST({0} AS BLOB)) END)"
_SHOWN = f"(CASE WHEN {_VALID} OR {{0}} IS NULL THEN {{0}} {_MENDED}"
_READABLE = f"(CASE WHEN {_VALID} AND {{0}} NOT GLOB '*[^ -~]*' AND instr({{0}}, char(0)) = 0 THEN {{0}} {_MENDED}"
"""Python gets no text that is not UTF-8, not even to mend it. SQLite's own functions end at a NUL."""


@compiles(shown_json, "sqlite")
@compiles(shown_json, "postgresql")
def _shown(element: shown_json, compiler: SQLCompiler, **kw: Any) -> str:
    (column,) = element.clauses
    json = compiler.process(column, **kw)
    return _SHOWN.format(json) if getattr(compiler.dialect, CHECKS_JSON, False) else json


@compiles(casefolded, "postgresql")
def _casefolded(element: casefolded, compiler: SQLCompiler, **kw: Any) -> str:
    (operand,) = element.clauses
    text = compiler.process(operand, **kw)
    if isinstance(operand.type, Uuid):
        text = f"CAST({text} AS TEXT)"
    if getattr(compiler.dialect, HAS_UNICODE_COLLATION, True):
        text = f'{text} COLLATE "und-x-icu"'
    return f"""(replace(lower({text}), '{_FINAL_SIGMA}', '{_SIGMA}') COLLATE "C")"""


@compiles(unindexed, "postgresql")
def _unindexed(element: unindexed, compiler: SQLCompiler, **kw: Any) -> str:
    (column,) = element.clauses
    text = compiler.process(column, **kw)
    if isinstance(column.type, Integer):
        return f"({text} + 0)"
    # Of other types PostgreSQL would make texts that compare in another way.
    return f"({text} || '')" if isinstance(column.type, String) else text
