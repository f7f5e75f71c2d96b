"""A connection of a client to our worker: what has come of a request, and what has not gone yet of an answer."""

from __future__ import annotations

import re
import select
import struct
import time
from collections import deque
from collections.abc import Callable, Generator
from fcntl import ioctl
from inspect import GEN_CREATED, getgeneratorstate
from itertools import islice
from socket import SHUT_WR, socket
from termios import TIOCOUTQ
from typing import Any

from restapi.http.errors import MESSAGE

_AT_ONCE = 65_536
"""Bytes that are read at once."""

_LONGEST_HEAD = 131_072
"""Bytes after which the parser says what is wrong with a head that has no end."""

_LONGEST_LINE = 8190
"""Bytes of a line in front of a chunk; a longer one is for the parser, which refuses it."""

_BUFFERS = 16
"""Pieces of an answer that are sent at once."""

_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")
"""The line in front of a chunk (RFC 9112, 7.1)."""

_TRAILERS = re.compile(rb"\r\n\r\n")
"""The end of what follows the last chunk."""

_BARE_LF = re.compile(rb"(?<!\r)\n")
"""A line of a head ends as none may (RFC 9112, 2.2); a parser that waits for CR LF would wait in vain."""

_CLOSED = getattr(select, "POLLRDHUP", select.POLLHUP)
"""The other side sends nothing more; only Linux can say so."""

Conversation = Generator[int, None, None]
"""Yields what it waits for, EVENT_READ, EVENT_WRITE or TURN; then any thread may go on with it."""


class ClientGone(ConnectionAbortedError):
    """The client has closed the connection, or it broke."""


class StreamOver(Exception):
    """A body is read too late; else what is left of it would be missing, and nobody would know."""


