"""Connections to a database, and running statements on them: the one place where requests wait for a database.

Connections stay open between statements. SQLAlchemy's pool is not used, because checking a connection out of it takes
longer than a statement that an index serves.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

import orjson
from sqlalchemy import Engine, PoolProxiedConnection

from aiida_like.errors import NO_ANSWER, AiidaLikeError, OddValue, QueryError, RowsTooLarge, StorageAway, StorageError
from aiida_like.storage.databases.clock import IDLE, Clock, Limits
from aiida_like.storage.databases.faults import Fault, Meaning
from aiida_like.storage.databases.row_sizes import LargeColumns, Row
from aiida_like.storage.sql.expressions import IS_CAREFUL

SERVER = "server"
"""Key of a connection's `info`: the server that it leads to, if there can be several."""


CLOCK = "clock"
"""Key of a connection's `info`: its clock."""


FILES_HAVE_LIMIT = "aiida_like_files_have_limit"
"""Attribute of a dialect: whether temporary files of its sessions have a limit of their own."""


_CURSOR = "cursor"
"""Key of a connection's `info`: its reusable cursor."""


_GENERATION = "generation"
"""Key of a connection's `info`: tells whether it was opened before the last `forget`."""


_RUN, _OUTWORN = "run", -1
"""Key of a connection's `info`: characters of the large statements it ran; and the generation of one that is closed."""

_LARGE, _MOST_RUN = 4_000, 1_000_000
"""Characters of a large statement, and of those that one connection runs."""


_NONE_LARGE = LargeColumns()


class Connections:
    """A pool of at most `most` connections; further threads wait for their turn, at most `patience` seconds.

    Safe to use from several threads.
    """

    def __init__(
        self,
        connect: Callable[[], PoolProxiedConnection],
        location: str,
        most: int,
        refusals: tuple[type[Exception], ...] = (),
        patience: float = 30.0,
    ) -> None:
        """`location` is where they lead to, for messages to the operator, without a password.

        `refusals` are the errors by which `connect` says that there is no connection now.
        """
        self._connect = connect
        self._location = location
        self._refusals = refusals
        self._patience = patience
        # Not a semaphore, which is written in Python and takes as long as the rest of this class.
        self._turns: SimpleQueue[None] = SimpleQueue()
        for _ in range(most):
            self._turns.put(None)
        self._idle: deque[PoolProxiedConnection] = deque()
        self._generation = 0

    def take(self) -> PoolProxiedConnection:
        """Raises StorageAway: no connection was given back in time, or the database does not answer."""
        try:
            self._turns.get(timeout=self._patience)
        except Empty:
            raise StorageAway(
                f"no connection to {self._location} became free within {self._patience:g} seconds",
                "all connections to its database are in use",
            ) from None
        try:
            # The connection that was used last has the most statements prepared.
            return self._idle.pop()
        except IndexError:
            pass
        try:
            generation = self._generation
            opened = self._connect()
            # Else SQLAlchemy closes it at the end of any process, even a forked one that only inherited it.
            opened.detach()
            opened.info[_GENERATION] = generation
        except self._refusals as error:
            self._turns.put(None)
            raise self.away(error.__cause__ or error, NO_ANSWER) from error
        except BaseException:
            self._turns.put(None)
            raise
        return opened

    def away(self, error: BaseException, why: str) -> StorageAway:
        """The error that says why nothing can be read now; `why` is what clients may know of it."""
        first_line = str(error).strip().partition("\n")[0]
        more = "" if why == NO_ANSWER else f"; {why}"
        return StorageAway(f"the database {self._location} does not answer: {first_line}{more}", why)

    def give(self, taken: PoolProxiedConnection) -> None:
        """Takes a connection back; each call of `take` needs one."""
        if taken.info[_GENERATION] != self._generation:
            taken.close()
        else:
            self._idle.append(taken)
        self._turns.put(None)

    def forget(self) -> None:
        """Closes all connections; those in use, when they come back."""
        self._generation += 1
        with suppress(IndexError):
            while True:
                self._idle.pop().close()


