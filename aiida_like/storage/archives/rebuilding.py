"""A database of AiiDA, written anew from one that may be anybody's: our schema, and sound values alone.

Nothing else comes over: no triggers, views, checks, collations, indexes, statistics, other tables or columns.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table, UniqueConstraint
from sqlalchemy.dialects.sqlite import dialect

from aiida_like import models
from aiida_like.storage.archives.circles import cut_circles
from aiida_like.storage.archives.sound_values import KINDS, Kind
from aiida_like.storage.databases.sqlite import uri_of

_LONGEST = 100_000_000
"""Bytes of a row, and of a value."""

_GROWTH, _NEVER_TOO_LARGE = 4, 16_000_000
"""How many times larger the new database may be, if it has more than so many bytes: pages of a malformed one can be
read many times, and it may lack indexes."""

_PAGE = 4096
_LOOK = 100_000
"""Instructions of SQLite's virtual machine between two looks at the clock."""

_SETTINGS = (
    f"page_size = {_PAGE}",
    # Else a unique index that cannot be made would leave its pages.
    "journal_mode = MEMORY",
    "synchronous = OFF",
    "locking_mode = EXCLUSIVE",
    "cache_size = -32768",
    "trusted_schema = OFF",
    "cell_size_check = ON",
)


class NotRebuilt(Exception):
    """The database is not one of AiiDA, or its text is not in UTF-8; the message says so."""


class TooSlow(Exception):
    pass


class NoRoom(Exception):
    """The disk is full, or the database grows beyond all that its source can hold."""


def rebuild(source: Path, target: Path, seconds: float, written: Callable[[], None]) -> None:
    """Writes a new file. `written` is called now and then, and may raise to end it.

    `seconds` of the processor are allowed, however busy it is.

    Raises:
        NotRebuilt, TooSlow, NoRoom, TooManyLinks
        sqlite3.Error: it is damaged.
    """
    deadline = time.thread_time() + seconds

    def is_late() -> bool:
        written()
        return time.thread_time() > deadline

    def check() -> None:
        if is_late():
            raise TooSlow

    with closing(sqlite3.connect(target, isolation_level=None, uri=True)) as connection:
        connection.set_progress_handler(is_late, _LOOK)
        if sys.version_info >= (3, 11):
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        most = max(_NEVER_TOO_LARGE, _GROWTH * source.stat().st_size)
        connection.execute(f"PRAGMA max_page_count = {most // _PAGE}")
        try:
            _rebuild(connection, source, check)
        except sqlite3.DatabaseError as error:
            if time.thread_time() > deadline:
                raise TooSlow from error
            # What it raised while SQLite worked looked like an interrupt.
            written()
            for message, named in _NAMED.items():
                if message in str(error):
                    raise named(str(error)) from error
            raise


_NAMED: Mapping[str, type[Exception]] = {
    "file is not a database": NotRebuilt,
    "must use the same text encoding": NotRebuilt,
    "database or disk is full": NoRoom,
}
"""Errors of SQLite, by their messages: Python 3.10 tells no codes."""


def _rebuild(connection: sqlite3.Connection, source: Path, check: Callable[[], None]) -> None:
    for table in _TABLES:
        connection.execute(_create_table(table))
    connection.execute("ATTACH ? AS strange", (uri_of(source, immutable=True),))
    _check_tables(connection)
    for table in _TABLES:
        _fill(connection, table)
        # Before anything refers to rows that are not to stay. At once: to insert in the order of uuids takes longer.
        for columns in _unique_columns(table):
            _make_unique(connection, table, columns)
    connection.execute("DETACH strange")
    cut_circles(connection, check)
    for table in _TABLES:
        for column in table.columns:
            if column.index:
                connection.execute(_create_index(table, (column.name,)))
    connection.execute("ANALYZE")


_TABLES = models.metadata.sorted_tables


def statements() -> Iterator[str]:
    """The statements that make the schema."""
    for table in _TABLES:
        yield _create_table(table)
        for columns in _unique_columns(table):
            yield _create_index(table, columns, "UNIQUE ")
        yield from (_create_index(table, (column.name,)) for column in table.columns if column.index)


def _create_table(table: Table) -> str:
    columns = (
        f'"{column.name}" {column.type.compile(dialect())}'
        f"{' PRIMARY KEY' if column.primary_key else ''}{'' if column.nullable else ' NOT NULL'}"
        for column in table.columns
    )
    return f"CREATE TABLE {table.name} ({', '.join(columns)})"


def _create_index(table: Table, columns: Sequence[str], kind: str = "") -> str:
    return f"CREATE {kind}INDEX ix_{table.name}_{'_'.join(columns)} ON {table.name} ({', '.join(columns)})"


def _unique_columns(table: Table) -> list[list[str]]:
    return sorted(each.columns.keys() for each in table.constraints if isinstance(each, UniqueConstraint))


def _make_unique(connection: sqlite3.Connection, table: Table, columns: Sequence[str]) -> None:
    """Makes an index; of rows with the same values the first stays."""
    index = _create_index(table, columns, "UNIQUE ")
    try:
        connection.execute(index)
    except sqlite3.IntegrityError:
        # Our own names.
        first = f"SELECT min(id) FROM {table.name} GROUP BY {', '.join(columns)}"  # noqa: S608
        connection.execute(f"DELETE FROM {table.name} WHERE id NOT IN ({first})")  # noqa: S608
        connection.execute(index)


