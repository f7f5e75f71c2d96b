"""Answers of our worker to what is no request: JSON, as the application's own."""

from __future__ import annotations

import re
from email.utils import formatdate
from http import HTTPStatus

import orjson
from gunicorn.http.errors import NoMoreData, ParseException

from restapi.http.errors import GENERIC, MESSAGE
from restapi.http.exchange import new_ids
from restapi.http.reply import ID_HEADER, ON_ALL

NOT_A_REQUEST = (ParseException, NoMoreData)
"""What gunicorn's parser raises."""

_STATUSES = {
    "ExpectationFailed": 417,
    "ForbiddenProxyRequest": 403,
    "LimitRequestHeaders": 431,
    "LimitRequestLine": 414,
    "NoMoreData": 431,
    "UnsupportedTransferCoding": 501,
}
"""By the names of errors, of which older versions of gunicorn lack some; all others are 400."""

_HAS_BLANKS = re.compile(rb"[A-Z]+ [^ \r]* [^\r]* HTTP/")
"""Matches a request line with a blank in its URL."""

_HAS_BARE_LF = re.compile(rb"(?<!\r)\n")
"""Older versions of gunicorn would wait for the end of such a head."""

_MESSAGES = {
    414: "the URL is longer than this server takes",
    431: "the headers are longer than this server takes",
}


def refusal(error: Exception, head: bytes) -> bytes:
    """The answer to bytes that gunicorn's parser refuses."""
    status = _STATUSES.get(type(error).__name__, 400)
    if _HAS_BARE_LF.search(head.partition(b"\r\n\r\n")[0]):
        return _answer(400, "this is no request of HTTP: a line of its head ends with LF alone, not with CR LF")
    if status == HTTPStatus.BAD_REQUEST and _HAS_BLANKS.match(head):
        return _answer(status, "a URL cannot hold a blank: write %20")
    if type(error).__name__ == "ConfigurationProblem":
        return _answer(
            status, "the path does not begin with that in SCRIPT_NAME, which a proxy has sent or the server has"
        )
    return _answer(status, _MESSAGES.get(status, f"this is no request of HTTP: {error}"))


def too_late(seconds: float, key: str) -> bytes:
    """`key`: that of the message, as the dialect of the path has it; so below."""
    return _answer(408, f"the request did not come within {seconds:g} seconds", key=key)


def too_long(most: int, key: str) -> bytes:
    return _answer(400, f"the body has more than {most} bytes", key=key)


def too_many_streams(most: int, key: str) -> bytes:
    message = f"{most} uploads are under way, which is as many as may be: try again"
    return _answer(503, message, ("Retry-After", "5"), key=key)


def failure(key: str) -> bytes:
    return _answer(500, GENERIC, key=key)


def _answer(status: int, message: str, *more: tuple[str, str], key: str = MESSAGE) -> bytes:
    body = orjson.dumps({key: message})
    fields = [
        ("Date", formatdate(usegmt=True)),
        ("Connection", "close"),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        *ON_ALL,
        (ID_HEADER, next(new_ids)),
        *more,
    ]
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in fields
    )
    return head.encode("latin-1") + b"\r\n" + body
