"""SQLite: the database of an archive, or of a `core.sqlite_dos` profile that AiiDA may write to meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import NullPool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from aiida_like.errors import NO_SQLITE
from aiida_like.storage.databases.clock import Clock, Limits
from aiida_like.storage.databases.database import CLOCK, Connections, Database
from aiida_like.storage.databases.faults import DAMAGED, ODD_VALUE, TIMEOUT, TOO_LARGE, Fault, Meaning
from aiida_like.storage.databases.interrupts import INTERRUPTER, TimedConnection
from aiida_like.storage.sql import jsonb
from aiida_like.storage.sql.expressions import CHECKS_JSON, IS_CAREFUL, casefold
from aiida_like.storage.sql.patterns import Pattern

_BUSY_SECONDS = 10.0
"""Seconds that a reader waits for a writer of AiiDA that is just committing."""

_MAPPED = 2_000_000_000
"""Bytes of a file that may be mapped into memory: so SQLite scans a table several times as fast as page by page.

The mapping is the kernel's page cache, which all workers share, and which the kernel reclaims when it needs room.
"""

_CLOCK_INTERVAL = 50_000
"""Instructions of SQLite's virtual machine between two looks at the clock, about a millisecond."""


def uri_of(file: Path, *, immutable: bool) -> str:
    """The URI that opens the file read-only."""
    mode = "mode=ro&immutable=1" if immutable else "mode=ro"
    return f"file:{quote(str(file.absolute()))}?{mode}"


def connect(file: Path, limits: Limits, *, immutable: bool) -> Database:
    """`immutable` says that nobody writes to the file, so it needs no locks and may be on a read-only disk."""
    uri = uri_of(file, immutable=immutable)

    def new_connection() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri,
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=_BUSY_SECONDS,
            cached_statements=256,
            factory=TimedConnection,
        )
        for name, function in _FUNCTIONS.items():
            connection.create_function(name, _ANY_NUMBER, function, deterministic=True)
        if getattr(engine.dialect, IS_CAREFUL, False):
            connection.text_factory = _decoded
        connection.execute("PRAGMA case_sensitive_like = ON")
        connection.execute("PRAGMA query_only = ON")
        trust(connection, is_trusted=not immutable)
        connection.execute(f"PRAGMA mmap_size = {_MAPPED}")
        return connection

    def look_at_clock(connection: TimedConnection, entry: ConnectionPoolEntry) -> None:
        clock = entry.info[CLOCK] = Clock(limits)
        connection.set_progress_handler(clock.is_late, _CLOCK_INTERVAL)
        INTERRUPTER.watch(connection, clock)

    engine = create_engine(
        "sqlite+pysqlite://",
        creator=new_connection,
        poolclass=NullPool,
        pool_reset_on_return=None,
        paramstyle="named",
    )
    event.listen(engine, "connect", look_at_clock)
    # What a profile holds is its owner's, but other programs than AiiDA may have written it too.
    setattr(engine.dialect, CHECKS_JSON, not immutable)
    return Database(
        engine=engine,
        connections=Connections(engine.raw_connection, str(file), limits.connections, (SQLAlchemyError, sqlite3.Error)),
        limits=limits,
        driver_error=sqlite3.Error,
        meaning_of=meaning_of,
    )


_MEANINGS: Mapping[str, Meaning] = {
    "interrupted": TIMEOUT,
    "malformed JSON": ODD_VALUE,
    "JSON cannot hold BLOB values": ODD_VALUE,
    "Could not decode to UTF-8": ODD_VALUE,
    "user-defined function raised exception": ODD_VALUE,
    "database or disk is full": TOO_LARGE,  # nothing is written but temporary files
    "string or blob too big": TOO_LARGE,
    "attempt to write a readonly database": Meaning(
        Fault.AWAY,
        "AiiDA was stopped while it wrote to its database, and has to undo that: `verdi storage info` does it",
    ),
    "database is locked": Meaning(Fault.AWAY, f"its database has been locked for {_BUSY_SECONDS:g} seconds"),
    "locking protocol": Meaning(Fault.AWAY, "its database is locked"),
    "unable to open database file": Meaning(Fault.AWAY, "its database cannot be opened"),
    "disk I/O error": Meaning(Fault.AWAY, "its database cannot be read"),
    "database disk image is malformed": DAMAGED,
    "malformed database schema": DAMAGED,
    "file is not a database": Meaning(Fault.AWAY, NO_SQLITE),
}
"""Beginnings of SQLite's messages (sqlite3ErrStr in main.c) -> what they mean.

A connection that may not write says the first of a hot journal ("File Locking And Concurrency", 4.0).
"""


def meaning_of(error: Exception) -> Meaning | None:
    """The meaning of an error of SQLite; None: the statement is wrong."""
    return next((meaning for text, meaning in _MEANINGS.items() if str(error).startswith(text)), None)


def trust(connection: sqlite3.Connection, *, is_trusted: bool) -> None:
    """Says whether the schema of the database may call functions.

    An archive can come from anybody, and its schema may hold views. A profile is its owner's, who may have made an
    index on an expression: many versions of SQLite refuse a database with `json_type` in one where nothing is trusted.
    """
    connection.execute(f"PRAGMA trusted_schema = {'ON' if is_trusted else 'OFF'}")


def _pattern_matches(pattern: str, text: bytes | None) -> bool | None:
    return None if text is None else Pattern.parse(pattern).matches(_decoded(text))


def _unicode_lower(text: bytes | None) -> str | None:
    return None if text is None else casefold(_decoded(text))


def _decoded(text: bytes) -> str:
    """A text that SQLite hands over as bytes, because it takes any for UTF-8."""
    return text.decode(errors="replace")


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "unicode_lower": _unicode_lower,
    "pattern_matches": _pattern_matches,
    **jsonb.FUNCTIONS,
}
_ANY_NUMBER = -1  # of arguments
