"""Text -> `ast.Query`: plain queries at once, all others by the grammar, which is made for the first of them.

Making it, and importing pyparsing for it, takes longer than assembling an application. Plain queries, such as
`limit=20&orderby=-ctime&label="si"`, are read without it, because it takes longer; whatever is not as plain as that is
left to it, errors too.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import TYPE_CHECKING

from querylang.ast import Comparison, DateTime, Integer, Literal, Option, Query, String
from querylang.keys import OPERATORS, SYMBOLS
from querylang.times import length_of_month

if TYPE_CHECKING:
    from querylang.grammar import Grammar


_OPTION = re.compile(r'([a-z_]+)=(?:([^"&\0]*)|"([^"&\0]*)")')
_INTEGER = "[+-]?[0-9]{1,18}"
_VALUE = rf'({_INTEGER}(?:,{_INTEGER})*)|"([^"&\0]*)"|([1-8][0-9]{{3}}-[0-9]{{2}}(?:-[0-9]{{2}})?)'
_COMPARISON = re.compile(f"([A-Za-z_][A-Za-z0-9_]*)({SYMBOLS})(?:{_VALUE})")
_DAY = timedelta(days=1)


class Parser:
    """The parser for one set of reserved keys. Several threads can parse with it at once."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self._reserved = frozenset(reserved)

    def parse(self, text: str) -> Query:
        """Raises QuerySyntaxError."""
        plain = self.parse_plain(text)
        return _grammar_of(self._reserved).parse(text) if plain is None else plain

    def parse_plain(self, text: str) -> Query | None:
        """None: it is not plain."""
        pairs: list[Comparison | Option] = []
        for piece in filter(None, text.split("&")):
            pair = self._plain_pair(piece)
            if pair is None:
                return None
            pairs.append(pair)
        return Query(tuple(pairs))

    def _plain_pair(self, piece: str) -> Comparison | Option | None:
        found = _OPTION.fullmatch(piece)
        if found is not None and found[1] in self._reserved:
            return Option(found[1], (found[3],) if found[2] is None else tuple(found[2].split(",")))
        found = _COMPARISON.fullmatch(piece)
        if found is None or found[1] in self._reserved or found[1] == "filter":
            return None
        key, symbol, integers, string, day = found.groups()
        value: Literal
        if integers is not None:
            return Comparison(key, OPERATORS[symbol], tuple(map(Integer, map(int, integers.split(",")))))
        if string is not None:
            value = String(string)
        else:
            try:
                value = _day_or_month(day)
            except ValueError:
                return None
        return Comparison(key, OPERATORS[symbol], (value,))


def _day_or_month(text: str) -> DateTime:
    """Raises ValueError: the calendar has no such day, or month."""
    if len(text) == len("YYYY-MM-DD"):
        return DateTime(datetime.fromisoformat(text).replace(tzinfo=timezone.utc), _DAY)
    start = datetime.fromisoformat(f"{text}-01").replace(tzinfo=timezone.utc)
    return DateTime(start, length_of_month(start))


_making = threading.Lock()
"""Held while a grammar is made, because pyparsing cannot build in two threads at once."""


def _grammar_of(reserved: frozenset[str]) -> Grammar:
    with _making:
        return _made(reserved)


@cache
def _made(reserved: frozenset[str]) -> Grammar:
    """The only grammar for these keys: it is large, and many applications in one process have the same keys."""
    from querylang.grammar import Grammar

    return Grammar(reserved)
