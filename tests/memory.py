"""The memory that something takes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import TypeVar

from flask.testing import FlaskClient

T = TypeVar("T")


def peak_of(work: Callable[[], T]) -> tuple[T, int]:
    """The result of the work, and the most bytes that Python's objects took meanwhile."""
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def sizes_of_pieces(client: FlaskClient, url: str) -> list[int]:
    """The sizes of the pieces that an answer is sent in."""
    with client.get(url) as response:
        return [len(piece) for piece in response.iter_encoded()]
