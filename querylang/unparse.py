"""`ast.Query` -> the text that parses to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from querylang.ast import Boolean, Comparison, DateTime, Filter, Float, Integer, Literal, Null, Option, Query, String
from querylang.keys import PLAIN
from querylang.terms import Every, Not, Some, Term


def unparse(query: Query) -> str:
    return "&".join(map(_pair, query.pairs))


def unparse_value(value: Literal) -> str:
    return _WRITERS[type(value)](value)


def unparse_key(key: str, path: tuple[str, ...]) -> str:
    return ".".join((key, *(each if re.fullmatch(PLAIN, each) else _quoted(each) for each in path)))


def _pair(pair: Comparison | Filter | Option) -> str:
    match pair:
        case Option():
            return f"{pair.key}=" + ",".join(map(_word, pair.words))
        case Filter():
            return "filter=" + _term(pair.term)
        case _:
            return _comparison(pair)


def _comparison(comparison: Comparison) -> str:
    key = unparse_key(comparison.key, comparison.path)
    return f"{key}{comparison.operator.value}" + ",".join(map(unparse_value, comparison.values))


def _term(term: Term[Comparison]) -> str:
    match term:
        case Every(terms=terms):
            return " AND ".join(map(_factor, terms))
        case Some(terms=terms):
            return " OR ".join(map(_factor, terms))
        case Not(term=negated):
            return "NOT " + _factor(negated)
        case comparison:
            return _comparison(comparison)


def _factor(term: Term[Comparison]) -> str:
    return _comparison(term) if isinstance(term, Comparison) else f"({_term(term)})"


def _word(word: str) -> str:
    return _quoted(word) if re.search('[",&]', word) else word


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _datetime(value: DateTime) -> str:
    if value.width > timedelta(days=1):
        return value.start.date().isoformat()[: len("YYYY-MM")]
    if value.width == timedelta(days=1):
        return value.start.date().isoformat()
    time = value.start.replace(tzinfo=None)
    for width, name in _PARTS:
        if value.width >= width:
            return time.isoformat(timespec=name) + _shift(value.start)
    superfluous = len(str(value.width // timedelta(microseconds=1))) - 1
    text = time.isoformat(timespec="microseconds")
    return text[: len(text) - superfluous] + _shift(value.start)


def _shift(time: datetime) -> str:
    offset = time.utcoffset() or timedelta()
    minutes = abs(offset) // timedelta(minutes=1)
    return f"{'-' if offset < timedelta() else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


_PARTS = (
    (timedelta(hours=1), "hours"),
    (timedelta(minutes=1), "minutes"),
    (timedelta(seconds=1), "seconds"),
)

_WRITERS: Mapping[type[Literal], Callable[[Any], str]] = {
    String: lambda value: _quoted(value.value),
    Integer: lambda value: str(value.value),
    Float: lambda value: repr(value.value),
    Boolean: lambda value: "true" if value.value else "false",
    DateTime: _datetime,
    Null: lambda _: "null",
}
