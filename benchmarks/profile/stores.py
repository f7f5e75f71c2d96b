"""Profiles that aiida-core sets up and plain SQL fills: of SQLite, and of PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from benchmarks.profile.rows import TABLES, Row

SQLITE, POSTGRESQL = "sqlite", "postgresql"
"""The names of the profiles in AiiDA's configuration, and of their folders."""


class Store(Protocol):
    """An empty profile while it is being filled. Indexes are made behind the rows."""

    container: Path

    def put(self, table: str, rows: Iterable[Row]) -> None: ...

    def finish(self) -> None: ...


class SQLiteStore:
    def __init__(self, folder: Path) -> None:
        filepath = folder / SQLITE
        _set_up(folder, SQLITE, "core.sqlite_dos", {"filepath": str(filepath)})
        self.container = filepath / "container"
        self.connection = sqlite3.connect(filepath / "database.sqlite", isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF"):
            self.connection.execute(f"PRAGMA {pragma}")
        found = self.connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        self.indexes = dict(found.fetchall())
        for name in self.indexes:
            self.connection.execute(f"DROP INDEX {name}")
        self.connection.execute("BEGIN")

    def put(self, table: str, rows: Iterable[Row]) -> None:
        columns = TABLES[table]
        places = ", ".join("?" * len(columns))
        self.connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)

    def finish(self) -> None:
        with closing(self.connection) as connection:
            connection.execute("COMMIT")
            for statement in (*self.indexes.values(), "VACUUM", "ANALYZE", "PRAGMA journal_mode = DELETE"):
                connection.execute(statement)
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


class PostgreSQLStore:
    def __init__(self, folder: Path, url: str) -> None:
        import psycopg

        server, repository = urlsplit(url), folder / POSTGRESQL
        storage = {
            "database_engine": "postgresql_psycopg",
            "database_hostname": server.hostname,
            "database_port": server.port,
            "database_username": server.username,
            "database_password": unquote(server.password or ""),
            "database_name": server.path.removeprefix("/"),
            "repository_uri": repository.as_uri(),
        }
        _set_up(folder, POSTGRESQL, "core.psql_dos", storage)
        self.container = repository / "container"
        self.connection = psycopg.connect(url, options="-c timezone=UTC -c maintenance_work_mem=512MB")
        execute = self.connection.execute
        self.indexes: dict[str, str] = dict(
            execute(
                "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename LIKE 'db_db%' "
                "AND indexdef NOT LIKE 'CREATE UNIQUE%'"
            ).fetchall()
        )
        self.keys = execute(
            "SELECT conname, conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'"
        ).fetchall()
        for name in self.indexes:
            self._run(f"DROP INDEX {name}")
        for name, table, _ in self.keys:
            self._run(f"ALTER TABLE {table} DROP CONSTRAINT {name}")

    def put(self, table: str, rows: Iterable[Row]) -> None:
        statement = f"COPY {table} ({', '.join(TABLES[table])}) FROM STDIN"
        with self.connection.cursor().copy(statement.encode()) as copy:
            for row in rows:
                copy.write_row(row)

    def finish(self) -> None:
        with closing(self.connection) as connection:
            for statement in self.indexes.values():
                self._run(statement)
            for name, table, key in self.keys:
                self._run(f"ALTER TABLE {table} ADD CONSTRAINT {name} {key}")
            for table in TABLES:
                if "id" in TABLES[table]:
                    self._run(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
            connection.commit()
            connection.autocommit = True
            self._run("VACUUM ANALYZE")
            self._run("CHECKPOINT")

    def _run(self, statement: str) -> None:
        # Bytes: psycopg takes a text for a statement only where it is a literal.
        self.connection.execute(statement.encode())


def _set_up(folder: Path, name: str, backend: str, storage: Mapping[str, Any]) -> None:
    """A profile of aiida-core, named in `folder/.aiida`."""
    # aiida-core makes a folder for its configuration when it is imported.
    os.environ["AIIDA_PATH"] = str(folder)
    from aiida.manage.configuration import create_profile, get_config
    from aiida.manage.configuration.settings import AiiDAConfigDir

    AiiDAConfigDir.set(folder / ".aiida")
    config = get_config(create=True)
    create_profile(
        config,
        name=name,
        email="user1@example.org",
        first_name="First1",
        last_name="Last1",
        institution="EPFL",
        storage_backend=backend,
        storage_config=dict(storage),
    )
    config.store()
