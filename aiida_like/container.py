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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import orjson

from aiida_like.below import check_regular, open_file
from aiida_like.deflated import FIRST_BLOCK, MOST_INFLATED, inflated
from aiida_like.errors import (
    ENDS_EARLY,
    LOST,
    NO_PLACE,
    NO_REPOSITORY,
    TOO_LONG,
    DamagedObject,
    StorageError,
    TargetError,
)
from aiida_like.repository import BLOCK, Blocks, Repository, StoredFile
from aiida_like.stamp import Stamp, stamp_of

_BUSY_SECONDS = 10.0

_TICK = 2_000_000_000
"""Nanoseconds within which two changes of a file can have the same time."""

_MOST_CONFIG = 1_000_000

_FIND = 'SELECT pack_id, "offset", length, size, compressed FROM db_object WHERE hashkey = ?'


@dataclass(frozen=True)
class Place:
    """The position of an object: pack, offset, and length in it; `size` in bytes, uncompressed."""

    pack: int
    offset: int
    length: int
    size: int
    is_compressed: bool


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
        """Raises StorageError; DamagedObject: it says of the object what is no place."""
        try:
            with self._lock:
                return self._found(key)
        except (OSError, sqlite3.Error) as error:
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
            return stamp_of(check_regular(self._file))
        except FileNotFoundError:
            return None

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
    if not all(isinstance(number, int) and number >= 0 for number in row):
        raise DamagedObject(key, NO_PLACE)
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
            with open_file(folder / "config.json") as file:
                config = orjson.loads(file.read(_MOST_CONFIG))
            version, prefix_length = config["container_version"], int(config["loose_prefix_len"])
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise TargetError(
                f"{folder} is not a repository of AiiDA (no readable config.json of a disk-objectstore container): "
                "name the folder that holds container/",
                NO_REPOSITORY,
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
            raise DamagedObject(key, LOST)
        return stored

    def _loose(self, key: str) -> StoredFile | None:
        path = self.folder / "loose" / key[: self.prefix_length] / key[self.prefix_length :]
        try:
            # Links are followed: the owner of a profile may keep its files on another disk.
            file = open_file(path)
        except FileNotFoundError:
            return None
        size = os.fstat(file.fileno()).st_size
        return StoredFile(size, Blocks(key, file, _read(file, size), size, 0))

    def _packed(self, key: str) -> StoredFile | None:
        place = self.index.find(key)
        if place is None:
            return None
        try:
            file = open_file(self.folder / "packs" / str(place.pack))
        except FileNotFoundError:
            return None
        why = _why_not_there(file, place)
        if why is not None:
            file.close()
            raise DamagedObject(key, why)
        file.seek(place.offset)
        blocks = _read(file, place.length)
        if place.is_compressed:
            return StoredFile(place.size, Blocks(key, file, inflated(blocks, first=FIRST_BLOCK), place.size))
        return StoredFile(place.size, Blocks(key, file, blocks, place.size, place.offset))


def _why_not_there(pack: BinaryIO, place: Place) -> str | None:
    """What is wrong with a place that is none in the pack, or is not as long as its object."""
    if place.offset + place.length > os.fstat(pack.fileno()).st_size:
        return ENDS_EARLY
    if place.is_compressed:
        return ENDS_EARLY if place.size > MOST_INFLATED * place.length else None
    if place.size == place.length:
        return None
    return ENDS_EARLY if place.size > place.length else TOO_LONG


def _read(file: BinaryIO, length: int) -> Iterator[bytes]:
    with file:
        while length:
            block = file.read(min(length, BLOCK))
            if not block:
                return
            length -= len(block)
            yield block
