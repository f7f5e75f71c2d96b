"""Errors that pass are told apart from others; of none a client sees paths or SQL."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from aiida_like_engine.errors import Busy, NoRoom
from aiida_like_engine.graph.error_messages import refusal_of_passing, told_of_aiida
from aiida_like_engine.root.layout import Root
from aiida_like_engine.server_db.database import ServerDatabase, create_database, inserted, open_to_write
from aiida_like_engine.server_db.tables import ACCOUNTS, JOBS, RUNS


def of_statement(path: Path, statement: str, before: str = "SELECT 1") -> BaseException:
    """What SQLAlchemy raises at a statement, after another one."""
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 0.0})
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(before)
            with pytest.raises(sa.exc.SQLAlchemyError) as raised:
                connection.exec_driver_sql(statement)
    finally:
        engine.dispose()
    return raised.value


def test_a_full_disk(tmp_path: Path) -> None:
    grow = "CREATE TABLE a AS WITH RECURSIVE n(x) AS (SELECT 1 UNION SELECT x + 1 FROM n LIMIT 100000) SELECT x FROM n"
    found = refusal_of_passing(of_statement(tmp_path / "a.sqlite", grow, "PRAGMA max_page_count = 4"))
    assert isinstance(found, NoRoom)
    with pytest.raises(OSError, match="No space left") as raised, Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"x")
    assert isinstance(refusal_of_passing(raised.value), NoRoom)


def test_a_locked_database(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("CREATE TABLE a (x)")
    holder.execute("BEGIN IMMEDIATE")
    found = refusal_of_passing(of_statement(path, "INSERT INTO a VALUES (1)"))
    holder.close()
    assert isinstance(found, Busy)


def test_a_cause_counts() -> None:
    error = ValueError("a file cannot be stored")
    error.__cause__ = OSError(errno.EDQUOT, "quota exceeded")
    assert isinstance(refusal_of_passing(error), NoRoom)


def test_what_does_not_pass(tmp_path: Path) -> None:
    assert refusal_of_passing(of_statement(tmp_path / "a.sqlite", "SELECT * FROM missing")) is None
    assert refusal_of_passing(FileNotFoundError(errno.ENOENT, "no such file")) is None
    assert refusal_of_passing(KeyError("full")) is None


TRACEBACKS = """Traceback (most recent call last):
  File "/srv/secret.py", line 7, in secret
    secret()
ValueError: secret

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/secret.py", line 8, in secret
    secret()
aiida.common.exceptions.IntegrityError: (sqlite3.IntegrityError) secret
[SQL: UPDATE secret]
(Background on this error at: https://sqlalche.me/e/21/gkpj)
"""


@pytest.mark.parametrize(
    ("exception", "told"),
    [
        ("FileNotFoundError: [Errno 2] no file: '/srv/secret'\n", "FileNotFoundError"),
        ("sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) SELECT secret", "OperationalError"),
        (TRACEBACKS, "IntegrityError"),
        ("KeyError: 'a\nb'", "KeyError"),
        ("/srv/secret\n/srv/secret", "Exception"),
    ],
)
def test_exceptions_of_aiida(exception: str, told: str) -> None:
    assert told_of_aiida(exception) == f"AiiDA could not carry it out ({told}): see the engine's log"


def test_sentences_of_ours() -> None:
    assert told_of_aiida("AiiDA's workers dropped it again and again\n") == "AiiDA's workers dropped it again and again"
    assert told_of_aiida("") == ""


ATTEMPTS = """
import errno, sys
from pathlib import Path
import sqlalchemy as sa
from aiida_like_engine.services import dispatcher
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import EngineSettings
from aiida_like_engine.server_db.database import open_to_write

def fail(run):
    raise eval(sys.argv[2])

dispatcher.RETRY_SECONDS = 0.0
root = Root(Path(sys.argv[1]))
database = open_to_write(root.server_database)
made = dispatcher.Dispatcher(root, EngineSettings(), None, database, None)
for _ in range(10):
    for run in made._active():
        made._carefully(run, fail)
"""


PROGRESS = """
import sys
from pathlib import Path
from aiida_like_engine.services import dispatcher
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import EngineSettings
from aiida_like_engine.server_db.database import open_to_write

root = Root(Path(sys.argv[1]))
database = open_to_write(root.server_database)
made = dispatcher.Dispatcher(root, EngineSettings(), None, database, None)
for run in made._active():
    made._progress(run)
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[ServerDatabase]:
    """With one run, whose node would be `00112233`."""
    path = tmp_path / "server.sqlite"
    create_database(path)
    made = open_to_write(path)
    with made.writing() as connection:
        account = inserted(connection, ACCOUNTS.insert().values(name="a", email="a@b", created=1))
        job = {"public_id": "abcdef", "account_id": account, "name": "a", "document": "{}", "created": 1}
        row = inserted(connection, JOBS.insert().values(**job))
        run = {"job_id": row, "number": 1, "uuid": "u", "state": "queued", "request": "{}", "cores": 1}
        connection.execute(RUNS.insert().values(**run, node_uuid="00112233"))
    yield made
    made.close()


def run_with_aiida(program: str, database: ServerDatabase, *arguments: str) -> Any:
    """The row of the first run after a program, which loads AiiDA and so is a process of its own."""
    root = database.path.parent
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(root), *arguments],
        env={**os.environ, "AIIDA_PATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with database.reading() as connection:
        return connection.execute(sa.select(RUNS).order_by(RUNS.c.id)).first()


@pytest.mark.parametrize(
    ("error", "end"),
    [
        ("OSError(errno.ENOSPC, 'full')", ("queued", None, None)),
        (
            "FileNotFoundError(2, 'there is no', '/srv/secret')",
            ("ended", "engine", "AiiDA could not carry it out (FileNotFoundError): see the engine's log"),
        ),
    ],
)
def test_what_passes_ends_no_run(database: ServerDatabase, error: str, end: tuple[str | None, ...]) -> None:
    row = run_with_aiida(ATTEMPTS, database, error)
    assert (row.state, row.reason, row.message) == end


LINE = b'{"name": "started", "at": 7}\n'


@pytest.mark.parametrize(
    ("content", "started"),
    [
        (LINE, 7),
        (b"\xff\xfe\n" + LINE, 7),
        (b"[" * 100_000 + b"\n" + LINE, 7),
        (b'{"name": "started", "at": 1e300}\n', None),
        (b'{"name": "started", "at": Infinity}\n' + LINE, 7),
        (b'{"name": "started", "at": -1}\n', None),
        (None, None),
    ],
)
def test_what_a_job_writes_into_its_record(
    database: ServerDatabase, content: bytes | None, started: int | None
) -> None:
    """A job without a sandbox can write there; it must not keep the dispatcher from others."""
    file = Root(database.path.parent).folder("00112233") / "record" / "events.jsonl"
    file.parent.mkdir(parents=True)
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    assert run_with_aiida(PROGRESS, database).started == started
