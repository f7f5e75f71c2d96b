"""Requests to resources of the same application, made in this process as whoever sent an outer one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import quote

import orjson

from restapi.dialects.target import Target
from restapi.http.exchange import Exchange
from restapi.http.reply import Answer, BytesReply, CachedAnswer
from restapi.http.route_tree import RouteTree
from restapi.layout import SAFE_IN_URLS, Requested

_KEPT = ("SCRIPT_NAME", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "REMOTE_ADDR")

_OF_BODIES = ("CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING")


class ApiRefused(Exception):
    """The API answers a page with an error: its status and message are the page's."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


class TooLarge(ApiRefused):
    """The API's answer is larger than a page can show."""


@dataclass(frozen=True)
class Told:
    """What a resource answers: the JSON of its body, None if it has none."""

    status: int
    value: Any
    headers: Mapping[str, str]

    @property
    def is_refusal(self) -> bool:
        return self.status >= HTTPStatus.BAD_REQUEST

    @property
    def message(self) -> str:
        """What an error says; empty where its body says more than one thing, or nothing."""
        found = self.value if isinstance(self.value, dict) else {}
        return str(found.get("message") or found.get("detail") or "")


@dataclass
class Inner:
    """Asks resources as the caller of the outer request. `requested` is what was read, in this order."""

    routes: RouteTree[Target]
    exchange: Exchange
    requested: list[Requested] = field(default_factory=list)

    def get(self, path: str, query: str = "") -> Any:
        """The JSON at a path below the mount. `query` is as it stands in URLs.

        Raises:
            ApiRefused: the answer is an error.
        """
        told = self._told("GET", path, query, b"")
        shown = told.status if told.is_refusal else HTTPStatus.OK
        requested = Requested(quote(path, safe=SAFE_IN_URLS), query, shown)
        if requested not in self.requested:
            self.requested.append(requested)
        if told.is_refusal:
            raise ApiRefused(told.status, told.message, told.headers)
        return told.value

    def send(self, method: str, path: str, value: Any = None) -> Told:
        """The answer to JSON that is sent, errors too."""
        return self._told(method, path, "", b"" if value is None else orjson.dumps(value))

    def hand_on(self, path: str) -> Told:
        """The answer to the body of the outer request, which is not read before."""
        outer = self.exchange.environ
        more = {name: outer[name] for name in _OF_BODIES if name in outer}
        return _told_by(answer_of(self.routes, {**environ_of(self.exchange, "POST", path, ""), **more}))

    def _told(self, method: str, path: str, query: str, body: bytes) -> Told:
        sent = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
        return _told_by(answer_of(self.routes, {**environ_of(self.exchange, method, path, query), **sent}))


def environ_of(outer: Exchange, method: str, path: str, query: str) -> dict[str, Any]:
    """A request as if the client had sent it, without what it said of the page, such as an entity tag.

    `path` is below the mount; `query` is as it stands in URLs.
    """
    kept = {
        name: value
        for name, value in outer.environ.items()
        if name in _KEPT or name.startswith(("wsgi.", "aiida_like."))
    }
    written = path.encode().decode("latin-1")
    return {**kept, "REQUEST_METHOD": method, "PATH_INFO": written, "QUERY_STRING": query}


def answer_of(routes: RouteTree[Target], environ: dict[str, Any]) -> Answer:
    """The answer of a resource, errors too. Raises ApiRefused: there is none at the path."""
    inner = Exchange(environ)
    found = routes.find(inner.path_info)
    if found is None:
        raise ApiRefused(HTTPStatus.NOT_FOUND, f"there is nothing at {inner.path}")
    target, arguments = found
    return target.answer(inner, arguments)


def _told_by(answer: Answer) -> Told:
    if isinstance(answer, CachedAnswer):
        return Told(HTTPStatus.OK, orjson.loads(answer.body), dict(answer.headers))
    body = answer.body if isinstance(answer, BytesReply) else answer.get_data()
    return Told(answer.status_code, _json_in(body), dict(answer.headers.items()))


def _json_in(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
