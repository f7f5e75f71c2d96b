"""Running a statement: the one place where requests wait for a database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, PoolProxiedConnection
from sqlalchemy.exc import SQLAlchemyError

from aiida_like.errors import AiidaLikeError, StatementTimeout, StorageError
from aiida_like.storage.connections import Connections, Taken

Row = Sequence[Any]


@dataclass(frozen=True)
class Limits:
    """What requests may take of a storage.

    `connections` is how many statements may run at once in one process; further ones wait for their turn.
    """

    statement_seconds: float = 30.0
    connections: int = 16


SERVER = "server"
"""Key of a connection's `info`: which server it leads to, where there can be several."""


_CURSOR = "cursor"
"""Key of the one that is kept."""


class Answered(threading.local):
    """`by` are the servers that have answered statements of this thread since somebody cleared it."""

    def __init__(self) -> None:
        self.by: set[str | None] = set()


@dataclass(frozen=True)
class Database:
    """An engine, its connections, and what its driver does its own way.

    `start_clock` is called before each statement with the driver's connection. `explain` is what stands before a
    statement to get its plan, as PostgreSQL writes it in JSON; None: no plan says how many rows there will be.
    `empty` takes its rows from a cursor, which is then kept, as making one takes the driver nearly as long as a small
    statement; None: making one costs nothing, and it is closed. `indexes_have_keys`: each holds the keys of its rows,
    which are found without the rows.
    """

    engine: Engine
    connections: Connections
    limits: Limits
    driver_error: type[Exception]
    is_timeout: Callable[[Exception], bool]
    is_disconnect: Callable[[Exception], bool]
    start_clock: Callable[[Any], None]
    explain: str | None = None
    empty: Callable[[Any], None] | None = None
    indexes_have_keys: bool = True
    answered: Answered = field(default_factory=Answered, repr=False, compare=False)

    def rows(self, sql: str, values: Mapping[str, Any]) -> list[Row]:
        """All rows: no cursor stays open behind a statement, or AiiDA could not commit to an SQLite profile.

        Raises:
            StatementTimeout: it took longer than `limits.statement_seconds`.
            StorageError: the database does not answer, or refuses the statement.
        """
        taken = self._taken()
        try:
            return self._fetch(taken.connection, sql, values)
        except self.driver_error as error:
            if not self.is_disconnect(error):
                raise self._told(error) from error
        finally:
            self.connections.give(taken)
        # The server was restarted since: all connections are stale. What only reads may run twice.
        self.connections.forget()
        with self.connected() as connection:
            try:
                return self._fetch(connection, sql, values)
            except self.driver_error as error:
                raise self._told(error) from error

    @contextmanager
    def connected(self) -> Iterator[PoolProxiedConnection]:
        """For one thread, as long as it takes.

        Raises:
            StorageError: the database does not answer, or all connections are taken.
        """
        taken = self._taken()
        try:
            yield taken.connection
        finally:
            self.connections.give(taken)

    def close(self) -> None:
        self.connections.forget()

    def _taken(self) -> Taken:
        try:
            return self.connections.take()
        except (SQLAlchemyError, self.driver_error) as error:
            raise StorageError(str(error.__cause__ or error)) from error

    def _told(self, error: Exception) -> AiidaLikeError:
        return StatementTimeout(self.limits.statement_seconds) if self.is_timeout(error) else StorageError(str(error))

    def _fetch(self, connection: PoolProxiedConnection, sql: str, values: Mapping[str, Any]) -> list[Row]:
        self.start_clock(connection.dbapi_connection)
        info = connection.info
        cursor = info.pop(_CURSOR, None) or connection.cursor()
        try:
            cursor.execute(sql, values)  # both drivers take parameters by name
            rows = list(cursor.fetchall())
        except BaseException:
            cursor.close()
            raise
        if self.empty is None:
            cursor.close()
        else:
            self.empty(cursor)
            info[_CURSOR] = cursor
        self.answered.by.add(info.get(SERVER))
        return rows
