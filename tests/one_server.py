"""A server of some targets, with one worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import COMMAND
from tests.servers import free_port, serving


@contextmanager
def one_server(*targets: str | Path) -> Iterator[str]:
    """The URL of the server, which is up, until the block ends."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with serving([*COMMAND, "serve", *map(str, targets), "-P", str(port), "-w", "1"], url):
        yield url
