"""Open profiles: a cache of applications that closes the least recently used."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

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

    def using(self, profile: Profile) -> _Use:
        """A context manager that gives the application, which stays open until the block ends."""
        return _Use(self, profile)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the profiles that are kept, the least recently used first."""
        with self._lock:
            return tuple(self._entries)

    def close(self) -> None:
        with self._lock:
            closed = list(self._entries.values())
            self._entries.clear()
        _close(closed)

    def take(self, profile: Profile) -> _Entry:
        with self._lock:
            entry = self._entries.get(profile.name)
            if entry is None:
                entry = self._entries[profile.name] = _Entry(lambda: self._make(profile))
            self._entries.move_to_end(profile.name)
            entry.users += 1
            closed = self._superfluous()
        _close(closed)
        return entry

    def give_back(self, entry: _Entry) -> None:
        with self._lock:
            entry.users -= 1
            closed = self._superfluous()
        _close(closed)

    def _superfluous(self) -> list[_Entry]:
        """Removes entries beyond `most` that are not in use."""
        excess = len(self._entries) - self._most
        idle = [name for name, entry in self._entries.items() if not entry.users] if excess > 0 else []
        return [self._entries.pop(name) for name in idle[:excess]]


class _Use:
    """A context manager. Not a generator, which the garbage collector may close in the middle of anything."""

    def __init__(self, profiles: OpenProfiles, profile: Profile) -> None:
        self._profiles = profiles
        self._profile = profile
        self._entry: _Entry | None = None

    def __enter__(self) -> Flask:
        entry = self._profiles.take(self._profile)
        try:
            application = entry.application()
        except BaseException:
            self._profiles.give_back(entry)
            raise
        self._entry = entry
        return application

    def __exit__(self, *_: object) -> None:
        assert self._entry is not None
        self._profiles.give_back(self._entry)


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


def _close(entries: Sequence[_Entry]) -> None:
    # Not under the lock of the cache: closing may wait for a database.
    for entry in entries:
        entry.close()
