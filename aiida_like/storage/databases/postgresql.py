"""PostgreSQL through psycopg 3, the optional part `postgresql`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import URL, NullPool, Text, cast, create_engine, event, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from aiida_like.errors import TargetError
from aiida_like.storage.databases.clock import Clock, Limits
from aiida_like.storage.databases.database import CLOCK, FILES_HAVE_LIMIT, SERVER, Connections, Database
from aiida_like.storage.databases.faults import AWAY, DAMAGED, ODD_VALUE, TIMEOUT, TOO_LARGE, Fault, Meaning
from aiida_like.storage.databases.temporary_files import MOST_KILOBYTES, Plan
from aiida_like.storage.databases.version import DataVersion, Version, VersionColumn
from aiida_like.storage.databases.watchdog import Watchdog
from aiida_like.storage.sql.expressions import HAS_UNICODE_COLLATION

if TYPE_CHECKING:
    import psycopg

_CONNECT_SECONDS = 10

_MAX_PREPARED = 400
"""Statements that a session keeps prepared."""

_SENT_AS_TEXT = ("uuid", "timestamptz", "date", "json", "jsonb")
"""Types whose text goes into a response as it is; psycopg would parse them into Python objects first."""


def connect(url: URL, limits: Limits) -> Database:
    """Raises TargetError: psycopg is not installed, or the server does not answer."""
    try:
        import psycopg
    except ImportError as error:
        raise TargetError(
            "a PostgreSQL profile needs the optional part 'postgresql': pip install 'aiida-like[postgresql]'",
            "the server lacks the optional part 'postgresql'",
        ) from error

    def look_for_collation(connection: psycopg.Connection[Any], _: Any) -> None:
        # Servers that were built without ICU lack it; the collation of the database must do there.
        found = connection.execute("SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu'").fetchone()
        connection.commit()
        setattr(engine.dialect, HAS_UNICODE_COLLATION, found is not None)

    def look_at_clock(session: psycopg.Connection[Any], entry: ConnectionPoolEntry) -> None:
        clock = entry.info[CLOCK] = Clock(limits)
        watchdog.watch(session, clock)

    def limit_temporary_files(connection: psycopg.Connection[Any], _: Any) -> None:
        setattr(engine.dialect, FILES_HAVE_LIMIT, _limit_temporary_files(connection))

    watchdog = Watchdog()
    engine = create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        pool_reset_on_return=None,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "aiida-like",
            "options": " ".join(f"-c {name}={value}" for name, value in _session(limits).items()),
        },
    )
    event.listen(engine, "connect", _load_as_text)
    event.listen(engine, "connect", _prepare_many)
    event.listen(engine, "connect", limit_temporary_files)
    event.listen(engine, "connect", _name_server)
    event.listen(engine, "connect", look_at_clock)
    event.listen(engine, "first_connect", look_for_collation)
    return Database(
        engine=engine,
        connections=Connections(engine.raw_connection, repr(url), limits.connections, (SQLAlchemyError, psycopg.Error)),
        limits=limits,
        driver_error=psycopg.Error,
        meaning_of=meaning_of,
        has_server=True,
        has_statistics=True,
        indexes_have_keys=False,
        drain=lambda cursor: cursor.pgresult.clear(),
    )


_MEANINGS: Mapping[str, Meaning] = {
    "08": AWAY,  # connection exceptions
    "22003": ODD_VALUE,  # a number that is out of range
    "40": AWAY,  # a standby has to catch up with what was committed, and ends what reads older rows
    "53": AWAY,  # too many connections, and other resources that the server lacks
    "53100": TOO_LARGE,  # the disk is full: of temporary files, because nothing is written
    "53200": TOO_LARGE,  # out of memory
    "53400": TOO_LARGE,  # `temp_file_limit`
    "54": Meaning(Fault.TOO_LARGE, "the query is more than the database can take: ask with fewer filters"),
    "55": AWAY,  # something is not in the state that is needed
    "55P03": Meaning(Fault.AWAY, "its database is locked"),
    "57": AWAY,  # it is shut down, crashed or starts; or the database was dropped
    "57014": TIMEOUT,  # the query was cancelled
    "58": Meaning(Fault.AWAY, "its database cannot be read"),  # errors of the operating system
    "XX001": DAMAGED,
    "XX002": DAMAGED,
}
"""SQLSTATE, or its class, the first two characters -> what it means (PostgreSQL's manual, "Error Codes")."""


def meaning_of(error: Exception) -> Meaning | None:
    """The meaning of an error of psycopg; None: the statement is wrong."""
    import psycopg

    state: str | None = getattr(error, "sqlstate", None)
    if state is None:  # it is psycopg's own
        return AWAY if isinstance(error, psycopg.OperationalError) else None
    return _MEANINGS.get(state) or _MEANINGS.get(state[:2])


def plan_of(database: Database, sql: str, values: Mapping[str, Any]) -> str:
    """The plan of a statement as JSON. It is not run. Raises StatementTimeout, StorageError."""
    ((plan,),) = database.rows(f"EXPLAIN (FORMAT JSON) {sql}", values)
    return str(plan)


def first_node(plan: str) -> Plan:
    """The node of a plan that gives the rows."""
    found: Plan = orjson.loads(plan)[0]["Plan"]
    return found


def _session(limits: Limits) -> Mapping[str, str]:
    return {
        "default_transaction_read_only": "on",
        "timezone": "UTC",
        "datestyle": "ISO",
        "statement_timeout": str(int(limits.statement_seconds * 1000)),
        # Requests keep all cores busy already, and pages are short: both would take more time than they save.
        "jit": "off",
        "max_parallel_workers_per_gather": "0",
        # A merge join starts at one end of an index, though a page may lie at the other.
        "enable_mergejoin": "off",
    }


def _load_as_text(connection: psycopg.Connection[Any], _: Any) -> None:
    from psycopg.types.string import TextLoader

    for name in _SENT_AS_TEXT:
        connection.adapters.register_loader(name, TextLoader)


def _prepare_many(connection: psycopg.Connection[Any], _: Any) -> None:
    # A statement that came twice comes again; psycopg would prepare it at the sixth time.
    connection.prepare_threshold = 1
    # Psycopg's default is 100; the server plans a statement anew that was forgotten.
    connection.prepared_max = _MAX_PREPARED


_LIMIT_TEMPORARY_FILES = """
SELECT set_config('temp_file_limit', '{most}', false) FROM pg_settings
WHERE name = 'temp_file_limit' AND CAST(setting AS BIGINT) NOT BETWEEN 0 AND {most} AND {may_set}
"""
_WITH_GRANTS = 150_000
"""The version of PostgreSQL from which on a role can be granted to set a parameter: 15."""


def _limit_temporary_files(connection: psycopg.Connection[Any]) -> bool:
    """Limits the files of what is too large to be sorted in memory, where the role may; a lower limit stays.

    Whether there is a limit now.
    """
    has_grants = connection.info.server_version >= _WITH_GRANTS
    may_set = (
        "has_parameter_privilege('temp_file_limit', 'SET')" if has_grants else "current_setting('is_superuser') = 'on'"
    )
    connection.execute(_LIMIT_TEMPORARY_FILES.format(most=MOST_KILOBYTES, may_set=may_set).encode())
    ((limit,),) = connection.execute("SHOW temp_file_limit").fetchall()
    connection.commit()
    return bool(limit != "-1")


_WHICH_SERVER = """
SELECT concat_ws('|', pg_postmaster_start_time(), pg_stat_get_bgwriter_stat_reset_time(), inet_server_addr(),
    inet_server_port(), (SELECT oid FROM pg_database WHERE datname = current_database()), current_user)
"""
"""The name of a server, of one run of it, of the database and of the role.

A crash loses transaction ids that were not yet on disk, and they are given out again. It ends all sessions and resets
the statistics, even if the postmaster goes on.
"""


def _name_server(connection: psycopg.Connection[Any], entry: ConnectionPoolEntry) -> None:
    ((entry.info[SERVER],),) = connection.execute(_WHICH_SERVER).fetchall()
    connection.commit()


def data_version(database: Database) -> DataVersion:
    """The transactions that are over on a server. Any that ends changes the version, in whichever database of it."""

    def read() -> Version:
        ((snapshot,),), server = database.fetch("SELECT CAST(txid_current_snapshot() AS text)", {})
        return Version(_token(snapshot, server), server)

    # The function by its name in PostgreSQL 12. In a SELECT of its own it is evaluated once for all rows.
    # (One round trip with the rows: 27 us. A statement before them: 47. A pipeline of psycopg: 84.)
    snapshot = select(cast(func.txid_current_snapshot(), Text)).scalar_subquery()
    return DataVersion(read, column=VersionColumn(snapshot.label("data_version"), _token))


def _token(snapshot: str, server: str | None) -> str | None:
    return None if _hides_transactions(snapshot) else f"{server} {snapshot}"


def _hides_transactions(snapshot: str) -> bool:
    """A standby names the oldest open transaction and the end, `726:729:`, but not which of those between are open.

    So two commits can leave it as it is. (GetSnapshotData in procarray.c puts them where pg_current_snapshot does not
    look.) A primary always names the oldest again, `726:729:726`.
    """
    oldest, end, named = snapshot.split(":")
    return oldest != end and not named
