"""An application that takes bodies while they come, of any length: `tests.streaming_application:application`."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable
from typing import Any


class Application:
    def streams(self, environ: dict[str, Any]) -> bool:
        return bool(environ["PATH_INFO"].startswith("/upload"))

    def message_key(self, environ: dict[str, Any]) -> str:
        return "detail" if environ["PATH_INFO"].endswith("/said") else "message"

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].endswith("/refused"):
            start_response("401 Unauthorized", [("Content-Length", "3")])
            return [b"no\n"]
        sys.stderr.write(f"asked for {environ['PATH_INFO']}\n")  # in one piece: others write, too
        if environ["PATH_INFO"].endswith("/lazy"):
            start_response("200 OK", [])
            return (environ["wsgi.input"].read() for _ in range(1))
        digest, size = hashlib.sha256(), 0
        try:
            while part := environ["wsgi.input"].read(1 << 16):
                digest.update(part)
                size += len(part)
        except (TimeoutError, ConnectionAbortedError) as error:
            print("broken off:", type(error).__name__, file=sys.stderr, flush=True)
            raise
        answer = f"{size} {digest.hexdigest()}".encode()
        start_response("200 OK", [("Content-Length", str(len(answer)))])
        return [answer]


application = Application()