def _check_tables(connection: sqlite3.Connection) -> None:
    """A view could compute for ever, and so could a computed column."""
    kinds = dict(
        connection.execute(
            "SELECT name, CASE WHEN type = 'table' AND rootpage = 0 THEN 'virtual table' ELSE type END "
            "FROM strange.sqlite_master WHERE type IN ('table', 'view')"
        )
    )
    for table in _TABLES:
        kind = kinds.get(table.name)
        if kind != "table":
            raise NotRebuilt(f"{table.name} is a {kind}" if kind else f"there is no table {table.name}")
        xinfo = connection.execute("SELECT name, hidden FROM pragma_table_xinfo(?, 'strange')", (table.name,))
        hidden = dict(xinfo.fetchall())
        for column in table.columns:
            if hidden.get(column.name) != 0:
                what = "is computed" if column.name in hidden else "is missing"
                raise NotRebuilt(f"{table.name}.{column.name} {what}")


def _fill(connection: sqlite3.Connection, table: Table) -> None:
    """Copies all rows that are sound; where that is not all, the others too, mended.

    A row whose uuid stands before is left out, and so are links of unknown types, and links, members, comments and logs
    of nothing.
    """
    columns = [_ReadColumn(column) for column in table.columns]
    checked = [each for each in columns if each.kind is not None and not each.is_word]
    name = f"sound_{table.name}"
    connection.create_function(name, len(checked), _row_check([each.kind for each in checked if each.kind]))
    sound = [each.is_stored for each in columns]
    if checked:
        sound.append(f"{name}({', '.join(each.looked_at for each in checked)})")
    names = ", ".join(each.name for each in columns)
    source = f"FROM strange.{table.name} NOT INDEXED"
    insert = f"INSERT OR IGNORE INTO main.{table.name} ({names}) SELECT"
    copied = connection.execute(f"{insert} {names} {source} WHERE {' AND '.join(sound)}").rowcount
    (rows,) = connection.execute(f"SELECT count(*) {source}").fetchone()
    if copied == rows:
        return
    for kind in {each.kind for each in columns if each.kind}:
        connection.create_function(f"mended_{kind.mended.__name__}", 1, _total(kind))
    needed = [each.is_needed for each in columns if each.is_needed]
    connection.execute(f"{insert} {', '.join(each.mended for each in columns)} {source} WHERE {' AND '.join(needed)}")


def _row_check(kinds: Sequence[Kind]) -> Callable[..., bool]:
    checks = [kind.is_sound for kind in kinds]

    def is_sound(*stored: bytes | None) -> bool:
        for check, value in zip(checks, stored, strict=True):  # noqa: SIM110 (twice as fast as all())
            if value is not None and not check(value):
                return False
        return True

    return is_sound


def _total(kind: Kind) -> Callable[[bytes | None], str | None]:
    return lambda stored: None if stored is None else kind.mended(stored)


_WORDS: Mapping[Column[Any], Sequence[str]] = {models.link.c.type: models.LINK_TYPES}
"""All that may stand in a column; a row with something else says nothing."""


@dataclass(frozen=True)
class _ReadColumn:
    """SQL about a column of the database that is read. Its collation and affinity say nothing about bytes."""

    column: Column[Any]

    @property
    def name(self) -> str:
        return f'"{self.column.name}"'

    @property
    def kind(self) -> Kind | None:
        return KINDS.get(type(self.column.type))

    @property
    def _refers(self) -> str | None:
        """Whether there is what the value refers to."""
        for key in self.column.foreign_keys:
            return f"{self.name} IN (SELECT id FROM main.{key.column.table.name})"  # noqa: S608 (our own names)
        return None

    @property
    def is_word(self) -> str | None:
        """Whether the value is one of all that may stand in the column, whatever its collation takes for the same."""
        words = ", ".join(f"x'{word.encode().hex()}'" for word in _WORDS.get(self.column, ()))
        return f"CAST({self.name} AS BLOB) IN ({words})" if words else None

    @property
    def is_stored(self) -> str:
        """Whether the value is of the right type, and refers to something."""
        is_sound = f"typeof({self.name}) = '{'integer' if self.kind is None else 'text'}'"
        for condition in (self._refers, self.is_word):
            if condition:
                is_sound = f"{is_sound} AND {condition}"
        return f"({self.name} IS NULL OR {is_sound})" if self.column.nullable else is_sound

    @property
    def looked_at(self) -> str:
        """The bytes to check; NULL, if the value is one that needs no look."""
        assert self.kind is not None
        stored, usual = f"CAST({self.name} AS BLOB)", self.kind.usual
        return stored if usual is None else f"nullif({stored}, x'{usual.hex()}')"

    @property
    def _is_owner(self) -> bool:
        return self.column.name == "user_id"

    @property
    def is_needed(self) -> str | None:
        """The condition without which a row says nothing. What is nobody's is kept."""
        if self.column.primary_key:
            return f"typeof({self.name}) = 'integer'"
        return self.is_word or (None if self.column.nullable or self._is_owner else self._refers)

    @property
    def mended(self) -> str:
        if self.kind is not None:
            value = f"mended_{self.kind.mended.__name__}(CAST({self.name} AS BLOB))"
            return value if self.column.nullable else f"coalesce({value}, '{self.kind.nothing}')"
        is_sound = self._refers or f"typeof({self.name}) = 'integer'"
        return f"CASE WHEN {is_sound} THEN {self.name} {'' if self.column.nullable else 'ELSE 0 '}END"
