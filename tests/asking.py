"""Requests to real servers."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.servers import require


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str


def curl(url: str, *options: str) -> Answer:
    """As it would be typed in a shell, between single quotes."""
    done = subprocess.run(
        [require("curl"), "-g", "--silent", "--show-error", "--include", *options, url],
        capture_output=True,
        check=True,
        timeout=60,
    )
    head, _, body = done.stdout.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    return Answer(int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body)


def check_parts(url: str, content: bytes, folder: Path) -> None:
    """A file in parts, as curl asks for them: some bytes, and the rest of a download that broke off."""
    part = curl(url, "--range", "3-6")
    assert (part.status, part.text.encode()) == (206, content[3:7])
    assert part.headers["Content-Range"] == f"bytes 3-6/{len(content)}"
    beyond = curl(url, "--range", f"{len(content)}-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(content)}")
    head = curl(url, "--head")
    assert (head.status, head.headers["Content-Length"], head.text) == (200, str(len(content)), "")
    broken = folder / "part"
    broken.write_bytes(content[: len(content) // 2])
    command = [require("curl"), "-g", "--silent", "--show-error", "--fail", "-C", "-", "-o", broken, url]
    subprocess.run(command, check=True, timeout=60)
    assert broken.read_bytes() == content
    broken.unlink()


def get(url: str) -> Any:
    """The JSON that is there."""
    with urlopen(url, timeout=30) as answer:
        return json.load(answer)
