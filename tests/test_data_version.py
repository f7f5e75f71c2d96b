"""The data version: never the same over a commit, whoever commits."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import bindparam, select

from aiida_like.errors import StorageError, TargetError
from aiida_like.models import node
from aiida_like.profiles import find
from aiida_like.storage import Storage, open_storage
from aiida_like.storage.connections import Connections, Taken
from aiida_like.storage.file_version import FileVersion
from tests import writable
from tests.conftest import Golden, GoldenPostgreSQL
from tests.golden import graph
from tests.servers import PostgreSQL, standby, wait_until
from tests.servers import postgresql as own_postgresql
from tests.test_cli import rezip
from tests.test_database import schema
from tests.writable import Writable

LABEL = f"SELECT label FROM db_dbnode WHERE uuid = '{graph.zeta}'"


def relabel(label: object) -> str:
    return f"UPDATE db_dbnode SET label = '{label}' WHERE uuid = '{graph.zeta}'"


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def opening(opened: ExitStack, **target: Any) -> Storage:
    storage = open_storage(find(**target))
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
    version = storage.version()
    assert version is not None
    assert label_of(storage) == "ZETA"
    assert storage.version() == other.version() == version
    assert storage.is_of_one_server


def labels(storage: Storage, uuid: str) -> list[str]:
    """By a statement that can bring the version along."""
    query = select(node.c.label).where(node.c.uuid == bindparam("uuid", type_=node.c.uuid.type))
    return [label for (label,) in storage.rows("labels", lambda: query, {"uuid": uuid})]


def test_it_comes_with_the_first_rows(changing: Writable, opened: ExitStack) -> None:
    """It is that of what was read first, also where nothing was found, and stays so while others commit."""
    storage = opening(opened, **changing.target)
    with changing.committing() as commit:
        for number in range(5):
            commit(relabel(number))
            for uuid, found in ((graph.zeta, [str(number)]), ("00000000-0000-0000-0000-000000000000", [])):
                storage.begin()
                assert labels(storage, uuid) == found
                told = storage.version_begun()
                assert told == storage.version()
                assert told is not None
                storage.begin()
                assert storage.version_begun() == told
                assert labels(storage, uuid) == found
            commit(relabel("later"))
            assert storage.version_begun() == told != storage.version()


def test_rows_and_version_take_one_statement(target: dict[str, Any], opened: ExitStack) -> None:
    storage = opening(opened, **target)
    taken = []

    def take() -> Taken:
        taken.append(Connections.take(connections))
        return taken[-1]

    connections = storage.database.connections
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "take", take)
        for _ in range(3):
            storage.begin()
            assert labels(storage, graph.zeta) == ["ZETA"]
            assert storage.version_begun() is not None
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
            seen = {storage.version()}
            for number in range(300):
                connection.execute(relabel(number))
                connection.commit()
                version = storage.version()
                assert version not in seen
                assert (label_of(storage), storage.version()) == (str(number), version)
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
            version = storage.version()
            assert version is None or version not in seen
            assert label_of(storage) == str(number)
            seen.add(version)
        assert len(seen) > 50

    def test_what_is_not_committed(self, sqlite: Writable, opened: ExitStack) -> None:
        storage = opening(opened, **sqlite.target)
        version = storage.version()
        with closing(sqlite.connect()) as connection:
            connection.execute(relabel("new"))
            assert (storage.version(), label_of(storage)) == (version, "ZETA")
            connection.rollback()
        assert (storage.version(), label_of(storage)) == (version, "ZETA")

    def test_a_log_without_an_index(self, sqlite: Writable, opened: ExitStack) -> None:
        """It says nothing about a commit that nobody has read, so nothing can be told."""
        storage = opening(opened, **sqlite.target)
        storage.database.close()
        file = Path(sqlite.target["target"]) / "database.sqlite"
        with sqlite.committing() as commit:
            commit("PRAGMA journal_mode = wal")
        assert not file.with_name("database.sqlite-shm").exists()
        assert storage.version() is None
        assert label_of(storage) == "ZETA"
        assert storage.version() is not None

    def test_a_writer_that_died_between_the_copies(self, sqlite: Writable, opened: ExitStack) -> None:
        with sqlite.committing() as commit:
            commit("PRAGMA journal_mode = wal")
        storage = opening(opened, **sqlite.target)
        label_of(storage)
        assert storage.version() is not None
        index = Path(sqlite.target["target"]) / "database.sqlite-shm"
        with open_without_closing(index) as descriptor:
            second = os.pread(descriptor, 1, 56)
            os.pwrite(descriptor, bytes([second[0] ^ 1]), 56)
            assert storage.version() is None
            os.pwrite(descriptor, second, 56)
        assert storage.version() is not None

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
        seen = {storage.version()}
        before = len(list(Path("/proc/self/fd").iterdir()))
        for number in range(20):
            chosen = left if number % 2 else right
            shutil.copy(chosen, tmp_path / "new")
            (tmp_path / "new").replace(file)
            version = storage.version()
            assert version not in seen
            assert label_of(storage) == chosen.name
            assert (other.version(), label_of(other)) == (version, chosen.name)
            seen.add(version)
        assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2

    def test_another_file_is_copied_over_it(self, sqlite: Writable, opened: ExitStack, tmp_path: Path) -> None:
        file = Path(sqlite.target["target"]) / "database.sqlite"
        backup = shutil.copy(file, tmp_path / "backup")
        storage = opening(opened, **sqlite.target)
        seen = {storage.version()}
        for number in range(3):
            time.sleep(0.02)  # a clock of the file system ticks each 10 ms or more often
            shutil.copyfile(backup, file)
            seen.add(storage.version())
            with sqlite.committing() as commit:
                commit(relabel(number))
            seen.add(storage.version())
        assert len(seen) == 7

    def test_a_file_that_is_gone(self, sqlite: Writable, opened: ExitStack, tmp_path: Path) -> None:
        storage = opening(opened, **sqlite.target)
        file = Path(sqlite.target["target"]) / "database.sqlite"
        file.rename(tmp_path / "away")
        with pytest.raises(StorageError, match=r"database\.sqlite cannot be read: No such file or directory$"):
            storage.version()
        file.write_bytes(b"")
        assert storage.version() is None
        (tmp_path / "away").rename(file)
        assert storage.version() is not None
        assert label_of(storage) == "ZETA"

    @pytest.mark.parametrize("mode", ["delete", "wal"])
    def test_closing_leaves_the_locks_of_others(self, sqlite: Writable, mode: str) -> None:
        """POSIX would take them away with the first descriptor that is closed."""
        with sqlite.committing() as commit:
            commit(f"PRAGMA journal_mode = {mode}")
        reading, closed = (open_storage(find(**sqlite.target)) for _ in range(2))
        for storage in (reading, closed):
            storage.version()
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
        seen = {storage.version()}
        with copied.committing() as commit:
            for number in range(100):
                commit(relabel(number))
                version = storage.version()
                assert version not in seen
                assert (label_of(storage), other.version()) == (str(number), version)
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
                seen = {storage.version()}
                for number in order:
                    assert storage.version() in seen
                    connections[number].commit()
                    assert storage.version() not in seen
                    seen.add(storage.version())

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
            seen = {storage.version(), same.version()}
            assert len(seen - {None}) == 2
            connections = [stack.enter_context(closing(psycopg.connect(url))) for _ in range(3)]
            for number, connection in enumerate(connections):
                connection.execute(f"INSERT INTO db_dbsetting (key, description, time) VALUES ('{number}', '', now())")
            told = []
            for count, connection in enumerate(reversed(connections), 1):
                connection.commit()
                wait_until(lambda count=count: settings_of(storage) == count)
                told.append(storage.version())
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
            version = storage.version()
            assert settings_of(storage) == 0
            assert storage.is_of_one_server
            primaries.close()
            assert settings_of(storage) == 0
            assert not storage.is_of_one_server
            assert storage.version() not in {version, None}
            assert storage.is_of_one_server


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


def server_of(storage: Storage) -> str:
    """What the version says of it; nothing while it does not answer."""
    try:
        return (storage.version() or "").rpartition(" ")[0]
    except StorageError:
        return ""


class TestArchive:
    def test_it_is_named_by_its_content(self, golden: Golden, opened: ExitStack, tmp_path: Path) -> None:
        copy = shutil.copy(golden.archive, tmp_path / "copy.aiida")
        other = rezip(golden.archive, tmp_path / "other.aiida", relabelled)
        folder = tmp_path / "folder"
        shutil.unpack_archive(golden.archive, folder, "zip")
        versions = [opening(opened, target=str(each)).version() for each in (golden.archive, copy, other, folder)]
        assert versions[0] == versions[1] is not None
        assert len(set(versions)) == 3
        database = folder / "db.sqlite3"
        database.write_bytes(relabelled("db.sqlite3", database.read_bytes()))
        assert opening(opened, target=str(folder)).version() not in versions

    def test_a_folder_without_its_database(self, golden: Golden, tmp_path: Path) -> None:
        shutil.unpack_archive(golden.archive, tmp_path / "folder", "zip")
        profile = find(str(tmp_path / "folder"))
        (tmp_path / "folder" / "db.sqlite3").unlink()
        with pytest.raises(TargetError, match=r"folder cannot be read: No such file or directory$"):
            open_storage(profile)


def relabelled(name: str, content: bytes) -> bytes:
    if name != "db.sqlite3":
        return content
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(content)
        connection.execute(relabel("other"))
        connection.commit()
        return connection.serialize()
