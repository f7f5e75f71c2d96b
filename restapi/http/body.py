"""Bodies of requests that are read as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.wsgi import get_input_stream

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class BodyBreaksOff(Exception):
    pass


class BodyTooLong(Exception):
    pass


def read_body(environ: WSGIEnvironment, longest: int) -> bytes:
    """The bytes of a body, which may have `longest`.

    Raises:
        BodyBreaksOff: the client has gone, or its chunks are not as HTTP has them.
        BodyTooLong: it has more.
    """
    try:
        body = get_input_stream(environ).read(longest + 1)
    except Exception:  # noqa: BLE001 each WSGI server raises errors of its own
        raise BodyBreaksOff from None
    if len(body) > longest:
        raise BodyTooLong
    return body
