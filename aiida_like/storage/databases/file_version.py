"""The data version of an SQLite file that others write to, from the counters that SQLite itself compares."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiida_like.below import NoRegularFile, check_regular, open_descriptor
from aiida_like.errors import DATABASE_DAMAGED, MISSING, NOT_READABLE, StorageAway, TargetError
from aiida_like.storage.databases.version import Version

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


Inode = tuple[int, int]
"""Device and inode number of a file."""


@dataclass
class _Opened:
    """Descriptors of one database and of the files beside it."""

    users: int = 0
    descriptors: list[tuple[Inode, int]] = field(default_factory=list)


_lock = threading.Lock()
_opened: dict[Inode, _Opened] = {}


def inode_of(facts: os.stat_result) -> Inode:
    return facts.st_dev, facts.st_ino


@dataclass(frozen=True)
class DatabaseFile:
    """The file that was at the path when it was opened. It must be opened before SQLite opens it.

    When a process closes any descriptor of a file, POSIX takes away all locks that the process has on it, those of
    SQLite in other threads too (fcntl(2); "How To Corrupt An SQLite Database File", 2.2). So our descriptors stay open
    until no storage of this process reads the database any more. They are the one state that all applications of a
    process share, because locks belong to the process; SQLite does likewise with its own descriptors.
    """

    inode: Inode
    _own: _Opened

    @classmethod
    def open(cls, path: Path) -> DatabaseFile:
        """Raises OSError."""
        with _lock:
            inode = inode_of(path.stat())
            own = _opened.get(inode)
            if own is None:
                inode, descriptor = _open(path)
                # If the path leads to another file since the last line, that may be open already.
                own = _opened.setdefault(inode, _Opened())
                own.descriptors.append((inode, descriptor))
            own.users += 1
            return cls(inode, own)

    def begin(self, size: int) -> bytes:
        """The first bytes, at most `size`."""
        return os.pread(self._own.descriptors[0][1], size, 0)

    def begin_beside(self, path: Path, size: int) -> bytes:
        """The first bytes of another file of the database, at most `size`.

        Raises:
            OSError: there is no such file, or it cannot be read.
        """
        with _lock:
            inode = inode_of(path.stat())
            descriptor = next((each for known, each in self._own.descriptors if known == inode), None)
            if descriptor is None:
                opened = _open(path)
                self._own.descriptors.append(opened)
                descriptor = opened[1]
        return os.pread(descriptor, size, 0)

    def close(self) -> None:
        with _lock:
            self._own.users -= 1
            if self._own.users == 0:
                del _opened[self.inode]
                for _, descriptor in self._own.descriptors:
                    os.close(descriptor)


def _open(path: Path) -> tuple[Inode, int]:
    descriptor = open_descriptor(path)
    return inode_of(os.fstat(descriptor)), descriptor


def check_readable(path: Path) -> None:
    """Raises TargetError: there is no regular file, or none that may be read. It is not opened."""
    try:
        check_regular(path)
        if not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise TargetError(*_unreadable(path, error)) from error


def _unreadable(path: Path, error: OSError) -> tuple[str, str]:
    """A message for the operator, and what clients may know."""
    message = f"the database {path} cannot be read: {error.strerror}"
    return message, MISSING if isinstance(error, FileNotFoundError | NoRegularFile) else NOT_READABLE


class FileVersion:
    """`forget_connections` is called when another file has replaced the one that connections are open to.

    Safe to use from several threads.
    """

    def __init__(self, path: Path, forget_connections: Callable[[], None]) -> None:
        """Raises TargetError: there is no file that can be read."""
        self._path = path
        self._index = path.with_name(f"{path.name}-shm")
        self._forget_connections = forget_connections
        self._lock = threading.Lock()
        try:
            self._file = DatabaseFile.open(self._path)
        except OSError as error:
            raise TargetError(*_unreadable(path, error)) from error

    def read(self) -> Version:
        try:
            with self._lock:
                return Version(self._token(self._look()))
        except OSError as error:
            raise StorageAway(*_unreadable(self._path, error)) from error

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
            # SQLite would read it in the memory that the file was mapped to, and the process would die of a signal.
            raise StorageAway(f"the database {self._path} ends in its header", DATABASE_DAMAGED)
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
