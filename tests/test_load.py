"""Clients that stall, or ask what is slow, while others ask `aiida-like serve`."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.asking import curl
from tests.conftest import COMMAND, ROOT, Golden, GoldenPostgreSQL
from tests.servers import PATIENCE, Serving, free_port, serving, wait_until

MANY = 60
"""More than there are threads, which are 4 in each of 2 processes."""

FILLED_SECONDS = 2.0
"""Time in which the buffers between a server and a client that reads nothing are full."""

LIST = b"GET /api/v4/nodes?attributes=true HTTP/1.1\r\nHost: localhost\r\n\r\n"
FILE = b"GET /api/v4/nodes?attributes=true&format=ndjson HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /api/v4/querybuilder HTTP/1.1\r\nHost: localhost\r\n"
QUERY = b'{"path": ["user"], "project": {"user_1": "id"}}'
SIZED = POST + b"Content-Length: %d\r\n\r\n" % len(QUERY)
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

STALLED: dict[str, bytes] = {
    "nothing": b"",
    "a part of the request line": LIST[:20],
    "a part of the headers": LIST[:-2],
    "headers without a body": SIZED,
    "a part of a body": SIZED + QUERY[:-1],
    "a part of a chunk": CHUNKED + b"ff\r\n" + QUERY,
    "chunks without an end": CHUNKED + b"%x\r\n%s\r\n" % (len(QUERY), QUERY),
    "lists that are not read": LIST * 1000,
    "files that are not read": FILE * 1000,
}

ARRIVING: dict[str, Sequence[bytes]] = {
    "at once": [SIZED + QUERY],
    "byte by byte": [bytes([byte]) for byte in SIZED + QUERY],
    "after an empty line": [b"\r\n" + SIZED + QUERY],
    "in chunks": [
        CHUNKED,
        b"5",
        b"\r\n" + QUERY[:5] + b"\r\n%x;a=b\r\n" % len(QUERY[5:]),
        QUERY[5:],
        b"\r\n0\r",
        b"\n\r\n",
    ],
    "with trailers": [CHUNKED + b"%x\r\n" % len(QUERY), QUERY + b"\r\n0\r\nX-A: b\r\n", b"\r\n"],
}

SLOW = {
    "path": ["node"]
    + [each for n in range(1, 5) for each in ("user", {"entity_type": "node", "with_user": f"user_{n}"})],
    "project": {"node_1": {"id": {"func": "count"}}},
}


@contextmanager
def served(target: str, *options: str, **settings: str) -> Iterator[int]:
    """The port of a server with one process of four threads, unless `options` say something else."""
    port = free_port()
    environment = {f"AIIDA_LIKE_{name}": value for name, value in settings.items()}
    command = [*COMMAND, "serve", target, "-P", str(port), "-w", "1", *options]
    with serving(command, f"http://127.0.0.1:{port}/healthz", environment, {200}):
        yield port


@pytest.fixture(scope="module")
def port(golden: Golden) -> Iterator[int]:
    with served(str(golden.archive), "-w", "2") as found:
        yield found


@pytest.fixture(scope="module")
def impatient(golden: Golden) -> Iterator[int]:
    with served(str(golden.archive), CLIENT_SECONDS="1") as found:
        yield found


@contextmanager
def odd(gate: Path, *options: str, files: int = 256) -> Iterator[tuple[int, Serving]]:
    """The port of `tests.odd_application` with one process of one thread, which may open so many `files`."""
    port = free_port()
    gunicorn = [sys.executable, "-m", "gunicorn", "-k", "restapi.hosting.worker.Worker", "-b", f"127.0.0.1:{port}"]
    application = ["--no-control-socket", "--pythonpath", str(ROOT), "tests.odd_application:application"]
    command = ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh", *gunicorn, *options, *application]
    with serving(command, f"http://127.0.0.1:{port}/healthz", {"GATE": str(gate)}, {200}) as server:
        yield port, server


@contextmanager
def client(port: int, sent: bytes = b"") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(sent)
        yield connection


def ask(port: int, url: str, body: Any = None) -> tuple[int, Any, str | None]:
    """Status, JSON, and when to ask again."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET" if body is None else "POST", url, None if body is None else json.dumps(body))
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read()), answer.getheader("Retry-After")
    connection.close()
    return found


