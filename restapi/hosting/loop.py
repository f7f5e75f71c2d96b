"""The loop of our worker, which waits for all clients, and the threads that answer them."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter
from queue import SimpleQueue
from selectors import EVENT_READ, DefaultSelector
from threading import Thread
from typing import Any

from restapi.hosting.connection import ClientGone, Connection, Conversation
from restapi.hosting.conversation import LINGER_SECONDS, STREAM, TURN
from restapi.hosting.refusals import too_late

_LOOK_SECONDS = 0.5
"""Time between two looks at what is late."""

_HEALTH = re.compile(rb"(?:GET|HEAD) (?:http://[^/ ]+)?(?:/[^/? ]+)*/healthz[? ]")


class Loop:
    """A connection is either in the loop, registered with the selector and in `_waiting`, or in the hands of a thread.

    `_work` and what it calls runs in threads, all else in the loop.
    """

    def __init__(
        self, worker: Any, converse: Callable[[Connection], Conversation], client_seconds: float, streams: int
    ) -> None:
        """`converse` answers a client; `client_seconds`: how long it may take for its part.

        `streams`: how many threads take bodies while they come.
        """
        self._worker, self._converse, self._client_seconds = worker, converse, client_seconds
        self._streams_at_once = streams
        self._selector = DefaultSelector()
        self._waiting: dict[Connection, None] = {}  # in order, the first waits for longest
        self._open = 0
        self._accepting: list[Any] = []
        self._paused = list(worker.sockets)
        self._has_warned = False
        self._ready: SimpleQueue[Connection] = SimpleQueue()
        self._health: SimpleQueue[Connection] = SimpleQueue()
        self._streams: SimpleQueue[Connection] = SimpleQueue()
        self._done: SimpleQueue[tuple[Connection, int | None]] = SimpleQueue()

    def run(self) -> None:
        """Until the worker is told to end, and has ended what it had begun."""
        worker = self._worker
        for queue in (self._health, *[self._ready] * worker.cfg.threads, *[self._streams] * self._streams_at_once):
            Thread(target=self._work, args=(queue,), daemon=True).start()
        self._selector.register(worker.PIPE[0], EVENT_READ, self._take_back)
        for listener in worker.sockets:
            listener.settimeout(0)
        self._resume()
        self._turn(lambda: worker.alive)
        self._pause()
        while self._paused:
            self._paused.pop().close()
        # Who has asked nothing yet may be just about to.
        for connection in filter(attrgetter("is_idle"), self._waiting):
            connection.deadline = min(connection.deadline, time.monotonic() + LINGER_SECONDS)
        end = time.monotonic() + worker.cfg.graceful_timeout
        self._turn(lambda: self._open > 0 and time.monotonic() < end)

    def _turn(self, goes_on: Callable[[], bool]) -> None:
        worker, look = self._worker, 0.0
        while goes_on():
            for key, _ in self._selector.select(_LOOK_SECONDS):
                key.data(key.fileobj)
            now = time.monotonic()
            if now >= look or not worker.alive:
                look = now + _LOOK_SECONDS
                worker.notify()
                self._drop_late(now)
                self._has_warned = False
                self._resume()
                if worker.ppid != os.getppid():
                    worker.log.info("Parent changed, shutting down: %s", worker)
                    worker.alive = False

    def _accept(self, listener: Any) -> None:
        if self._open >= self._worker.cfg.worker_connections and not self._drop_oldest():
            self._pause()
            return
        try:
            client, peer = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # another worker was faster, or the client has gone
            return
        except OSError as error:  # most likely there are too many open files
            self._warn("a connection could not be accepted: %s", error)
            if not self._drop_oldest():
                self._pause()
            return
        client.settimeout(0)
        connection = Connection(client, peer, listener.getsockname(), self._client_seconds, self._converse)
        self._open += 1
        self._wait(connection, EVENT_READ)
        self._move(connection, connection.receive)  # most have sent already

    def _pause(self) -> None:
        """Accepts nobody until a connection has ended, or until the next look."""
        while self._accepting:
            listener = self._accepting.pop()
            self._selector.unregister(listener)
            self._paused.append(listener)

    def _resume(self) -> None:
        while self._paused:
            listener = self._paused.pop()
            self._selector.register(listener, EVENT_READ, self._accept)
            self._accepting.append(listener)

    def _warn(self, message: str, error: OSError) -> None:
        """Once between two looks."""
        if not self._has_warned:
            self._worker.log.warning(message, error)
        self._has_warned = True

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
        connection.ready_at = time.monotonic()
        (self._health if _HEALTH.match(connection.received) else self._ready).put(connection)

    def _take_back(self, pipe: int) -> None:
        """Takes connections back from threads. Signals write into the same pipe, so that the loop sees them."""
        with suppress(BlockingIOError):
            os.read(pipe, 4096)
        while not self._done.empty():
            connection, event = self._done.get()
            if event is None:
                self._close(connection)
            else:
                self._wait(connection, event)

    def _close(self, connection: Connection) -> None:
        connection.close()
        self._open -= 1
        self._resume()

    def _drop_late(self, now: float) -> None:
        for connection in [each for each in self._waiting if each.deadline < now and not each.goes_on()]:
            if not self._has_told(connection):
                self._drop(connection)

    def _has_told(self, connection: Connection) -> bool:
        """Tells a client that its request is late, if it has begun one, and leaves it time to read that."""
        if not connection.received or connection.unsent:
            return False
        connection.sendall(too_late(self._client_seconds, connection.message_key))
        with suppress(ClientGone):
            if connection.flush():
                connection.linger(LINGER_SECONDS)
                return True
        return False

    def _drop_oldest(self) -> bool:
        """Makes room where too many are connected: whoever has stalled for longest goes. Whether there is one."""
        for connection in self._waiting:
            self._drop(connection)
            return True
        return False

    def _drop(self, connection: Connection) -> None:
        del self._waiting[connection]
        self._selector.unregister(connection.socket)
        self._close(connection)
        if connection.has_begun:
            self._ready.put(connection)  # what it was answered from is closed by a thread: that may take a while

    def _work(self, queue: SimpleQueue[Connection]) -> None:
        while True:
            connection = queue.get()
            event = self._step(connection)
            if connection.is_lost:
                continue
            if event == TURN:
                connection.ready_at = time.monotonic()
                self._ready.put(connection)
                continue
            if event == STREAM:
                self._streams.put(connection)
                continue
            self._done.put((connection, event))
            with suppress(BlockingIOError):  # a full pipe wakes the loop as well
                os.write(self._worker.PIPE[1], b".")

    def _step(self, connection: Connection) -> int | None:
        """What a connection waits for next; None: it is over."""
        try:
            if not connection.is_lost:
                return next(connection.conversation, None)
            connection.conversation.close()
        except ClientGone:
            self._worker.log.debug("A client has gone before its answer had ended.")
        except (Exception, SystemExit):  # whatever it is, the thread must live
            self._worker.log.exception("Error handling a request")
        return None
