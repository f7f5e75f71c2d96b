"""What resources reply: an answer that is there as a whole, or one that is made while it is sent."""

from __future__ import annotations

from flask import Response


class Whole:
    """An answer of bytes that are there already.

    No `Response`, which looks at each header several times and copies them all: that takes longer than what most
    resources do.
    """

    __slots__ = ("body", "headers", "status_code")

    def __init__(self, body: bytes, status_code: int = 200, content_type: str = "application/json") -> None:
        self.body = body
        self.status_code = status_code
        self.headers = {"Content-Type": content_type, "Content-Length": str(len(body))}

    def replace(self, body: bytes) -> None:
        self.body = body
        self.headers["Content-Length"] = str(len(body))


Reply = Whole | Response


def as_response(reply: Reply) -> Response:
    """For Flask."""
    return Response(reply.body, reply.status_code, reply.headers) if isinstance(reply, Whole) else reply
