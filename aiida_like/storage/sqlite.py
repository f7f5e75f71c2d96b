"""SQLite: the database of an archive, or of a `core.sqlite_dos` profile that AiiDA may write to meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import NullPool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from aiida_like import models
from aiida_like.storage import jsonb
from aiida_like.storage.clock import Clock, Limits
from aiida_like.storage.database import CLOCK, Connections, Database
from aiida_like.storage.expressions import casefold
from aiida_like.storage.patterns import Pattern

_BUSY_SECONDS = 10.0
"""Seconds that a reader waits for a writer of AiiDA that is just committing."""

_MAPPED = 1 << 30
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
        )
        for name, function in _FUNCTIONS.items():
            connection.create_function(name, _ANY_NUMBER, function, deterministic=True)
        connection.execute("PRAGMA case_sensitive_like = ON")
        connection.execute("PRAGMA query_only = ON")
        trust(connection, is_trusted=not immutable)
        connection.execute(f"PRAGMA mmap_size = {_MAPPED}")
        return connection

    def look_at_clock(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        clock = entry.info[CLOCK] = Clock(limits)
        connection.set_progress_handler(clock.is_late, _CLOCK_INTERVAL)

    engine = create_engine(
        "sqlite+pysqlite://",
        creator=new_connection,
        poolclass=NullPool,
        pool_reset_on_return=None,
        paramstyle="named",
    )
    event.listen(engine, "connect", look_at_clock)
    return Database(
        engine=engine,
        connections=Connections(engine.raw_connection, limits.connections, (SQLAlchemyError, sqlite3.Error)),
        limits=limits,
        driver_error=sqlite3.Error,
        is_timeout=lambda error: str(error) == "interrupted",
        is_disconnect=lambda _: False,
    )


def odd_tables(rows: Callable[[str], Iterable[Sequence[Any]]]) -> list[str]:
    """What AiiDA's tables are that are no plain tables: a view could make a statement compute for ever.

    `rows` runs a statement, in which nothing of the schema is evaluated.
    """
    return [f"{name} {what}" for sql in _ODD for name, what in rows(sql)]


# SQLite's names have no case.
_OURS = "lower(m.name) IN ({})".format(", ".join(f"'{table.name}'" for table in models.metadata.sorted_tables))
_OF_TABLES = f"FROM sqlite_master AS m, {{}}(m.name) AS c WHERE m.type = 'table' AND m.rootpage != 0 AND {_OURS}"
_ODD = (
    "SELECT m.name, CASE m.type WHEN 'table' THEN 'is a virtual table' ELSE 'is a ' || m.type END "  # noqa: S608
    f"FROM sqlite_master AS m WHERE (m.type != 'table' OR m.rootpage = 0) AND {_OURS}",
    "SELECT m.name || '.' || c.name, 'is computed' "
    f"{_OF_TABLES.format('pragma_table_xinfo')} AND c.hidden != 0",
    "SELECT m.name || '.' || c.name, 'is no column of AiiDA' "
    f"{_OF_TABLES.format('pragma_table_xinfo')} AND lower(c.name) IN ('rowid', '_rowid_', 'oid')",
    "SELECT m.name, 'has other keys than integers called id' "
    f"{_OF_TABLES.format('pragma_table_xinfo')} AND (c.pk != 0) != (lower(c.name) = 'id' AND upper(c.type) = 'INTEGER')",
    "SELECT m.name, 'has keys in an index' "
    f"{_OF_TABLES.format('pragma_index_list')} AND c.origin = 'pk'",
)
"""Statements for the names of what is odd, and why. All are our own texts."""


def trust(connection: sqlite3.Connection, *, is_trusted: bool) -> None:
    """Says whether the schema of the database may call functions.

    An archive can come from anybody, and its schema may hold views. A profile is its owner's, who may have made an
    index on an expression: many versions of SQLite refuse a database with `json_type` in one where nothing is trusted.
    """
    connection.execute(f"PRAGMA trusted_schema = {'ON' if is_trusted else 'OFF'}")


def _pattern_matches(pattern: str, text: str | None) -> bool | None:
    return None if text is None else Pattern.parse(pattern).matches(text)


def _unicode_lower(text: str | None) -> str | None:
    return None if text is None else casefold(text)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "unicode_lower": _unicode_lower,
    "pattern_matches": _pattern_matches,
    **jsonb.FUNCTIONS,
}
_ANY_NUMBER = -1  # of arguments
