"""Answers that were given, to be given again: the same URL at the same data version has the same bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

MAX_BYTES = 8_000_000
"""Of all answers of one application."""

MAX_ANSWER = 256_000
"""Of one answer: a list of 400 nodes without their attributes has half of it."""


@dataclass(frozen=True)
class Kept:
    """An answer of status 200."""

    body: bytes
    headers: tuple[tuple[str, str], ...]

    @property
    def size(self) -> int:
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers)


class AnswerCache:
    """By their entity tags; those that were not asked for longest are forgotten first. For several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._bytes = 0

    def get(self, tag: str) -> Kept | None:
        with self._lock:
            answer = self._kept.get(tag)
            if answer is not None:
                self._kept.move_to_end(tag)
            return answer

    def keep(self, tag: str, answer: Kept) -> None:
        if answer.size > MAX_ANSWER:
            return
        with self._lock:
            replaced = self._kept.pop(tag, None)
            self._kept[tag] = answer
            self._bytes += answer.size - (replaced.size if replaced else 0)
            while self._bytes > MAX_BYTES:
                _, forgotten = self._kept.popitem(last=False)
                self._bytes -= forgotten.size
