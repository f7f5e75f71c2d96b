"""What stays of a database file in the memory of a process that has read it."""

from __future__ import annotations

import gc
import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from aiida_like.profiles import find
from aiida_like.storage import mapping, open_storage
from aiida_like.storage.database import Database, Limits
from aiida_like.storage.mapping import MOST, resident_files
from aiida_like.storage.sqlite import connect
from tests.conftest import Golden

SIZE = 5 * MOST
TRIMMED = ["PRAGMA mmap_size = 0", f"PRAGMA mmap_size = {mapping.SIZE}"]
SCAN = "SELECT count(*) FROM large WHERE instr(content, x'0001020304')"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "database.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE large (id INTEGER PRIMARY KEY, content BLOB)")
        rows = ((os.urandom(SIZE // 1000),) for _ in range(1000))
        connection.executemany("INSERT INTO large (content) VALUES (?)", rows)
        connection.commit()
    return path


def growth(database: Database, *statements: str) -> Iterator[int]:
    """How many bytes of files are in memory behind each statement, beside those that were there."""
    # What tests before have left behind is not to go away meanwhile.
    gc.collect()
    with closing(database):
        database.rows("SELECT 1", {})
        before = resident_files()
        for statement in statements:
            database.rows(statement, {})
            yield resident_files() - before


@pytest.mark.parametrize("immutable", [True, False])
def test_a_scan_leaves_little_behind(file: Path, immutable: bool) -> None:
    assert max(growth(connect(file, Limits(), immutable=immutable), *[SCAN] * 3)) < MOST
    kept = growth(connect(file, Limits(), immutable=immutable, stays_mapped=True), *[SCAN] * 3)
    assert min(kept) > 3 * MOST


def test_many_small_statements_leave_little_behind(file: Path) -> None:
    statements = [f"SELECT length(content) FROM large WHERE id = {number}" for number in range(1, 1001)]
    assert max(growth(connect(file, Limits(), immutable=True), *statements)) < 3 * MOST
    assert max(growth(connect(file, Limits(), immutable=True, stays_mapped=True), *statements)) > 4 * MOST


def test_libraries_are_not_let_go_of(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is loaded later counts once."""
    assert runs(file, monkeypatch, [0, 2 * MOST, 2 * MOST, 2 * MOST + 1]) == TRIMMED


def test_what_others_let_go_of_is_no_room(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert runs(file, monkeypatch, [3 * MOST, MOST, 2 * MOST + 1, MOST]) == TRIMMED


def runs(file: Path, monkeypatch: pytest.MonkeyPatch, resident: list[int]) -> list[str]:
    """What is run while a file is trimmed twice, if so much is in memory each time that somebody looks."""
    numbers = iter(resident)
    monkeypatch.setattr(mapping, "resident_files", lambda: next(numbers))
    ran: list[str] = []
    with closing(sqlite3.connect(file)) as connection:
        connection.set_trace_callback(ran.append)
        of_file = mapping.Mapping()
        of_file.trim(connection)
        of_file.trim(connection)
    assert list(numbers) == []
    return ran


def test_a_system_that_does_not_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mapping, "_STATM", tmp_path / "no such file")
    assert resident_files() == 0


@pytest.mark.parametrize("remembers", [True, False])
def test_threads_read_while_others_let_go(golden: Golden, monkeypatch: pytest.MonkeyPatch, remembers: bool) -> None:
    monkeypatch.setattr(mapping, "MOST", -1)
    statement = "SELECT count(*), sum(length(attributes)), max(uuid) FROM db_dbnode"
    with closing(open_storage(find(str(golden.sqlite)), remembers=remembers)) as storage:
        assert (storage.database.settle is not None) is remembers
        expected = storage.database.rows(statement, {})
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(lambda _: storage.database.rows(statement, {}), range(200)))
    assert found == [expected] * 200
