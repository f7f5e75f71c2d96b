"""`core.sqlite_zip`: an archive file, or the folder it was unpacked to.

SQLite needs its database as a file, so it is unpacked once into a cache folder, under the checksum of its content:
several workers share it, and an archive on a read-only disk can be served. It is never held in memory.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import orjson
from sqlalchemy import Column, Table

from aiida_like import models
from aiida_like.errors import TargetError
from aiida_like.zipped import DAMAGED

Progress = Callable[[int, int], None]
"""A progress callback: bytes that are done, and bytes in all."""

Stamp = tuple[int, int]

DATABASE, METADATA = "db.sqlite3", "metadata.json"
_OLDEST = "main_0001"
_NO_ARCHIVE = "its file is not an AiiDA archive"
_OF_TWO_STEPS = ("0.1", "0.2", "0.3")
_TWO_STEPS = "formats before 0.4 are first migrated by aiida-core 1, as aiida-core 2 does not know them"
_BLOCK = 1 << 20
_BLOCK_OF_TAR = 512


def default_cache_folder() -> Path:
    """`$XDG_CACHE_HOME/aiida-like`, else `~/.cache/aiida-like`."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "aiida-like"


def stamp(archive: Path) -> Stamp | None:
    """The time of change in ns and the size in bytes, which tell of a new file at the path; None: there is none."""
    try:
        facts = archive.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size


def database_file(archive: Path, cache_folder: Path, progress: Progress | None = None) -> Path:
    """The SQLite file with the content of an archive.

    Raises:
        TargetError: it is no archive of a version that can be read, or cannot be unpacked.
    """
    if archive.is_dir():
        _check_version(archive, _metadata_of_folder(archive))
        return archive / DATABASE
    try:
        with archive.open("rb") as file:
            start = file.read(_BLOCK_OF_TAR * 8)
        if not start.startswith(b"PK"):
            raise _no_zip_file(archive, start)
        with zipfile.ZipFile(archive) as zipped:
            if METADATA not in zipped.NameToInfo:
                raise TargetError(
                    f"the file {archive} is a zip file, but not an AiiDA archive (it holds no {METADATA})", _NO_ARCHIVE
                )
            _check_version(archive, zipped.read(METADATA))
            return _unpacked(zipped, cache_folder, progress)
    except DAMAGED as error:
        raise TargetError(f"the archive {archive} is damaged: {error}", "its archive is damaged") from error
    except OSError as error:
        if not archive.exists():
            raise TargetError(f"there is no archive {archive}", "its archive is missing") from error
        raise TargetError(
            f"the database of {archive} cannot be unpacked to {cache_folder}: {error.strerror or error}; "
            "set XDG_CACHE_HOME to a folder with room",
            "its archive cannot be unpacked",
        ) from error


def content_of(archive: Path, database: Path) -> str:
    """The checksum of the database of an archive. `database` is what `database_file` returned.

    Raises:
        TargetError: the database cannot be read.
    """
    if not archive.is_dir():
        return database.stem
    try:
        with database.open("rb") as file:
            return _digest(file, database.stat().st_size)
    except OSError as error:
        raise TargetError(
            f"the database of {archive} cannot be read: {error.strerror}", "its database is missing"
        ) from error


def _no_zip_file(archive: Path, start: bytes) -> TargetError:
    if start.startswith(b"\x1f\x8b"):
        with suppress(zlib.error):
            start = zlib.decompressobj(wbits=31).decompress(start, _BLOCK_OF_TAR)
    if start[257:262] != b"ustar":  # POSIX, pax, "ustar Header Block"
        return TargetError(f"the file {archive} is not an AiiDA archive (no zip file)", _NO_ARCHIVE)
    return TargetError(
        f"the archive {archive} is a tar file, as AiiDA 0 and 1 wrote them: run `verdi archive migrate {archive.name} "
        f"NEW.aiida`; {_TWO_STEPS}",
        "its archive is an old one, a tar file: `verdi archive migrate` makes a new one of it",
    )


def _metadata_of_folder(folder: Path) -> bytes:
    try:
        return (folder / METADATA).read_bytes()
    except OSError:
        return b""


