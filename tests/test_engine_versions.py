"""Versions of `server.sqlite`: older ones are brought forward, newer ones refused."""

from __future__ import annotations

import sqlite3
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from aiida_like_engine.errors import RootError, SchemaMismatch
from aiida_like_engine.maintenance.setup import in_a_process, init
from aiida_like_engine.root.layout import Root
from aiida_like_engine.server_db.database import VERSION, create_database, is_older, open_to_read, open_to_write
from aiida_like_engine.server_db.migrations import MIGRATIONS
from aiida_like_engine.server_db.tables import PHASES
from aiida_like_engine.services.supervisor import locked
from restapi.dialects.run_pages import Phase


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "server.sqlite"


def test_versions(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_database(path)
    before = sqlite3.connect(path)
    before.execute(
        "insert into accounts (name, email, is_superuser, is_disabled, generation, created)"
        " values ('a', 'b', 0, 0, 0, 1)"
    )
    before.commit()
    before.close()

    def third(connection: sa.Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE accounts ADD COLUMN colour TEXT DEFAULT 'red'")

    monkeypatch.setattr("aiida_like_engine.server_db.database.MIGRATIONS", (*MIGRATIONS, third))
    monkeypatch.setattr("aiida_like_engine.server_db.database.VERSION", 3)
    for opened in (open_to_read, open_to_write):
        with pytest.raises(SchemaMismatch) as error:
            opened(path)
        assert "version 2, and this server reads 3: aiida-like engine init ROOT" in error.value.reason
        assert str(path) not in error.value.reason
    create_database(path)
    after = open_to_read(path)
    with after.reading() as connection:
        assert connection.exec_driver_sql("select name, colour from accounts").all() == [("a", "red")]
    after.close()
    monkeypatch.setattr("aiida_like_engine.server_db.database.MIGRATIONS", MIGRATIONS)
    monkeypatch.setattr("aiida_like_engine.server_db.database.VERSION", 2)
    with pytest.raises(SchemaMismatch, match="install this version's successor"):
        open_to_read(path)
    with pytest.raises(SchemaMismatch):
        create_database(path)


RUNS_OF = {
    "draft": [],
    "waiting": [("submitting", None)],
    "running": [("running", None)],
    "done": [("ended", "done")],
    "failed": [("ended", "done"), ("ended", "lost")],
    "stopped": [("ended", "stopped")],
    "running again": [("ended", "done"), ("stopping", None)],
}
"""States and reasons of the runs of jobs, by names that begin with their phases."""


def test_version_1_is_brought_forward(path: Path) -> None:
    """It had no phases of jobs. What is made is as in a new one, and phases follow runs from then on."""
    create_database(path)
    database = sqlite3.connect(path)
    new = shape(database)
    assert {phase.value for phase in Phase} == set(PHASES) == {name.split()[0] for name in RUNS_OF}
    database.executescript(
        "DROP TRIGGER phase_of_run; DROP TRIGGER phase_of_new_run; DROP INDEX jobs_by_phase; "
        "ALTER TABLE jobs DROP COLUMN phase; UPDATE schema_version SET version = 1; "
        "INSERT INTO accounts (name, email, is_superuser, is_disabled, generation, created) "
        "VALUES ('a', 'b', 0, 0, 0, 1)"
    )
    for name, runs in RUNS_OF.items():
        add_job(database, name, runs)
    database.commit()
    database.close()
    create_database(path)
    database = sqlite3.connect(path)
    assert shape(database) == new
    assert database.execute("SELECT version FROM schema_version").fetchall() == [(2,)]
    add_job(database, "done", [("ended", "stopped"), ("ended", "done")])
    phases = database.execute("SELECT name, phase FROM jobs").fetchall()
    assert len(phases) == 8
    assert all(name.split()[0] == phase for name, phase in phases)
    database.execute("UPDATE runs SET state = 'ended', reason = 'failed' WHERE state = 'stopping'")
    database.execute("UPDATE runs SET state = 'ended' WHERE number = 1 AND reason = 'stopped'")  # an older one
    phases = database.execute("SELECT name, phase FROM jobs WHERE id >= 7 ORDER BY id").fetchall()
    assert phases == [("running again", "failed"), ("done", "done")]
    database.close()


def add_job(database: sqlite3.Connection, name: str, runs: Sequence[tuple[str, str | None]]) -> None:
    job = "INSERT INTO jobs (public_id, account_id, api, name, document, created) VALUES (?, 1, 'jobs', ?, '{}', 1)"
    number = database.execute(job, (uuid.uuid4().hex, name)).lastrowid
    run = (
        "INSERT INTO runs (job_id, number, uuid, state, reason, request, cores, sealed) VALUES (?, ?, ?, ?, ?, ?, 1, 0)"
    )
    for position, (state, reason) in enumerate(runs):
        database.execute(run, (number, position + 1, uuid.uuid4().hex, state, reason, "{}"))


def shape(database: sqlite3.Connection) -> dict[str, object]:
    """Columns of tables, in any order, and the text of all else."""
    made = database.execute("SELECT name, type, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
    return {
        name: " ".join(sql.split())
        if kind != "table"
        else sorted(row[1:] for row in database.execute(f"PRAGMA table_info({name})"))
        for name, kind, sql in made
    }


def test_an_engine_that_works_is_not_migrated(tmp_path: Path) -> None:
    """It is of the older version, and would go on with tables that it does not know."""
    root = Root(tmp_path)
    create_database(root.server_database)
    database = sqlite3.connect(root.server_database)
    database.execute("UPDATE schema_version SET version = 1")
    database.commit()
    database.close()
    assert is_older(root.server_database)
    with locked(root), pytest.raises(RootError, match=f"an engine works with it: aiida-like engine stop {tmp_path}"):
        init(tmp_path)
    database = sqlite3.connect(root.server_database)
    assert database.execute("SELECT version FROM schema_version").fetchall() == [(1,)]
    database.execute(f"UPDATE schema_version SET version = {VERSION}")
    database.commit()
    database.close()
    assert not is_older(root.server_database)
    assert not is_older(tmp_path / "none")


def test_a_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_database(path)

    def third(connection: sa.Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE accounts ADD COLUMN colour TEXT")
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("aiida_like_engine.server_db.database.MIGRATIONS", (*MIGRATIONS, third))
        patch.setattr("aiida_like_engine.server_db.database.VERSION", 3)
        with pytest.raises(ZeroDivisionError):
            create_database(path)
    reader = open_to_read(path)
    with reader.reading() as connection:
        names = {each["name"] for each in sa.inspect(connection).get_columns("accounts")}
    reader.close()
    assert "colour" not in names


def test_a_helper_that_is_killed_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = subprocess.CompletedProcess([], -9, b"", b"")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: killed)
    with pytest.raises(RootError, match=r"^its process was ended, with status -9: try again$"):
        in_a_process(Root(tmp_path), "prepare")
