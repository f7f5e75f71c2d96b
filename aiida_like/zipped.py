"""The object store of an archive: the members `repo/<key>` of the zip file, or files of the unpacked folder."""

from __future__ import annotations

import os
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from aiida_like.below import open_below
from aiida_like.errors import DamagedNode, StorageError
from aiida_like.repository import Blocks, Repository, StoredFile
from aiida_like.stamp import Stamp, stamp_of

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OverflowError, struct.error, MemoryError)
"""Errors of `zipfile` for damaged bytes. RuntimeError: a damaged flag says that only a later version of zip can read
the file. ValueError: a name is no text, or a place lies before the file."""

_ENCRYPTED = 0x41
"""Flags of a member, APPNOTE.TXT 4.4.4: bits 0 and 6."""

_BLOCK = 1 << 18


def check_readable(member: zipfile.ZipInfo) -> None:
    """Raises BadZipFile: no archive of AiiDA has such members."""
    if member.flag_bits & _ENCRYPTED:
        raise zipfile.BadZipFile(f"{member.filename} in it is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile(f"{member.filename} in it is compressed by the unknown method {member.compress_type}")


class ZippedRepository(Repository):
    """The members of a zip file, opened at the first read: a directory of a million members takes a while.

    `stamp` is that of the archive whose database is open. No object comes from another that has replaced it.
    """

    def __init__(self, archive: Path, stamp: Stamp | None = None) -> None:
        self._archive = archive
        self._stamp = stamp
        self._lock = threading.Lock()
        self._zipped: zipfile.ZipFile | None = None

    def _read(self, key: str) -> StoredFile:
        try:
            zipped = self._opened()
            member = zipped.getinfo(f"repo/{key}")
            check_readable(member)
            file = zipped.open(member)
            return StoredFile(member.file_size, Blocks(file, _read(file)))
        except KeyError:
            raise DamagedNode(f"the archive has lost the object {key}") from None
        except (OSError, *DAMAGED) as error:
            raise StorageError(f"the archive cannot be read: {error}") from error

    def close(self) -> None:
        with self._lock:
            if self._zipped is not None:
                self._zipped.close()
                self._zipped = None

    def _opened(self) -> zipfile.ZipFile:
        with self._lock:
            if self._zipped is None:
                self._zipped = zipfile.ZipFile(self._archive)
            file = self._zipped.fp
            assert file is not None
            now = stamp_of(os.fstat(file.fileno()))
            if self._stamp not in (None, now):
                raise zipfile.BadZipFile("it has changed since it was opened")
            return self._zipped


class FolderRepository(Repository):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _read(self, key: str) -> StoredFile:
        try:
            file = open_below(self._folder, "repo", key)
        except FileNotFoundError:
            raise DamagedNode(f"the archive has lost the object {key}") from None
        return StoredFile(os.fstat(file.fileno()).st_size, Blocks(file, _read(file), 0))

    def close(self) -> None:
        """Nothing is kept open."""


def _read(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        try:
            while block := file.read(_BLOCK):
                yield block
        except (OSError, *DAMAGED) as error:
            raise StorageError(f"an object of the archive cannot be read: {error}") from error
