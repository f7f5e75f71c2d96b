"""The storage of an application, opened at its first request."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from aiida_like.errors import TargetError
from aiida_like.storage import Storage


class LazyStorage:
    """Safe to use from several threads, and on both sides of a fork: each process opens its own."""

    def __init__(self, open_storage: Callable[[], Storage]) -> None:
        self._open = open_storage
        self._lock = threading.Lock()
        self._storage: Storage | None = None
        self._process = 0
        self._inherited: list[Storage] = []
        self._failure = TargetError("")
        self._failed_at = float("-inf")

    def __call__(self) -> Storage:
        """Raises TargetError: it cannot be opened now; the next request tries again."""
        storage = self._storage
        if storage is not None and self._process == os.getpid():
            return storage
        asked = time.monotonic()
        with self._lock:
            if self._storage is not None and self._process != os.getpid():
                # Closing it here would end the sessions of the other process, and so would the garbage collector.
                self._inherited.append(self._storage)
                self._storage = None
            if self._storage is None:
                self._storage = self._opened(asked)
                self._process = os.getpid()
            return self._storage

    def close(self) -> None:
        with self._lock:
            if self._storage is not None and self._process == os.getpid():
                self._storage.close()
                self._storage = None

    def _opened(self, asked: float) -> Storage:
        if asked < self._failed_at:
            # It failed while this thread waited for the lock; a database that is away would make them wait in turn.
            raise TargetError(str(self._failure), self._failure.reason)
        try:
            return self._open()
        except TargetError as error:
            self._failure, self._failed_at = error, time.monotonic()
            raise
