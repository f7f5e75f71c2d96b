"""An application that does what none should, to see what servers make of it: `tests.odd_application:application`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

ANSWERS: dict[str, list[bytes]] = {
    "/whole": [b"12345", b"67890"],
    "/short": [b"12345"],
    "/none": [],
    "/long": [b"12345", b"67890", b"HTTP/1.1 200 OK"],
}
"""All of them are said to have ten bytes."""


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/breaks":
        start_response("200 OK", [])
        return _breaks()
    if path.startswith("/waits"):
        print("asked for", path, file=sys.stderr, flush=True)
        while not os.path.exists(os.environ["GATE"]):  # noqa: PTH110 nothing else is needed of pathlib
            time.sleep(0.01)
    start_response("200 OK", [("Content-Length", "10")])
    return ANSWERS.get(path, ANSWERS["/whole"])


def _breaks() -> Iterator[bytes]:
    yield b"1,2,3\n" * 1000
    raise RuntimeError("the database is away")
