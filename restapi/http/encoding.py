"""Values -> JSON, HTTP dates and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson
from flask import Response
from werkzeug import http

from aiida_like import json_text
from restapi.http.reply import BytesReply, Reply, as_response, bytes_reply

LARGE = 65_536
"""The most characters of stored JSON, or bytes of a file, that are copied as a whole."""

PLACEHOLDER = orjson.Fragment(b"\0")
"""Stands in JSON for a part that comes later; JSON holds no other NUL."""


class LargeJSON:
    """JSON from the database that is too large to be copied as a whole."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def pieces(self) -> Iterator[bytes]:
        for start in range(0, len(self.text), LARGE):
            yield self.text[start : start + LARGE].encode()


def stored_json(text: str | None) -> orjson.Fragment | LargeJSON:
    """JSON from the database, which goes into the response as it is."""
    if text is None or "\0" in text:  # SQLite takes for JSON what is some in front of a NUL
        return orjson.Fragment("{}")
    return orjson.Fragment(text) if len(text) <= LARGE else LargeJSON(text)


def part_of_stored(value: Any) -> orjson.Fragment:
    """A part of JSON from the database, as `json_text.loads` read it; null, if it is nested too deep to be written."""
    try:
        return orjson.Fragment(json_text.dumps(value))
    except json_text.TooDeep:
        return orjson.Fragment("null")


def dumps(value: Any, option: int | None = None) -> bytes:
    """The JSON of a value that may hold `stored_json`."""
    return orjson.dumps(value, default=_whole, option=option)


def _whole(value: Any) -> orjson.Fragment:
    assert isinstance(value, LargeJSON), value
    return orjson.Fragment(value.text)


def json_response(body: Any, status: int = 200) -> Response:
    """`json_reply` as a response of Flask."""
    return as_response(json_reply(body, status))


def json_reply(body: Any, status: int = 200, *, total: int | None = None) -> Reply:
    """A reply in JSON, streamed if there is large JSON in it. `total`: the number of all rows, for two headers."""
    large: list[LargeJSON] = []

    def placed(value: Any) -> orjson.Fragment:
        assert isinstance(value, LargeJSON), value
        large.append(value)
        return PLACEHOLDER

    written = orjson.dumps(body, default=placed)
    headers = {"Content-Type": "application/json"}
    if total is not None:
        headers["X-Total-Counts"] = headers["X-Total-Count"] = str(total)
    if large:
        return Response(_filled(written.split(b"\0"), large), status, headers)
    headers["Content-Length"] = str(len(written))
    return BytesReply(written, status, headers)


def _filled(between: Sequence[bytes], large: Sequence[LargeJSON]) -> Iterator[bytes]:
    for part, value in zip(between, large, strict=False):
        yield part
        yield from value.pieces()
    yield between[-1]


def attachment(
    content: bytes | Iterator[bytes], size: int | None, name: str, content_type: str = "application/octet-stream"
) -> Reply:
    """A file of `size` bytes, if that is known, for a browser to store under `name`, never to show."""
    reply: Reply
    if isinstance(content, bytes):
        reply = bytes_reply(content, content_type=content_type)
    else:
        reply = Response(content, content_type=content_type)
    if size is not None:
        reply.headers["Content-Length"] = str(size)
        reply.headers["Accept-Ranges"] = "bytes"
    # RFC 6266: the plain name for all clients, the encoded one for those that know it.
    plain = "".join(character if character.isascii() and character.isprintable() else "_" for character in name)
    plain = plain.replace("\\", "_").replace('"', "_")
    disposition = f'attachment; filename="{plain}"'
    if plain != name:
        disposition += f"; filename*=UTF-8''{quote(name, safe='')}"
    reply.headers["Content-Disposition"] = disposition
    return reply


def http_date(stored: str | None) -> str | None:
    """`2016-04-29 19:24:12.123` in UTC -> `Fri, 29 Apr 2016 19:24:12 GMT` (RFC 1123).

    None for what is no such time: `infinity` of PostgreSQL, whatever stands in SQLite.
    """
    try:
        return None if stored is None else f"{_day(stored[:10])} {stored[11:19]} GMT"
    except (TypeError, ValueError):
        return None


def iso_time(stored: str | None) -> str | None:
    """`2016-04-29 19:24:12.123+00` in UTC -> `2016-04-29T19:24:12.123000Z` (ISO 8601), as filters take it.

    None for what is no such time, as of `http_date`.
    """
    if stored is None or http_date(stored) is None:
        return None
    fraction = stored[20:].partition("+")[0]
    return f"{stored[:10]}T{stored[11:19]}.{fraction:0<6}Z"


@lru_cache(maxsize=4096)
def _day(stored: str) -> str:
    return http.http_date(date.fromisoformat(stored)).removesuffix(" 00:00:00 GMT")
