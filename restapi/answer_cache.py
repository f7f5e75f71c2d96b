"""Answers that were given, to be given again: the same request at the same data version has the same bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from itertools import chain
from typing import NamedTuple

MAX_BYTES = 8_000_000
"""Of all answers of one application."""

MAX_ANSWER = 256_000
"""Of one answer: a list of 400 nodes without their attributes has half of it."""


class Kept(NamedTuple):
    """An answer of status 200 with all headers that belong to it, its entity tag among them."""

    tag: str
    body: bytes
    headers: tuple[tuple[str, str], ...]

    @property
    def size(self) -> int:
        return len(self.body) + sum(map(len, chain.from_iterable(self.headers)))


class AnswerCache:
    """The last answer to each request, by its key; those that were not asked for longest are forgotten first.

    For several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Kept] = OrderedDict()
        self._bytes = 0

    def get(self, key: bytes) -> Kept | None:
        with self._lock:
            answer = self._kept.get(key)
            if answer is not None:
                self._kept.move_to_end(key)
            return answer

    def keep(self, key: bytes, answer: Kept) -> None:
        size = answer.size
        if size > MAX_ANSWER:
            return
        with self._lock:
            replaced = self._kept.pop(key, None)
            self._kept[key] = answer
            self._bytes += size - (replaced.size if replaced else 0)
            while self._bytes > MAX_BYTES:
                _, forgotten = self._kept.popitem(last=False)
                self._bytes -= forgotten.size
