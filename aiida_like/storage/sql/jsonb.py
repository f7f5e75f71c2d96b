"""PostgreSQL's operators of `jsonb` in Python, for SQLite's connections.

Source: PostgreSQL's documentation, "JSON Types" and "JSON Functions and Operators".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from aiida_like.json_text import TooDeep, dumps, loads, loads_exactly, mended

_INDEX = re.compile(r"\s*[+-]?[0-9]{1,9}")
_TRUE, _FALSE = frozenset({"true", "t", "yes", "y", "on", "1"}), frozenset({"false", "f", "no", "n", "off", "0"})

INTEGER = r"^[+-]?[0-9]{1,18}$"
NUMBER = r"^[+-]?([0-9]{1,200}\.?[0-9]{0,200}|\.[0-9]{1,200})([eE][+-]?[0-9]{1,2})?$"
DATETIME = (
    r"^(?:"
    r"[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29"
    r")(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?)?"
)
"""Texts that can be cast without an error; a time up to its shift. No groups: PostgreSQL would take the first."""


def json_at(text: str | None, path: str) -> str | None:
    """`json #> path`: the value at a path, which is a JSON list of keys and indices; None where there is none."""
    if text is None:
        return None
    keys = loads(path)
    try:
        found = dumps(_at(loads(text), keys), sort_keys=True)
        if "e+" in found:
            # Of a float from 1e16 on, which an integer becomes that does not fit into 64 bits.
            found = dumps(_at(loads_exactly(text), keys), sort_keys=True)
    except LookupError:
        return None
    return found


def _at(value: Any, keys: Iterable[str]) -> Any:
    """Raises LookupError: there is nothing."""
    for key in keys:
        if isinstance(value, dict):
            value = value[key]
        elif isinstance(value, list) and _INDEX.fullmatch(key):
            value = value[int(key)]
        else:
            raise LookupError
    return value


def json_same(left: str | None, right: str) -> bool:
    """Whether two values are equal: numbers by value, objects in any order of their keys."""
    return left is not None and _is_same(loads(left), loads(right))


def json_contains(left: str | None, right: str) -> bool | None:
    """`left @> right`"""
    if left is None:
        return None
    whole, part = loads(left), loads(right)
    if isinstance(whole, list) and not isinstance(part, (list, dict)):
        part = [part]  # the one exception: a list contains a bare value
    return _contains(whole, part)


def json_has_key(text: str | None, key: str) -> bool | None:
    """`json ? key`: a key of an object, a text in a list, or the text itself."""
    if text is None:
        return None
    value = loads(text)
    return bool(value == key) if isinstance(value, str) else isinstance(value, (dict, list)) and key in value


def json_cast_float(text: str | None) -> float | None:
    return float(text) if text is not None and re.search(NUMBER, text) else None


def json_cast_integer(text: str | None) -> int | None:
    return int(text) if text is not None and re.search(INTEGER, text) else None


def json_cast_boolean(text: str | None) -> bool | None:
    word = (text or "").strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def json_cast_datetime(text: str | None) -> str | None:
    """`YYYY-MM-DD HH:MM:SS.ffffff`"""
    found = re.search(DATETIME, text or "")
    if found is None:
        return None
    day, _, clock = found[0].replace("T", " ").partition(" ")
    if clock.count(":") < 2:  # noqa: PLR2004
        clock = f"{clock}:00" if clock else "00:00:00"
    seconds, _, fraction = clock.partition(".")
    return f"{day} {seconds}.{fraction:0<6}"


def canonical_json(text: str | None) -> str | None:
    """JSON as jsonb prints it: keys ordered by length, then by bytes; a blank after `:` and `,`."""
    return None if text is None else _printed(loads(text))


def _printed(value: Any) -> str:
    if isinstance(value, dict):
        keys = sorted(value, key=_bytes_of)
        return "{" + ", ".join(f"{_printed(key)}: {_printed(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_printed, value)) + "]"
    return dumps(value)


def _bytes_of(key: str) -> tuple[int, bytes]:
    written = key.encode(errors="surrogatepass")
    return len(written), written


def _is_same(left: Any, right: Any) -> bool:
    match left, right:
        case dict(), dict():
            return left.keys() == right.keys() and all(_is_same(left[key], right[key]) for key in left)
        case list(), list():
            return len(left) == len(right) and all(map(_is_same, left, right))
        case _:
            # In Python True == 1, in JSON it is not.
            return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _contains(whole: Any, part: Any) -> bool:
    match whole, part:
        case dict(), dict():
            return all(key in whole and _contains(whole[key], part[key]) for key in part)
        case list(), list():
            return all(any(_contains(mine, asked) for mine in whole) for asked in part)
        case _:
            return _is_same(whole, part)


def _null_if_too_deep(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function; None for JSON that is nested deeper than Python follows: an error would end the statement."""

    @wraps(function)
    def called(*operands: Any) -> Any:
        try:
            return function(*operands)
        except (RecursionError, TooDeep):
            return None

    return called


_OF_JSON = (json_at, json_same, json_contains, json_has_key, canonical_json)
_CASTS = (json_cast_float, json_cast_integer, json_cast_boolean, json_cast_datetime)

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{function.__name__: _null_if_too_deep(function) for function in _OF_JSON},
    **{function.__name__: function for function in _CASTS},
    "json_mended": mended,
}
"""Functions of every SQLite connection of ours."""
