"""What differs of two objects of JSON, path by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from restapi.explorer.json_tree import written

MOST_SHOWN = 300
_MOST_COMPARED = 20_000
"""Values that are looked at."""

_MOST_LEVELS = 30
_MOST_TEXT = 200
_NONE = object()


@dataclass(frozen=True)
class Difference:
    """The values of two objects at a path, as text; None: one of them has none there."""

    path: str
    a: str | None
    b: str | None

    @property
    def is_same(self) -> bool:
        return self.a == self.b


@dataclass(frozen=True)
class Differences:
    """The first of the `number` values that differ, and how many are equal. `is_whole`: all were looked at."""

    shown: Sequence[Difference]
    number: int
    equal: int
    is_whole: bool


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> Differences:
    """The values that differ, by paths with dots, in the order of keys."""
    shown: list[Difference] = []
    number = equal = looked_at = 0
    for path, left, right in _pairs("", dict(a), dict(b), 0):
        looked_at += 1
        if looked_at > _MOST_COMPARED:
            break
        if left is not _NONE and right is not _NONE and type(left) is type(right) and left == right:
            equal += 1
            continue
        number += 1
        if len(shown) < MOST_SHOWN:
            shown.append(Difference(path, _text(left), _text(right)))
    return Differences(shown, number, equal, looked_at <= _MOST_COMPARED)


def _pairs(path: str, a: Any, b: Any, level: int) -> Iterator[tuple[str, Any, Any]]:
    """The values of both below a path; where only one has parts, both as they are."""
    if level < _MOST_LEVELS and isinstance(a, dict) and isinstance(b, dict) and (a or b):
        for key in sorted({*a, *b}):
            below = f"{path}.{key}" if path else str(key)
            yield from _pairs(below, a.get(key, _NONE), b.get(key, _NONE), level + 1)
    elif level < _MOST_LEVELS and isinstance(a, list) and isinstance(b, list) and (a or b):
        for index, (left, right) in enumerate(zip_longest(a, b, fillvalue=_NONE)):
            yield from _pairs(f"{path}.{index}", left, right, level + 1)
    else:
        yield path, a, b


def _text(value: Any) -> str | None:
    if value is _NONE:
        return None
    if isinstance(value, dict | list) and value:
        return f"{{{len(value)}}}" if isinstance(value, dict) else f"[{len(value)}]"
    text = written(value)[0]
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}… ({len(text):,} characters)"
