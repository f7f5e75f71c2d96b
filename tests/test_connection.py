"""A connection of our worker, told by hand what comes of a request."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from restapi.hosting.connection import Connection

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Connection]]:
    """The end of a client, and the connection at the other."""
    near, far = socket.socketpair()
    with near, far:
        far.settimeout(0)
        far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        yield near, Connection(far, None, None, seconds=30)


def test_blank_lines_are_no_begin_of_their_own(ends: tuple[socket.socket, Connection]) -> None:
    """Else whoever sends one now and then stays for ever."""
    client, connection = ends
    client.sendall(b"\r\n")
    connection.receive()
    first = connection.deadline
    client.sendall(b"\r\n")
    assert not connection.receive()
    assert connection.deadline == first
    client.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
    assert connection.receive()
    assert connection.is_whole


@pytest.mark.parametrize(
    ("body", "misses"),
    [
        (b"5;" + b"a" * 8000, True),
        (b"5;" + b"a" * 8200, False),
        (b"0\r\nX: " + b"a" * 100_000, True),
        (b"0\r\nX: " + b"a" * 140_000, False),
    ],
)
def test_no_line_is_looked_at_again_and_again(
    ends: tuple[socket.socket, Connection], body: bytes, *, misses: bool
) -> None:
    """What is too long is for the parser, which refuses it."""
    client, connection = ends
    client.sendall(HEAD)
    assert connection.receive()
    assert connection.misses_body(None, 1_000_000)
    for start in range(0, len(body), 10_000):
        client.sendall(body[start : start + 10_000])
        connection.receive()
    client.sendall(b"a")
    assert connection.receive() is not misses
    assert not connection.is_whole


def test_who_reads_slowly_goes_on(ends: tuple[socket.socket, Connection]) -> None:
    """Though the selector is silent until a third of what was sent is taken."""
    client, connection = ends
    connection.sendall(bytes(1 << 20))
    assert not connection.flush()
    assert not connection.goes_on()
    connection.deadline = 0
    client.recv(1 << 16)
    assert connection.goes_on()
    assert connection.deadline > time.monotonic()
    assert not connection.goes_on()
