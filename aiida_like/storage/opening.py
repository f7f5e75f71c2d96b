"""Opening a profile, and making sure that it is what it says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, select

from aiida_like import models
from aiida_like.container import Container
from aiida_like.errors import NOT_AIIDAS, StorageAway, StorageError, TargetError
from aiida_like.profiles import Backend, Profile, found
from aiida_like.repository import Repository
from aiida_like.stamp import Stamp
from aiida_like.storage.archives import archive, copies
from aiida_like.storage.databases import postgresql, sqlite
from aiida_like.storage.databases.clock import Limits
from aiida_like.storage.databases.database import Database
from aiida_like.storage.databases.file_version import FileVersion, check_readable
from aiida_like.storage.databases.version import DataVersion, Version
from aiida_like.storage.result_cache import RecentNumbers, ResultCaches
from aiida_like.storage.statements import StatementCache
from aiida_like.storage.storage import Storage
from aiida_like.tuning import Tuning
from aiida_like.zipped import FolderRepository, ZippedRepository


def open_storage(
    profile: Profile,
    *,
    cache_folder: Path | None = None,
    limits: Limits | None = None,
    progress: copies.Progress | None = None,
    remembers: bool = True,
    tuning: Tuning | None = None,
) -> Storage:
    """Opens a profile and makes sure that it is what it says.

    `cache_folder` is where databases of archives are unpacked to; None: `archive.default_cache_folder()`.
    `progress` is called while an archive is unpacked. `remembers`: results of statements that read whole tables may be
    kept until a commit.

    Raises:
        TargetError: the profile is missing, not AiiDA's, of another version, or does not answer.
    """
    profile = found(profile)
    tuning = tuning or Tuning()
    opened = _opened(profile, cache_folder, limits or Limits(), progress)
    storage = Storage(
        profile=profile,
        database=opened.database,
        repository=opened.repository,
        data_version=opened.data_version,
        statements=StatementCache(opened.database.engine),
        statistics=RecentNumbers(tuning),
        caches=ResultCaches.of(tuning) if remembers else None,
        tuning=tuning,
        stamp=opened.stamp,
    )
    try:
        _check_schema(storage)
    except StorageAway as error:
        storage.close()
        raise TargetError(str(error), error.reason) from error
    except BaseException:
        storage.close()
        raise
    return storage


def stamp_of(profile: Profile) -> Stamp | None:
    """The stamp of an archive; None for other profiles, and if there is no file."""
    match profile.backend, profile.database:
        case Backend.SQLITE_ZIP, Path() as path:
            return archive.stamp(path)
        case _:
            return None


@dataclass(frozen=True)
class _Opened:
    database: Database
    repository: Repository
    data_version: DataVersion
    stamp: Stamp | None = None


def _opened(profile: Profile, cache_folder: Path | None, limits: Limits, progress: copies.Progress | None) -> _Opened:
    match profile.backend, profile.database, profile.container:
        case Backend.SQLITE_ZIP, Path() as path, _:
            copy = archive.unpacked(path, cache_folder or archive.default_cache_folder(), progress)
            files = FolderRepository(path) if path.is_dir() else ZippedRepository(path, copy.stamp)
            version = Version(copy.file.stem)
            database = sqlite.connect(copy.file, limits, immutable=True)
            return _Opened(database, files, DataVersion(lambda: version, constant=version), copy.stamp)
        case Backend.SQLITE_DOS, Path() as path, Path() as container:
            check_readable(path)
            repository = Container.open(container)
            database = sqlite.connect(path, limits, immutable=False)
            version_of_file = FileVersion(path, forget_connections=database.close)
            return _Opened(database, repository, DataVersion(version_of_file.read, close=version_of_file.close))
        case Backend.PSQL_DOS, URL() as url, Path() as container:
            repository = Container.open(container)
            database = postgresql.connect(url, limits)
            return _Opened(database, repository, postgresql.data_version(database))
        case _:
            raise AssertionError(profile)


def _check_schema(storage: Storage) -> None:
    """Selects all columns of each table, but no rows."""
    location = storage.profile.location
    storage.data_version.read()
    storage.database.rows("SELECT 1", {})
    for table in models.metadata.sorted_tables:
        prepared = storage.statements.compile(select(table).limit(0))
        try:
            storage.database.rows(prepared.sql, prepared.constants)
        except StorageAway:
            raise
        except StorageError as error:
            raise TargetError(
                f"{location} is not a database of AiiDA 2 ({table.name}: {_first_line(error)}); "
                "one of AiiDA 1 can be migrated with `verdi storage migrate`",
                NOT_AIIDAS,
            ) from error


def _first_line(error: StorageError) -> str:
    return str(error).strip().partition("\n")[0]
