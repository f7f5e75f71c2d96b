"""An HTTP client that takes little time itself: a connection for each request, as gunicorn's sync workers close it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from itertools import cycle
from typing import Any

from benchmarks.mix import Request

PREFIX = "/api/v4"
PATIENCE = 600.0


@dataclass(frozen=True)
class Address:
    host: str
    port: int


@dataclass(frozen=True)
class Answer:
    """`seconds` is how long it took until the last byte was there."""

    status: int
    head: str
    body: bytes
    seconds: float

    @property
    def is_json(self) -> bool:
        return "application/json" in self.head

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        found = [line for line in self.head.split("\r\n") if line.lower().startswith(f"{name.lower()}:")]
        return found[0].partition(":")[2].strip() if found else None


def message(request: Request) -> bytes:
    """HTTP/1.0, so that no answer comes in chunks."""
    body = b"" if request.body is None else request.body.encode()
    lines = ["Host: benchmark", "Accept: */*"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    first = f"{'POST' if body else 'GET'} {PREFIX}{request.path} HTTP/1.0"
    return "\r\n".join((first, *lines, "", "")).encode() + body


class Refused(Exception):
    """A server did not answer with 200."""


def ask(address: Address, sent: bytes) -> Answer:
    parts = []
    began = time.perf_counter()
    with socket.create_connection((address.host, address.port), timeout=PATIENCE) as connection:
        connection.sendall(sent)
        while part := connection.recv(1 << 18):
            parts.append(part)
    seconds = time.perf_counter() - began
    head, _, body = b"".join(parts).partition(b"\r\n\r\n")
    return Answer(int(head.split(b" ", 2)[1]), head.decode("latin-1"), body, seconds)


def seconds_of(address: Address, sent: bytes) -> float:
    """Raises Refused."""
    answer = ask(address, sent)
    if answer.status != HTTPStatus.OK:
        raise Refused(f"{answer.status} is the answer to {sent.decode()}: {answer.body[:500]!r}")
    return answer.seconds


def ask_each(address: Address, messages: Iterable[bytes], clients: int, seconds: float) -> int:
    """Each message once, by so many clients at the same time, as far as the time goes; how many that were.

    Raises:
        Refused: one was.
    """
    waiting = iter(messages)
    began = time.perf_counter()

    def client() -> int:
        number = 0
        for sent in waiting:
            seconds_of(address, sent)
            number += 1
            if time.perf_counter() - began > seconds:
                break
        return number

    with ThreadPoolExecutor(clients) as pool:
        return sum(future.result() for future in [pool.submit(client) for _ in range(clients)])


def ask_at_once(address: Address, messages: Iterable[bytes], clients: int, seconds: float) -> float:
    """Requests a second, of the same messages again and again until the time is over.

    Raises:
        Refused: as `ask_each`.
    """
    began = time.perf_counter()
    number = ask_each(address, cycle(messages), clients, seconds)
    return number / (time.perf_counter() - began)
