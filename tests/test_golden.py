"""The golden storages hold the graph that `tests.golden` names, read here without any code of ours."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import astuple
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Golden, GoldenPostgreSQL
from tests.golden import FILES, ODDITIES, comments, computers, ctime_of, graph, groups, ids, logs, mtime_of, users

Rows = list[tuple[Any, ...]]


@pytest.fixture
def query(target: dict[str, Any], tmp_path: Path) -> Callable[[str], Rows]:
    """Asks each storage in turn."""
    place: str = target["target"]
    if place.startswith("postgresql:"):
        return lambda statement: _ask_postgresql(place, statement)
    if place.endswith(".aiida"):
        with zipfile.ZipFile(place) as archive:
            database = Path(archive.extract("db.sqlite3", tmp_path))
    else:
        database = Path(place, "database.sqlite")
    return lambda statement: _ask_sqlite(database, statement)


def _ask_postgresql(url: str, statement: str) -> Rows:
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


def _ask_sqlite(database: Path, statement: str) -> Rows:
    """Immutably: `packs.idx` is in WAL mode, where even a reader leaves files behind."""
    with closing(sqlite3.connect(f"{database.as_uri()}?immutable=1", uri=True)) as connection:
        return connection.execute(statement).fetchall()


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("db_dbnode", graph),
        ("db_dbcomputer", computers),
        ("db_dbgroup", groups),
        ("db_dbcomment", comments),
        ("db_dblog", logs),
    ],
)
def test_every_row_has_its_name(query: Callable[[str], Rows], table: str, names: Any) -> None:
    rows = query(f"SELECT id, uuid FROM {table} ORDER BY id")
    assert [(number, str(uuid)) for number, uuid in rows] == list(enumerate(astuple(names), 1))


def test_no_uuid_is_given_twice() -> None:
    every_name = [uuid for names in (graph, computers, groups, comments, logs) for uuid in astuple(names)]
    assert sorted(every_name) == sorted(ids)


def test_users(query: Callable[[str], Rows]) -> None:
    assert query("SELECT id, email FROM db_dbuser ORDER BY id") == [
        (users.aiida, "aiida@localhost"),
        (users.gunther, "gunther@psi.ch"),
        (users.nameless, "nameless@localhost"),
        (users.zoe, "zoe@ethz.ch"),
    ]


def test_times_to_the_microsecond(query: Callable[[str], Rows]) -> None:
    rows = query("SELECT uuid, ctime, mtime FROM db_dbnode ORDER BY id")
    assert [(str(uuid), _instant(ctime), _instant(mtime)) for uuid, ctime, mtime in rows] == [
        (uuid, ctime_of(uuid), mtime_of(uuid)) for uuid in astuple(graph)
    ]


def _instant(stored: datetime | str) -> datetime:
    """SQLite holds the text of a naive time, in UTC."""
    return datetime.fromisoformat(stored).replace(tzinfo=timezone.utc) if isinstance(stored, str) else stored


def test_links_of_every_type(query: Callable[[str], Rows]) -> None:
    assert query("SELECT DISTINCT type FROM db_dblink ORDER BY type") == [
        ("call_calc",),
        ("call_work",),
        ("create",),
        ("input_calc",),
        ("input_work",),
        ("return",),
    ]


def test_a_pair_both_created_and_returned(query: Callable[[str], Rows]) -> None:
    pair = f"input_id = {ids[graph.inherit]} AND output_id = {ids[graph.inherited]}"
    assert query(f"SELECT type FROM db_dblink WHERE {pair} ORDER BY type") == [("create",), ("return",)]


def test_attributes(query: Callable[[str], Rows]) -> None:
    ((attributes, extras),) = query(f"SELECT attributes, extras FROM db_dbnode WHERE uuid = '{graph.oddities}'")
    assert _value(attributes) == ODDITIES
    assert _value(extras).keys() == {"größe", "nested", "_aiida_hash"}


def _value(stored: Any) -> Any:
    return json.loads(stored) if isinstance(stored, str) else stored


def test_files_of_the_archive(golden: Golden) -> None:
    with zipfile.ZipFile(golden.archive) as archive:
        assert {f"repo/{sha256(content).hexdigest()}" for content in FILES.values()} <= set(archive.namelist())


def test_files_are_loose_or_packed(golden: Golden, golden_postgresql: GoldenPostgreSQL) -> None:
    loose = _loose_objects(golden.sqlite / "container")
    assert loose >= {sha256(content).hexdigest() for content in FILES.values()}
    assert _packed_objects(golden.sqlite / "container") == {}
    assert _loose_objects(golden.packed / "container") == set()
    packed = _packed_objects(golden.packed / "container")
    assert packed.keys() == loose
    assert packed[sha256(FILES["large.txt"]).hexdigest()]
    assert not packed[sha256(FILES["binary.dat"]).hexdigest()]
    assert _loose_objects(golden_postgresql.repository / "container") == loose


def _loose_objects(container: Path) -> set[str]:
    return {file.parent.name + file.name for file in (container / "loose").glob("*/*")}


def _packed_objects(container: Path) -> dict[str, bool]:
    """Whether each is compressed."""
    rows = _ask_sqlite(container / "packs.idx", "SELECT hashkey, compressed FROM db_object")
    return {key: bool(compressed) for key, compressed in rows}
