"""What is left beside the graph of a job that was collected: its folder, and marks of the engine. All of it goes."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiida_like_engine.root.layout import Root
from aiida_like_engine.server_db.database import ServerDatabase, create_database, inserted, open_to_write
from aiida_like_engine.server_db.tables import ACCOUNTS, JOBS, RUNS
from tests.test_engine_told import run_with_aiida

FORGOTTEN = """
import sys
from pathlib import Path
from aiida_like_engine.services import dispatcher
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import EngineSettings
from aiida_like_engine.server_db.database import open_to_write

root = Root(Path(sys.argv[1]))
settings = EngineSettings(keep_work_folders=sys.argv[2] == "kept")
dispatcher.Dispatcher(root, settings, None, open_to_write(root.server_database), None)._remove_forgotten()
"""
SEALED, RUNNING = "00112233", "44556677"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[ServerDatabase]:
    """With one run that was collected by an engine that was killed after it, and one that goes on."""
    path = tmp_path / "server.sqlite"
    create_database(path)
    made = open_to_write(path)
    with made.writing() as connection:
        account = inserted(connection, ACCOUNTS.insert().values(name="a", email="a@b", created=1))
        for number, (uuid, state) in enumerate(((SEALED, "ended"), (RUNNING, "running"))):
            job = {"public_id": f"job{number}", "account_id": account, "name": "a", "document": "{}", "created": 1}
            row = inserted(connection, JOBS.insert().values(**job))
            run = {"job_id": row, "number": 1, "uuid": uuid, "node_uuid": uuid, "request": "{}", "cores": 1}
            connection.execute(RUNS.insert().values(**run, state=state, sealed=state == "ended"))
    yield made
    made.close()


@pytest.fixture
def root(database: ServerDatabase) -> Root:
    made = Root(database.path.parent)
    for uuid in (SEALED, RUNNING):
        for name in ("work", "left/shut", "record"):
            (made.folder(uuid) / name).mkdir(parents=True)
        (made.folder(uuid) / "left" / "shut" / "large").write_text("not kept")
        made.inputs_of_job(uuid).mkdir(parents=True)
        for mark in (made.lock_of_job(uuid), made.stop_of_job(uuid)):
            mark.write_text("1 folder\n")
    (made.folder(SEALED) / "left" / "shut").chmod(0)
    (made.control / "dispatcher.lock").touch()
    return made


def there(root: Root, uuid: str) -> list[str]:
    folder = root.folder(uuid)
    marks = (root.lock_of_job(uuid), root.stop_of_job(uuid), root.inputs_of_job(uuid))
    found = [each.suffix for each in marks if each.exists()]
    return [*found, *sorted(each.name for each in folder.iterdir() if folder.is_dir())] if folder.exists() else found


ALL = [".lock", ".stop", ".inputs", "left", "record", "work"]


@pytest.mark.parametrize(("setting", "left"), [("removed", []), ("kept", ["record", "work"])])
def test_a_start_removes_what_was_forgotten(
    root: Root, database: ServerDatabase, setting: str, left: list[str]
) -> None:
    """Where folders are kept, what the job was not allowed to keep goes all the same."""
    run_with_aiida(FORGOTTEN, database, setting)
    assert there(root, SEALED) == left
    assert there(root, RUNNING) == ALL
    assert (root.control / "dispatcher.lock").exists()


def test_not_while_its_wrapper_runs(root: Root, database: ServerDatabase) -> None:
    with root.lock_of_job(SEALED).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run_with_aiida(FORGOTTEN, database, "removed")
        assert there(root, SEALED) == ALL
    run_with_aiida(FORGOTTEN, database, "removed")
    assert there(root, SEALED) == []