@dataclass(frozen=True)
class Database:
    """An engine, its connections, and what its driver does its own way.

    `meaning_of` says what an error of the driver means; None: the database refuses a statement that we made wrong.
    `has_server`: connections lead to a server, which may have been started anew since they were opened.
    `has_statistics`: the database keeps statistics, and finds the fastest way to rows of one table itself.
    `drain` makes a cursor reusable, if making one takes nearly as long as a small statement; None: cursors are closed.
    `indexes_have_keys`: each index holds the keys of its rows, which are found without the rows.
    """

    engine: Engine
    connections: Connections
    limits: Limits
    driver_error: type[Exception]
    meaning_of: Callable[[Exception], Meaning | None]
    has_server: bool = False
    has_statistics: bool = False
    drain: Callable[[Any], None] | None = None
    indexes_have_keys: bool = True

    def rows(self, sql: str, values: Mapping[str, Any]) -> list[Row]:
        """All rows of a statement; as `fetch`."""
        return self.fetch(sql, values)[0]

    def fetch(
        self, sql: str, values: Mapping[str, Any], large: LargeColumns = _NONE_LARGE, most: int | None = None
    ) -> tuple[list[Row], str | None]:
        """All rows, and the server that gave them. No cursor stays open, or AiiDA could not commit to SQLite.

        Bytes that stand in any column come as text. `most` is how many characters the `large` columns may have; the
        default is `limits.row_characters`.

        Raises:
            StatementTimeout: it took longer than `limits.statement_seconds`.
            StatementCancelled: the database ended it before.
            TooManySlowQueries: it was slow, and so were too many others.
            OddValue: a stored value makes no sense to it.
            QueryError: it asks for more than fits into memory or on the disk.
            RowsTooLarge: there are several rows, and they have more characters.
            StorageAway: the database does not answer.
            StorageError: it refuses the statement.
        """
        most = self.limits.row_characters if most is None else most
        taken = self.connections.take()
        try:
            return self._fetch(taken, sql, values, large, most)
        except self.driver_error as error:
            known = self._translated(error, taken)
            if isinstance(known, StorageAway):
                # Others were opened before it, too.
                self.connections.forget()
            if not (isinstance(known, StorageAway) and self.has_server):
                raise known from error
        finally:
            self.connections.give(taken)
        # All connections may be stale, as after a restart. A statement that only reads may run twice.
        with self.connected() as connection:
            try:
                return self._fetch(connection, sql, values, large, most)
            except self.driver_error as error:
                raise self._translated(error, connection) from error

    @contextmanager
    def connected(self) -> Iterator[PoolProxiedConnection]:
        """A connection for one thread, until the block ends.

        Raises:
            StorageAway: the database does not answer, or all connections are taken.
        """
        taken = self.connections.take()
        try:
            yield taken
        finally:
            self.connections.give(taken)

    @property
    def is_careful(self) -> bool:
        return bool(getattr(self.engine.dialect, IS_CAREFUL, False))

    @property
    def files_have_limit(self) -> bool:
        return bool(getattr(self.engine.dialect, FILES_HAVE_LIMIT, True))

    def be_careful(self) -> None:
        """From now on statements that are compiled pass over values that make no sense to the database."""
        setattr(self.engine.dialect, IS_CAREFUL, True)
        self.connections.forget()

    def close(self) -> None:
        self.connections.forget()

    def _translated(self, error: Exception, connection: PoolProxiedConnection) -> AiidaLikeError:
        meaning = self.meaning_of(error)
        if meaning is None:
            return StorageError(str(error))
        match meaning.fault:
            case Fault.TIMEOUT:
                clock: Clock = connection.info[CLOCK]
                return clock.error()
            case Fault.ODD_VALUE:
                return OddValue(str(error))
            case Fault.TOO_LARGE:
                return QueryError(meaning.text)
            case Fault.AWAY:
                return self.connections.away(error, meaning.text)

    def _fetch(
        self, connection: PoolProxiedConnection, sql: str, values: Mapping[str, Any], large: LargeColumns, most: int
    ) -> tuple[list[Row], str | None]:
        info = connection.info
        cursor = info.pop(_CURSOR, None) or connection.cursor()
        clock: Clock = info[CLOCK]
        clock.was_refused = clock.was_late = False
        clock.began = time.monotonic()
        try:
            cursor.execute(sql, values)  # both drivers take parameters by name
            rows: list[Row] = []
            left = most
            while found := cursor.fetchmany(large.at_once):
                number, size = len(found), None
                if not large.have_json:
                    # An eighth of the time that a look at each value takes; it fails where there are bytes.
                    with suppress(TypeError):
                        size = len(orjson.dumps(found))
                if size is None:
                    found, size = large.readable(found)
                rows += found
                left -= size
                if left < 0 and len(rows) > 1 and (left := most - large.characters(rows)) < 0:
                    raise RowsTooLarge(most)  # noqa: TRY301 it closes the cursor, as all errors do
                if number < large.at_once:
                    break
        except BaseException:
            clock.note_error()
            cursor.close()
            raise
        finally:
            clock.began = IDLE
            if clock.was_slow:
                _leave(clock, info)
        if len(sql) > _LARGE:
            _count_large(info, sql)
        if self.drain is None:
            cursor.close()
        else:
            self.drain(cursor)
            info[_CURSOR] = cursor
        return rows, info.get(SERVER)


def _leave(clock: Clock, info: dict[Any, Any]) -> None:
    clock.leave()
    if clock.was_refused:
        info[_GENERATION] = None  # a cancellation may still be under way


def _count_large(info: dict[Any, Any], sql: str) -> None:
    """Drivers and servers keep statements by their number, however large they are: until the connection closes."""
    info[_RUN] = run = info.get(_RUN, 0) + len(sql)
    if run > _MOST_RUN:
        info[_GENERATION] = _OUTWORN
