"""The data version: never the same over a commit, whoever commits."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import PoolProxiedConnection, bindparam, func, select

from aiida_like.errors import StorageAway, StorageError, TargetError
from aiida_like.models import node
from aiida_like.profiles import find
from aiida_like.storage import Snapshot, Statement, Storage, open_storage
from aiida_like.storage.databases.database import Connections
from aiida_like.storage.databases.file_version import FileVersion
from tests import writable
from tests.conftest import NOTHING_IS_SLOW, Golden, GoldenPostgreSQL
from tests.golden import graph
from tests.servers import PostgreSQL, schema, standby, wait_until
from tests.servers import postgresql as own_postgresql
from tests.writable import Writable, relabel, relabelled, rezip

LABEL = f"SELECT label FROM db_dbnode WHERE uuid = '{graph.zeta}'"


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def opening(opened: ExitStack, **target: Any) -> Storage:
    # Where nothing is found it says no version if that took long.
    storage = open_storage(find(**target), tuning=NOTHING_IS_SLOW)
    opened.callback(storage.close)
    return storage


@pytest.fixture
def sqlite(golden: Golden, tmp_path: Path) -> Writable:
    return writable.sqlite(golden, tmp_path)


def label_of(storage: Storage) -> str:
    ((label,),) = storage.database.rows(LABEL, {})
    return str(label)


def test_nothing_was_committed(target: dict[str, Any], opened: ExitStack) -> None:
    """It is the same in all processes, whatever they read."""
    storage, other = opening(opened, **target), opening(opened, **target)
    snapshot = storage.read()
    version = snapshot.version
    assert version is not None
    assert labels(snapshot, graph.zeta) == ["ZETA"]
    assert storage.read().version == other.read().version == snapshot.version == version
    assert snapshot.version_of_all is not None


def labels(snapshot: Snapshot, uuid: str) -> list[str]:
    """By a statement that can bring the version along."""
    query = select(node.c.label).where(node.c.uuid == bindparam("uuid", type_=node.c.uuid.type))
    return [label for (label,) in snapshot.rows(Statement("labels", lambda: query, {"uuid": uuid}))]


def test_it_comes_with_the_first_rows(changing: Writable, opened: ExitStack) -> None:
    """It is that of what was read first, also where nothing was found, and stays so while others commit."""
    storage = opening(opened, **changing.target)
    with changing.committing() as commit:
        for number in range(5):
            commit(relabel(number))
            for uuid, found in ((graph.zeta, [str(number)]), ("00000000-0000-0000-0000-000000000000", [])):
                snapshot = storage.read()
                assert labels(snapshot, uuid) == found
                told = snapshot.version
                assert told == storage.read().version
                assert told is not None
                snapshot = storage.read()
                assert snapshot.version == told
                assert labels(snapshot, uuid) == found
            commit(relabel("later"))
            assert snapshot.version == told != storage.read().version


def test_rows_and_version_take_one_statement(target: dict[str, Any], opened: ExitStack) -> None:
    storage = opening(opened, **target)
    taken = []

    def take() -> PoolProxiedConnection:
        taken.append(Connections.take(connections))
        return taken[-1]

    connections = storage.database.connections
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "take", take)
        for _ in range(3):
            snapshot = storage.read()
            assert labels(snapshot, graph.zeta) == ["ZETA"]
            assert snapshot.version is not None
    assert len(taken) == 3


class TestSQLite:
    @pytest.mark.parametrize("mode", ["delete", "truncate", "persist", "memory", "off", "wal"])
    def test_each_commit(self, sqlite: Writable, opened: ExitStack, mode: str) -> None:
        with closing(sqlite.connect()) as connection:
            connection.execute(f"PRAGMA journal_mode = {mode}")
            connection.execute("PRAGMA synchronous = off")  # to be as quick as a clock
            connection.execute("PRAGMA wal_autocheckpoint = 7")
            storage = opening(opened, **sqlite.target)
            label_of(storage)
            seen = {storage.read().version}
            for number in range(300):
                connection.execute(relabel(number))
                connection.commit()
                version = storage.read().version
                assert version not in seen
                assert (label_of(storage), storage.read().version) == (str(number), version)
                seen.add(version)
        assert None not in seen

    @pytest.mark.parametrize("mode", ["delete", "wal"])
    def test_each_process(self, sqlite: Writable, opened: ExitStack, mode: str) -> None:
        """The last connection that is closed merges the log into the file, and counts nothing."""
        with sqlite.committing() as commit:
            commit(f"PRAGMA journal_mode = {mode}")
        storage = opening(opened, **sqlite.target)
        seen = set()
        for number in range(100):
            if number % 10 == 0:
                storage.database.close()  # its connections
            with sqlite.committing() as commit:
                commit(relabel(number))
            version = storage.read().version
            assert version is None or version not in seen
            assert label_of(storage) == str(number)
            seen.add(version)
        assert len(seen) > 50

    def test_what_is_not_committed(self, sqlite: Writable, opened: ExitStack) -> None:
        storage = opening(opened, **sqlite.target)
        version = storage.read().version
        with closing(sqlite.connect()) as connection:
            connection.execute(relabel("new"))
            assert (storage.read().version, label_of(storage)) == (version, "ZETA")
            connection.rollback()
        assert (storage.read().version, label_of(storage)) == (version, "ZETA")

    def test_a_log_without_an_index(self, sqlite: Writable, opened: ExitStack) -> None:
        """It says nothing about a commit that nobody has read, so nothing can be told."""
        storage = opening(opened, **sqlite.target)
        storage.database.close()
        file = Path(sqlite.target["target"]) / "database.sqlite"
        with sqlite.committing() as commit:
            commit("PRAGMA journal_mode = wal")
        assert not file.with_name("database.sqlite-shm").exists()
        assert storage.read().version is None
        assert label_of(storage) == "ZETA"
        assert storage.read().version is not None

    def test_a_writer_that_died_between_the_copies(self, sqlite: Writable, opened: ExitStack) -> None:
        with sqlite.committing() as commit:
            commit("PRAGMA journal_mode = wal")
        storage = opening(opened, **sqlite.target)
        label_of(storage)
        assert storage.read().version is not None
        index = Path(sqlite.target["target"]) / "database.sqlite-shm"
        with open_without_closing(index) as descriptor:
            second = os.pread(descriptor, 1, 56)
            os.pwrite(descriptor, bytes([second[0] ^ 1]), 56)
            assert storage.read().version is None
            os.pwrite(descriptor, second, 56)
        assert storage.read().version is not None

    def test_another_file_takes_its_place(self, sqlite: Writable, opened: ExitStack, tmp_path: Path) -> None:
        """Its counter is the same; connections that are open would go on to read the old one."""
        file = Path(sqlite.target["target"]) / "database.sqlite"
        left, right = (Path(shutil.copy(file, tmp_path / name)) for name in ("left", "right"))
        for path in (left, right):
            with closing(writable.connect_to_sqlite(path)) as connection:
                connection.execute(relabel(path.name))
                connection.commit()
        storage = opening(opened, **sqlite.target)
        other = opening(opened, **sqlite.target)
        seen = {storage.read().version}
        before = len(list(Path("/proc/self/fd").iterdir()))
        for number in range(20):
            chosen = left if number % 2 else right
            shutil.copy(chosen, tmp_path / "new")
            (tmp_path / "new").replace(file)
            version = storage.read().version
            assert version not in seen
            assert label_of(storage) == chosen.name
            assert (other.read().version, label_of(other)) == (version, chosen.name)
            seen.add(version)
        assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2

    def test_another_file_is_copied_over_it(self, sqlite: Writable, opened: ExitStack, tmp_path: Path) -> None:
        file = Path(sqlite.target["target"]) / "database.sqlite"
        backup = shutil.copy(file, tmp_path / "backup")
        storage = opening(opened, **sqlite.target)
        seen = {storage.read().version}
        for number in range(3):
            time.sleep(0.02)  # a clock of the file system ticks each 10 ms or more often
            shutil.copyfile(backup, file)
            seen.add(storage.read().version)
            with sqlite.committing() as commit:
                commit(relabel(number))
            seen.add(storage.read().version)
        assert len(seen) == 7

    def test_a_file_that_is_gone(self, sqlite: Writable, opened: ExitStack, tmp_path: Path) -> None:
        storage = opening(opened, **sqlite.target)
        file = Path(sqlite.target["target"]) / "database.sqlite"
        file.rename(tmp_path / "away")
        with pytest.raises(StorageError, match=r"database\.sqlite cannot be read: No such file or directory$"):
            _ = storage.read().version
        file.write_bytes(b"")
        with pytest.raises(StorageAway, match=r"database\.sqlite ends in its header$"):
            _ = storage.read().version
        (tmp_path / "away").rename(file)
        assert storage.read().version is not None
        assert label_of(storage) == "ZETA"

    @pytest.mark.parametrize("mode", ["delete", "wal"])
    def test_closing_leaves_the_locks_of_others(self, sqlite: Writable, mode: str) -> None:
        """POSIX would take them away with the first descriptor that is closed."""
        with sqlite.committing() as commit:
            commit(f"PRAGMA journal_mode = {mode}")
        reading, closed = (open_storage(find(**sqlite.target)) for _ in range(2))
        for storage in (reading, closed):
            assert storage.read().version is not None
        connection = reading.database.engine.raw_connection()
        connection.cursor().execute("BEGIN")
        connection.cursor().execute("SELECT id FROM db_dbnode").fetchone()
        closed.close()
        file = f"{sqlite.target['target']}/database.sqlite"
        assert elsewhere(file, "PRAGMA locking_mode = exclusive; BEGIN EXCLUSIVE; ROLLBACK") == "database is locked"
        connection.cursor().execute("COMMIT")
        connection.close()
        reading.close()
        assert elsewhere(file, "PRAGMA locking_mode = exclusive; BEGIN EXCLUSIVE; ROLLBACK") == ""
        assert not [link for link in links() if link.startswith(file)]

    def test_a_file_that_cannot_be_opened(self, sqlite: Writable) -> None:
        with pytest.raises(TargetError, match=r"nowhere cannot be read: No such file or directory$"):
            FileVersion(Path(sqlite.target["target"]) / "nowhere", lambda: None)


def links() -> list[str]:
    return [str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]


def elsewhere(file: str, script: str) -> str:
    """Runs statements in another process, which does not wait; the error, if there is one."""
    code = f"""
