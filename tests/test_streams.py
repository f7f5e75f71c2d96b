"""Bodies that the application takes while they come: uploads are of any length, and wait for nobody."""

from __future__ import annotations

import hashlib
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.servers import PATIENCE, Serving, free_port, serving, wait_until

pytestmark = pytest.mark.server

MIB = bytes(1 << 20)
MANY = 200
"""MiB, many times what a worker may take for it."""

Server = tuple[int, Serving]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A port, and a server with one process of one thread."""
    port = free_port()
    gunicorn = [sys.executable, "-m", "gunicorn", "-k", "restapi.hosting.worker.Worker", "-b", f"127.0.0.1:{port}"]
    application = ["--no-control-socket", "--pythonpath", str(ROOT), "tests.streaming_application:application"]
    with serving([*gunicorn, *application], f"http://127.0.0.1:{port}/healthz", {}, {200}) as found:
        yield port, found


@contextmanager
def upload(port: int, path: str = "/upload", *fields: bytes, length: int = 10) -> Iterator[socket.socket]:
    """A connection on which the head of a request was sent."""
    head = [b"POST %s HTTP/1.1" % path.encode(), b"Host: x", b"Content-Length: %d" % length, *fields, b"", b""]
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(b"\r\n".join(head))
        yield connection


def answer(connection: socket.socket) -> tuple[bytes, bytes]:
    """The status and the body, when the server has closed the connection."""
    came = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    head, _, body = came.partition(b"\r\n\r\n")
    return head.split(b" ")[1], body


def memory(server: Serving) -> int:
    """Bytes that the worker has for itself."""
    (worker,) = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    lines = Path(f"/proc/{worker}/smaps_rollup").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def test_a_body_of_any_length_takes_no_memory(server: Server) -> None:
    port, process = server
    before = memory(process)
    with upload(port, length=MANY << 20) as connection:
        for _ in range(MANY - 1):
            connection.sendall(MIB)
        taken = memory(process) - before
        connection.sendall(MIB)
        expected = f"{MANY << 20} {hashlib.sha256(MIB * MANY).hexdigest()}".encode()
        assert answer(connection) == (b"200", expected)
    assert taken < 20_000_000


def test_a_body_in_chunks(server: Server) -> None:
    chunked = b"POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server[0]), timeout=PATIENCE) as connection:
        for part in (chunked, b"5\r\n123", b"45\r\n", b"5\r\n67890\r\n", b"0\r\n", b"\r\n"):
            connection.sendall(part)
            time.sleep(0.02)
        assert answer(connection) == (b"200", f"10 {hashlib.sha256(b'1234567890').hexdigest()}".encode())


def test_four_at_once_that_stall_stop_nobody(server: Server) -> None:
    """The fifth is told to come again; whoever uploads nothing does not notice."""
    port, process = server
    with ExitStack() as stack:
        stalled = [stack.enter_context(upload(port, f"/upload/{n}")) for n in range(4)]
        wait_until(lambda: all(f"asked for /upload/{n}\n" in process.stderr for n in range(4)))
        for path, key in (("/upload", b"message"), ("/upload/said", b"detail")):
            with upload(port, path) as connection:
                told = b'{"%s":"4 uploads are under way, which is as many as may be: try again"}' % key
                assert answer(connection) == (b"503", told), "as the application has it there"
        with upload(port, "/whole", length=2) as connection:
            connection.sendall(b"12")
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        for each in stalled:
            each.sendall(b"1234567890")
        assert {answer(each)[0] for each in stalled} == {b"200"}
    with upload(port) as connection:
        connection.sendall(b"1234567890")
        assert answer(connection)[0] == b"200"


def test_who_goes_is_noticed(server: Server) -> None:
    """A body that breaks off is never taken for a whole one."""
    port, process = server
    with upload(port, "/upload/half") as connection:
        connection.sendall(b"12345")
    wait_until(lambda: "broken off: ClientGone\n" in process.stderr)


def test_a_body_is_read_before_the_application_returns(server: Server) -> None:
    """What is read later would break off where the client was slower."""
    port, process = server
    with upload(port, "/upload/lazy") as connection:
        connection.sendall(b"12345")
        wait_until(lambda: "asked for /upload/lazy\n" in process.stderr)
        connection.sendall(b"67890")
        assert answer(connection)[0] == b"500"
    assert "StreamOver: the application reads a body that it takes while it comes" in process.stderr


def test_what_the_worker_refuses_itself(server: Server) -> None:
    """It says so as the application does at the path."""
    for path, key in (("/", b"message"), ("/said", b"detail")):
        with upload(server[0], path, length=1 << 40) as connection:
            status, body = answer(connection)
            assert (status, body.partition(b":")[0]) == (b"400", b'{"%s"' % key)
            assert b"the body has more than " in body


def test_who_is_refused_need_not_send(server: Server) -> None:
    with upload(server[0], "/upload/refused", b"Expect: 100-continue", length=1 << 40) as connection:
        assert answer(connection) == (b"401", b"no\n")
    with upload(server[0], "/upload", b"Expect: 100-continue", length=5) as connection:
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"12345")
        assert answer(connection)[0] == b"200"


def test_who_is_refused_can_read_so_though_much_is_sent(server: Server) -> None:
    with upload(server[0], "/upload/refused", length=MANY << 20) as connection:
        for _ in range(20):
            connection.sendall(MIB)
        assert answer(connection) == (b"401", b"no\n")
