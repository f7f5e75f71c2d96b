"""The object store of a profile: a disk-objectstore container, read and never written.

The library `disk-objectstore` itself cannot serve here: on opening a container it switches the journal of `packs.idx`,
which writes into the profile and fails on a read-only disk. Its format (container version 1) is small:

* a new object is a plain file, `loose/ab/cdef...`;
* `verdi storage maintain` moves objects into `packs/<number>`, each of them whole or as one zlib stream, and notes the
  place in the SQLite file `packs.idx`; loose files go away after that, and packs may be rewritten.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import orjson

from aiida_like.deflated import inflated
from aiida_like.errors import DamagedNode, StorageError, TargetError
from aiida_like.repository import Blocks, Repository, StoredFile

_BLOCK = 1 << 18
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
    """`packs.idx`: which object lies where. Safe to use from several threads.

    It is an SQLite file with a write-ahead journal. Where none lies beside it, no writer is there: then the file is
    opened as immutable, so that we leave no journal, and stays open until it changes.
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


@dataclass(frozen=True)
class Container(Repository):
    folder: Path
    prefix_length: int
    index: PackIndex

    @classmethod
    def open(cls, folder: Path) -> Container:
        """Raises TargetError: there is no container, or one of a version that is not known."""
        try:
            config = orjson.loads((folder / "config.json").read_bytes())
            version, prefix_length = config["container_version"], int(config["loose_prefix_len"])
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise TargetError(
                f"{folder} is not a repository of AiiDA (no readable config.json of a disk-objectstore container): "
                "name the folder that holds container/",
                "its repository is missing or damaged",
            ) from error
        if version != 1:
            raise TargetError(
                f"the repository {folder} is a container of version {version}; version 1 can be read",
                f"its repository is a container of version {version}, which cannot be read",
            )
        return cls(folder, prefix_length, PackIndex(folder / "packs.idx"))

    def close(self) -> None:
        self.index.close()

    def _read(self, key: str) -> StoredFile:
        # An object can move from loose to packed between two looks, never back.
        stored = self._packed(key) or self._loose(key) or self._packed(key)
        if stored is None:
            raise DamagedNode(f"the repository has lost the object {key}")
        return stored

    def _loose(self, key: str) -> StoredFile | None:
        path = self.folder / "loose" / key[: self.prefix_length] / key[self.prefix_length :]
        try:
            # Links are followed: the owner of a profile may keep its files on another disk.
            file = path.open("rb")
        except FileNotFoundError:
            return None
        size = os.fstat(file.fileno()).st_size
        return StoredFile(size, Blocks(file, _read(file, size), 0))

    def _packed(self, key: str) -> StoredFile | None:
        place = self.index.find(key)
        if place is None:
            return None
        try:
            file = (self.folder / "packs" / str(place.pack)).open("rb")
        except FileNotFoundError:
            return None
        file.seek(place.offset)
        blocks = _read(file, place.length)
        if place.is_compressed:
            return StoredFile(place.size, Blocks(file, _inflated(blocks)))
        return StoredFile(place.size, Blocks(file, blocks, place.offset))


def _read(file: BinaryIO, length: int) -> Iterator[bytes]:
    with file:
        while length:
            block = file.read(min(length, _BLOCK))
            if not block:
                raise StorageError("a file of the repository ends early")
            length -= len(block)
            yield block


def _inflated(blocks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from inflated(blocks)
    except (zlib.error, EOFError) as error:
        raise StorageError(f"a file of the repository is damaged: {error}") from error
