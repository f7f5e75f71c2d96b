"""A copy of SQLite's tables, in a file in the folder for temporary files."""

from __future__ import annotations

import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Table

from aiida_like.advice.trial import MOST_BYTES, Asked, NotTried, Sample, Tell, Trial
from aiida_like.errors import StorageError
from aiida_like.profiles import Backend
from aiida_like.storage import Storage
from aiida_like.storage.databases import sqlite
from aiida_like.storage.databases.database import Database

_BLOCK = 5000
"""Ids that are copied in one statement; AiiDA can commit between two statements."""

_ROOM = 1.5
"""Ratio of the room that a copy needs, with its indexes, to the size of its rows."""


@contextmanager
def trial(storage: Storage, tables: Iterable[Table], most_rows: int, tell: Tell) -> Iterator[Trial]:
    """A trial on copies of at most `most_rows` rows of each table. Raises NotTried."""
    ((file,),) = storage.database.rows("SELECT file FROM pragma_database_list WHERE name = 'main'", {})
    original = Path(file)
    fraction = min(1.0, MOST_BYTES / original.stat().st_size)
    is_archive = storage.profile.backend is Backend.SQLITE_ZIP
    with tempfile.TemporaryDirectory(prefix="aiida-like-") as folder:
        _check_room(Path(folder), original.stat().st_size * fraction * _ROOM)
        copy = Path(folder) / "copy.sqlite"
        with closing(_open(copy)) as connection:
            sqlite.trust(connection, is_trusted=not is_archive)
            uri = sqlite.uri_of(original, immutable=is_archive)
            try:
                connection.execute("ATTACH ? AS stored", (uri,))
                samples = dict(_copied(connection, tables, fraction, most_rows, tell))
                connection.execute("DETACH stored")
            except sqlite3.Error as error:
                raise NotTried(f"the tables cannot be copied to {folder}: {error}") from error
            database = sqlite.connect(copy, storage.database.limits, immutable=is_archive)
            try:
                yield _trial(database, connection, samples)
            finally:
                database.close()


def _check_room(folder: Path, needed: float) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise NotTried(
            f"a copy needs {needed / 1e6:.0f} MB in {folder.parent}, where {free / 1e6:.0f} MB are free: "
            "set TMPDIR to a folder with room"
        )


def _open(copy: Path) -> sqlite3.Connection:
    """A connection without our Python functions: it refuses an index on one, as AiiDA's connections would."""
    connection = sqlite3.connect(copy, isolation_level=None, uri=True)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -200000"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _copied(
    connection: sqlite3.Connection, tables: Iterable[Table], fraction: float, most_rows: int, tell: Tell
) -> Iterator[tuple[str, Sample]]:
    for table in tables:
        name, columns = str(table.name), ", ".join(column.name for column in table.columns)
        types = {row[1]: row[2] for row in connection.execute(f"PRAGMA stored.table_info({name})")}
        connection.execute(f"CREATE TABLE {name} ({_definitions(table, types)})")
        rows, first, last = connection.execute(
            f"SELECT count(*), coalesce(min(id), 0), coalesce(max(id), -1) FROM stored.{name}"  # noqa: S608 (of models)
        ).fetchone()
        part = min(fraction, most_rows / max(1, rows))
        blocks = range(first // _BLOCK, last // _BLOCK + 1)
        for number, block in enumerate(blocks, 1):
            # A share of the blocks, evenly spread.
            if int(number * part) > int((number - 1) * part):
                connection.execute(
                    f"INSERT INTO {name} SELECT {columns} FROM stored.{name} WHERE id >= ? AND id < ?",  # noqa: S608
                    (block * _BLOCK, (block + 1) * _BLOCK),
                )
            tell(f"copying {name}", number / len(blocks))
        _copy_indexes(connection, name)
        (copied,) = connection.execute(f"SELECT count(*) FROM {name}").fetchone()  # noqa: S608
        yield name, Sample(copied, rows)
    if connection.execute("SELECT count(*) FROM stored.sqlite_master WHERE name = 'sqlite_stat1'").fetchone()[0]:
        connection.execute("ANALYZE main")


_TYPE = re.compile(r"\w[\w ]*(\(\d+\))?")


def _definitions(table: Table, types: Mapping[str, str]) -> str:
    """The columns of a copy, with their stored types where these are plain: an archive can come from anybody."""
    return ", ".join(
        "id INTEGER PRIMARY KEY"
        if column.primary_key
        else f"{column.name} {types[column.name] if _TYPE.fullmatch(types.get(column.name, '')) else ''}"
        for column in table.columns
    )


def _copy_indexes(connection: sqlite3.Connection, table: str) -> None:
    for _, name, _, origin, _ in connection.execute(f"PRAGMA stored.index_list({table})").fetchall():
        found = connection.execute("SELECT sql FROM stored.sqlite_master WHERE name = ?", (name,)).fetchone()
        columns = [row[2] for row in connection.execute(f"PRAGMA stored.index_info({name})")]
        statement = f"CREATE INDEX {name.replace('sqlite_', '')} ON {table} ({', '.join(map(str, columns))})"
        if origin == "c":
            statement = found[0]
        with suppress(sqlite3.Error):  # on a column that is not copied, or with functions of somebody else
            connection.execute(statement)


def _trial(database: Database, connection: sqlite3.Connection, samples: Mapping[str, Sample]) -> Trial:
    def change(statement: str) -> None:
        try:
            connection.execute(statement)
        except sqlite3.Error as error:
            raise StorageError(str(error)) from error
        database.close()  # EXPLAIN does not see changes of the schema by another connection

    def plan(asked: Asked) -> str:
        rows = database.rows(f"EXPLAIN QUERY PLAN {asked.sql}", asked.values)
        return "\n".join(step for *_, step in rows)

    def size() -> int:
        names = ("page_count", "freelist_count", "page_size")
        pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
        return int((pages - free) * size)

    return Trial(database, samples, change, plan, size)
