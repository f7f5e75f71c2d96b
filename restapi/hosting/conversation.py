"""What clients of our worker are answered, request after request: generators that any thread goes on with."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from datetime import datetime
from http import HTTPStatus
from selectors import EVENT_READ, EVENT_WRITE
from threading import BoundedSemaphore
from typing import Any

from gunicorn.http import wsgi
from gunicorn.http.message import Request
from gunicorn.http.unreader import SocketUnreader

from restapi.hosting.connection import ClientGone, Connection, Conversation
from restapi.hosting.refusals import NOT_A_REQUEST, failure, refusal, too_long, too_many_streams
from restapi.http.errors import MESSAGE

TURN = 0
"""What a conversation waits for that waits for nobody: others have their turn first."""

STREAM = -1
"""What a conversation waits for whose body is taken while it comes: one of the threads that do only that."""

STREAMS = 4
"""How many bodies are taken so at once."""

_STREAM_SECONDS = 60.0
"""How long a client may send nothing of such a body."""

_STREAM_RATE = 1000
"""Bytes a second of such a body on the whole: a byte now and then is no silence, and would hold its place for ever."""

LINGER_SECONDS = 2.0
"""How long a connection stays open whose client may be sending still."""

_TURN_SECONDS = 0.05
"""How long an answer of many pieces goes on until others have their turn.

Who asks for a node while all threads write files waits no longer than a person notices; and a turn, which is a way
through a queue, costs nothing of that.
"""

_PROMPT_SECONDS = 1.0
"""A client that has waited longer for a thread may have gone."""

_NO_BODY = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}


class WrongLength(Exception):
    """An answer ended before its `Content-Length`."""


class Conversations:
    """Of all clients of a worker; `begin` one for each connection."""

    def __init__(
        self,
        worker: Any,
        most_body: int,
        streams: Callable[[dict[str, Any]], bool] | None,
        message_key: Callable[[dict[str, Any]], str] | None = None,
    ) -> None:
        """`most_body`: bytes that a body may have which is kept until it is whole.

        `streams`: whether the application takes the body of a request while it comes; then it may be of any length.
        `message_key`: the key of the message of an error, where a request is answered here.
        """
        self._worker, self._cfg, self._log = worker, worker.cfg, worker.log
        self._most_body = most_body
        self._streams = streams or (lambda _: False)
        self._message_key = message_key or (lambda _: MESSAGE)
        self._free_streams = BoundedSemaphore(STREAMS)

    def begin(self, connection: Connection) -> Conversation:
        """Answers requests one after the other."""
        number = 1
        while (yield from self._exchange(connection, number)):
            number += 1
            yield EVENT_READ if connection.misses_next(self._cfg.keepalive) else TURN
        if not connection.flush():
            yield EVENT_WRITE
        if not connection.is_whole:
            # If it were closed while the client still sends, the answer would be lost.
            connection.linger(LINGER_SECONDS)
            yield EVENT_READ

    def _exchange(self, connection: Connection, number: int) -> Generator[int, None, bool]:
        """Answers a request; whether another one may follow."""
        try:
            request = Request(self._cfg, SocketUnreader(connection), connection.peer, number)
            response, environ = wsgi.create(request, connection, connection.peer, connection.server, self._cfg)
        except NOT_A_REQUEST as error:
            self._log.warning("This is no request of HTTP: %r", error)
            return self._refuse(connection, refusal(error, bytes(connection.received)))
        connection.message_key = self._message_key(environ)
        try:
            refused = yield from self._await_body(connection, environ)
            if refused:
                return self._refuse(connection, refused)
            _expect_client(connection)
            # Where chunks end another parser might see differently, so nothing follows them.
            has_end = connection.is_whole and "HTTP_TRANSFER_ENCODING" not in environ
            if not (self._goes_on() and has_end and self._cfg.keepalive):
                response.force_close()
            environ["wsgi.multithread"] = True
            yield from self._answer(connection, request, response, environ)
        except Exception as error:  # whatever it is, the log has it, here or in the loop, and the client is told so
            if isinstance(error, ClientGone) or response.headers_sent:
                raise
            self._log.exception("Error handling a request")
            connection.sendall(failure(connection.message_key))
            return False
        finally:
            self._end_stream(connection)
            connection.message_key = MESSAGE
        return not response.should_close()

    def _await_body(self, connection: Connection, environ: dict[str, Any]) -> Generator[int, None, bytes | None]:
        """Waits for the body, or for a thread that takes it while it comes; the answer to one that may not."""
        length = None if "HTTP_TRANSFER_ENCODING" in environ else int(environ.get("CONTENT_LENGTH") or 0)
        if length == 0:
            return None
        if self._streams(environ):
            if not self._free_streams.acquire(blocking=False):
                return too_many_streams(STREAMS, connection.message_key)
            connection.begin_stream(_STREAM_SECONDS, _STREAM_RATE)
            yield STREAM
            return None
        if connection.misses_body(length, self._most_body):
            connection.flush()  # 100 Continue
            yield EVENT_READ
        return too_long(self._most_body, connection.message_key) if connection.is_too_long else None

    def _end_stream(self, connection: Connection) -> None:
        if connection.is_stream:
            connection.end_stream()
            self._free_streams.release()

    def _goes_on(self) -> bool:
        """Counts a request, and says whether the worker answers more after it."""
        worker = self._worker
        worker.nr += 1
        worker.alive = worker.alive and worker.nr < worker.max_requests
        return bool(worker.alive)

    def _refuse(self, connection: Connection, answer: bytes) -> bool:
        """Answers before the body has come."""
        connection.unsent.clear()  # 100 Continue
        connection.sendall(answer)
        connection.is_whole = False
        return False

    def _answer(self, connection: Connection, request: Any, response: Any, environ: dict[str, Any]) -> Conversation:
        began = datetime.now()  # noqa: DTZ005 gunicorn wants the difference
        pieces: Any = None
        try:
            self._cfg.pre_request(self._worker, request)
            pieces = self._worker.wsgi(environ, response.start_response)
            self._end_stream(connection)
            end = time.monotonic() + _TURN_SECONDS
            for piece in pieces:
                response.write(piece)
                if not connection.flush():
                    yield EVENT_WRITE
                elif time.monotonic() > end:
                    yield TURN
                else:
                    continue
                end = time.monotonic() + _TURN_SECONDS
            _check_length(request, response)
            response.close()
            if not connection.flush():
                yield EVENT_WRITE
        finally:
            self._log.access(response, request, environ, datetime.now() - began)  # noqa: DTZ005
            if hasattr(pieces, "close"):
                pieces.close()
            self._cfg.post_request(self._worker, request, environ, response)


def _expect_client(connection: Connection) -> None:
    """Work for one who has gone while all threads were busy is in vain."""
    if time.monotonic() - connection.ready_at > _PROMPT_SECONDS and connection.has_gone():
        raise ClientGone


def _check_length(request: Any, response: Any) -> None:
    """Else the next answer would be taken for the rest of this one. (What is too much gunicorn leaves out.)"""
    announced, sent = response.response_length, response.sent
    if announced and sent < announced and request.method != "HEAD" and response.status_code not in _NO_BODY:
        raise WrongLength(f"{request.method} {request.path}: {sent} bytes of {announced}, which the header announced")
