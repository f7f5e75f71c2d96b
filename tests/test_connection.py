"""A connection of our worker, told by hand what comes of a request."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from restapi.hosting.connection import Connection, Conversation, StreamOver

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Connection]]:
    """The end of a client, and the connection at the other."""
    near, far = socket.socketpair()
    with near, far:
        far.settimeout(0)
        far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        yield near, Connection(far, None, None, 30, says_nothing)


def says_nothing(_: Connection) -> Conversation:
    yield from ()


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


@pytest.mark.parametrize(
    ("parts", "is_waited_for"),
    [
        ([b"GET / HTTP/1.1\r", b"\nHost: a\r", b"\n"], True),
        ([b"GET / HTTP/1.1\nHost: a\n\n"], False),
        ([b"GET / HTTP/1.1\r\nHost: a", b"\n"], False),
    ],
)
def test_a_line_that_ends_with_lf_alone(
    ends: tuple[socket.socket, Connection], parts: list[bytes], *, is_waited_for: bool
) -> None:
    """The end of such a head never comes; the parser says so."""
    client, connection = ends
    received = []
    for part in parts:
        client.sendall(part)
        received.append(connection.receive())
    assert received == [False] * (len(parts) - 1) + [not is_waited_for]
    assert not connection.is_whole


MOST = 100
"""Bytes of a body, in these tests."""


@pytest.mark.parametrize(
    ("body", "is_whole", "is_too_long"),
    [
        (b"64\r\n" + b"a" * 100 + b"\r\n0\r\n\r\n", True, False),
        (b"65\r\n", False, True),
        (b"FFFFFFFFFFFFFFF\r\na", False, True),
        (b"32\r\n" + b"a" * 50 + b"\r\n33\r\n", False, True),
        (b"1\r\na\r\n" * 30, False, False),
        (b"1\r\na\r\n" * 30 + b"0\r\n\r\n", True, False),
        (b"1\r\na\r\n" * 34, False, True),
        (b"1\r\na\r\n0\r\n\r\n" + HEAD * 10, True, False),
    ],
)
def test_bodies_in_chunks(
    ends: tuple[socket.socket, Connection], body: bytes, *, is_whole: bool, is_too_long: bool
) -> None:
    """What is in them counts, also before it has come; what stands around it may be as much again."""
    client, connection = ends
    client.sendall(HEAD + body)
    assert connection.receive()
    assert connection.misses_body(None, MOST) is not (is_whole or is_too_long)
    assert (connection.is_whole, connection.is_too_long) == (is_whole, is_too_long)


@pytest.mark.parametrize(("length", "is_too_long"), [(MOST, False), (MOST + 1, True), (10**18, True)])
def test_bodies_of_known_length(ends: tuple[socket.socket, Connection], length: int, *, is_too_long: bool) -> None:
    client, connection = ends
    client.sendall(HEAD)
    assert connection.receive()
    assert connection.misses_body(length, MOST) is not is_too_long
    assert connection.is_too_long is is_too_long


@pytest.mark.parametrize("does", ["nothing", "sends", "closes"])
def test_who_has_gone(ends: tuple[socket.socket, Connection], does: str) -> None:
    client, connection = ends
    if does == "sends":
        client.sendall(HEAD)
    if does == "closes":
        client.close()
    assert connection.has_gone() is (does == "closes")


def test_a_socket_that_knows_not_what_was_taken(ends: tuple[socket.socket, Connection]) -> None:
    """As one that listens; then nobody is taken to go on."""
    _, connection = ends
    with socket.create_server(("127.0.0.1", 0)) as connection.socket:
        connection.sendall(b"a")
        assert not connection.goes_on()


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


def test_a_stream_of_which_nothing_comes(ends: tuple[socket.socket, Connection]) -> None:
    client, connection = ends
    client.sendall(HEAD + b"12345")
    assert connection.receive()
    connection.begin_stream(0.05, 1000)
    assert connection.recv(100) == HEAD + b"12345"
    client.sendall(b"67890")
    assert connection.recv(100) == b"67890"
    with pytest.raises(TimeoutError):
        connection.recv(100)
    connection.end_stream()
    with pytest.raises(StreamOver):
        connection.recv(100)


def test_a_stream_that_drips(ends: tuple[socket.socket, Connection]) -> None:
    """It is never silent for long. What came makes it last longer: 100 bytes at 1000 a second, 0.1 s."""
    client, connection = ends
    client.sendall(HEAD)
    assert connection.receive()
    connection.begin_stream(0.2, 1000)
    assert connection.recv(100) == HEAD
    began, came = time.monotonic(), 0
    client.sendall(bytes(100))
    with suppress(TimeoutError):
        while time.monotonic() < began + 10:
            came += len(connection.recv(100))
            client.sendall(b"x")
            time.sleep(0.01)
    assert came > 100
    assert 0.3 <= time.monotonic() - began < 2
