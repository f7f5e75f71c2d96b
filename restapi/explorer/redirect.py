"""Answers that lead to another URL."""

from __future__ import annotations

from http import HTTPStatus

from restapi.http.reply import Reply, bytes_reply


def redirect(url: str, status: HTTPStatus = HTTPStatus.SEE_OTHER) -> Reply:
    """An answer without a body; `url` as it stands in URLs."""
    reply = bytes_reply(b"", status, "text/plain; charset=utf-8")
    reply.headers["Location"] = url
    reply.headers["Cache-Control"] = "no-cache"
    return reply
