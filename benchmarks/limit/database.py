"""Both databases behind one function: a statement has `?` for its values; uuids, times and JSON come as text."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from benchmarks.limit.asked import Asked

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Database:
    """`number` and `value` are SQL of what lies under a key of `attributes`, `shown` makes JSON of a value.

    SQLite has no idea how many rows there are where nobody ran ANALYZE: `cross` keeps the order of a join, and
    `hidden` keeps an index from being used.
    """

    rows: Callable[..., list[Row]]
    close: Callable[[], None]
    container: Path
    number: str
    value: str
    day: str
    cross: str
    hidden: str
    shown: Callable[[Any], Any]


def open_profile(folder: Path, name: str) -> Database:
    """A profile of AiiDA's configuration."""
    storage = json.loads((folder / ".aiida" / "config.json").read_text())["profiles"][name]["storage"]
    return (_sqlite if storage["backend"] == "core.sqlite_dos" else _postgresql)(storage["config"])


def opened() -> Database:
    """What the environment names."""
    return open_profile(Path(os.environ["AIIDA_PATH"]), os.environ["BENCHMARK_PROFILE"])


def _sqlite(config: Mapping[str, Any]) -> Database:
    folder = Path(config["filepath"])
    uri = f"file:{folder / 'database.sqlite'}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, cached_statements=256)
    connection.execute("PRAGMA mmap_size = 1073741824")

    def rows(statement: str, *values: Any) -> list[Row]:
        return connection.execute(statement, values).fetchall()

    return Database(
        rows,
        connection.close,
        folder / "container",
        number="CASE WHEN json_type({0}.attributes, '$.{1}') IN ('integer', 'real') "
        "THEN json_extract({0}.attributes, '$.{1}') END",
        value="json_extract({0}.attributes, '$.{1}')",
        day="substr(ctime, 1, 10)",
        cross="CROSS JOIN",
        hidden="+",
        shown=lambda value: value,
    )


_SESSION = {
    "timezone": "UTC",
    "datestyle": "ISO",
    # Joins are of a few rows that an index finds, in the order in which they are written.
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "join_collapse_limit": 1,
    # Both take more CPU time than they save.
    "jit": "off",
    "max_parallel_workers_per_gather": 0,
}


def _postgresql(config: Mapping[str, Any]) -> Database:
    import psycopg
    from psycopg.types.string import TextLoader

    names = {"host": "hostname", "port": "port", "user": "username", "password": "password", "dbname": "name"}
    connection = psycopg.connect(
        **{key: config[f"database_{name}"] for key, name in names.items()},
        options=" ".join(f"-c {name}={value}" for name, value in _SESSION.items()),
        autocommit=True,
        prepare_threshold=0,
        cursor_factory=psycopg.RawCursor,
    )
    for name in ("uuid", "timestamptz", "date", "json", "jsonb"):
        connection.adapters.register_loader(name, TextLoader)
    # To make one takes psycopg nearly as long as a small statement.
    cursor = connection.cursor()

    def rows(statement: str, *values: Any) -> list[Row]:
        return cursor.execute(_numbered(statement), values).fetchall()

    return Database(
        rows,
        connection.close,
        Path(config["repository_uri"].removeprefix("file://")) / "container",
        number="CASE WHEN jsonb_typeof({0}.attributes -> '{1}') = 'number' "
        "THEN CAST({0}.attributes ->> '{1}' AS double precision) END",
        value="{0}.attributes -> '{1}'",
        day="CAST(ctime AS date)",
        cross="JOIN",
        hidden="",
        shown=lambda value: None if value is None else orjson.Fragment(value),
    )


Route = Callable[[Database, Asked], tuple[Any, int | None]]
"""What answers a request: with data, and with the number of all rows, if it is a list."""


@lru_cache
def _numbered(statement: str) -> bytes:
    """With `$1`, `$2`, ... for each `?`."""
    numbers = count(1)
    first, *rest = statement.split("?")
    return "".join((first, *(f"${next(numbers)}{part}" for part in rest))).encode()
