"""The commands of an engine, and what another user of the system sees of its files."""

from __future__ import annotations

import grp
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aiida_like_engine.errors import NotFound
from aiida_like_engine.protocol import StepInput
from aiida_like_engine.root.layout import Root
from aiida_like_engine.server_db.database import open_to_read, salt
from aiida_like_engine.server_db.tables import ACCOUNTS
from tests.engine_fixture import Person, Run, RunningEngine, an_engine, ordinary_person, step
from tests.servers import left_out


@pytest.fixture(scope="module")
def engine() -> Iterator[RunningEngine]:
    """One that is stopped and started by these tests, in their order."""
    with an_engine(cores=2) as made:
        yield made


@pytest.fixture(scope="module")
def reader(engine: RunningEngine) -> Person:
    """Another user, who is in the group of the web workers and owns nothing."""
    if os.getuid() != 0:
        left_out("only root can be another user")
    person = ordinary_person("daemon")
    group = 65533
    os.chown(engine.root.path, engine.person.uid, group)
    for folder in (engine.root.store, engine.root.work):
        for path in (folder, *folder.rglob("*")):
            os.chown(path, engine.person.uid, group)
    for path in engine.root.path.glob("server.sqlite*"):
        os.chown(path, engine.person.uid, group)
    for folder in (engine.root.path, engine.root.store, engine.root.work):
        folder.chmod(0o2750)
    return replace(person, gid=group)


READ = """
import sys
from pathlib import Path
from aiida_like.profiles import find
from aiida_like.storage.opening import open_storage
from aiida_like_engine.server_db.database import open_to_read
from aiida_like_engine.server_db.tables import ACCOUNTS
root = Path(sys.argv[1])
database = open_to_read(root / "server.sqlite")
with database.reading() as connection:
    print(len(connection.execute(ACCOUNTS.select()).all()))
database.close()
import sqlite3
store = sqlite3.connect(f"file:{root}/store/database.sqlite?mode=ro", uri=True)
print(store.execute("select count(*) from db_dbcomputer").fetchone()[0])
for path in (root / "store" / "mine", root / "mine"):
    try:
        path.touch()
        print("wrote", path)
    except OSError:
        pass
for path in (root / ".aiida" / "config.json", root / "scratch", root / "control"):
    try:
        print("read", path, list(path.iterdir()) if path.is_dir() else path.read_text())
    except OSError:
        pass
"""


def read_by(reader: Person, engine: RunningEngine) -> str:
    done = subprocess.run(
        [reader.python, "-c", READ, str(engine.root.path)],
        env=reader.environment(Path("/")),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **reader.identity,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_init_asks_nothing_and_mends(engine: RunningEngine) -> None:
    before = open_to_read(engine.root.server_database)
    with before.reading() as connection:
        first = salt(connection)
    before.close()
    secret = engine.root.secret.read_text()
    shutil.rmtree(engine.root.scratch)
    done = engine.command("init", str(engine.root.path))
    assert done.stdout == f"{engine.root.path} is ready: aiida-like engine start {engine.root.path}\n"
    assert engine.root.scratch.is_dir()
    assert engine.root.secret.read_text() == secret
    after = open_to_read(engine.root.server_database)
    with after.reading() as connection:
        assert salt(connection) == first
    after.close()
    assert not (engine.home / ".aiida").exists()


def test_rights(engine: RunningEngine) -> None:
    root = engine.root
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in root.path.iterdir()}
    assert modes | {"engine.lock": 0, "engine.log": 0} == {
        ".aiida": 0o700,
        "control": 0o700,
        "scratch": 0o700,
        "store": 0o2750,
        "work": 0o2750,
        "server.sqlite": 0o640,
        "server.sqlite-wal": 0o640,
        "server.sqlite-shm": 0o640,
        "secret": 0o640,
        "engine.toml": 0o640,
        "analyses.toml": 0o640,
        "engine.lock": 0,
        "engine.log": 0,
    }


