"""Parts of files (RFC 9110, 14): one range of bytes at a time. Whoever asks for several gets the whole file."""

from __future__ import annotations

import re
from http import HTTPStatus

from flask import Response

from aiida_like.repository import Blocks
from restapi.http.encoding import json_reply
from restapi.http.exchange import Exchange
from restapi.http.reply import BytesReply, Reply

RANGE = "HTTP_RANGE"

_RANGE = re.compile("bytes= *(?:([0-9]{1,99})-([0-9]{0,99})|-([0-9]{1,99})) *", re.IGNORECASE)


def part_of(reply: Reply, exchange: Exchange, key: str = "message") -> Reply:
    """The part that the client asks for, of a reply that is a whole file; else the reply itself.

    A file that has changed since is sent as a whole, which `If-Range` asks for. A range that cannot be read, or ends
    before it begins, counts as none. `key` is that of the message where there is nothing in the range.
    """
    if reply.status_code != HTTPStatus.OK or exchange.method != "GET" or "Accept-Ranges" not in reply.headers:
        return reply
    seen = exchange.environ.get("HTTP_IF_RANGE")
    # No file has a date, so none is as a date says.
    if seen is not None and seen != reply.headers.get("ETag"):
        return reply
    size = int(reply.headers["Content-Length"])
    bounds = _bounds(exchange.environ[RANGE], size)
    if bounds is None:
        return reply
    start, stop = bounds
    return _part(reply, start, stop, size) if start < stop else _unsatisfiable(reply, size, key)


def _bounds(field: str, size: int) -> tuple[int, int] | None:
    """The first position of the range and the one behind its last; None: the header is no range that is known."""
    found = _RANGE.fullmatch(field)
    if found is None:
        return None
    first, last, length = found.groups()
    if first is None:
        return max(size - int(length), 0), size
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, size) if last else size


def _part(reply: Reply, start: int, stop: int, size: int) -> Reply:
    headers = {
        **reply.headers,
        "Content-Range": f"bytes {start}-{stop - 1}/{size}",
        "Content-Length": str(stop - start),
    }
    if isinstance(reply, BytesReply):
        return BytesReply(reply.body[start:stop], HTTPStatus.PARTIAL_CONTENT, headers)
    blocks = reply.response
    if not isinstance(blocks, Blocks):  # a small file
        return BytesReply(reply.get_data()[start:stop], HTTPStatus.PARTIAL_CONTENT, headers)
    return Response(blocks.part(start, stop), HTTPStatus.PARTIAL_CONTENT, headers)


def _unsatisfiable(reply: Reply, size: int, key: str) -> Reply:
    if isinstance(reply, Response):
        reply.close()
    refused = json_reply({key: f"the file has {size} bytes, and none in this range"}, 416)
    refused.headers["Content-Range"] = f"bytes */{size}"
    return refused
