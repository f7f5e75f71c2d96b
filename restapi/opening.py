"""The storage of an application, opened at its first request: no connection crosses a fork."""

from __future__ import annotations

import threading
from collections.abc import Callable

from aiida_like.storage import Storage


class LazyStorage:
    def __init__(self, open_storage: Callable[[], Storage]) -> None:
        self._open = open_storage
        self._lock = threading.Lock()
        self._storage: Storage | None = None

    def __call__(self) -> Storage:
        """Raises TargetError: the target cannot be opened any more."""
        if self._storage is None:
            with self._lock:
                if self._storage is None:
                    self._storage = self._open()
        return self._storage

    def close(self) -> None:
        with self._lock:
            if self._storage is not None:
                self._storage.close()
                self._storage = None
