"""`core.sqlite_zip`: an archive file, or the folder it was unpacked to, which may be anybody's.

What is served is a copy of its database, so an archive on a read-only disk can be served. It is never held in memory.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson

from aiida_like.below import NoRegularFile, open_below
from aiida_like.deflated import DAMAGED_BYTES
from aiida_like.errors import (
    ARCHIVE_DAMAGED,
    ARCHIVE_MISSING,
    CANNOT_UNPACK,
    MISSING,
    NO_ARCHIVE,
    TOO_MANY_ENTRIES,
    TargetError,
    reason_of,
)
from aiida_like.stamp import Stamp, stamp_of
from aiida_like.storage.archives.copies import Packed, Progress, blocks_of, copy_of
from aiida_like.zip_directory import TooManyEntries, open_zip
from aiida_like.zipped import why_unreadable

DATABASE, METADATA = "db.sqlite3", "metadata.json"
_VERSIONS = ("main_0001", "main_0002")
"""The formats that can be read; older ones can be migrated."""

_MOST_METADATA = 1_000_000

_OF_TWO_STEPS = ("0.1", "0.2", "0.3")
_TWO_STEPS = "formats before 0.4 are first migrated by aiida-core 1, as aiida-core 2 does not know them"
_BLOCK_OF_TAR = 512
_LOCAL_HEADER = 30
_BLOCK_OF_DISK = 512
"""Bytes that `st_blocks` counts, see stat(2)."""


def default_cache_folder() -> Path:
    """`$XDG_CACHE_HOME/aiida-like`, else `~/.cache/aiida-like`."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "aiida-like"


def stamp(archive: Path) -> Stamp | None:
    """The stamp of the file, or of the database in the folder; None: there is none."""
    try:
        return stamp_of(os.lstat(archive / DATABASE) if archive.is_dir() else archive.stat())
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class Unpacked:
    """`file` is the SQLite file with the content of an archive, whose name tells the content; `stamp` as above."""

    file: Path
    stamp: Stamp


def unpacked(archive: Path, cache_folder: Path, progress: Progress | None = None) -> Unpacked:
    """The database of an archive: a copy of its own.

    Raises:
        TargetError: it is no archive of a version that can be read, or cannot be unpacked.
    """
    try:
        with _packed(archive) as (packed, found):
            return Unpacked(copy_of(packed, cache_folder, progress), found)
    except OSError as error:
        raise TargetError(
            f"the database of {archive} cannot be unpacked to {cache_folder}: {error.strerror or error}; "
            "set XDG_CACHE_HOME to a folder with room",
            CANNOT_UNPACK,
        ) from error


def check_archive(archive: Path) -> None:
    """Raises TargetError: it is no archive of a version that can be read. What is in its tables is not looked at."""
    try:
        with _packed(archive):
            return
    except OSError as error:
        raise TargetError(f"the archive {archive} cannot be read: {error.strerror}", reason_of(error)) from error


@contextmanager
def _packed(archive: Path) -> Iterator[tuple[Packed, Stamp]]:
    """The database and the stamp, while the file is open. Raises TargetError, OSError."""
    is_folder = archive.is_dir()
    try:
        with _opened(archive) as file:
            yield (_of_folder if is_folder else _of_file)(archive, file), stamp_of(os.fstat(file.fileno()))
    except DAMAGED_BYTES as error:
        raise TargetError(f"the archive {archive} is damaged: {error}", ARCHIVE_DAMAGED) from error
    except TooManyEntries as error:
        raise TargetError(str(error), TOO_MANY_ENTRIES) from error
    except NoRegularFile as error:
        raise TargetError(f"{archive} is not an AiiDA archive (it is no regular file)", NO_ARCHIVE) from error


def _opened(archive: Path) -> BinaryIO:
    """Raises TargetError, NoRegularFile."""
    try:
        return _database_of(archive) if archive.is_dir() else open_zip(archive)
    except NoRegularFile:
        raise
    except FileNotFoundError as error:
        raise TargetError(f"there is no archive {archive}", ARCHIVE_MISSING) from error
    except OSError as error:
        raise TargetError(f"the archive {archive} cannot be read: {error.strerror}", reason_of(error)) from error


def _database_of(folder: Path) -> BinaryIO:
    """Files of a folder are opened without following links: one could lead to the database of another profile."""
    try:
        with open_below(folder, METADATA) as metadata:
            content = metadata.read(_MOST_METADATA + 1)
    except OSError:
        content = b""
    _check_version(folder, content)
    try:
        return open_below(folder, DATABASE)
    except OSError as error:
        raise TargetError(f"the database of {folder} cannot be read: {error.strerror}", MISSING) from error


def _of_folder(folder: Path, file: BinaryIO) -> Packed:
    descriptor = file.fileno()
    size = os.fstat(descriptor).st_size
    return Packed(folder, size, _on_disk(descriptor, size), lambda: blocks_of(descriptor, 0, size))


