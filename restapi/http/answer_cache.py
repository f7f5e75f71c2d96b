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

MAX_ASKED = 10_000
"""Requests that are known to have been answered once."""


class Kept(NamedTuple):
    """An answer of status 200 with all headers that belong to it, its entity tag among them, at a data version."""

    version: str
    body: bytes
    headers: tuple[tuple[str, str], ...]

    @property
    def size(self) -> int:
        return len(self.body) + sum(map(len, chain.from_iterable(self.headers)))


class AnswerCache:
    """The last answer to each request, by its key; those that were not asked for longest are forgotten first.

    A request that comes for the first time may well be the only one of its kind, so its answer is not kept: it would
    only take the place of others, and memory that is written to for nothing.

    For several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._bytes = 0
        self._asked: set[int] = set()  # by hash

    def get(self, key: str) -> Kept | None:
        with self._lock:
            answer = self._kept.get(key)
            if answer is not None:
                self._kept.move_to_end(key)
            return answer

    def keep(self, key: str, answer: Kept) -> None:
        """From the second answer to a request on."""
        with self._lock:
            if self._is_new(key):
                return
            size = len(key) + answer.size
            if size > MAX_ANSWER:
                return
            replaced = self._kept.pop(key, None)
            self._kept[key] = answer
            self._bytes += size - (len(key) + replaced.size if replaced else 0)
            while self._bytes > MAX_BYTES:
                forgotten, its_answer = self._kept.popitem(last=False)
                self._bytes -= len(forgotten) + its_answer.size

    def _is_new(self, key: str) -> bool:
        """Whether the request came for the first time; of two that are hashed alike only the first one does."""
        hashed = hash(key)
        if hashed in self._asked:
            return False
        if len(self._asked) >= MAX_ASKED:
            self._asked.clear()
        self._asked.add(hashed)
        return True
