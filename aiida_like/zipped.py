"""The object store of an archive: the members `repo/<key>` of the zip file, or files of the unpacked folder."""

from __future__ import annotations

import errno
import os
import threading
import weakref
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from aiida_like.below import NoRegularFile, open_below
from aiida_like.deflated import DAMAGED_BYTES, FIRST_BLOCK, MOST_INFLATED
from aiida_like.errors import (
    ARCHIVE_DAMAGED,
    ARCHIVE_REPLACED,
    CANNOT_INFLATE,
    ENCRYPTED,
    ENDS_EARLY,
    LOST,
    NO_FILE,
    NO_PLACE,
    TOO_LONG,
    TOO_MANY_ENTRIES,
    UNKNOWN_METHOD,
    DamagedObject,
    StorageAway,
    reason_of,
)
from aiida_like.repository import BLOCK, Blocks, Repository, StoredFile
from aiida_like.stamp import Stamp, stamp_of
from aiida_like.zip_directory import TooManyEntries, open_zip

_ENCRYPTED = 0x41
"""Flags of a member, APPNOTE.TXT 4.4.4: bits 0 and 6."""


def why_unreadable(member: zipfile.ZipInfo) -> str | None:
    """What is wrong with a member that no archive of AiiDA has."""
    if member.flag_bits & _ENCRYPTED:
        return ENCRYPTED
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return UNKNOWN_METHOD
    if member.compress_type == zipfile.ZIP_STORED and member.file_size != member.compress_size:
        return ENDS_EARLY if member.file_size > member.compress_size else TOO_LONG
    return ENDS_EARLY if member.file_size > MOST_INFLATED * member.compress_size else None


class ZippedRepository(Repository):
    """The members of a zip file, opened at the first read: a directory of many members takes a while.

    `stamp` is that of the archive whose database is open. No object comes from another that has replaced it.
    """

    def __init__(self, archive: Path, stamp: Stamp | None = None) -> None:
        self._archive = archive
        self._stamp = stamp
        self._lock = threading.Lock()
        self._zipped: zipfile.ZipFile | None = None

    def _read(self, key: str) -> StoredFile:
        zipped = self._opened()
        try:
            member = zipped.getinfo(f"repo/{key}")
        except KeyError:
            raise DamagedObject(key, LOST) from None
        why = why_unreadable(member)
        if why is not None:
            raise DamagedObject(key, why)
        try:
            file = zipped.open(member)
        except DAMAGED_BYTES as error:
            raise DamagedObject(key, CANNOT_INFLATE) from error
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise DamagedObject(key, NO_PLACE) from error
        return StoredFile(member.file_size, Blocks(key, file, _read(file), member.file_size))

    def close(self) -> None:
        with self._lock:
            if self._zipped is not None:
                self._zipped.close()
                self._zipped = None

    def _opened(self) -> zipfile.ZipFile:
        """Raises StorageAway: the archive is damaged, or another one is there."""
        with self._lock:
            if self._zipped is None:
                try:
                    self._zipped = _zip_file(self._archive)
                except DAMAGED_BYTES as error:
                    raise StorageAway(f"the archive {self._archive} is damaged: {error}", ARCHIVE_DAMAGED) from error
                except TooManyEntries as error:
                    raise StorageAway(str(error), TOO_MANY_ENTRIES) from error
                except OSError as error:
                    message = f"the archive {self._archive} cannot be read: {error.strerror}"
                    raise StorageAway(message, reason_of(error)) from error
            file = self._zipped.fp
            assert file is not None
            if self._stamp not in (None, stamp_of(os.fstat(file.fileno()))):
                raise StorageAway(f"the archive {self._archive} has changed since it was opened", ARCHIVE_REPLACED)
            return self._zipped


def _zip_file(archive: Path) -> zipfile.ZipFile:
    """The directory of a zip file, which stays open as long as one of its members is read."""
    file = open_zip(archive)
    try:
        zipped = zipfile.ZipFile(file)
    except BaseException:
        file.close()
        raise
    weakref.finalize(zipped, file.close)
    return zipped


class FolderRepository(Repository):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _read(self, key: str) -> StoredFile:
        try:
            file = open_below(self._folder, "repo", key)
        except FileNotFoundError:
            raise DamagedObject(key, LOST) from None
        except NoRegularFile as error:
            raise DamagedObject(key, NO_FILE) from error
        size = os.fstat(file.fileno()).st_size
        return StoredFile(size, Blocks(key, file, _read(file), size, 0))

    def close(self) -> None:
        """Nothing is kept open."""


def _read(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        # Who looks at the beginning alone should not wait for more to be inflated.
        yield file.read(FIRST_BLOCK)
        while block := file.read(BLOCK):
            yield block
