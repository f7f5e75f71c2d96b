"""The same bytes and rows from each storage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import bindparam, func, select

from aiida_like.models import link, node
from aiida_like.profiles import find
from aiida_like.repository import key_of, paths
from aiida_like.storage import Storage, open_storage, statistics
from tests import writable
from tests.conftest import Golden
from tests.golden import FILES, ctime_of, graph, ids


@pytest.fixture(scope="module")
def storage(target: dict[str, Any]) -> Iterator[Storage]:
    opened = open_storage(find(**target))
    yield opened
    opened.close()


def test_nodes_are_those_that_aiida_stored(storage: Storage) -> None:
    rows = storage.rows("all", lambda: select(node.c.uuid, node.c.id, node.c.ctime).order_by(node.c.id), {})
    assert [(uuid, number, ctime[:19]) for uuid, number, ctime in rows] == [
        (uuid, ids[uuid], ctime_of(uuid).strftime("%Y-%m-%d %H:%M:%S")) for uuid in vars(graph).values()
    ]


def test_files_are_those_that_aiida_stored(storage: Storage) -> None:
    statement = select(node.c.repository_metadata).where(node.c.uuid == graph.folder)
    metadata = orjson.loads(storage.rows("folder", lambda: statement, {})[0][0])
    read = {path: storage.repository.read(key_of(metadata, path)).read() for path in paths(metadata)}
    assert read == FILES


def test_an_index_on_json_is_trusted_in_a_profile(golden: Golden, tmp_path: Path) -> None:
    """Many versions of SQLite open no database with one where nothing in the schema is trusted."""
    stored = writable.sqlite(golden, tmp_path)
    with stored.committing() as commit:
        commit("CREATE INDEX mine ON db_dbnode (json_type(attributes, '$.x'))")
    with closing(open_storage(find(**stored.target))) as storage:
        assert storage.database.rows("SELECT count(*) FROM db_dbnode", {}) == [(81,)]


def test_a_statistic_is_a_minute_old(golden: Golden, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It decides on ways, not on answers; so commits are no matter, and no statement is spent on them."""
    copy = writable.sqlite(golden, tmp_path)
    monkeypatch.setattr(statistics, "MOST", 2)
    with closing(open_storage(find(**copy.target))) as opened, copy.committing() as commit:

        def nodes(above: int = 0) -> int:
            selected = select(func.count()).where(node.c.id > bindparam("above"))
            return opened.statistic("nodes", lambda: selected, {"above": above})

        number = nodes()
        assert number > 50
        commit("DELETE FROM db_dblink")
        commit("DELETE FROM db_dbnode WHERE id = 1")
        assert nodes() == number
        monkeypatch.setattr(statistics, "SECONDS", 0.0)
        assert [nodes(10**6), nodes(10**7)] == [0, 0]  # the first is forgotten for them
        assert nodes() == number - 1


def test_a_statistic_is_kept_while_nothing_is_committed(
    golden: Golden, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy = writable.sqlite(golden, tmp_path)
    monkeypatch.setattr(statistics, "SECONDS", 0.0)
    counted: list[int] = []
    with closing(open_storage(find(**copy.target), observe=counted.append)) as opened, copy.committing() as commit:

        def links() -> int:
            opened.begin()
            return opened.statistic("links", lambda: select(func.count()).select_from(link), {})

        counted.clear()
        numbers = [links(), links()]
        assert counted == [1]
        commit("DELETE FROM db_dblink")
        assert (numbers[0] == numbers[1] > 0, links(), links()) == (True, 0, 0)
        assert counted == [1, 1]
