"""AiiDA's own commits fail, by a fault in the database of its profile: the job ends, says so, and others go on."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.engine_fixture import Run, RunningEngine, an_engine

FAULTY = "cannot be recorded"

FAULTS = {
    "its end": "UPDATE OF attributes ON db_dbnode WHEN new.label = 'LABEL' "
    "AND json_extract(new.attributes, '$.process_state') = 'finished'",
    "its beginning": "UPDATE ON db_dbnode WHEN new.label = 'LABEL'",
    "whose its outputs are": "UPDATE OF user_id ON db_dbnode WHEN EXISTS (SELECT 1 FROM db_dblink, db_dbnode AS job "
    "WHERE output_id = new.id AND input_id = job.id AND job.label = 'LABEL')",
}
"""What cannot be committed of a job, as conditions of SQLite."""

ALL_AFTER_ITS_BEGINNING = (
    "UPDATE OF attributes ON db_dbnode WHEN new.label = 'LABEL' "
    "AND json_extract(new.attributes, '$.process_state') <> 'created'"
)
ITS_FAILURE = (
    "UPDATE OF attributes ON db_dbnode WHEN new.label = 'LABEL' "
    "AND json_extract(new.attributes, '$.process_state') IN ('killed', 'excepted')"
)
MESSAGE = "AiiDA could not carry it out (IntegrityError): see the engine's log"


@pytest.fixture(scope="module")
def engine() -> Iterator[RunningEngine]:
    with an_engine(cores=4) as made:
        made.start(workers=1)
        yield made
        made.stop()


@contextmanager
def a_fault(engine: RunningEngine, condition: str) -> Iterator[None]:
    """A trigger in the profile's database, of the kind that a full disk or a damaged page would be."""
    with closing(sqlite3.connect(engine.root.store_database, timeout=30, isolation_level=None)) as database:
        made = f"CREATE TRIGGER fault BEFORE {condition.replace('LABEL', FAULTY)}"
        database.execute(f"{made} BEGIN SELECT RAISE(ABORT, 'a fault of the test'); END")
        try:
            yield
        finally:
            database.execute("DROP TRIGGER fault")


@pytest.mark.parametrize("what", FAULTS)
def test_what_cannot_be_recorded_ends_as_failed(engine: RunningEngine, what: str) -> None:
    with a_fault(engine, FAULTS[what]):
        faulty = engine.submit("echo it ran", label=FAULTY)
        beside = engine.submit("echo beside")
        ended = engine.wait(faulty)
    assert (ended.row.state, ended.row.reason, ended.row.message) == ("ended", "engine", MESSAGE)
    assert ended.row.exit_status is None
    assert list(ended.events)[-1] == "completed"
    assert (engine.wait(beside).row.reason, engine.run("echo after").log) == ("done", "after\n")
    log = engine.root.log.read_text()
    assert re.search(
        rf"^20\S+Z gateway: job {engine.job(faulty)}: .*\n(    .*\n)*.*a fault of the test$", log, re.MULTILINE
    )
    marks = [engine.root.stop_of_job(ended.row.node_uuid)] if ended.row.node_uuid else []
    assert marks_go(marks)


def marks_go(marks: list[Path]) -> bool:
    until = time.monotonic() + 20
    while any(mark.exists() for mark in marks) and time.monotonic() < until:
        time.sleep(0.1)
    return not any(mark.exists() for mark in marks)


def test_what_was_collected_is_kept(engine: RunningEngine) -> None:
    """The job itself went well, and its outputs lie in the store: they are there, though it failed."""
    with a_fault(engine, FAULTS["its end"]):
        ended: Run = engine.run("echo it ran", label=FAULTY)
    assert (ended.row.reason, ended.log) == ("engine", "it ran\n")


def test_what_is_lost_again_and_again_ends_as_failed(engine: RunningEngine) -> None:
    """A worker drops the process, as it cannot write that it works on it; nor can anybody that it has failed."""
    with a_fault(engine, ALL_AFTER_ITS_BEGINNING):
        faulty = engine.submit("echo it ran", label=FAULTY)
        assert engine.run("echo beside").log == "beside\n"
        ended = engine.wait(faulty, seconds=240)
    assert (ended.row.state, ended.row.reason, ended.row.message) == ("ended", "engine", MESSAGE)
    assert (ended.row.exit_status, ended.row.sealed, list(ended.outputs)) == (None, True, [])
    log = engine.root.log.read_text()
    lost = f"job {engine.job(faulty)}: its process {pk_of(engine, ended)} has no worker, and is sent again"
    assert log.count(lost) == 10
    # It keeps its mark: whoever had the process after all would not run it.
    assert engine.root.stop_of_job(ended.row.node_uuid).exists()
    assert engine.run("echo after").log == "after\n"


def test_what_aiida_cannot_give_up_ends_as_failed(engine: RunningEngine) -> None:
    """Its work folder cannot be made, so that AiiDA waits for help; nor can it be written that it has failed."""
    engine.root.work.chmod(0o500)
    try:
        with a_fault(engine, ITS_FAILURE):
            ended = engine.wait(engine.submit("true", label=FAULTY), seconds=240)
    finally:
        engine.root.work.chmod(0o2750)
    assert (ended.row.state, ended.row.reason, ended.row.message) == ("ended", "engine", MESSAGE)
    assert engine.run("echo after").log == "after\n"


def pk_of(engine: RunningEngine, run: Run) -> int:
    with closing(sqlite3.connect(engine.root.store_database)) as database:
        return int(database.execute("SELECT id FROM db_dbnode WHERE uuid = ?", (run.row.node_uuid,)).fetchone()[0])
