"""Values as AiiDA stores them in SQLite, by the type of their column, and what becomes of others.

An archive can come from anybody, and one odd value must not break the list that it stands in.
"""

from __future__ import annotations

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

_MOST_VALUES, _LONGEST = 2_000_000, 16_000_000
"""Of one document, the values, each of which takes up to 150 bytes of memory, and the bytes, of which each takes 4."""

_LONGEST_TEXT, _LONGEST_UUID = 1_000_000, 1000
"""Bytes. SQLite looks for a pattern in one text without a pause: what has more is cut there."""

_SOUND_TIME = re.compile(rb"\d{4}-\d\d-\d\d (?:[01]\d|2[0-3]):\d\d:\d\d\.\d{6}")
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
    if len(stored) > _LONGEST_TEXT:
        return False
    if stored.isascii():
        return b"\0" not in stored
    try:
        stored.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in stored


def _text(stored: bytes) -> str:
    return _cut(_readable(stored[:_LONGEST_TEXT]), _LONGEST_TEXT)


def _readable(stored: bytes) -> str:
    return stored.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _cut(text: str, most: int) -> str:
    """As much of the text as has `most` bytes: a character that stands for a byte has three."""
    return text.encode()[:most].decode(errors="ignore")


def _is_uuid(stored: bytes) -> bool:
    return len(stored) <= _LONGEST_UUID and _is_text(stored)


def _uuid(stored: bytes) -> str:
    return _cut(_text(stored), _LONGEST_UUID)


def _is_time(stored: bytes) -> bool:
    """In UTC, without a shift."""
    if _SOUND_TIME.fullmatch(stored) is None:
        return False
    try:
        datetime.fromisoformat(stored.decode())
    except ValueError:
        return False
    return True


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


_ESCAPE = re.compile(r"\\(u0000|.)", re.DOTALL)
_UNUSUAL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\(?:u00(?:00|[2-7])|/)")
"""The beginning of an escape that AiiDA does not write: of NUL, where SQLite ends a text, or of a character that needs
none, because SQLite compares keys as they are written."""


def _is_json(stored: bytes) -> bool:
    """An object or null, nested no deeper than `MOST_DEPTH`, that says the same to all readers."""
    if len(stored) > _MOST_VALUES and _is_too_large(stored):
        return False
    # First what is fast: most texts have no escape at all.
    if b"\\" in stored and (b"\\u00" in stored or b"\\/" in stored) and _UNUSUAL_ESCAPE.search(stored):
        return False
    try:
        value = orjson.loads(stored)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(value, dict):
        return value is None
    colons = stored.count(b":")
    if len(stored) > 2 * MOST_DEPTH and _may_be_deep(stored, colons) and _is_deep(value):
        return False
    # Of a key that stands twice each reader takes another value. Each key has a colon, and no colon is escaped.
    return colons == len(value) or colons == orjson.dumps(value).count(b":")


def _is_too_large(stored: bytes) -> bool:
    return len(stored) > _LONGEST or sum(map(stored.count, (b",", b"[", b"{"))) > _MOST_VALUES


def _may_be_deep(stored: bytes, colons: int) -> bool:
    """Of the objects on the way to a value each but the last has a key there, so a colon, which is counted already."""
    lists = stored.count(b"[")
    return colons + lists >= MOST_DEPTH and lists + stored.count(b"{") > MOST_DEPTH


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
    """Half characters, of which no text can be made, and NUL are replaced; null stands for NaN and the infinities.

    Of a key that stands twice the last value counts, as PostgreSQL and Python have it.
    """
    if _is_too_large(stored):
        return None
    text = _readable(stored)
    if "\\u0000" in text:
        text = _ESCAPE.sub(_without_nul, text)
    if _is_json(text.encode()):
        return text
    try:
        value = json_text.loads_exactly(text)
    except ValueError:
        return None
    written = json_text.dumps(value) if isinstance(value, dict) and not _is_deep(value) else None
    # What is written anew can be longer.
    return None if written is None or len(written.encode()) > _LONGEST else written


def _without_nul(escape: re.Match[str]) -> str:
    return "\N{REPLACEMENT CHARACTER}" if escape[1] == "u0000" else escape[0]


KINDS: Mapping[type[TypeEngine[Any]], Kind] = {
    String: Kind(_is_text, _text, usual=b""),
    models.Uuid: Kind(_is_uuid, _uuid, usual=b""),
    models.Timestamp: Kind(_is_time, _time, nothing=NO_TIME),
    models.JSONText: Kind(_is_json, _json, usual=b"{}", nothing="{}"),
}
"""By the type of a column; all others hold integers."""
