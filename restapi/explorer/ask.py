"""The way from pages to API v4: through the route tree, in this process, so that pages show what the API answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson
from flask import Response

from aiida_like import json_text
from restapi.dialects.inner import ApiRefused, TooLarge, answer_of, environ_of
from restapi.dialects.target import Target
from restapi.explorer.schema import anchors
from restapi.http.exchange import Exchange
from restapi.http.ranges import RANGE
from restapi.http.reply import Answer, BytesReply, CachedAnswer
from restapi.http.route_tree import RouteTree
from restapi.layout import API, SAFE_IN_URLS, Requested

__all__ = ["Api", "ApiAnswer", "ApiRefused", "TooLarge"]

_MOST_BYTES = 16_000_000
_TOO_LARGE = (
    "the rows have more than 16 MB, which is more than a page can show: ask for fewer rows with limit=, or for other "
    "columns with fields="
)


@dataclass(frozen=True)
class ApiAnswer:
    """`data` is what stands under that name in an answer; the rest is in its headers."""

    data: Any
    headers: Mapping[str, str]

    @property
    def total(self) -> int | None:
        """The number of all rows of a list; None: it was not counted."""
        found = self.headers.get("X-Total-Count")
        return None if found is None else int(found)

    @property
    def next_link(self) -> str | None:
        """The URL of the next rows; None: these were the last."""
        links = (each.strip() for each in self.headers.get("Link", "").split(", <"))
        found = (each for each in links if each.endswith('rel="next"'))
        return next((each.partition(">")[0].lstrip("<") for each in found), None)


@dataclass(frozen=True)
class FilePart:
    """Bytes of a file, and the size of the whole."""

    content: bytes
    size: int

    @property
    def is_whole(self) -> bool:
        return len(self.content) == self.size


@dataclass
class Api:
    """API v4, as the client of one page may ask it. `requested` is what was asked, in this order.

    What several parts of a page ask for is asked once: nobody changes what `get` and `ask` give.
    """

    routes: RouteTree[Target]
    exchange: Exchange
    requested: list[Requested] = field(default_factory=list)
    _answers: dict[tuple[str, ...], ApiAnswer] = field(default_factory=dict)

    def get(self, path: str, query: str = "") -> Any:
        """The `data` of an answer. `path` is below `/api/v4`; `query` is text of the query language.

        Raises:
            ApiRefused: the API answers with an error.
        """
        return self.ask(path, query).data

    def ask(self, path: str, query: str = "", prefer: str = "") -> ApiAnswer:
        """As `get`, with the headers. `prefer` is the header of that name, such as `count=none`.

        Raises:
            ApiRefused: also where an answer is larger than a page can show.
        """
        key = path, query, prefer
        if key not in self._answers:
            self._answers[key] = self._ask(path, query, prefer)
        return self._answers[key]

    def _ask(self, path: str, query: str, prefer: str) -> ApiAnswer:
        answer = self._answer(path, query, {"HTTP_PREFER": prefer} if prefer else {})
        body = _bytes_of(answer) if isinstance(answer, CachedAnswer | BytesReply) else _first(answer, _MOST_BYTES + 1)
        if len(body) > _MOST_BYTES:
            raise TooLarge(HTTPStatus.BAD_REQUEST, _TOO_LARGE)
        return ApiAnswer(_value_of(body)["data"], _headers_of(answer))

    def begin_of(self, path: str, query: str, most: int) -> FilePart:
        """The first bytes of a file, at most `most`. Raises ApiRefused."""
        return self._part(path, query, f"bytes=0-{most - 1}")

    def end_of(self, path: str, query: str, most: int) -> FilePart:
        """The last bytes of a file, at most `most`. Raises ApiRefused."""
        return self._part(path, query, f"bytes=-{most}")

    def _part(self, path: str, query: str, written: str) -> FilePart:
        try:
            answer = self._answer(path, query, {RANGE: written})
        except ApiRefused as refused:
            if refused.status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            return FilePart(b"", 0)
        content, found = _bytes_of(answer), _headers_of(answer).get("Content-Range", "")
        return FilePart(content, int(found.rpartition("/")[2]) if found else len(content))

    def _answer(self, path: str, query: str, more: Mapping[str, str] | None = None) -> Answer:
        written = quote(query, safe=SAFE_IN_URLS)
        environ = environ_of(self.exchange, "GET", API + path, written)
        answer = answer_of(self.routes, {**environ, **(more or {})})
        status = HTTPStatus.OK if isinstance(answer, CachedAnswer) else answer.status_code
        is_refusal = status >= HTTPStatus.BAD_REQUEST
        # Of an empty file there is no part, but the file.
        shown = status if is_refusal and status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE else HTTPStatus.OK
        anchor, _ = anchors().find(path) or ("", {})
        requested = Requested(API + quote(path, safe=SAFE_IN_URLS), written, shown, anchor)
        if requested not in self.requested:
            self.requested.append(requested)
        if is_refusal:
            raise ApiRefused(status, _message_of(_bytes_of(answer)), _headers_of(answer))
        return answer


def _first(answer: Response, most: int) -> bytes:
    """The first bytes of an answer that is made while it is sent."""
    try:
        found = bytearray()
        for block in answer.iter_encoded():
            found += block
            if len(found) >= most:
                break
        return bytes(found[:most])
    finally:
        answer.close()


def _value_of(body: bytes) -> Any:
    """The value of JSON that may hold what a stranger stored. Raises ApiRefused: it is nested too deep."""
    text = body.decode(errors="replace")
    try:
        if json_text.LONG.search(text) is None:
            return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        # Written and read again, for half characters become whole ones when they are written.
        return json_text.loads_exactly(json_text.dumps(json_text.loads_exactly(text)))
    except ValueError:
        raise ApiRefused(HTTPStatus.NOT_IMPLEMENTED, "this is nested too deep to be shown") from None


def _bytes_of(answer: Answer) -> bytes:
    return answer.body if isinstance(answer, CachedAnswer | BytesReply) else answer.get_data()


def _headers_of(answer: Answer) -> Mapping[str, str]:
    if isinstance(answer, CachedAnswer):
        return dict(answer.headers)
    return dict(answer.headers.items())


def _message_of(body: bytes) -> str:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode(errors="replace").strip()
    return str(found.get("message", "")) if isinstance(found, dict) else ""
