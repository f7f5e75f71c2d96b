"""Copies of archives' databases in a folder of ours: SQLite needs a file, and what a stranger made is repaired.

Each is made once, under the checksum of what it was made of: several workers share it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson
from sqlalchemy import Column, Table

from aiida_like import models
from aiida_like.errors import TargetError
from aiida_like.storage.repair import repair
from aiida_like.storage.sqlite import odd_tables

Progress = Callable[[int, int], None]
"""A progress callback: bytes that are done, and bytes in all."""

NO_ARCHIVE = "its file is not an AiiDA archive"

_INDEXING_SECONDS = 600
_NOT_AIIDAS = ("no such table", "no such column", "file is not a database")
"""Errors of a database that is none of AiiDA, which opening it says better."""

_BLOCK = 1 << 20
_MOST_INFLATED, _NEVER_REFUSED = 200, 100 << 20
"""How many times larger than in the archive a database may be, if it has more than so many bytes: usual are 3 to 20."""


@dataclass(frozen=True)
class Packed:
    """A database as it lies in an archive; `size` and `packed` in bytes, outside and inside of it."""

    archive: Path
    checksum: str
    size: int
    packed: int
    open: Callable[[], IO[bytes]]


def copy_of(database: Packed, cache_folder: Path, progress: Progress | None) -> Path:
    """The file of a copy, which is made if it is not there.

    Raises:
        TargetError: it has no room, or is packed like no database of AiiDA.
        OSError, zipfile.BadZipFile: it cannot be read, or the copy not be written.
    """
    folder = cache_folder / "archives"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A cache that others can write to would let them choose what is served.
    folder.chmod(0o700)
    file = folder / f"{database.checksum}-{_preparing()}.sqlite"
    if not _is_as_made(file):
        # One process at a time unpacks; the others wait and find it done.
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_as_made(file):
                _make(database, file, progress)
                _record(file)
    return file


def _record(file: Path) -> None:
    facts = file.stat()
    with file.open("rb") as content:
        made = {"size": facts.st_size, "digest": digest(content, facts.st_size), "seen": _seen(facts)}
    part = file.with_suffix(".part.json")
    part.write_bytes(orjson.dumps(made))
    part.replace(file.with_suffix(".json"))


def _is_as_made(file: Path) -> bool:
    """Whether there is a copy, and nobody has changed it. Only one that was touched is read."""
    try:
        made, facts = orjson.loads(file.with_suffix(".json").read_bytes()), file.stat()
        if made["size"] != facts.st_size:
            return False
        if made["seen"] == _seen(facts):
            return True
        with file.open("rb") as content:
            return bool(made["digest"] == digest(content, facts.st_size))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False


def _seen(facts: os.stat_result) -> list[int]:
    return [facts.st_ino, facts.st_mtime_ns]


def _preparing() -> str:
    """A hash of what is done to a copy: one that was made in another way is made anew."""
    names = "repaired " + " ".join(f"{table.name}.{column.name}" for table, column in _indexed_columns())
    return hashlib.sha256(names.encode()).hexdigest()[:8]


def _indexed_columns() -> list[tuple[Table, Column[Any]]]:
    return [(table, column) for table in models.metadata.sorted_tables for column in table.columns if column.index]


def digest(file: IO[bytes], size: int) -> str:
    digest = hashlib.sha256()
    while size:
        block = file.read(min(size, _BLOCK))
        if not block:
            raise zipfile.BadZipFile("it ends early")
        digest.update(block)
        size -= len(block)
    return digest.hexdigest()


def _make(database: Packed, file: Path, progress: Progress | None) -> None:
    if database.size > max(_NEVER_REFUSED, _MOST_INFLATED * database.packed):
        raise TargetError(
            f"the database of {database.archive} says that it is {database.size / 1e6:.0f} MB, packed into "
            f"{database.packed / 1e6:.1f} MB: no database of AiiDA is packed like this",
            NO_ARCHIVE,
        )
    room = shutil.disk_usage(file.parent).free
    if room < database.size:
        raise TargetError(
            f"the database of {database.archive} needs {database.size / 1e6:.0f} MB in {file.parent}, "
            f"where {room / 1e6:.0f} MB are free: set XDG_CACHE_HOME to a folder with room",
            "its archive cannot be unpacked",
        )
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.stem, suffix=".part")
    part = Path(name)
    try:
        with database.open() as source, os.fdopen(handle, "wb") as target:
            while block := source.read(_BLOCK):
                target.write(block)
                if progress:
                    progress(target.tell(), database.size)
        _prepare(part)
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _prepare(file: Path) -> None:
    """Repairs a copy; adds indexes that archives of early versions lack, and statistics for the planner."""
    connection = sqlite3.connect(file, isolation_level=None)
    deadline = time.monotonic() + _INDEXING_SECONDS
    try:
        if odd_tables(connection.execute):
            # Opening it says so.
            return
        connection.set_progress_handler(lambda: time.monotonic() > deadline, 100_000)
        for setting in (
            "journal_mode = OFF",
            "synchronous = OFF",
            "ignore_check_constraints = ON",
            "trusted_schema = OFF",
        ):
            connection.execute(f"PRAGMA {setting}")
        _drop_triggers(connection)
        repair(connection)
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
    except sqlite3.DatabaseError as error:
        if not str(error).startswith(_NOT_AIIDAS):
            raise TargetError(f"the database of an archive is damaged: {error}", "its database is damaged") from error
    finally:
        connection.close()


def _drop_triggers(connection: sqlite3.Connection) -> None:
    """AiiDA has none; a stranger's would run at each repair."""
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute('DROP TRIGGER "{}"'.format(name.replace('"', '""')))
