"""gunicorn's worker class of ours: one loop waits for all clients, and threads answer requests that are whole.

A client that stalls takes no thread. The loop reads a request until its head and its body are there, and keeps what a
client does not take of an answer; between the pieces of a long answer others have their turn. `/healthz` has a thread
of its own. (A thread of gunicorn's `gthread` waits for the rest of a request, and for whoever reads slowly.)

    worker_class = "restapi.hosting.worker.Worker"
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from datetime import datetime
from operator import attrgetter
from queue import SimpleQueue
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from threading import Thread
from typing import Any

from gunicorn.http import wsgi
from gunicorn.http.message import Request
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.base import Worker as Process

from restapi.config import Settings
from restapi.hosting.connection import ClientGone, Connection
from restapi.hosting.refusals import NOT_A_REQUEST, failure, refusal, too_late

_TURN = 0
"""What a conversation waits for that waits for nobody: others have their turn first."""

_TURN_SECONDS = 0.05
"""How long an answer of many pieces goes on until others have their turn."""

_LINGER_SECONDS = 2.0
"""How long a connection stays open whose client may be sending still."""

_LOOK_SECONDS = 0.5
"""Time between two looks at what is late."""

_HEALTH = re.compile(rb"(?:GET|HEAD) (?:http://[^/ ]+)?(?:/[^/? ]+)*/healthz[? ]")

Conversation = Generator[int, None, None]
"""Yields what it waits for, EVENT_READ, EVENT_WRITE or _TURN; then any thread may go on with it."""


class Worker(Process):  # type: ignore[misc]  # gunicorn has no types
    """A connection is either in the loop, registered with the selector and in `_waiting`, or in the hands of a thread.

    `_converse` and what it calls runs in threads, all else in the loop.
    """

    alive: bool

    @classmethod
    def check_config(cls, cfg: Any, _: Any) -> None:
        if cfg.is_ssl:
            raise RuntimeError(f"{cls.__module__}.{cls.__name__} speaks no TLS: let a proxy do that, or take gthread")

    def run(self) -> None:
        settings = getattr(self.wsgi, "settings", None) or Settings()
        self._client_seconds: float = settings.client_seconds
        self._most_body: int = settings.max_body_length + 1  # by the one more it is seen that it is too long
        self._selector = DefaultSelector()
        self._waiting: dict[Connection, None] = {}  # in order, the first waits for longest
        self._open = 0
        self._ready: SimpleQueue[Connection] = SimpleQueue()
        self._health: SimpleQueue[Connection] = SimpleQueue()
        self._done: SimpleQueue[tuple[Connection, int | None]] = SimpleQueue()
        for queue in (self._health, *[self._ready] * self.cfg.threads):
            Thread(target=self._work, args=(queue,), daemon=True).start()
        self._selector.register(self.PIPE[0], EVENT_READ, self._take_back)
        for listener in self.sockets:
            listener.settimeout(0)
            self._selector.register(listener, EVENT_READ, self._accept)
        self._loop(lambda: self.alive)
        for listener in self.sockets:
            self._selector.unregister(listener)
            listener.close()
        # Who has asked nothing yet may be just about to.
        for connection in filter(attrgetter("is_idle"), self._waiting):
            connection.deadline = min(connection.deadline, time.monotonic() + _LINGER_SECONDS)
        end = time.monotonic() + self.cfg.graceful_timeout
        self._loop(lambda: self._open > 0 and time.monotonic() < end)

    def _loop(self, goes_on: Callable[[], bool]) -> None:
        look = 0.0
        while goes_on():
            for key, _ in self._selector.select(_LOOK_SECONDS):
                key.data(key.fileobj)
            now = time.monotonic()
            if now >= look or not self.alive:
                look = now + _LOOK_SECONDS
                self.notify()
                self._drop_late(now)
                if self.ppid != os.getppid():
                    self.log.info("Parent changed, shutting down: %s", self)
                    self.alive = False

    def _accept(self, listener: Any) -> None:
        try:
            client, peer = listener.accept()
        except BlockingIOError:  # another worker was faster
            return
        except OSError as error:
            self.log.warning("a connection could not be accepted: %s", error)
            self._drop_oldest()
            return
        client.settimeout(0)
        connection = Connection(client, peer, listener.getsockname(), self._client_seconds)
        connection.conversation = self._converse(connection)
        self._open += 1
        if self._open > self.cfg.worker_connections:
            self._drop_oldest()
        self._wait(connection, EVENT_READ)
        self._move(connection, connection.receive)  # most have sent already

    def _wait(self, connection: Connection, event: int) -> None:
        move = connection.receive if event == EVENT_READ else connection.flush
        self._waiting[connection] = None
        self._selector.register(connection.socket, event, lambda _: self._move(connection, move))

    def _move(self, connection: Connection, move: Callable[[], bool]) -> None:
        """Receives, or sends, and goes on if that is done."""
        if connection not in self._waiting:  # dropped, after the selector had found it
            return
        try:
            if move():
                self._go_on(connection)
        except ClientGone:
            self._drop(connection)

    def _go_on(self, connection: Connection) -> None:
        del self._waiting[connection]
        self._selector.unregister(connection.socket)
        (self._health if _HEALTH.match(connection.received) else self._ready).put(connection)

    def _take_back(self, pipe: int) -> None:
        """Takes connections back from threads. Signals write into the same pipe, so that the loop sees them."""
        with suppress(BlockingIOError):
            os.read(pipe, 4096)
        while not self._done.empty():
            connection, event = self._done.get()
            if event is None:
                connection.socket.close()
                self._open -= 1
            else:
                self._wait(connection, event)

    def _drop_late(self, now: float) -> None:
        for connection in [each for each in self._waiting if each.deadline < now and not each.goes_on()]:
            if connection.received and not connection.unsent:
                connection.sendall(too_late(self._client_seconds))
                with suppress(ClientGone):
                    connection.flush()
            self._drop(connection)

    def _drop_oldest(self) -> None:
        """Makes room where too many are connected: whoever has stalled for longest goes."""
        for connection in self._waiting:
            self._drop(connection)
            return

    def _drop(self, connection: Connection) -> None:
        del self._waiting[connection]
        self._selector.unregister(connection.socket)
        connection.is_lost = True
        self._ready.put(connection)

    def _work(self, queue: SimpleQueue[Connection]) -> None:
        while True:
            connection = queue.get()
            event = self._step(connection)
            if event == _TURN:
                self._ready.put(connection)
                continue
            self._done.put((connection, event))
            with suppress(BlockingIOError):  # a full pipe wakes the loop as well
                os.write(self.PIPE[1], b".")

    def _step(self, connection: Connection) -> int | None:
        """What a connection waits for next; None: it is over."""
        try:
            if not connection.is_lost:
                return next(connection.conversation, None)
            connection.conversation.close()
        except ClientGone:
            self.log.debug("A client has gone before its answer had ended.")
        except (Exception, SystemExit):
            self.log.exception("Error handling a request")
        return None

    def _converse(self, connection: Connection) -> Conversation:
        """Answers requests one after the other."""
        number = 1
        while (yield from self._exchange(connection, number)):
            number += 1
            yield EVENT_READ if connection.misses_next(self.cfg.keepalive) else _TURN
        if not connection.flush():
            yield EVENT_WRITE
        if not connection.is_whole:
            # If it were closed while the client still sends, the answer would be lost.
            connection.linger(_LINGER_SECONDS)
            yield EVENT_READ

    def _exchange(self, connection: Connection, number: int) -> Generator[int, None, bool]:
        """Answers a request; whether another one may follow."""
        try:
            request = Request(self.cfg, SocketUnreader(connection), connection.peer, number)
            response, environ = wsgi.create(request, connection, connection.peer, connection.server, self.cfg)
        except NOT_A_REQUEST as error:
            self.log.warning("This is no request of HTTP: %r", error)
            connection.sendall(refusal(error, bytes(connection.received)))
            connection.is_whole = False
            return False
        length, has_chunks = environ.get("CONTENT_LENGTH"), "HTTP_TRANSFER_ENCODING" in environ
        if (length or has_chunks) and connection.misses_body(None if has_chunks else int(length), self._most_body):
            connection.flush()  # 100 Continue
            yield EVENT_READ
        self.nr += 1
        self.alive = self.alive and self.nr < self.max_requests
        if has_chunks or not (self.alive and connection.is_whole and self.cfg.keepalive):
            response.force_close()
        environ["wsgi.multithread"] = True
        try:
            yield from self._answer(connection, request, response, environ)
        except Exception as error:
            if isinstance(error, ClientGone) or response.headers_sent:
                raise
            self.log.exception("Error handling a request")
            connection.sendall(failure())
            return False
        return not response.should_close()

    def _answer(self, connection: Connection, request: Any, response: Any, environ: dict[str, Any]) -> Conversation:
        began = datetime.now()  # noqa: DTZ005 gunicorn wants the difference
        pieces: Any = None
        try:
            self.cfg.pre_request(self, request)
            pieces = self.wsgi(environ, response.start_response)
            end = time.monotonic() + _TURN_SECONDS
            for piece in pieces:
                response.write(piece)
                if not connection.flush():
                    yield EVENT_WRITE
                elif time.monotonic() > end:
                    yield _TURN
                else:
                    continue
                end = time.monotonic() + _TURN_SECONDS
            response.close()
            if not connection.flush():
                yield EVENT_WRITE
        finally:
            self.log.access(response, request, environ, datetime.now() - began)  # noqa: DTZ005
            if hasattr(pieces, "close"):
                pieces.close()
            self.cfg.post_request(self, request, environ, response)