def rest_of(connection: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    came = bytearray()
    with suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            came += part
    return bytes(came)


@pytest.mark.parametrize("kind", STALLED)
def test_who_stalls_takes_no_thread(port: int, kind: str) -> None:
    with ExitStack() as stack:
        for _ in range(MANY):
            stack.enter_context(client(port, STALLED[kind]))
        if "not read" in kind:
            time.sleep(FILLED_SECONDS)
        for url in ("/healthz", "/readyz", "/api/v4/nodes?limit=1") * 5:
            assert ask(port, url)[0] == 200


@pytest.mark.parametrize("kind", STALLED)
def test_who_stalls_is_dropped(impatient: int, kind: str) -> None:
    with client(impatient, STALLED[kind]) as connection:
        if "not read" in kind:
            time.sleep(FILLED_SECONDS + 2)
            assert len(rest_of(connection)) < 1000 * 10_000
            return
        answer = rest_of(connection)
        if not STALLED[kind]:
            assert answer == b""
            return
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert json.loads(body) == {"message": "the request did not come within 1 seconds"}


@pytest.mark.parametrize("kind", ARRIVING)
def test_requests_that_come_in_parts(port: int, kind: str) -> None:
    with client(port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in ARRIVING[kind]:
            connection.sendall(part)
            time.sleep(0.001)
        connection.shutdown(socket.SHUT_WR)
        head, _, body = rest_of(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(body)["data"] == {"user_1": [{"id": number} for number in (1, 2, 3, 4)]}


def test_requests_that_come_at_once(port: int) -> None:
    """The last one asks to close the connection; one with a body stands between others."""
    asked = [b"GET /api/v4/nodes/%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(1, 9)]
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with client(port, b"".join([*asked, SIZED + QUERY, *asked, last])) as connection:
        came = rest_of(connection)
    assert came.count(b"HTTP/1.1 200 OK\r\n") == 18
    assert came.endswith(b'{"status":"ok"}')


def test_a_body_is_waited_for(port: int) -> None:
    """Curl asks whether it may send it."""
    answer = curl(f"http://127.0.0.1:{port}/api/v4/querybuilder", "-H", "Expect: 100-continue", "-d", QUERY.decode())
    assert answer.status == 100
    assert answer.text.startswith("HTTP/1.1 200 OK")


def in_chunks(body: bytes, size: int) -> bytes:
    parts = (body[start : start + size] for start in range(0, len(body), size))
    return CHUNKED + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


TOO_LONG: dict[str, bytes] = {
    "as it says": POST + b"Content-Length: 1000001\r\n\r\n",
    "as it says, and asks before": POST + b"Expect: 100-continue\r\nContent-Length: 1000001\r\n\r\n",
    "one chunk, as it says": CHUNKED + b"f4241\r\n",
    "one chunk": in_chunks(b" " * 1_000_001, 2_000_000),
    "many chunks": in_chunks(b" " * 1_100_000, 1000),
    "chunks of one byte": in_chunks(b" " * 400_000, 1),
}


@pytest.mark.parametrize("kind", TOO_LONG)
def test_bodies_that_are_too_long(port: int, kind: str) -> None:
    """It is said as soon as it is known, and nobody is asked to send the rest."""
    with client(port, TOO_LONG[kind]) as connection:
        head, _, body = rest_of(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert json.loads(body) == {"message": "the body has more than 1000000 bytes"}


@pytest.mark.parametrize("size", [1_000_000, 1000])
def test_chunks_of_the_longest_body(port: int, size: int) -> None:
    with client(port, in_chunks(QUERY.ljust(1_000_000), size)) as connection:
        assert rest_of(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_body_that_is_sent_though_it_is_too_long(port: int) -> None:
    """What the client still sends takes the answer from nobody."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("POST", "/api/v4/querybuilder", b" " * 5_000_000)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["message"]) == (400, "the body has more than 1000000 bytes")


NO_REQUESTS = {
    b"GET /api/v4/nodes?label=a b HTTP/1.1": (400, "a URL cannot hold a blank: write %20"),
    b"GET / HTTP/9.9.9": (400, "this is no request of HTTP: "),
    b"hello": (400, "this is no request of HTTP: "),
    b"GET /%s HTTP/1.1" % (b"x" * 9000): (414, "the URL is longer than this server takes"),
    b"GET / HTTP/1.1\r\nA: %s" % (b"x" * 9000): (431, "the headers are longer than this server takes"),
    b"GET / HTTP/1.1\r\nA: %s" % (b"x" * 900_000): (431, "the headers are longer than this server takes"),
}


@pytest.mark.parametrize("sent", NO_REQUESTS, ids=lambda sent: sent[:40].decode())
def test_what_is_no_request(port: int, sent: bytes) -> None:
    with client(port, sent + b"\r\n\r\n") as connection:
        head, _, body = rest_of(connection).partition(b"\r\n\r\n")
    status, message = NO_REQUESTS[sent]
    assert head.split()[1] == str(status).encode()
    assert json.loads(body)["message"].startswith(message)
    assert {b"Content-Type: application/json", b"X-Content-Type-Options: nosniff"} <= set(head.split(b"\r\n"))


def test_lines_that_end_with_lf_alone(port: int) -> None:
    with client(port, b"GET /healthz HTTP/1.1\nHost: x\n\n") as connection:
        head, _, body = rest_of(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"a line of its head ends with LF alone" in body


def test_who_sends_too_late_can_read_so(impatient: int) -> None:
    """Though more is sent: where a connection is closed, it is answered with a reset, which takes the 408 away."""
    with client(impatient, SIZED) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
        for _ in range(3):
            connection.sendall(QUERY[:5])
            time.sleep(0.02)


def get(path: str, *fields: bytes) -> bytes:
    return b"\r\n".join([b"GET %s HTTP/1.1" % path.encode(), b"Host: x", *fields, b"", b""])


LENGTHS: dict[str, tuple[int, bytes]] = {
    "/whole": (2, b"1234567890"),
    "/long": (2, b"1234567890"),
    "/short": (1, b"12345"),
    "/none": (0, b'{"message":"Internal server error: the cause is in the log of the server"}'),
}
"""How many of two requests on a connection are answered 200, and what the last answer is."""


def test_answers_that_are_not_as_long_as_they_say(tmp_path: Path) -> None:
    """Nothing is taken for the rest of an answer that ends too early: its connection ends there."""
    with odd(tmp_path / "gate") as (port, server):
        for path, (answered, body) in LENGTHS.items():
            with client(port, get(path) + get(path, b"Connection: close")) as connection:
                came = rest_of(connection)
            assert (came.count(b"HTTP/1.1 200 OK"), came.rpartition(b"\r\n\r\n")[2]) == (answered, body)
        assert "WrongLength: GET /short: 5 bytes of 10, which the header announced" in server.stderr
        with client(port, get("/short").replace(b"GET", b"HEAD") + get("/whole", b"Connection: close")) as connection:
            assert rest_of(connection).count(b"HTTP/1.1 200 OK") == 2


def test_what_waits_for_a_thread(tmp_path: Path) -> None:
    """No more than may be connected; who is not accepted waits, and who has gone in the meantime is not answered."""
    gate = tmp_path / "gate"
    with odd(gate, "--worker-connections", "10") as (port, server), ExitStack() as stack:
        (worker,) = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()

        def is_asked(path: str) -> bool:
            return f"asked for {path}\n" in server.stderr

        def files() -> int:
            return len(os.listdir(f"/proc/{worker}/fd"))  # noqa: PTH208

        clients = [stack.enter_context(client(port, get("/waits/first", b"Connection: close")))]
        wait_until(lambda: is_asked("/waits/first"))
        with_one = files()
        with client(port, get("/waits/gone")):
            wait_until(lambda: files() == with_one + 1)
        clients += [stack.enter_context(client(port, get("/waits", b"Connection: close"))) for _ in range(30)]
        wait_until(lambda: files() >= with_one + 9)
        time.sleep(1.2)
        assert files() == with_one + 9
        gate.touch()
        assert {rest_of(each)[-10:] for each in clients} == {b"1234567890"}
        assert is_asked("/waits")
        assert not is_asked("/waits/gone")


@pytest.mark.parametrize("sent", [LIST[:20], get("/waits", b"Connection: close")], ids=["stalled", "waiting"])
def test_too_many_open_files(tmp_path: Path, sent: bytes) -> None:
    """Whoever has stalled for longest goes for whoever comes; who waits for a thread stays; the log is not flooded."""
    gate = tmp_path / "gate"
    with odd(gate, files=40) as (port, server), ExitStack() as stack:
        first = stack.enter_context(client(port, get("/waits/first", b"Connection: close")))
        wait_until(lambda: "asked for /waits/first\n" in server.stderr)
        clients = [stack.enter_context(client(port, sent)) for _ in range(MANY)]
        wait_until(lambda: "a connection could not be accepted: [Errno 24] Too many open files" in server.stderr)
        time.sleep(1)
        gate.touch()
        assert rest_of(first)[-10:] == b"1234567890"
        if sent == LIST[:20]:
            clients[-1].sendall(LIST[20:].replace(b"Host", b"Connection: close\r\nHost"))
            clients = clients[-1:]
        assert {rest_of(each)[-10:] for each in clients} == {b"1234567890"}
        assert server.stderr.count("could not be accepted") < MANY


@pytest.mark.parametrize("storage", ["archive", "postgresql"])
def test_slow_queries(golden: Golden, golden_postgresql: GoldenPostgreSQL, storage: str) -> None:
    """Two of four threads may answer them; the others say so, and go on with what is fast."""
    target = [str(golden.archive)]
    if storage == "postgresql":
        target = [golden_postgresql.url, "--repository", str(golden_postgresql.repository)]
    with served(*target, STATEMENT_SECONDS="4") as port, ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, port, "/api/v4/querybuilder", SLOW) for _ in range(8)]
        for url in ("/healthz", "/readyz", "/api/v4/nodes?limit=1") * 3:
            assert ask(port, url)[0] == 200
        assert [each.done() for each in asked].count(False) >= 2
        answers = [each.result() for each in asked]
    assert {status for status, _, _ in answers} == {503}
    refused = [body["message"] for _, body, again in answers if again == "5"]
    assert {message.partition(":")[0] for message in refused} == {
        "the query is slow, and not more than 2 slow ones run at once",
    }
    stopped = [body["message"] for _, body, again in answers if again is None]
    assert len(stopped) >= 2
    assert {message.partition(":")[0] for message in stopped} == {"the query took longer than 4 s and was stopped"}
