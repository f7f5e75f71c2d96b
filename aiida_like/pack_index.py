"""`packs.idx` of a container: which object lies where. It is an SQLite file, read and never written."""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from aiida_like.errors import StorageError

_BUSY_SECONDS = 10.0

_TICK = 2_000_000_000
"""Nanoseconds within which two changes of a file can have the same time."""

_FIND = 'SELECT pack_id, "offset", length, size, compressed FROM db_object WHERE hashkey = ?'


@dataclass(frozen=True)
class Place:
    """The position of an object: pack, offset, and length in it; `size` in bytes, uncompressed."""

    pack: int
    offset: int
    length: int
    size: int
    is_compressed: bool


Stamp = tuple[int, int, int]


class PackIndex:
    """Safe to use from several threads.

    The index has a write-ahead journal. Where none lies beside it, no writer is there: then the file is opened as
    immutable, so that we leave no journal, and stays open until it changes.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._journal = file.with_name(f"{file.name}-wal")
        self._lock = threading.Lock()
        self._kept: tuple[Stamp, sqlite3.Connection] | None = None

    def find(self, key: str) -> Place | None:
        """Raises StorageError."""
        try:
            with self._lock:
                return self._found(key)
        except sqlite3.Error as error:
            raise StorageError(f"packs.idx of the repository cannot be read: {error}") from error

    def close(self) -> None:
        with self._lock:
            self._forget()

    def _found(self, key: str) -> Place | None:
        stamp = self._stamp()
        if stamp is None:
            return None
        if self._kept is not None and self._kept[0] == stamp and not self._journal.exists():
            return _look_up(self._kept[1], key)
        self._forget()
        has_writer = self._journal.exists()
        connection = self._open("mode=ro" if has_writer else "mode=ro&immutable=1")
        if not has_writer and stamp[-1] < time.time_ns() - _TICK:
            self._kept = stamp, connection
            return _look_up(connection, key)
        try:
            return _look_up(connection, key)
        finally:
            connection.close()

    def _stamp(self) -> Stamp | None:
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _open(self, mode: str) -> sqlite3.Connection:
        uri = f"file:{quote(str(self._file))}?{mode}"
        return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, check_same_thread=False)

    def _forget(self) -> None:
        if self._kept is not None:
            self._kept[1].close()
            self._kept = None


def _look_up(connection: sqlite3.Connection, key: str) -> Place | None:
    row = connection.execute(_FIND, (key,)).fetchone()
    if row is None:
        return None
    pack, offset, length, size, is_compressed = row
    return Place(pack, offset, length, size, bool(is_compressed))
