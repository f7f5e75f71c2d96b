"""The same bytes and rows from each storage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from aiida_like.models import node
from aiida_like.profiles import find
from aiida_like.repository import key_of, paths
from aiida_like.storage import Storage, open_storage
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
