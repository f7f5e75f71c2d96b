"""The same bytes and rows from each storage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import bindparam, func, select

from aiida_like.models import link, node
from aiida_like.profiles import find
from aiida_like.repository import key_of, paths
from aiida_like.storage import Statement, Storage, open_storage
from aiida_like.tuning import Tuning
from tests import writable
from tests.conftest import Golden
from tests.golden import FILES, ctime_of, graph, ids


@pytest.fixture(scope="module")
def storage(target: dict[str, Any]) -> Iterator[Storage]:
    opened = open_storage(find(**target))
    yield opened
    opened.close()


def test_nodes_are_those_that_aiida_stored(storage: Storage) -> None:
    statement = Statement("all", lambda: select(node.c.uuid, node.c.id, node.c.ctime).order_by(node.c.id), {})
    rows = storage.read().rows(statement)
    assert [(uuid, number, ctime[:19]) for uuid, number, ctime in rows] == [
        (uuid, ids[uuid], ctime_of(uuid).strftime("%Y-%m-%d %H:%M:%S")) for uuid in vars(graph).values()
    ]


def test_files_are_those_that_aiida_stored(storage: Storage) -> None:
    selected = select(node.c.repository_metadata).where(node.c.uuid == graph.folder)
    metadata = orjson.loads(storage.read().rows(Statement("folder", lambda: selected, {}))[0][0])
    read = {path: storage.repository.read(key_of(metadata, path)).read() for path in paths(metadata)}
    assert read == FILES


def test_an_index_on_json_is_trusted_in_a_profile(golden: Golden, tmp_path: Path) -> None:
    """Many versions of SQLite open no database with one where nothing in the schema is trusted."""
    stored = writable.sqlite(golden, tmp_path)
    with stored.committing() as commit:
        commit("CREATE INDEX mine ON db_dbnode (json_type(attributes, '$.x'))")
    with closing(open_storage(find(**stored.target))) as storage:
        assert storage.database.rows("SELECT count(*) FROM db_dbnode", {}) == [(81,)]


def counting(above: int) -> Statement:
    """How many nodes there are behind an id."""
    selected = select(func.count()).select_from(node).where(node.c.id > bindparam("above"))
    return Statement("nodes", lambda: selected, {"above": above})


def test_a_statistic_is_a_minute_old(golden: Golden, tmp_path: Path) -> None:
    """It decides on ways, not on answers; so commits are no matter, and no statement is spent on them."""
    copy = writable.sqlite(golden, tmp_path)
    with closing(open_storage(find(**copy.target))) as opened, copy.committing() as commit:
        number = opened.read().statistic(counting(0))
        assert number > 50
        commit("DELETE FROM db_dblink")
        commit("DELETE FROM db_dbnode WHERE id = 1")
        snapshot = opened.read()
        assert (snapshot.statistic(counting(0)), snapshot.effort.statements) == (number, 0)


def test_older_statistics_are_counted_anew(golden: Golden, tmp_path: Path) -> None:
    copy = writable.sqlite(golden, tmp_path)
    opened = closing(open_storage(find(**copy.target), tuning=Tuning(statistic_seconds=0.0)))
    with opened as storage, copy.committing() as commit:
        number = storage.read().statistic(counting(0))
        commit("DELETE FROM db_dblink")
        commit("DELETE FROM db_dbnode WHERE id = 1")
        assert storage.read().statistic(counting(0)) == number - 1


def test_a_statistic_is_kept_while_nothing_is_committed(golden: Golden, tmp_path: Path) -> None:
    copy = writable.sqlite(golden, tmp_path)
    links = Statement("links", lambda: select(func.count()).select_from(link), {})
    opened = closing(open_storage(find(**copy.target), tuning=Tuning(statistic_seconds=0.0)))
    with opened as storage, copy.committing() as commit:

        def counted() -> tuple[int, int]:
            """The number, and how many rows were read for it."""
            snapshot = storage.read()
            return snapshot.statistic(links), snapshot.effort.rows

        (number, rows), again = counted(), counted()
        assert (number > 0, rows, again) == (True, 1, (number, 0))
        commit("DELETE FROM db_dblink")
        assert [counted(), counted()] == [(0, 1), (0, 0)]


def test_statistics_are_not_too_many(golden: Golden) -> None:
    with closing(open_storage(find(str(golden.sqlite)), tuning=Tuning(statistics=2))) as storage:
        counted = []
        for above in (0, 10**6, 10**7, 0):
            snapshot = storage.read()
            snapshot.statistic(counting(above))
            counted.append(snapshot.effort.statements)
        assert counted == [1, 1, 1, 1]  # the first ones were forgotten for the third
        assert len(storage.statistics._numbers) <= 2


def test_tuning_is_frozen(golden: Golden) -> None:
    """Whoever wants other numbers opens another storage with them."""
    tuning = Tuning()
    with pytest.raises(FrozenInstanceError):
        tuning.deep_offset = 1  # type: ignore[misc]
    with closing(open_storage(find(str(golden.sqlite)), tuning=Tuning(deep_offset=7))) as storage:
        assert (storage.tuning.deep_offset, tuning.deep_offset) == (7, 1000)
    with closing(open_storage(find(str(golden.sqlite)))) as storage:
        assert storage.tuning == tuning
