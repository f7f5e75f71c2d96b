"""Values -> JSON, HTTP dates and files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson
from flask import Response

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class WholeResponse(Response):
    """One of bytes that are there already, which may be kept."""


def json_response(body: Any, status: int = 200) -> Response:
    return WholeResponse(orjson.dumps(body), status, content_type="application/json")


def stored_json(text: str | None) -> orjson.Fragment:
    """JSON from the database, which goes into the response as it is."""
    return orjson.Fragment(text if text is not None else "{}")


def attachment(content: bytes | Iterator[bytes], size: int | None, name: str) -> Response:
    """A file of `size` bytes, if that is known, for a browser to store under `name`, never to show."""
    kind = WholeResponse if isinstance(content, bytes) else Response
    response = kind(content, content_type="application/octet-stream")
    if size is not None:
        response.content_length = size
    # RFC 6266: the plain name for all clients, the encoded one for those that know it.
    plain = "".join(character if character.isascii() and character.isprintable() else "_" for character in name)
    plain = plain.replace("\\", "_").replace('"', "_")
    disposition = f'attachment; filename="{plain}"'
    if plain != name:
        disposition += f"; filename*=UTF-8''{quote(name, safe='')}"
    response.headers["Content-Disposition"] = disposition
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def http_date(stored: str | None) -> str | None:
    """`2016-04-29 19:24:12.123` in UTC -> `Fri, 29 Apr 2016 19:24:12 GMT` (RFC 1123)."""
    return None if stored is None else f"{_day(stored[:10])} {stored[11:19]} GMT"


@lru_cache(maxsize=4096)
def _day(stored: str) -> str:
    day = date.fromisoformat(stored)
    return f"{_DAYS[day.weekday()]}, {day.day:02d} {_MONTHS[day.month - 1]} {day.year:04d}"
