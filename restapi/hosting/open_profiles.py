"""Open profiles: a cache of applications that closes the least recently used."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import ExitStack

from flask import Flask

from aiida_like.profiles import Profile
from aiida_like.storage import LazyStorage


class OpenProfiles:
    """Applications of profiles, made at their first use; at most `most` are kept, unless more are in use.

    Safe to use from several threads.
    """

    def __init__(self, make: Callable[[Profile], Flask], most: int) -> None:
        self._make = make
        self._most = most
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def application(self, profile: Profile, stack: ExitStack) -> Flask:
        """The application of a profile, which stays open until the stack is closed."""
        with self._lock:
            entry = self._entries.get(profile.name)
            if entry is None:
                entry = self._entries[profile.name] = _Entry(lambda: self._make(profile))
            self._entries.move_to_end(profile.name)
            entry.users += 1
        stack.callback(self._give_back, entry)
        self._close_superfluous()
        return entry.application()

    @property
    def names(self) -> tuple[str, ...]:
        """The profiles that are open, the least recently used first."""
        with self._lock:
            return tuple(self._entries)

    def close(self) -> None:
        with self._lock:
            closed = list(self._entries.values())
            self._entries.clear()
        for entry in closed:
            entry.close()

    def _give_back(self, entry: _Entry) -> None:
        with self._lock:
            entry.users -= 1
        self._close_superfluous()

    def _close_superfluous(self) -> None:
        """Closes entries beyond `most` that are not in use."""
        with self._lock:
            excess = len(self._entries) - self._most
            idle = [name for name, entry in self._entries.items() if not entry.users] if excess > 0 else []
            closed = [self._entries.pop(name) for name in idle[:excess]]
        # Not under the lock: closing may wait for a database.
        for entry in closed:
            entry.close()


class _Entry:
    def __init__(self, make: Callable[[], Flask]) -> None:
        self.users = 0
        self._make = make
        self._lock = threading.Lock()
        self._made: Flask | None = None

    def application(self) -> Flask:
        """The application, made once; requests for other profiles go on meanwhile."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def close(self) -> None:
        if self._made is not None:
            storage_of(self._made).close()


def storage_of(application: Flask) -> LazyStorage:
    storage = application.extensions["aiida_like_storage"]
    assert isinstance(storage, LazyStorage)
    return storage