class Connection:
    """To gunicorn's parser and to its responses it is a socket.

    `received`: all that has come of the current request. `unsent`: what the client has not taken of the answer.
    `deadline`: when the connection is dropped, unless the client has done its part. `ready_at`: since when a thread may
    answer it, which `conversation` does. `is_whole`: all of the request has come. `is_stream`: `recv` waits for more.
    `is_lost`: it was closed. `message_key`: that of the message of an error, at the path that is asked for.
    """

    __slots__ = (
        *("socket", "peer", "server", "received", "unsent", "deadline", "ready_at", "conversation"),
        *("is_whole", "is_lost", "_seconds", "_has_come", "_queued", "_parsed", "_head", "_body", "_size", "_most"),
        *("_misses", "is_stream", "_continue", "_was_stream", "_idle", "_rate", "_late_at", "message_key"),
    )

    def __init__(
        self, client: socket, peer: Any, server: Any, seconds: float, converse: Callable[[Connection], Conversation]
    ) -> None:
        """`seconds`: how long a request may take to come, and how long a client may take nothing of an answer."""
        self.socket, self.peer, self.server = client, peer, server
        self.received = bytearray()
        self.unsent: deque[bytes | memoryview] = deque()
        self.ready_at = time.monotonic()
        self.deadline = self.ready_at + seconds
        self.conversation = converse(self)
        self.is_whole = self.is_lost = False
        self.message_key = MESSAGE
        self._seconds = seconds
        self._has_come = False
        self._queued = 0
        self._parsed = self._head = self._body = self._size = self._most = 0
        self._misses: Callable[[], bool] = self._misses_head
        self.is_stream = self._was_stream = False
        self._continue = b""
        self._idle = self._late_at = 0.0
        self._rate = 1.0

    @property
    def is_idle(self) -> bool:
        return not self.received and not self.unsent

    @property
    def has_begun(self) -> bool:
        """Whether the conversation has."""
        return getgeneratorstate(self.conversation) != GEN_CREATED

    @property
    def is_too_long(self) -> bool:
        """Whether the body has more bytes than it may, by what is announced or by what it takes with its chunks."""
        takes = 0 if self.is_whole else len(self.received) - self._head  # else more may be of the next request
        return self._size > self._most or takes > 2 * self._most

    def receive(self) -> bool:
        """Takes what has come, and says whether the next step can be made.

        Raises:
            ClientGone: it has.
        """
        try:
            came = self.socket.recv(_AT_ONCE)
        except BlockingIOError:
            return False
        except OSError as error:
            raise ClientGone from error
        if not came:
            raise ClientGone
        if not self._has_come:
            self._has_come = True
            self.deadline = time.monotonic() + self._seconds
        self.received += came
        return not self._misses()

    def recv(self, size: int) -> bytes:
        """The next bytes for the parser; none are left: the request breaks off.

        Raises:
            ClientGone: it has, before its stream had ended.
            TimeoutError: nothing came of the stream for as long as may be, or on the whole too little.
            StreamOver: the application has returned.
        """
        part = bytes(self.received[self._parsed : self._parsed + size])
        self._parsed += len(part)
        if part:
            return part
        if self._was_stream:
            raise StreamOver("the application reads a body that it takes while it comes, after it has returned")
        return self._wait_for_more() if self.is_stream else part

    def begin_stream(self, idle_seconds: float, rate: float) -> None:
        """Makes `recv` wait for what has not come yet, and keep nothing of it.

        It waits at most `idle_seconds` each time, and no longer than it takes at `rate` bytes a second on the whole.
        """
        self.is_whole = False
        self.is_stream = True
        self._continue = b"".join(self.unsent)  # 100 Continue, which a client that is refused need not be told
        self.unsent.clear()
        self._idle, self._rate = idle_seconds, rate
        self._late_at = time.monotonic() + idle_seconds

    def end_stream(self) -> None:
        self.is_stream, self._was_stream = False, True
        self.socket.settimeout(0)

    def _wait_for_more(self) -> bytes:
        self.received.clear()
        self._parsed = 0
        left = self._late_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.socket.settimeout(min(self._idle, left))
        try:
            if self._continue:
                self.socket.sendall(self._continue)
                self._continue = b""
            came = self.socket.recv(_AT_ONCE)
        except TimeoutError:
            raise
        except OSError as error:
            raise ClientGone from error
        if not came:
            raise ClientGone
        self._late_at += len(came) / self._rate
        return came

    def sendall(self, data: bytes) -> None:
        self.unsent.append(data)

    send = sendall
    """Gunicorn sends `100 Continue` so."""

    def flush(self) -> bool:
        """Sends what the client takes, and says whether that is all.

        Raises:
            ClientGone: it has.
        """
        unsent = self.unsent
        while unsent:
            try:
                sent = self.socket.sendmsg(islice(unsent, _BUFFERS))
            except BlockingIOError:
                self.deadline = time.monotonic() + self._seconds
                self._queued = self._not_taken()
                return False
            except OSError as error:
                raise ClientGone from error
            while unsent and sent >= len(unsent[0]):
                sent -= len(unsent.popleft())
            if sent:
                unsent[0] = memoryview(unsent[0])[sent:]
        return True

    def goes_on(self) -> bool:
        """Whether the client has taken something of the answer, though too little for the selector to say so."""
        before, self._queued = self._queued, self._not_taken() if self.unsent else 0
        if self._queued >= before:
            return False
        self.deadline = time.monotonic() + self._seconds
        return bool(self.unsent)

    def _not_taken(self) -> int:
        """Bytes that were sent, and that the other side has not got yet."""
        try:
            (number,) = struct.unpack("i", ioctl(self.socket, TIOCOUTQ, bytes(4)))
        except OSError:  # some sockets, and some systems, do not know
            return 0
        return int(number)

    def has_gone(self) -> bool:
        """Whether the client has closed the connection, or says that it sends nothing more, which looks the same."""
        poll = select.poll()
        poll.register(self.socket, _CLOSED)  # POLLHUP and POLLERR are always told
        return bool(poll.poll(0))

    def close(self) -> None:
        """At once, though a thread may still have to end the conversation."""
        self.is_lost = True
        self.socket.close()
        self.received.clear()
        self.unsent.clear()

    def misses_body(self, length: int | None, most: int) -> bool:
        """Whether something of the body must still come. It may have `most` bytes, and chunks as much again.

        `length` is None for a body in chunks.
        """
        self.is_whole, self._most = False, most
        self._body = self._size = length or 0
        self._misses = self._misses_chunks if length is None else self._misses_length
        return self._misses()

    def misses_next(self, idle_seconds: float) -> bool:
        """Forgets the request that was answered; whether something of the next one must still come."""
        del self.received[: self._head + self._body]
        self._parsed = self._head = self._body = 0
        self._has_come = bool(self.received)
        self.deadline = time.monotonic() + (self._seconds if self._has_come else idle_seconds)
        self._misses = self._misses_head
        return self._misses()

    def linger(self, seconds: float) -> None:
        """Says that nothing more is sent, and ignores what comes: if it were closed, the answer would be lost."""
        try:
            self.socket.shutdown(SHUT_WR)
        except OSError as error:
            raise ClientGone from error
        self.received.clear()
        self.deadline = time.monotonic() + seconds
        self._misses = self._ignores

    def _misses_head(self) -> bool:
        received = self.received
        while received.startswith(b"\r\n"):  # RFC 9112, 2.2
            del received[:2]
        # `_head` bytes were looked at before.
        seen = self._head
        end = received.find(b"\r\n\r\n", max(0, seen - 3))
        self._head = len(received) if end < 0 else end + 4
        self.is_whole = end >= 0
        return end < 0 and self._head < _LONGEST_HEAD and not _BARE_LF.search(received, seen)

    def _misses_length(self) -> bool:
        self.is_whole = len(self.received) >= self._head + self._body
        return not self.is_whole and not self.is_too_long

    def _misses_chunks(self) -> bool:
        """Looks only for the last chunk; the parser reads them.

        `_body` is the length of those that are known, `_size` that of what is in them.
        """
        received = self.received
        while chunk := _CHUNK.match(received, self._head + self._body):
            size = int(chunk[1], 16)
            if size:
                self._body = chunk.end() + size + len(b"\r\n") - self._head
                self._size += size
                continue
            self.is_whole = _TRAILERS.search(received, chunk.end() - 2) is not None
            if len(received) - chunk.end() > _LONGEST_HEAD:
                return False
            break
        else:
            start = self._head + self._body
            if len(received) - start > _LONGEST_LINE or received.find(b"\r\n", start) >= 0:
                return False  # no chunk: the parser says what is wrong
        return not self.is_whole and not self.is_too_long

    def _ignores(self) -> bool:
        self.received.clear()
        return True
