"""The data version of an SQLite file that others write to, from the counters that SQLite itself compares."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from aiida_like.errors import StorageError, TargetError
from aiida_like.storage.descriptors import DatabaseFile, inode_of
from aiida_like.storage.version import Version

_HEADER = 40
_MODES = slice(18, 20)
_WRITE_AHEAD = b"\2\2"
_CHANGES = slice(24, 40)
"""Change counter, size, and list of free pages: all that SQLite compares before it trusts its own cache.

"Database File Format", 1.3; `sqlite3PagerSharedLock` in pager.c.
"""

_INDEX = 48
_IS_INITIALIZED = 12
_TRIES = 100


class FileVersion:
    """`forget_connections` is called when another file has replaced the one that connections are open to.

    Safe to use from several threads.
    """

    constant = None
    column = None

    def __init__(self, path: Path, forget_connections: Callable[[], None]) -> None:
        """Raises TargetError: there is no file that can be read."""
        self._path = path
        self._index = path.with_name(f"{path.name}-shm")
        self._forget_connections = forget_connections
        self._lock = threading.Lock()
        try:
            self._file = DatabaseFile.open(self._path)
        except OSError as error:
            raise TargetError(
                f"the database {path} cannot be read: {error.strerror}", "its database does not answer"
            ) from error

    def read(self) -> Version:
        try:
            with self._lock:
                return Version(self._token(self._look()))
        except OSError as error:
            raise StorageError(f"the database {self._path} cannot be read: {error.strerror}") from error

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def _look(self) -> os.stat_result:
        """The stat of the file at the path, which is opened anew if another has replaced it."""
        while inode_of(facts := self._path.stat()) != self._file.inode:
            replaced, self._file = self._file, DatabaseFile.open(self._path)
            # Else connections go on reading the old file.
            self._forget_connections()
            # A statement that still reads the old file loses its lock, but nobody writes to a file without a name.
            replaced.close()
        return facts

    def _token(self, facts: os.stat_result) -> str | None:
        """The data version; None: it cannot be told. The change counter is exact for commits.

        The inode and the time tell what does not count: a file that is copied over this one or takes its place; a
        commit that wrote the counter, failed, and was rolled back; a write-ahead log that the last connection has
        merged into the file.
        """
        header = self._file.begin(_HEADER)
        if len(header) < _HEADER:
            return None
        index = ""
        if header[_MODES] == _WRITE_AHEAD:
            found = self._write_ahead_index()
            if found is None:
                return None
            index = found.hex()
        return f"{facts.st_dev}:{facts.st_ino}:{facts.st_ctime_ns}:{header[_CHANGES].hex()}:{index}"

    def _write_ahead_index(self) -> bytes | None:
        """The header of the -shm file, which names the last commit: its number, its checksum and that of its log.

        A writer writes the second copy first, so copies differ while it commits ("WAL-mode File Format", 2.1).
        None: there is no such file, because no connection is open, or a writer has died at its work.
        """
        for _ in range(_TRIES):
            try:
                copies = self._file.begin_beside(self._index, 2 * _INDEX)
            except FileNotFoundError:
                return None
            first, second = copies[:_INDEX], copies[_INDEX:]
            if len(second) == _INDEX and first == second:
                return first if first[_IS_INITIALIZED] else None
        return None
