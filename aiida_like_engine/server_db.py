"""`server.sqlite`: what is no provenance. The gateway and commands write it, web workers read it.

Times are integers: microseconds since 1970, UTC. Ids of accounts, files, jobs and runs are never used again.
"""

from __future__ import annotations

import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Connection, Engine, ForeignKey, Integer, MetaData, Table, Text

from aiida_like_engine.errors import RootError, SchemaMismatch

BUSY_SECONDS = 7.0
"""How long a write waits for another one: less than who asked for it waits, so that what fails is not done after."""

METADATA = MetaData()


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True)


ACCOUNTS = Table(
    "accounts",
    METADATA,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("email", Text, nullable=False, unique=True),
    Column("password_hash", Text),
    Column("is_superuser", Boolean, nullable=False, default=False),
    Column("is_disabled", Boolean, nullable=False, default=False),
    # Raised by a new password, by disabling and by logging out: sessions of older generations end.
    Column("generation", Integer, nullable=False, default=0),
    Column("created", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
KEYS = Table(
    "keys",
    METADATA,
    _id(),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("sha256", Text, nullable=False, unique=True),
    Column("label", Text, nullable=False, default=""),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("revoked", BigInteger),
    sqlite_autoincrement=True,
)
FILES = Table(
    "files",
    METADATA,
    _id(),
    Column("public_id", Text, nullable=False, unique=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("type_id", Integer, nullable=False, default=1),
    Column("size", BigInteger, nullable=False),
    Column("md5", Text, nullable=False),
    Column("sha512", Text, nullable=False),
    # The key of the content in the container, and the SinglefileData that holds it.
    Column("object_key", Text, nullable=False),
    Column("node_uuid", Text),
    Column("uploaded", BigInteger, nullable=False),
    Column("deleted", BigInteger),
    sa.Index("files_of_account", "account_id", "deleted", "id"),
    sqlite_autoincrement=True,
)
JOBS = Table(
    "jobs",
    METADATA,
    _id(),
    Column("public_id", Text, nullable=False, unique=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("api", Text, nullable=False, default="jobs"),
    Column("name", Text, nullable=False),
    # What the client sent, in words of its API: JSON.
    Column("document", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("submitted", BigInteger),
    Column("deleted", BigInteger),
    sa.Index("jobs_of_account", "account_id", "api", "deleted", "id"),
    sqlite_autoincrement=True,
)
RUNS = Table(
    "runs",
    METADATA,
    _id(),
    Column("job_id", ForeignKey("jobs.id"), nullable=False),
    # From 1, in the job.
    Column("number", Integer, nullable=False),
    # Made before the node, whose attribute `run` it is; a submit that comes twice has the same.
    Column("uuid", Text, nullable=False, unique=True),
    Column("node_uuid", Text),
    # One of `STATES`.
    Column("state", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("cores", Integer, nullable=False),
    # When it was handed to AiiDA; never twice.
    Column("dispatched", BigInteger),
    Column("stop_requested", BigInteger),
    Column("started", BigInteger),
    Column("ended", BigInteger),
    Column("exit_status", Integer),
    # One of `REASONS` when it has ended, and a sentence on it.
    Column("reason", Text),
    Column("message", Text),
    Column("wall_seconds", sa.Float),
    Column("cpu_seconds", sa.Float),
    # Of its largest process.
    Column("peak_bytes", BigInteger),
    Column("output_count", Integer),
    Column("output_bytes", BigInteger),
    # The absolute path of its folder, while there is one.
    Column("folder", Text),
    Column("sealed", Boolean, nullable=False, default=False),
    sa.Index("runs_of_job", "job_id", "number", unique=True),
    sa.Index("runs_by_state", "state"),
    sqlite_autoincrement=True,
)
EVENTS = Table(
    "events",
    METADATA,
    _id(),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    # One of `EVENT_NAMES`, each at most once a run.
    Column("name", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("reason", Text),
    sa.Index("events_of_run", "run_id", "name", unique=True),
)
OUTPUTS = Table(
    "outputs",
    METADATA,
    _id(),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("public_id", Text, nullable=False, unique=True),
    Column("position", Integer, nullable=False),
    # Below the job's folder; bytes that are no UTF-8 stand as \xff.
    Column("path", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("md5", Text, nullable=False),
    Column("sha512", Text, nullable=False),
    Column("object_key", Text, nullable=False),
    sa.Index("outputs_of_run", "run_id", "position", unique=True),
)
SALT = Table("salt", METADATA, Column("salt", Text, nullable=False))
SCHEMA = Table("schema_version", METADATA, Column("version", Integer, nullable=False))

STATES = ("submitting", "created", "queued", "running", "stopping", "ended")
"""submitting: no node yet; created: waits for room; queued: with AiiDA; running: its first program was started;
stopping: it was asked to stop and has not ended; ended: nothing of it changes any more once it is `sealed`."""

REASONS = ("done", "failed", "stopped", "walltime", "signal", "no_room", "lost", "engine")
"""done: each command ended with 0; failed: one did not; signal: one was ended by a signal; no_room: the disk was nearly
full; lost: it left no record of its end; engine: AiiDA could not carry it out."""

EVENT_NAMES = ("pending", "queued", "started", "validated", "executing", "stopping", "completed", "force_stop")

MIGRATIONS: Sequence[Callable[[Connection], None]] = ()
"""What makes version 2 of version 1, and so on: each changes the tables, in one transaction with the version."""

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
    database = _opened(path, "mode=ro", is_writable=False)
    _check_version(database)
    return database


def open_to_write(path: Path) -> ServerDatabase:
    """The database, for the gateway and for commands; `create` makes it.

    Raises:
        SchemaMismatch: it is of another version; `aiida-like engine init` brings an older one forward.
        RootError: there is none, or it cannot be read.
    """
    database = _opened(path, "mode=rw", is_writable=True)
    _check_version(database)
    return database


def create(path: Path) -> None:
    """Make the database, or bring one of an older version forward. Done twice, it changes nothing.

    Raises:
        SchemaMismatch: it is of a newer version than this one.
    """
    path.touch(mode=0o640)
    database = _opened(path, "mode=rw", is_writable=True)
    try:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        with database.writing() as connection:
            version = _version(connection)
            if version is None:
                METADATA.create_all(connection)
                connection.execute(SALT.insert().values(salt=secrets.token_hex(16)))
                connection.execute(SCHEMA.insert().values(version=VERSION))
            elif version < VERSION:
                for migration in MIGRATIONS[version - 1 :]:
                    migration(connection)
                connection.execute(SCHEMA.update().values(version=VERSION))
        _check_version(database)
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


def _opened(path: Path, mode: str, *, is_writable: bool) -> ServerDatabase:
    if not path.is_file():
        raise RootError(f"{path} is missing: aiida-like engine init {path.parent}")
    uri = f"{path.absolute().as_uri()}?{mode}"

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


def _check_version(database: ServerDatabase) -> None:
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
