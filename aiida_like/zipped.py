"""The object store of an archive: the members `repo/<key>` of the zip file, or files of the unpacked folder."""

from __future__ import annotations

import os
import threading
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from aiida_like.below import open_below
from aiida_like.errors import DamagedNode, StorageError
from aiida_like.repository import Blocks, Repository, StoredFile

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)
"""Errors of `zipfile` for damaged bytes. RuntimeError: a damaged flag says that the member is encrypted, or that only a
later version of zip can read it."""

_BLOCK = 1 << 18


class ZippedRepository(Repository):
    """The members of a zip file, opened at the first read: a directory of a million members takes a while."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._lock = threading.Lock()
        self._zipped: zipfile.ZipFile | None = None

    def _read(self, key: str) -> StoredFile:
        try:
            zipped = self._opened()
            member = zipped.getinfo(f"repo/{key}")
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