def _on_disk(file: int, size: int) -> int:
    """How many of so many bytes can be on the disk: a file with holes is larger than what it takes there.

    Some file systems do not tell, and say 0.
    """
    return min(size, os.fstat(file).st_blocks * _BLOCK_OF_DISK or size)


def _of_file(archive: Path, file: BinaryIO) -> Packed:
    start = file.read(_BLOCK_OF_TAR * 8)
    if not start.startswith(b"PK"):
        raise _no_zip_file(archive, start)
    try:
        with zipfile.ZipFile(file) as zipped:
            return _of_zip(archive, zipped, file.fileno())
    except OSError as error:
        # A place in it lies before its start, or beyond all files.
        raise zipfile.BadZipFile(error.strerror) from error


def _no_zip_file(archive: Path, start: bytes) -> TargetError:
    if start.startswith(b"\x1f\x8b"):
        with suppress(zlib.error):
            start = zlib.decompressobj(wbits=31).decompress(start, _BLOCK_OF_TAR)
    if start[257:262] != b"ustar":  # POSIX, pax, "ustar Header Block"
        return TargetError(f"the file {archive} is not an AiiDA archive (no zip file)", NO_ARCHIVE)
    return TargetError(
        f"the archive {archive} is a tar file, as AiiDA 0 and 1 wrote them: run `verdi archive migrate {archive.name} "
        f"NEW.aiida`; {_TWO_STEPS}",
        "its archive is an old one, a tar file: `verdi archive migrate` makes a new one of it",
    )


def _check_unique(zipped: zipfile.ZipFile) -> None:
    """Of two entries of one name each reader takes another."""
    for name in (METADATA, DATABASE):
        number = sum(member.filename == name for member in zipped.infolist())
        if number > 1:
            raise zipfile.BadZipFile(f"it holds {name} {number} times")


def _check_version(archive: Path, metadata: bytes) -> None:
    if len(metadata) > _MOST_METADATA:
        raise TargetError(f"{archive} is not an AiiDA archive (its {METADATA} has more than 1 MB)", NO_ARCHIVE)
    try:
        version = orjson.loads(metadata)["export_version"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        version = None
    if not isinstance(version, str):
        raise TargetError(f"{archive} is not an AiiDA archive (its {METADATA} names no export_version)", NO_ARCHIVE)
    if version in _VERSIONS:
        return
    if version.startswith("main_") and version > _VERSIONS[-1]:
        raise TargetError(
            f"the archive {archive} has the format {version:.20}, which is later than {_VERSIONS[-1]}: "
            "it needs a later version of aiida-like",
            f"its archive has the format {version:.20}, which this server does not know yet",
        )
    two_steps = f"; {_TWO_STEPS}" if version in _OF_TWO_STEPS else ""
    raise TargetError(
        f"the archive {archive} has the old format {version:.20}, {_VERSIONS[0]} or later can be read: "
        f"run `verdi archive migrate {archive.name} NEW.aiida`{two_steps}",
        f"its archive has the old format {version:.20}: `verdi archive migrate` makes a new one of it",
    )


def _of_zip(archive: Path, zipped: zipfile.ZipFile, file: int) -> Packed:
    if METADATA not in zipped.NameToInfo:
        raise TargetError(
            f"the file {archive} is a zip file, but not an AiiDA archive (it holds no {METADATA})", NO_ARCHIVE
        )
    _check_unique(zipped)
    _check_readable(zipped.getinfo(METADATA))
    with zipped.open(METADATA) as metadata:
        _check_version(archive, metadata.read(_MOST_METADATA + 1))
    try:
        member = zipped.getinfo(DATABASE)
    except KeyError:
        raise TargetError(f"{archive} is not an AiiDA archive (it holds no {DATABASE})", NO_ARCHIVE) from None
    _check_readable(member)
    # It reads the header before the data, and checks that it is about this member.
    with zipped.open(member) as opened:
        opened.read(1)
    return Packed(
        archive,
        member.file_size,
        _on_disk(file, member.compress_size),
        lambda: blocks_of(file, _start_of(file, member), member.compress_size),
        is_deflated=member.compress_type == zipfile.ZIP_DEFLATED,
        checksum=member.CRC,
    )


def _check_readable(member: zipfile.ZipInfo) -> None:
    why = why_unreadable(member)
    if why is not None:
        raise zipfile.BadZipFile(f"{member.filename} in it {why}")


def _start_of(file: int, member: zipfile.ZipInfo) -> int:
    """The place of a member's data."""
    header = os.pread(file, _LOCAL_HEADER, member.header_offset)
    # Local file header of the zip format, APPNOTE.TXT 4.3.7: lengths of the name and of the extra field.
    name_length, extra_length = struct.unpack_from("<HH", header, 26)
    return member.header_offset + _LOCAL_HEADER + int(name_length) + int(extra_length)
