"""PostgreSQL through psycopg 3, the optional part `postgresql`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, create_engine, event

from aiida_like.errors import TargetError
from aiida_like.storage.database import Database, Limits
from aiida_like.storage.expressions import HAS_UNICODE_COLLATION

if TYPE_CHECKING:
    import psycopg

_CONNECT_SECONDS = 10

_SENT_AS_TEXT = ("uuid", "timestamptz", "json", "jsonb")
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

    engine = create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=limits.connections,
        max_overflow=0,
        pool_reset_on_return=None,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "aiida-like",
            "options": (
                "-c default_transaction_read_only=on -c timezone=UTC -c datestyle=ISO "
                f"-c statement_timeout={int(limits.statement_seconds * 1000)}"
            ),
        },
    )
    event.listen(engine, "connect", _load_as_text)
    event.listen(engine, "first_connect", look_for_collation)
    return Database(
        engine=engine,
        limits=limits,
        driver_error=psycopg.Error,
        is_timeout=lambda error: isinstance(error, psycopg.errors.QueryCanceled),
        is_disconnect=lambda error: (
            isinstance(error, psycopg.OperationalError) and not isinstance(error, psycopg.errors.QueryCanceled)
        ),
        start_clock=lambda _: None,  # the server has the clock: statement_timeout
    )


def _load_as_text(connection: psycopg.Connection[Any], _: Any) -> None:
    from psycopg.types.string import TextLoader

    for name in _SENT_AS_TEXT:
        connection.adapters.register_loader(name, TextLoader)
