"""`ast.Query` -> the text that parses to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from querylang.ast import Boolean, Comparison, DateTime, Float, Integer, Literal, Option, Query, String


def unparse(query: Query) -> str:
    return "&".join(map(_pair, query.pairs))


def unparse_value(value: Literal) -> str:
    return _WRITERS[type(value)](value)


def _pair(pair: Comparison | Option) -> str:
    if isinstance(pair, Option):
        return f"{pair.key}=" + ",".join(map(_word, pair.words))
    return pair.key + pair.operator.value + ",".join(map(unparse_value, pair.values))


def _word(word: str) -> str:
    return _quoted(word) if re.search('[",&]', word) else word


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _datetime(value: DateTime) -> str:
    if value.width >= timedelta(days=1):
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

_WRITERS: dict[type[Literal], Callable[[Any], str]] = {
    String: lambda value: _quoted(value.value),
    Integer: lambda value: str(value.value),
    Float: lambda value: repr(value.value),
    Boolean: lambda value: "true" if value.value else "false",
    DateTime: _datetime,
}
