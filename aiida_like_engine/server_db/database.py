"""`server.sqlite`, made and opened: the gateway and commands write it, web workers read it."""

from __future__ import annotations

import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from aiida_like_engine.errors import RootError, SchemaMismatch
from aiida_like_engine.server_db.migrations import MIGRATIONS
from aiida_like_engine.server_db.tables import METADATA, PHASE_TRIGGERS, SALT, SCHEMA

BUSY_SECONDS = 7.0
"""How long a write waits for another one: less than who asked for it waits, so that what fails is not done after."""

VERSION = 1 + len(MIGRATIONS)


def now() -> int:
    """This moment, as the tables hold times."""
    return time.time_ns() // 1000


@dataclass(frozen=True)
class ServerDatabase:
    """An open `server.sqlite`. Threads may share it."""

    path: Path
    engine: Engine
    is_writable: bool

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one moment of the database."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose changes are all kept, or on an error none. One writes at a time: another waits."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    def close(self) -> None:
        """End all connections; a writer leaves the write-ahead log, so that those who may only read still can."""
        if self.is_writable:
            with log_is_left(self.path):
                self.engine.dispose()
        else:
            self.engine.dispose()


def open_to_read(path: Path) -> ServerDatabase:
    """The database, for those who may not write it: web workers.

    Raises:
        SchemaMismatch: it is of another version; the error names the command that helps.
        RootError: there is none, or it cannot be read.
    """
    return _checked(_opened(path, is_writable=False))


def open_to_write(path: Path) -> ServerDatabase:
    """The database, for the gateway and for commands; `create_database` makes it.

    Raises:
        SchemaMismatch: it is of another version; `aiida-like engine init` brings an older one forward.
        RootError: there is none, or it cannot be read.
    """
    return _checked(_opened(path, is_writable=True))


def create_database(path: Path) -> None:
    """Make the database, or bring one of an older version forward. Done twice, it changes nothing.

    Raises:
        SchemaMismatch: it is of a newer version than this one.
    """
    path.touch(mode=0o640)
    database = _opened(path, is_writable=True)
    try:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        with database.writing() as connection:
            version = _version(connection)
            if version is None:
                METADATA.create_all(connection)
                for trigger in PHASE_TRIGGERS:
                    connection.exec_driver_sql(trigger)
                connection.execute(SALT.insert().values(salt=secrets.token_hex(16)))
                connection.execute(SCHEMA.insert().values(version=VERSION))
            elif version < VERSION:
                for migration in MIGRATIONS[version - 1 :]:
                    migration(connection)
                connection.execute(SCHEMA.update().values(version=VERSION))
        _checked(database)
    finally:
        database.close()


def inserted(connection: Connection, insert: sa.Insert) -> int:
    """The id of the row that an INSERT adds."""
    key = connection.execute(insert).inserted_primary_key
    assert key is not None
    return int(key[0])


def in_parts(values: Iterable[str], most: int = 500) -> Iterator[list[str]]:
    """Different values, in lists short enough for one IN."""
    wanted = sorted(set(values))
    yield from (wanted[start : start + most] for start in range(0, len(wanted), most))


def salt(connection: Connection) -> str:
    """The salt of public ids, made once for a ROOT."""
    return str(connection.execute(sa.select(SALT.c.salt)).scalar_one())


def _opened(path: Path, *, is_writable: bool) -> ServerDatabase:
    if not path.is_file():
        raise RootError(f"{path} is missing: aiida-like engine init {path.parent}")
    uri = f"{path.absolute().as_uri()}?mode={'rw' if is_writable else 'ro'}"

    def connect() -> sqlite3.Connection:
        # No transactions by the driver: `reading` and `writing` begin them.
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA foreign_keys=ON")
        return connection

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.QueuePool, pool_size=4, max_overflow=60)
    return ServerDatabase(path, engine, is_writable)


def _version(connection: Connection) -> int | None:
    if not sa.inspect(connection).has_table(SCHEMA.name):
        return None
    return int(connection.execute(sa.select(SCHEMA.c.version)).scalar_one())


def _checked(database: ServerDatabase) -> ServerDatabase:
    """The database, once it is sure that its schema is this version's."""
    path = database.path
    try:
        with database.reading() as connection:
            version = _version(connection)
    except sa.exc.DatabaseError as error:
        raise RootError(f"{path} cannot be read: {error.orig}; aiida-like engine check {path.parent}") from None
    if version != VERSION:
        way_out = (
            "install this version's successor, which wrote it"
            if version is not None and version > VERSION
            else "aiida-like engine init ROOT, with the engine stopped, brings it forward"
        )
        raise SchemaMismatch(
            f"{path} has schema version {version}, and this program reads {VERSION}: {way_out}",
            f"its server database has schema version {version}, and this server reads {VERSION}: {way_out}",
        )
    return database


_HOLDER = """
import os, sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("select 1 from sqlite_master").fetchall()
print(flush=True)
sys.stdin.read()
c.execute("pragma wal_checkpoint(truncate)").fetchall()
os._exit(0)
"""


@contextmanager
def log_is_left(database: Path) -> Iterator[None]:
    """Whoever closes connections inside this does not take the write-ahead log away.

    SQLite removes the log with the last connection, and without it nobody can read who may not write the folder.
    Another process, which ends without closing its own, is the last one.
    """
    command = [sys.executable, "-I", "-S", "-c", _HOLDER, str(database)]
    # In a session of its own, as Ctrl-C is not meant for it.
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            yield
        finally:
            holder.communicate()
