"""Requests to real servers."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
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


def get(url: str) -> Any:
    """The JSON that is there."""
    with urlopen(url, timeout=30) as answer:
        return json.load(answer)
