"""The plainest queries, such as `limit=20&orderby=-ctime&label="si"`, read without the parser, which takes longer.

Whatever is not as plain as that is left to the grammar, errors too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from querylang.ast import Comparison, DateTime, Integer, Literal, Operator, Option, Query, String
from querylang.keys import SYMBOLS

_OPTION = r'([a-z_]+)=(?:([^"&\0]*)|"([^"&\0]*)")'
_INTEGER = "[+-]?[0-9]{1,18}"
_VALUE = rf'({_INTEGER}(?:,{_INTEGER})*)|"([^"&\0]*)"|([1-8][0-9]{{3}}-[0-9]{{2}}-[0-9]{{2}})'
_COMPARISON = f"([A-Za-z_][A-Za-z0-9_]*)({SYMBOLS})(?:{_VALUE})"
_DAY = timedelta(days=1)
_OPERATORS = {operator.value: operator for operator in Operator}


class Plain:
    """For one set of reserved keys."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self._reserved = frozenset(reserved)
        self._option = re.compile(_OPTION)
        self._comparison = re.compile(_COMPARISON)

    def read(self, text: str) -> Query | None:
        """None: it is not plain."""
        pairs: list[Comparison | Option] = []
        for piece in text.split("&"):
            if not piece:
                continue
            pair = self._pair(piece)
            if pair is None:
                return None
            pairs.append(pair)
        return Query(tuple(pairs))

    def _pair(self, piece: str) -> Comparison | Option | None:
        found = self._option.fullmatch(piece)
        if found is not None and found[1] in self._reserved:
            return Option(found[1], (found[3],) if found[2] is None else tuple(found[2].split(",")))
        found = self._comparison.fullmatch(piece)
        if found is None or found[1] in self._reserved or found[1] == "filter":
            return None
        key, symbol, integers, string, day = found.groups()
        value: Literal
        if integers is not None:
            return Comparison(key, _OPERATORS[symbol], tuple(map(Integer, map(int, integers.split(",")))))
        if string is not None:
            value = String(string)
        else:
            try:
                value = DateTime(datetime.fromisoformat(day).replace(tzinfo=timezone.utc), _DAY)
            except ValueError:
                return None
        return Comparison(key, _OPERATORS[symbol], (value,))
