"""JSON text that may be none: what AiiDA's migrations, or a stranger, wrote into a database.

Read as far as it says something: null stands for NaN and Infinity.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

_MOST_DIGITS = 4000
"""Of an integer; Python refuses to read more than 4300."""

LONG = re.compile(r"[-:,[ \t\n\r][0-9]{19}")
"""May begin an integer beyond 64 bits, of which orjson makes a float; not the digits behind a point, which are many."""


class TooDeep(ValueError):
    """It is nested deeper than can be read or written: orjson takes some 1000 and 254 levels, Python some 1000."""


def loads(text: str) -> Any:
    """The value; integers beyond 64 bits may lose digits. Raises ValueError: it is no JSON, or `TooDeep`."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return loads_exactly(text)


def loads_exactly(text: str) -> Any:
    """The value, with all digits of integers. Raises ValueError: as `loads`."""
    try:
        return json.loads(text, parse_constant=lambda _: None, parse_float=_float, parse_int=_integer)
    except RecursionError:
        raise TooDeep from None


def object_of(text: str | None, *, exactly: bool = False) -> dict[str, Any]:
    """An object, without keys if the text is none. `exactly`: with all digits of integers, to be shown."""
    try:
        value = (loads_exactly if exactly and LONG.search(text) else loads)(text) if text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def dumps(value: Any, *, sort_keys: bool = False) -> str:
    """The text of what `loads` gave, with all digits, and U+FFFD for half characters, of which no text can be made.

    Raises TooDeep.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort_keys else 0).decode()
    except TypeError:
        pass
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)
    except RecursionError:
        raise TooDeep from None
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def mended(stored: bytes | None) -> str | None:
    """The text of any bytes that stand where JSON should; None: they say nothing."""
    text = (stored or b"").decode(errors="replace")
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    else:
        return text
    try:
        return dumps(loads(text))
    except ValueError:
        return None


def _float(text: str) -> float | None:
    number = float(text)
    return number if abs(number) != float("inf") else None


def _integer(text: str) -> int | None:
    return int(text) if len(text) <= _MOST_DIGITS else None
