"""Query strings -> SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Query:
    """`where` is SQL with `?` for the values, and `{hidden}` where an index would find too much."""

    options: Mapping[str, str]
    where: str
    values: Sequence[Any]


def read(query: str) -> Query:
    options: dict[str, str] = {}
    wheres: list[str] = []
    values: list[Any] = []
    for key, operator, text in PAIR.findall(query):
        condition = CONDITIONS.get((key, operator))
        if condition is None:
            options[key] = text
        else:
            where, given = condition(text)
            wheres.append(where)
            values += given
    return Query(options, f"WHERE {' AND '.join(wheres)}" if wheres else "", values)


PAIR = re.compile("([a-z_]+)(=like=|=in=|>=|<=|=|>|<)([^&]*)")

Condition = tuple[str, tuple[Any, ...]]


def _begins_with(column: str, start: str) -> Condition:
    """So many begin so that walking in the order of the list finds a page."""
    end = start[:-1] + chr(ord(start[-1]) + 1)
    return f"{{hidden}}{column} >= ? AND {{hidden}}{column} < ?", (start, end)


def _full_type(text: str) -> Condition:
    node_type, process_type = text.strip('"').split("|")
    if node_type.endswith("%"):
        return _begins_with("node_type", node_type[:-1])
    return "node_type = ? AND process_type = ?", (node_type, process_type)


@lru_cache
def _next_day(text: str) -> str:
    return str(date.fromisoformat(text) + timedelta(days=1))


CONDITIONS: Mapping[tuple[str, str], Callable[[str], Condition]] = {
    ("id", ">"): lambda text: ("id > ?", (int(text),)),
    ("id", "=in="): lambda text: (f"id IN (?{', ?' * text.count(',')})", tuple(map(int, text.split(",")))),
    ("user_id", "="): lambda text: ("user_id = ?", (int(text),)),
    ("user", "="): lambda text: ("user_id = ?", (int(text),)),
    ("ctime", "="): lambda text: ("ctime >= ? AND ctime < ?", (text, _next_day(text))),
    ("ctime", ">="): lambda text: ("ctime >= ?", (text,)),
    ("ctime", "<"): lambda text: ("ctime < ?", (text,)),
    ("node_type", "=like="): lambda text: _begins_with("node_type", text.strip('"').removesuffix("%")),
    ("full_type", "="): _full_type,
}