def _check_version(archive: Path, metadata: bytes) -> None:
    try:
        version = orjson.loads(metadata)["export_version"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        version = None
    if not isinstance(version, str):
        raise TargetError(f"{archive} is not an AiiDA archive (its {METADATA} names no export_version)", _NO_ARCHIVE)
    if not version.startswith("main_") or version < _OLDEST:
        two_steps = f"; {_TWO_STEPS}" if version in _OF_TWO_STEPS else ""
        raise TargetError(
            f"the archive {archive} has the old format {version}, {_OLDEST} or later can be read: "
            f"run `verdi archive migrate {archive.name} NEW.aiida`{two_steps}",
            f"its archive has the old format {version}: `verdi archive migrate` makes a new one of it",
        )


def _unpacked(zipped: zipfile.ZipFile, cache_folder: Path, progress: Progress | None) -> Path:
    try:
        member = zipped.getinfo(DATABASE)
    except KeyError:
        raise TargetError(f"{zipped.filename} is not an AiiDA archive (it holds no {DATABASE})", _NO_ARCHIVE) from None
    folder = cache_folder / "archives"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A cache that others can write to would let them choose what is served.
    folder.chmod(0o700)
    file = folder / f"{_checksum(zipped, member)}-{_indexing()}.sqlite"
    if not file.exists():
        # One process at a time unpacks; the others wait and find it done.
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                _unpack(zipped, member, file, progress)
    return file


def _indexing() -> str:
    """A hash of the indexes that are added: a file that lacks some of them is unpacked anew."""
    names = " ".join(f"{table.name}.{column.name}" for table, column in _indexed_columns())
    return hashlib.sha256(names.encode()).hexdigest()[:8]


def _indexed_columns() -> list[tuple[Table, Column[Any]]]:
    return [(table, column) for table in models.metadata.sorted_tables for column in table.columns if column.index]


def _checksum(zipped: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    """SHA-256 of the member as it lies in the zip file, compressed: an eighth of the bytes to read."""
    with Path(str(zipped.filename)).open("rb") as file:
        file.seek(member.header_offset)
        header = file.read(30)
        # Local file header of the zip format, APPNOTE.TXT 4.3.7: lengths of the name and of the extra field.
        name_length, extra_length = struct.unpack_from("<HH", header, 26)
        file.seek(name_length + extra_length, os.SEEK_CUR)
        return _digest(file, member.compress_size)


def _digest(file: IO[bytes], size: int) -> str:
    digest = hashlib.sha256()
    while size:
        block = file.read(min(size, _BLOCK))
        if not block:
            raise zipfile.BadZipFile("it ends early")
        digest.update(block)
        size -= len(block)
    return digest.hexdigest()


def _unpack(zipped: zipfile.ZipFile, member: zipfile.ZipInfo, file: Path, progress: Progress | None) -> None:
    room = shutil.disk_usage(file.parent).free
    if room < member.file_size:
        raise TargetError(
            f"the database of {zipped.filename} needs {member.file_size / 1e6:.0f} MB in {file.parent}, "
            f"where {room / 1e6:.0f} MB are free: set XDG_CACHE_HOME to a folder with room",
            "its archive cannot be unpacked",
        )
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.stem, suffix=".part")
    part = Path(name)
    try:
        with zipped.open(member) as source, os.fdopen(handle, "wb") as target:
            while block := source.read(_BLOCK):
                target.write(block)
                if progress:
                    progress(target.tell(), member.file_size)
        _add_indexes(part)
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _add_indexes(file: Path) -> None:
    """Adds indexes that archives of early versions lack, and statistics for the planner, which all lack."""
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        rows = connection.execute(
            "SELECT m.name, i.name FROM sqlite_master AS m, pragma_index_list(m.name) AS l, "
            "pragma_index_info(l.name) AS i WHERE m.type = 'table' AND i.seqno = 0"
        )
        indexed = set(rows)
        for table, column in _indexed_columns():
            if (table.name, column.name) not in indexed:
                connection.execute(
                    f"CREATE INDEX aiida_like_{table.name}_{column.name} ON {table.name} ({column.name})"
                )
        connection.execute("ANALYZE")
    except sqlite3.DatabaseError:
        # The file is not AiiDA's, or damaged: opening it says so.
        return
    finally:
        connection.close()