def test_the_group_of_web_workers(tmp_path_factory: pytest.TempPathFactory) -> None:
    """It reads what is made, later too, and what was made before it was named; the engine's own it does not."""
    person, group = ordinary_person(), _another_group()
    with an_engine() as made:
        root, path = made.root, str(made.root.path)
        options = {**person.identity, "extra_groups": [group.gr_gid]} if os.getuid() == 0 else {}
        assert root.server_database.stat().st_gid != group.gr_gid
        done = subprocess.run(
            [person.python, "-m", "restapi.cli", "engine", "init", path, "--web-group", group.gr_name],
            env=person.environment(made.home),
            cwd=made.home,
            check=False,
            **options,
        )
        assert done.returncode == 0
        made.start()
        made.run("echo kept")
        made.stop()
        shared = [root.path, root.store, root.work, *root.store.rglob("*"), *root.path.glob("server.sqlite*")]
        shared += [root.settings, root.analyses, root.secret, root.log]
        assert {each.stat().st_gid for each in shared} == {group.gr_gid}
        assert {stat.S_IMODE(each.stat().st_mode) & 0o7077 for each in shared if each.is_dir()} == {0o2050}
        assert {stat.S_IMODE(each.stat().st_mode) & 0o77 for each in shared if not each.is_dir()} == {0o40}
        for own in (root.aiida, root.control, root.scratch):
            assert stat.S_IMODE(own.stat().st_mode) == 0o700
        refused = made.command("init", path, "--web-group", "no-such-group", check=False)
    assert (refused.returncode, refused.stderr) == (2, "Error: there is no group 'no-such-group'\n")


def _another_group() -> grp.struct_group:
    """A group that is not the first one of who runs the engine, who can be in it."""
    person = ordinary_person()
    numbers = [each.gr_gid for each in grp.getgrall()] if os.getuid() == 0 else os.getgroups()
    found = [number for number in numbers if number not in (0, person.gid)]
    return grp.getgrgid(found[0]) if found else left_out("the user of these tests is in one group only")


def test_after_init_another_user_can_read(engine: RunningEngine, reader: Person) -> None:
    assert read_by(reader, engine) == "1\n1\n"


def test_status_start_and_stop(engine: RunningEngine) -> None:
    path = str(engine.root.path)
    none = engine.command("status", path, check=False)
    assert (none.returncode, none.stderr) == (1, f"Error: no engine works on {path}: aiida-like engine start {path}\n")
    assert engine.command("stop", path).stdout == f"No engine worked on {path}\n"
    engine.start()
    assert "jobs that have not ended" in engine.command("status", path).stdout
    second = engine.command("start", path, check=False)
    assert second.returncode == 2
    assert f"an engine works on {path} already: aiida-like engine status {path}\n" in second.stderr
    assert stat.S_IMODE(engine.root.socket.stat().st_mode) == 0o660


def test_a_job_goes_on_without_the_engine(engine: RunningEngine) -> None:
    run = engine.submit("touch up; sleep 3; echo done > result")
    engine.in_folder(run, "up")
    assert engine.command("stop", str(engine.root.path)).stdout == f"The engine of {engine.root.path} has stopped\n"
    assert engine.process is not None
    assert engine.process.wait(10) == 0
    engine.has_ended()
    assert not engine.root.socket.exists()
    assert (engine.root.folder(engine.row(run).node_uuid) / "work" / "up").exists()
    engine.start()
    ended = engine.wait(run)
    assert ended.content("result") == b"done\n"
    assert ended.row.wall_seconds < 5


def test_another_user_reads_while_it_runs_when_it_stopped_and_when_it_was_killed(
    engine: RunningEngine, reader: Person
) -> None:
    assert read_by(reader, engine) == "1\n1\n"
    engine.stop()
    assert read_by(reader, engine) == "1\n1\n"
    engine.add_account("late")  # a command that writes while no engine runs
    assert read_by(reader, engine) == "2\n1\n"
    engine.start()
    engine.kill("supervisor")
    time.sleep(1)
    assert read_by(reader, engine) == "2\n1\n"


