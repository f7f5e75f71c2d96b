"""Answers: bytes, cached bytes, or a response that is made while it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from flask import Response


@dataclass(slots=True)
class BytesReply:
    """An answer whose bytes are all there.

    Not a `Response`, which looks at each header several times and copies them all: that takes longer than most
    resources.
    """

    body: bytes
    status_code: int
    headers: dict[str, str]

    def replace(self, body: bytes) -> None:
        self.body = body
        self.headers["Content-Length"] = str(len(body))


def bytes_reply(body: bytes, status: int = 200, content_type: str = "application/json") -> BytesReply:
    return BytesReply(body, status, {"Content-Type": content_type, "Content-Length": str(len(body))})


def redirect(url: str, status: int = 303, cache_control: str = "no-cache") -> BytesReply:
    """An answer without a body that leads to another URL; `url` as it stands in URLs."""
    reply = bytes_reply(b"", status, "text/html; charset=utf-8")
    reply.headers |= {"Location": url, "Cache-Control": cache_control}
    return reply


class CachedAnswer(NamedTuple):
    """An answer of status 200 at a data version, with all headers that belong to it, its entity tag among them."""

    version: str
    body: bytes
    headers: tuple[tuple[str, str], ...]

    @property
    def size(self) -> int:
        return len(self.body) + sum(map(len, chain.from_iterable(self.headers)))


Reply = BytesReply | Response
"""The answers that a resource can give."""

Answer = Reply | CachedAnswer

ON_ALL = (
    ("Access-Control-Allow-Origin", "*"),
    (
        "Access-Control-Expose-Headers",
        (
            "X-Total-Counts, X-Total-Count, Link, Content-Disposition, ETag, Preference-Applied, Accept-Ranges, "
            "Content-Range, X-Request-ID"
        ),
    ),
    ("X-Content-Type-Options", "nosniff"),
)
"""Headers of all answers, errors too. Any page may read them: there is nothing here that a cookie protects."""

ID_HEADER = "X-Request-ID"

FROM_CACHE = ("Server-Timing", "cache;desc=hit")


def as_response(answer: Answer) -> Response:
    """The answer for Flask."""
    match answer:
        case BytesReply():
            return Response(answer.body, answer.status_code, answer.headers)
        case CachedAnswer():
            return Response(answer.body, headers=[*answer.headers, FROM_CACHE])
        case _:
            return answer
