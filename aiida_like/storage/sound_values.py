"""Values as AiiDA stores them in SQLite, by the type of their column, and what becomes of others.

An archive can come from anybody, and one odd value must not break the list that it stands in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import String
from sqlalchemy.types import TypeEngine

from aiida_like import json_text, models

NO_TIME = "1980-01-01 00:00:00.000000"
"""Stands for a time that is none: the first that a zip file can have."""

MOST_DEPTH = 200
"""Levels of lists and objects; orjson writes 254, Python and SQLite read about 1000."""

_MOST_VALUES = 5_000_000
"""Of one document: in memory each takes up to 100 bytes."""

_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[ T](?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,9}))?"
    r"(?P<shift>Z|(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)?)?",
    re.ASCII,
)


@dataclass(frozen=True)
class Kind:
    """What is sound in a column, by a check of its bytes; `usual` is a value that needs no look.

    `mended` makes a sound value of any bytes. None stands for NULL, or for `nothing` where no NULL can be.
    """

    is_sound: Callable[[bytes], bool]
    mended: Callable[[bytes], str | None]
    usual: bytes | None = None
    nothing: str = ""


def _is_text(stored: bytes) -> bool:
    """SQLite's own functions take the first NUL for the end."""
    try:
        stored.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in stored


def _text(stored: bytes) -> str:
    return stored.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _is_time(stored: bytes) -> bool:
    try:
        text = stored.decode()
        return datetime.fromisoformat(text).isoformat(" ", "microseconds") == text
    except ValueError:
        return False


def _time(stored: bytes) -> str | None:
    """A time that is written in another way, in UTC."""
    found = _TIME.fullmatch(stored.decode(errors="replace"))
    if found is None:
        return None
    shift = timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
    fraction = f"{found['fraction'] or '':0<6}"[:6]
    with suppress(ValueError, OverflowError):
        there = datetime.fromisoformat(f"{found['day']} {found['clock']}.{fraction}")
        written = (there + shift if found["sign"] == "-" else there - shift).isoformat(" ", "microseconds")
        # Later versions of Python read 24:00:00 as the day after.
        return written if there.day == int(found["day"][-2:]) else None
    return None


def _is_json(stored: bytes) -> bool:
    """An object or null, nested no deeper than `MOST_DEPTH`."""
    if len(stored) > _MOST_VALUES and _has_too_many_values(stored):
        return False
    try:
        value = orjson.loads(stored)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(value, dict):
        return value is None
    is_flat = len(stored) <= MOST_DEPTH or stored.count(b"[") + stored.count(b"{") <= MOST_DEPTH
    return is_flat or not _is_deep(value)


def _has_too_many_values(stored: bytes) -> bool:
    return sum(map(stored.count, (b",", b"[", b"{"))) > _MOST_VALUES


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [below for each in level for below in _below(each) if isinstance(below, (dict, list))]
        if not level:
            return False
    return True


def _below(value: dict[str, Any] | list[Any]) -> Any:
    return value.values() if isinstance(value, dict) else value


def _json(stored: bytes) -> str | None:
    """Half characters, of which no text can be made, are replaced; null stands for NaN and the infinities."""
    if _has_too_many_values(stored):
        return None
    text = _text(stored)
    try:
        value = json_text.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict) or _is_deep(value):
        return None
    with suppress(orjson.JSONDecodeError):
        orjson.loads(text)
        return text
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return written.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


_TEXT = Kind(_is_text, _text, usual=b"")

KINDS: Mapping[type[TypeEngine[Any]], Kind] = {
    String: _TEXT,
    models.Uuid: _TEXT,
    models.Timestamp: Kind(_is_time, _time, nothing=NO_TIME),
    models.JSONText: Kind(_is_json, _json, usual=b"{}", nothing="{}"),
}
"""By the type of a column; all others hold integers."""
