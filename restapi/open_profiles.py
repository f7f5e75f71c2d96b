"""Which profiles are open: a cache of applications that closes the least recently used."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from flask import Flask

from aiida_like.profiles import Profile
from restapi.opening import LazyStorage


class OpenProfiles:
    """The application of a profile is made when it is asked for, and kept; at most `most` are, unless more are in use.

    Safe to use from several threads.
    """

    def __init__(self, make: Callable[[Profile], Flask], most: int) -> None:
        self._make = make
        self._most = most
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    @contextmanager
    def using(self, profile: Profile) -> Iterator[Flask]:
        """The application, which stays open until the block ends."""
        entry, closed = self._take(profile)
        _close(closed)
        try:
            yield entry.application()
        finally:
            _close(self._give_back(entry))

    @property
    def names(self) -> tuple[str, ...]:
        """Those that are kept, the least recently used first."""
        with self._lock:
            return tuple(self._entries)

    def close(self) -> None:
        with self._lock:
            closed = list(self._entries.values())
            self._entries.clear()
        _close(closed)

    def _take(self, profile: Profile) -> tuple[_Entry, list[_Entry]]:
        with self._lock:
            entry = self._entries.get(profile.name)
            if entry is None:
                entry = self._entries[profile.name] = _Entry(lambda: self._make(profile))
            self._entries.move_to_end(profile.name)
            entry.users += 1
            return entry, self._superfluous()

    def _give_back(self, entry: _Entry) -> list[_Entry]:
        with self._lock:
            entry.users -= 1
            return self._superfluous()

    def _superfluous(self) -> list[_Entry]:
        """Takes out of the cache what is too much and not in use."""
        excess = len(self._entries) - self._most
        idle = [name for name, entry in self._entries.items() if not entry.users] if excess > 0 else []
        return [self._entries.pop(name) for name in idle[:excess]]


class _Entry:
    def __init__(self, make: Callable[[], Flask]) -> None:
        self.users = 0
        self._make = make
        self._lock = threading.Lock()
        self._made: Flask | None = None

    def application(self) -> Flask:
        """Made once, while requests for other profiles go on."""
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


def _close(entries: Sequence[_Entry]) -> None:
    # Not under the lock of the cache: closing may wait for a database.
    for entry in entries:
        entry.close()