import sqlite3
try:
    sqlite3.connect({file!r}, timeout=0, isolation_level=None).executescript({script!r})
except sqlite3.OperationalError as error:
    print(error, end="")
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


class open_without_closing:  # noqa: N801  # reads like `open`
    """A descriptor that stays: closing it here would take SQLite's locks away."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR)

    def __enter__(self) -> int:
        return self._descriptor

    def __exit__(self, *_: object) -> None: ...


class TestPostgreSQL:
    @pytest.fixture
    def copied(self, golden_postgresql: GoldenPostgreSQL, postgresql: PostgreSQL, tmp_path: Path) -> Writable:
        return writable.postgresql(golden_postgresql, postgresql, f"copy_{time.monotonic_ns()}", tmp_path)

    def test_each_commit(self, copied: Writable, opened: ExitStack) -> None:
        storage, other = opening(opened, **copied.target), opening(opened, **copied.target)
        seen = {storage.read().version}
        with copied.committing() as commit:
            for number in range(100):
                commit(relabel(number))
                version = storage.read().version
                assert version not in seen
                assert (label_of(storage), other.read().version) == (str(number), version)
                seen.add(version)
        assert None not in seen

    def test_transactions_that_overlap(self, copied: Writable, opened: ExitStack) -> None:
        storage = opening(opened, **copied.target)
        for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
            with ExitStack() as stack:
                connections = [stack.enter_context(closing(copied.connect())) for _ in order]
                for number, connection in enumerate(connections):
                    connection.execute("SAVEPOINT inner_one")
                    connection.execute(f"UPDATE db_dbnode SET label = 'x' WHERE id = {number + 1}")
                    connection.execute("RELEASE inner_one")
                seen = {storage.read().version}
                for number in order:
                    assert storage.read().version in seen
                    connections[number].commit()
                    assert storage.read().version not in seen
                    seen.add(storage.read().version)

    def test_a_crash(self, opened: ExitStack, golden_postgresql: GoldenPostgreSQL) -> None:
        """It takes back what was not on disk yet, and gives the same transaction ids to others."""
        with own_postgresql() as server:
            storage = opening(opened, target=empty_copy(server, golden_postgresql), **repository(golden_postgresql))
            before = server_of(storage)
            assert before
            with closing(psycopg.connect(server.url("golden"))) as victim:
                os.kill(victim.info.backend_pid, signal.SIGKILL)
            wait_until(lambda: server_of(storage) not in {"", before})

    def test_a_standby(self, golden_postgresql: GoldenPostgreSQL) -> None:
        """It does not say which transactions are open, so there are times when nothing can be told."""
        with own_postgresql() as server, ExitStack() as stack:
            url = empty_copy(server, golden_postgresql)
            replica = stack.enter_context(standby(server))
            storage = opening(stack, target=replica.url("golden"), **repository(golden_postgresql))
            same = opening(stack, target=url, **repository(golden_postgresql))
            seen = {storage.read().version, same.read().version}
            assert len(seen - {None}) == 2
            connections = [stack.enter_context(closing(psycopg.connect(url))) for _ in range(3)]
            for number, connection in enumerate(connections):
                connection.execute(f"INSERT INTO db_dbsetting (key, description, time) VALUES ('{number}', '', now())")
            told = []
            for count, connection in enumerate(reversed(connections), 1):
                connection.commit()
                wait_until(lambda count=count: settings_of(storage) == count)
                told.append(storage.read().version)
            assert told[:2] == [None, None]
            assert told[2] is not None
            assert told[2] not in seen

    def test_a_server_that_is_behind(self, golden_postgresql: GoldenPostgreSQL) -> None:
        """It answers when the first is gone: its rows may be older than the version that the other told."""
        with ExitStack() as standbys, ExitStack() as primaries:
            primary = standbys.enter_context(own_postgresql())
            # The files of both are in the folder of the primary, which must end last.
            url = empty_copy(primary, golden_postgresql)
            first, second = primaries.enter_context(standby(primary)), standbys.enter_context(standby(primary))
            hosts = f"host=127.0.0.1:{first.port}&host=127.0.0.1:{second.port}"
            target = url.replace(f"@127.0.0.1:{primary.port}/golden", f"@/golden?{hosts}")
            assert target != url
            storage = opening(standbys, target=target, **repository(golden_postgresql))
            snapshot = storage.read()
            version = snapshot.version
            assert nodes_of(snapshot) == 0
            assert snapshot.version_of_all is not None
            primaries.close()
            assert nodes_of(snapshot) == 0
            assert snapshot.version_of_all is None
            snapshot = storage.read()
            assert snapshot.version not in {version, None}
            assert snapshot.version_of_all is not None


def repository(stored: GoldenPostgreSQL) -> dict[str, str]:
    return {"repository": str(stored.repository)}


def empty_copy(server: PostgreSQL, stored: GoldenPostgreSQL) -> str:
    """The tables without their rows, on another server."""
    url = server.create("golden")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(schema(stored.url))
    return url


def settings_of(storage: Storage) -> int:
    ((number,),) = storage.database.rows("SELECT count(*) FROM db_dbsetting", {})
    return int(number)


def nodes_of(snapshot: Snapshot) -> int:
    ((number,),) = snapshot.rows(Statement("nodes", lambda: select(func.count()).select_from(node), {}))
    return int(number)


def server_of(storage: Storage) -> str:
    """What the version says of it; nothing while it does not answer."""
    try:
        return (storage.read().version or "").rpartition(" ")[0]
    except StorageError:
        return ""


class TestArchive:
    def test_it_is_named_by_its_content(self, golden: Golden, opened: ExitStack, tmp_path: Path) -> None:
        copy = shutil.copy(golden.archive, tmp_path / "copy.aiida")
        other = rezip(golden.archive, tmp_path / "other.aiida", relabelled)
        folder = tmp_path / "folder"
        shutil.unpack_archive(golden.archive, folder, "zip")
        versions = [opening(opened, target=str(each)).read().version for each in (golden.archive, copy, other, folder)]
        assert versions[0] == versions[1] is not None
        assert len(set(versions)) == 3
        database = folder / "db.sqlite3"
        database.write_bytes(relabelled("db.sqlite3", database.read_bytes()))
        assert opening(opened, target=str(folder)).read().version not in versions

    def test_a_folder_without_its_database(self, golden: Golden, tmp_path: Path) -> None:
        shutil.unpack_archive(golden.archive, tmp_path / "folder", "zip")
        profile = find(str(tmp_path / "folder"))
        (tmp_path / "folder" / "db.sqlite3").unlink()
        with pytest.raises(TargetError, match=r"folder cannot be read: No such file or directory$"):
            open_storage(profile)
