"""An open profile, and what one request reads of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from time import perf_counter
from typing import Literal

from aiida_like.errors import OddValue, QueryError
from aiida_like.profiles import Profile
from aiida_like.repository import Repository
from aiida_like.stamp import Stamp
from aiida_like.storage.databases import postgresql
from aiida_like.storage.databases.database import Database
from aiida_like.storage.databases.faults import TOO_LARGE
from aiida_like.storage.databases.row_sizes import Row, characters_of
from aiida_like.storage.databases.temporary_files import MOST_KILOBYTES, Plan, expected_kilobytes
from aiida_like.storage.databases.version import DataVersion, VersionColumn
from aiida_like.storage.old_names import OldNames
from aiida_like.storage.result_cache import RecentNumbers, ResultCache, ResultCaches
from aiida_like.storage.statements import Statement, StatementCache
from aiida_like.tuning import Tuning

Strategy = Literal["remembered", "from a bookmark", "counted", "with the rows", "last rows", "estimated"]
"""How the number of all rows of a list was found."""


@dataclass(frozen=True)
class Storage:
    """An open profile: its database and its files. Safe to use from several threads.

    Without `caches` nothing is remembered. `stamp` is that of the archive when it was opened, see `archive.stamp`.
    """

    profile: Profile
    database: Database
    repository: Repository
    data_version: DataVersion
    statements: StatementCache
    statistics: RecentNumbers
    caches: ResultCaches | None = field(repr=False)
    tuning: Tuning = field(default_factory=Tuning, repr=False)
    stamp: Stamp | None = None

    def read(self) -> Snapshot:
        """A snapshot for one request."""
        return Snapshot(self)

    @cached_property
    def old_names(self) -> OldNames:
        return OldNames(self.database, self.statements)

    def expected_rows(self, statement: Statement) -> int:
        """The number of rows that a database with statistics expects of a statement, which is not run.

        Raises:
            StatementTimeout, StorageError: as `Database.rows`.
        """
        return int(self._plan_of(statement)["Plan Rows"])

    def check_files(self, statement: Statement, window: int | None) -> None:
        """Has a database whose temporary files have no limit say before how large they become.

        `window`: so many rows, counted from the first, are asked for; None: all.

        Raises:
            QueryError: too large.
            StatementTimeout, StorageError: as `Database.rows`.
        """
        if not self.database.files_have_limit:
            expected = expected_kilobytes(self._plan_of(statement), window)
            if expected > MOST_KILOBYTES:
                raise QueryError(TOO_LARGE.text)

    def _plan_of(self, statement: Statement) -> Plan:
        prepared = self.statements.prepared(statement)
        values = {**prepared.constants, **statement.values}
        return postgresql.first_node(postgresql.plan_of(self.database, prepared.sql, values))

    def check(self) -> None:
        """Looks at the database. Raises StorageAway: it does not answer."""
        self.data_version.read()
        self.database.rows("SELECT id FROM db_dbnode LIMIT 1", {})

    def be_careful(self) -> None:
        """From now on all statements pass over values that the database can make nothing of; what is kept stays."""
        with _becoming_careful:
            if not self.database.is_careful:
                self.database.be_careful()
                self.statements.clear()

    def close(self) -> None:
        close_parts(self.database, self.data_version, self.repository)


_becoming_careful = Lock()
"""One for all storages: each becomes so once."""


@dataclass
class Effort:
    """The cost of a snapshot until now: statements and the seconds they took, their rows, and remembered results.

    `totals` are the strategies by which the number of all rows was found, one for each list that was counted.
    """

    statements: int = 0
    seconds: float = 0.0
    rows: int = 0
    remembered: int = 0
    totals: list[Strategy] = field(default_factory=list)


@dataclass(eq=False)
class Snapshot:
    """The reads of one request. The data version is that of its first statement, and never newer than any rows.

    A commit in between makes the version too old, so newer rows are only fetched once more. A version read after the
    rows could name old rows as new, until the next commit. For one thread at a time.
    """

    storage: Storage
    effort: Effort = field(default_factory=Effort, init=False)
    _is_pending: bool = field(default=True, init=False)
    _version: str | None = field(default=None, init=False)
    _servers: set[str | None] = field(default_factory=set, init=False)

    @property
    def version(self) -> str | None:
        """The data version; None where it cannot be told.

        Raises:
            StatementTimeout, StorageError: as `Database.rows`.
        """
        if self._is_pending:
            data_version = self.storage.data_version
            self._version, server = data_version.constant or data_version.read()
            self._servers.add(server)
            self._is_pending = False
        return self._version

    @property
    def version_of_all(self) -> str | None:
        """The data version, if it and all rows come from one server; else None.

        A connection may lead to a replica that lags behind the server of the version.

        Raises:
            StatementTimeout, StorageError: as `Database.rows`.
        """
        version = self.version
        return version if len(self._servers) <= 1 else None

    def rows(self, statement: Statement, most: int | None = None) -> list[Row]:
        """The rows of a statement; of several, as `Database.fetch`, at most `most` characters.

        Raises:
            RowsTooLarge: they have more.
            StatementTimeout, StorageError: as `Database.rows`.
        """
        if self._is_pending:
            column = self.storage.data_version.column
            found = None if column is None else self._rows_with_version(statement, column, most)
            if found is not None:
                return found
            self.version  # noqa: B018 (it is read before the rows)
        return self._run(statement, most)

    def list_rows(self, statement: Statement) -> Sequence[Row]:
        """Rows of a list; small results of statements that were measured to be slow are remembered until a commit.

        Raises:
            StatementTimeout, StorageError: as `Database.rows`.
        """
        caches = self.storage.caches
        return self.rows(statement) if caches is None else self._remembered_list(caches.lists, statement)

    def _remembered_list(self, lists: ResultCache, statement: Statement) -> Sequence[Row]:
        tuning = self.storage.tuning
        is_slow = lists.is_slow(statement.result_key)
        if is_slow:
            remembered = self.recall(statement, is_list=True)
            if remembered is not None:
                return remembered
        began = perf_counter()
        rows = self.rows(statement)
        if perf_counter() - began >= tuning.slow_seconds:
            lists.note_slow(statement.result_key)
            is_slow = True
        if is_slow and len(rows) <= tuning.list_rows and characters_of(rows) <= tuning.list_characters:
            self.remember(statement, rows, is_list=True)
        return rows

    def recall(self, statement: Statement, *, is_list: bool = False) -> Sequence[Row] | None:
        """The rows of a statement, if they are remembered at this data version; else None."""
        caches = self.storage.caches
        if caches is None or self.version is None:
            return None
        cache = caches.lists if is_list else caches.results
        found = cache.recall(self.version, statement.result_key)
        if found is not None:
            self.effort.remembered += 1
        return found

    def remember(self, statement: Statement, rows: Sequence[Row], *, is_list: bool = False) -> None:
        """Keeps the rows of a statement, if they and the version come from one server."""
        caches, version = self.storage.caches, self.version_of_all
        if caches is not None and version is not None:
            cache = caches.lists if is_list else caches.results
            cache.remember(version, statement.result_key, rows)

    def may_recall(self, statement: Statement) -> bool:
        """Whether the rows are remembered at the last known data version; today's is not read."""
        caches = self.storage.caches
        if caches is None or caches.results.version is None:
            return False
        return caches.results.recall(caches.results.version, statement.result_key) is not None

    def statistic(self, statement: Statement) -> int:
        """The number that a statement finds, or found not long ago; 0 for NULL. No answer may depend on it.

        Raises:
            StatementTimeout, StorageError: as `Database.rows`.
        """
        statistics = self.storage.statistics
        number = statistics.recall(statement.result_key, None)
        if number is None:
            number = statistics.recall(statement.result_key, self.version)
        if number is None:
            number = int(self.rows(statement)[0][0] or 0)
            statistics.remember(statement.result_key, self.version, number)
        return number

    def _rows_with_version(self, statement: Statement, column: VersionColumn, most: int | None) -> list[Row] | None:
        """The rows; None: there is no row, so no version with it, and the statement is fast enough to run again."""
        began = perf_counter()
        with_version = Statement(
            ("with version", statement.cache_key),
            lambda: statement.build().add_columns(column.column),
            statement.values,
        )
        rows = self._run(with_version, most)
        if not rows and perf_counter() - began < self.storage.tuning.slow_seconds:
            self._servers.clear()
            return None
        # A slow statement is not run again: without rows its answer has no version.
        (server,) = self._servers
        self._version = column.decode(rows[0][-1], server) if rows else None
        self._is_pending = False
        return [row[:-1] for row in rows]

    def _run(self, statement: Statement, most: int | None) -> list[Row]:
        storage, effort = self.storage, self.effort
        prepared = storage.statements.get(statement.cache_key) or storage.statements.add(statement)
        if prepared.is_narrow and storage.old_names.are_there(self._version):
            prepared = storage.statements.add(statement)
        began = perf_counter()
        try:
            values = {**prepared.constants, **statement.values}
            rows, server = storage.database.fetch(prepared.sql, values, prepared.large, most)
        except OddValue:
            storage.be_careful()
            # Another thread may have compiled it without care meanwhile.
            prepared = storage.statements.add(statement)
            values = {**prepared.constants, **statement.values}
            rows, server = storage.database.fetch(prepared.sql, values, prepared.large, most)
        finally:
            effort.statements += 1
            effort.seconds += perf_counter() - began
        effort.rows += len(rows)
        self._servers.add(server)
        return rows


def close_parts(database: Database, data_version: DataVersion, repository: Repository) -> None:
    database.close()
    data_version.close()
    repository.close()