def test_check(engine: RunningEngine) -> None:
    path = str(engine.root.path)
    assert engine.command("check", path).stdout == f"{path} is sound\n"
    engine.root.secret.chmod(0o644)
    engine.root.analyses.write_text(
        engine.root.analyses.read_text() + "\n[analyses.x.versions.1]\ncode = 'none@localhost'\n"
    )
    done = engine.command("check", path, check=False)
    assert done.returncode == 1
    first, second = done.stdout.splitlines()
    assert first == f"{engine.root.secret} can be read by more than it should: chmod 640 {engine.root.secret}"
    assert second.startswith(f"{engine.root.analyses}, x 1: there is no code 'none@localhost' in the profile")
    started = engine.command("start", path, check=False)
    assert (started.returncode, started.stderr.count("\n")) == (2, 1)
    engine.root.analyses.write_text("[analyses.x]\ncolour = 1\n")
    started = engine.command("start", path, check=False)
    assert (started.returncode, "'colour' is unknown; there is" in started.stderr) == (2, False)
    engine.root.analyses.unlink()
    engine.root.secret.chmod(0o640)
    engine.command("init", path)
    assert engine.command("check", path).returncode == 0


@pytest.fixture(scope="module")
def ended(engine: RunningEngine) -> Run:
    """A run of an engine that was stopped after it."""
    engine.start()
    used = engine.upload("used", b"used")
    run = engine.run(step("cat used; echo a > a; sleep 0.2", StepInput(used.id, "used")))
    other = engine.add_account("grace")
    with pytest.raises(NotFound):
        engine.client.raise_generation(10_000)
    engine.client.raise_generation(engine.account)
    engine.client.set_password(engine.account, "a hash")
    assert engine.database is not None
    with engine.database.reading() as connection:
        rows = {row.id: row for row in connection.execute(ACCOUNTS.select())}
    assert (rows[engine.account].generation, rows[engine.account].password_hash) == (2, "a hash")
    assert (rows[other].generation, rows[other].password_hash) == (0, None)
    engine.stop()
    return run


def test_what_is_derived_is_made_anew(engine: RunningEngine, ended: Run) -> None:
    database = sqlite3.connect(engine.root.server_database)
    before = [database.execute(f"select * from {name}").fetchall() for name in ("runs", "outputs")]
    database.execute("delete from outputs")
    database.execute("update runs set wall_seconds = null, ended = 1, output_count = null, reason = null")
    database.commit()
    done = engine.command("check", str(engine.root.path), "--rebuild")
    assert done.stdout.startswith("2 runs were made anew")
    after = [database.execute(f"select * from {name}").fetchall() for name in ("runs", "outputs")]
    database.close()
    assert [row[1:] for row in after[1]] == [row[1:] for row in before[1]]
    assert after[0] == before[0]
    assert engine.found(ended.row.uuid).content("a") == b"a\n"


def test_backup_and_restore_while_jobs_run(engine: RunningEngine) -> None:
    engine.start()
    before = engine.run("echo before > kept")
    given = engine.upload("given", b"given")
    active = engine.submit("touch up; sleep 20")
    engine.in_folder(active, "up")
    target = engine.home / "copy"
    engine.command("backup", str(engine.root.path), str(target))
    after = engine.run("echo after")
    engine.command("backup", str(engine.root.path), str(target))  # again: what is new
    engine.stop_job(active)
    engine.wait(active)
    engine.stop()
    restored = RunningEngine(Root(engine.home / "r"), engine.person, engine.home, account=engine.account)
    shutil.copytree(target, restored.root.path)
    for path in (restored.root.path, *restored.root.path.rglob("*")):
        os.chown(path, engine.person.uid, engine.person.gid)
    restored.init()
    try:
        restored.start()
        assert restored.found(before.row.uuid).content("kept") == b"before\n"
        assert restored.found(after.row.uuid).log == "after\n"
        run = restored.run(step("cat given", StepInput(given.id, "given")))
        assert run.log == "given"
        # Its folder is gone with the other engine: what it had is lost, and it is not run again.
        assert restored.wait(active).row.reason in ("lost", "engine", "stopped")
        restored.stop()
    finally:
        if restored.process is not None:
            restored.process.terminate()
            restored.process.wait(30)
            restored.has_ended()
    assert restored.database is not None
    restored.database.close()


def test_the_graph_is_served(engine: RunningEngine) -> None:
    """The store is a profile folder like any other."""
    from aiida_like.profiles import find
    from restapi import create_app

    app = create_app(find(str(engine.root.store)))
    answer = app.test_client().get("/api/v2/nodes?node_type=like=%22process.%25%22&fields=label&orderby=id&limit=1")
    assert answer.status_code == 200, answer.text
    assert json.loads(answer.text)["data"]
    app.extensions["aiida_like_storage"].close()
