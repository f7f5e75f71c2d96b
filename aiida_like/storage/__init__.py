"""Opening a profile and reading from it. All that differs between databases is in this folder.

Nothing here writes: SQLite files are opened read-only, sessions of PostgreSQL are read-only.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import orjson
from sqlalchemy import URL, Select, select

from aiida_like import models
from aiida_like.container import Container
from aiida_like.errors import StorageError, TargetError
from aiida_like.profiles import Backend, Profile
from aiida_like.repository import Repository
from aiida_like.storage import archive, postgresql, sqlite
from aiida_like.storage.database import Database, Limits, Row
from aiida_like.storage.file_version import FileVersion
from aiida_like.storage.memory import MAX_LISTS, SLOW, Memory
from aiida_like.storage.statistics import Statistics
from aiida_like.storage.version import Along, Constant, DataVersion, Reading
from aiida_like.zipped import FolderRepository, ZippedRepository

__all__ = ["Limits", "Prepared", "Row", "Storage", "open_storage"]

_MAX_PREPARED = 1024


@dataclass(frozen=True)
class Prepared:
    """A compiled statement: its text, and the values that are the same at each execution."""

    sql: str
    constants: Mapping[str, Any]


@dataclass(frozen=True)
class Storage:
    """An open profile: its database and its files. Safe to use from several threads.

    `stamp` is that of the archive when it was opened, see `archive.stamp`. `observe` is told how many rows each
    statement gave. Without a `memory` nothing is remembered. `lists` are a memory of their own: there are many, each is
    found fast again, and they would take the place of what takes long.
    """

    profile: Profile
    database: Database
    repository: Repository
    data_version: DataVersion
    stamp: archive.Stamp | None = None
    observe: Callable[[int], None] | None = None
    memory: Memory | None = field(default_factory=Memory, repr=False)
    lists: Memory | None = field(default_factory=lambda: Memory(MAX_LISTS), repr=False)
    statistics: Statistics = field(default_factory=Statistics, repr=False)
    _prepared: dict[Hashable, Prepared] = field(default_factory=dict, repr=False)
    _reading: Reading = field(default_factory=Reading, repr=False, compare=False)

    def rows(self, shape: Hashable, build: Callable[[], Select[Any]], values: Mapping[str, Any]) -> list[Row]:
        """Runs the statement that `build` makes.

        It is compiled once for each `shape`, so `build` must depend on nothing else: what varies between requests of
        one shape are bound parameters, given by name in `values`. (Building and compiling a SELECT takes several times
        as long as finding twenty rows.)

        Raises:
            StatementTimeout, StorageError: as `Database.rows`.
        """
        along = self.data_version.along if self._reading.awaits else None
        found = self._rows_with_version(shape, build, values, along) if along is not None else None
        if found is None:
            self.version_begun()
            found = self._rows(shape, build, values)
        if self.observe is not None:
            self.observe(len(found))
        return found

    def _rows(self, shape: Hashable, build: Callable[[], Select[Any]], values: Mapping[str, Any]) -> list[Row]:
        prepared = self._prepared_for(shape, build)
        return self.database.rows(prepared.sql, {**prepared.constants, **values})

    def _rows_with_version(
        self, shape: Hashable, build: Callable[[], Select[Any]], values: Mapping[str, Any], along: Along
    ) -> list[Row] | None:
        """None: there are none that could have brought the version along, and it is soon known once more."""
        began = perf_counter()
        rows = self._rows(("with version", shape), lambda: build().add_columns(along.column), values)
        if not rows and perf_counter() - began < SLOW:
            return None
        # What took long is not done twice: such an answer has no version, unless it is asked for first.
        self._reading.version = along.told(rows[0][-1]) if rows else None
        self._reading.awaits = False
        return [row[:-1] for row in rows]

    @property
    def remembered_version(self) -> str | None:
        """The data version of what is remembered; None: nothing is."""
        return None if self.memory is None else self.memory.version

    def recall(
        self, version: str | None, shape: Hashable, values: Mapping[str, Any], *, is_list: bool = False
    ) -> Sequence[Row] | None:
        """The rows of a statement, if they are remembered from this data version."""
        memory = self.lists if is_list else self.memory
        return None if version is None or memory is None else memory.recall(version, (shape, *values.values()))

    def remember(
        self,
        version: str | None,
        shape: Hashable,
        values: Mapping[str, Any],
        rows: Sequence[Row],
        *,
        is_list: bool = False,
    ) -> None:
        """Keeps the rows of a statement that ran after the version was read, if one server told both."""
        memory = self.lists if is_list else self.memory
        if version is not None and memory is not None and self.is_of_one_server:
            memory.remember(version, (shape, *values.values()), rows)

    def is_slow(self, shape: Hashable, values: Mapping[str, Any]) -> bool:
        """Whether the statement of a list has taken `SLOW` or longer before."""
        return self.lists is not None and self.lists.is_slow((shape, *values.values()))

    def note_slow(self, shape: Hashable, values: Mapping[str, Any]) -> None:
        if self.lists is not None:
            self.lists.note_slow((shape, *values.values()))

    def statistic(self, shape: Hashable, build: Callable[[], Select[Any]], values: Mapping[str, Any]) -> int:
        """The number that a statement finds, or has found at this data version or within the last minute; 0 for NULL.

        Raises:
            StatementTimeout, StorageError: as `Database.rows`.
        """
        key = (shape, *values.values())
        version = self.version_begun()
        number = self.statistics.recall(key, version)
        if number is None:
            number = int(self.rows(shape, build, values)[0][0] or 0)
            self.statistics.remember(key, version, number)
        return number

    @property
    def estimates(self) -> bool:
        """Whether the database can say how many rows it expects."""
        return self.database.explain is not None

    def estimated_rows(self, shape: Hashable, build: Callable[[], Select[Any]], values: Mapping[str, Any]) -> int:
        """How many rows the database expects of a statement, by its statistics, without running it.

        Raises:
            StatementTimeout, StorageError: as `Database.rows`.
        """
        prepared = self._prepared_for(shape, build)
        ((plan,),) = self.database.rows(f"{self.database.explain} {prepared.sql}", {**prepared.constants, **values})
        return int(orjson.loads(plan)[0]["Plan"]["Plan Rows"])

    def _prepared_for(self, shape: Hashable, build: Callable[[], Select[Any]]) -> Prepared:
        prepared = self._prepared.get(shape)
        if prepared is None:
            if len(self._prepared) >= _MAX_PREPARED:
                self._prepared.clear()
            prepared = self._prepared[shape] = self.prepare(build())
        return prepared

    def prepare(self, statement: Select[Any]) -> Prepared:
        compiled = statement.compile(self.database.engine, compile_kwargs={"render_postcompile": True})
        return Prepared(str(compiled), dict(compiled.params))

    def version(self) -> str | None:
        """The data version, to be read BEFORE the rows that it is to stand for.

        Then a commit in between makes it too old: rows that are newer than their version are fetched once more. Read
        behind the rows, it would promise of old rows that they are new, until the next commit. None: it cannot be told.

        Raises:
            StatementTimeout, StorageError: as `Database.rows`.
        """
        return self.data_version.read()

    def begin(self) -> None:
        """From here on this thread reads for one request, whose data version the first statement tells."""
        self._reading.awaits = True
        self.database.answered.by.clear()

    def version_begun(self) -> str | None:
        """The data version of all that this thread has read since `begin`.

        Raises:
            StatementTimeout, StorageError: as `Database.rows`.
        """
        reading = self._reading
        if reading.awaits:
            reading.version = self.data_version.read()
            reading.awaits = False
        return reading.version

    @property
    def awaits_version(self) -> bool:
        """Whether it is better to read something than to ask for the version alone."""
        return self._reading.awaits and self.data_version.along is not None

    @property
    def is_of_one_server(self) -> bool:
        """Whether one server has answered all that this thread asked since it read the version.

        A connection may lead to a replica that is behind the one that told the version.
        """
        return len(self.database.answered.by) <= 1

    def close(self) -> None:
        self.database.close()
        self.data_version.close()
        self.repository.close()


def open_storage(
    profile: Profile,
    *,
    cache_folder: Path | None = None,
    limits: Limits | None = None,
    progress: archive.Progress | None = None,
    observe: Callable[[int], None] | None = None,
    remembers: bool = True,
) -> Storage:
    """Opens a profile and makes sure that it is what it says.

    `cache_folder` is where databases of archives are unpacked to; None: `archive.default_cache_folder()`.
    `progress` is told how far the unpacking has come; for `observe` see `Storage`. `remembers`: results of statements
    that look at whole tables may be kept as long as nothing is committed.

    Raises:
        TargetError: it is not there, not AiiDA's, of another version, or does not answer.
    """
    limits = limits or Limits()
    stamp = stamp_of(profile)
    version: DataVersion
    match profile.backend, profile.database, profile.container:
        case Backend.SQLITE_ZIP, Path() as path, _:
            file = archive.database_file(path, cache_folder or archive.default_cache_folder(), progress)
            repository: Repository = FolderRepository(path) if path.is_dir() else ZippedRepository(path)
            database = sqlite.connect(file, limits, immutable=True)
            version = Constant(archive.content_of(path, file))
        case Backend.SQLITE_DOS, Path() as path, Path() as container:
            if not path.is_file():
                raise TargetError(
                    f"the profile {profile.name!r} has no database file {path}", "its database is missing"
                )
            repository = Container.open(container)
            database = sqlite.connect(path, limits, immutable=False)
            version = FileVersion(path, forget_connections=database.close)
        case Backend.PSQL_DOS, URL() as url, Path() as container:
            repository = Container.open(container)
            database = postgresql.connect(url, limits)
            version = postgresql.SnapshotVersion(database)
        case _:
            raise AssertionError(profile)
    memories = (Memory(), Memory(MAX_LISTS)) if remembers else (None, None)
    storage = Storage(profile, database, repository, version, stamp, observe, *memories)
    try:
        _check_schema(storage)
    except BaseException:
        storage.close()
        raise
    return storage


def stamp_of(profile: Profile) -> archive.Stamp | None:
    """That of an archive; None where the content changes in its place, and where there is nothing."""
    match profile.backend, profile.database:
        case Backend.SQLITE_ZIP, Path() as path:
            return archive.stamp(path)
        case _:
            return None


def _check_schema(storage: Storage) -> None:
    """Each table is asked for each of its columns, but for no row."""
    location = storage.profile.location
    try:
        storage.database.rows("SELECT 1", {})
    except StorageError as error:
        raise TargetError(
            f"the database {location} does not answer: {_first_line(error)}", "its database does not answer"
        ) from error
    for table in models.metadata.sorted_tables:
        prepared = storage.prepare(select(table).limit(0))
        try:
            storage.database.rows(prepared.sql, prepared.constants)
        except StorageError as error:
            raise TargetError(
                f"{location} is not a database of AiiDA 2 ({table.name}: {_first_line(error)}); "
                "one of AiiDA 1 can be migrated with `verdi storage migrate`",
                "its database is not one of AiiDA 2",
            ) from error


def _first_line(error: StorageError) -> str:
    return str(error).strip().partition("\n")[0]
