"""Clients that stall, or ask what is slow, while others ask `aiida-like serve`."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.asking import curl
from tests.conftest import COMMAND, Golden, GoldenPostgreSQL
from tests.servers import PATIENCE, free_port, serving

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


def test_a_body_that_is_too_long(port: int) -> None:
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
