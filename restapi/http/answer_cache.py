"""A cache of answers: the same request at the same data version has the same bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict

from aiida_like.tuning import Tuning
from restapi.http.reply import CachedAnswer


class AnswerCache:
    """The last answer to each request, by its key; those that were not asked for longest are forgotten first.

    The first answer to a request is not kept: it may be the only one, and would take the place of others.

    Safe to use from several threads.
    """

    def __init__(self, tuning: Tuning) -> None:
        self._tuning = tuning
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, CachedAnswer] = OrderedDict()
        self._bytes = 0
        self._noted: set[int] = set()  # by hash

    def get(self, key: str) -> CachedAnswer | None:
        with self._lock:
            answer = self._kept.get(key)
            if answer is not None:
                self._kept.move_to_end(key)
            return answer

    def keep(self, key: str, answer: CachedAnswer) -> None:
        """Keeps an answer, unless it is the first to its request."""
        with self._lock:
            if self._is_new(key):
                return
            size = len(key) + answer.size
            if size > self._tuning.answer_bytes:
                return
            replaced = self._kept.pop(key, None)
            self._kept[key] = answer
            self._bytes += size - (len(key) + replaced.size if replaced else 0)
            while self._bytes > self._tuning.answers_bytes:
                forgotten, its_answer = self._kept.popitem(last=False)
                self._bytes -= len(forgotten) + its_answer.size

    def _is_new(self, key: str) -> bool:
        """Whether the request comes for the first time; one of two with the same hash is taken for the other."""
        hashed = hash(key)
        if hashed in self._noted:
            return False
        if len(self._noted) >= self._tuning.answers_noted:
            self._noted.clear()
        self._noted.add(hashed)
        return True
