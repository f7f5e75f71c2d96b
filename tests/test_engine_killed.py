"""Processes of the engine are ended with SIGKILL, at any moment: each job ends right, and runs once."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from aiida_like_engine.errors import EngineAway
from aiida_like_engine.protocol import RunRequest
from aiida_like_engine.server_db.database import now, open_to_write
from aiida_like_engine.server_db.tables import JOBS, RUNS
from tests.engine_fixture import (
    BOUNDARY,
    PATIENCE,
    Run,
    RunningEngine,
    an_engine,
    halted,
    is_locked,
    multipart,
    step,
    stored_slowly,
)

COUNTED = "echo begun >> /work/times; sleep 2; echo done >> /work/times; echo $((6 * 7)) > result"


@pytest.fixture(scope="module")
def engine() -> Iterator[RunningEngine]:
    with an_engine(cores=6) as made, made.working():
        yield made


def is_right(run: Run) -> bool:
    return (run.row.reason, run.content("times"), run.content("result")) == ("done", b"begun\ndone\n", b"42\n")


@pytest.mark.parametrize(
    "kinds",
    [
        *(("gateway",), ("worker", "broker", "gateway")),
        *(pytest.param(each, marks=pytest.mark.long) for each in (("worker",), ("broker",))),
    ],
)
def test_a_process_is_killed(engine: RunningEngine, kinds: tuple[str, ...]) -> None:
    """While one job runs, one is just submitted, and one is submitted after it."""
    runs = [engine.submit(COUNTED)]
    engine.in_folder(runs[0], "times")
    runs.append(engine.submit(COUNTED))
    before = engine.processes()
    (sockets,) = [Path(each.read_text().strip()) for each in engine.root.aiida.glob("broker/*/broker.sockets")]
    assert sockets.is_dir()
    engine.kill(*kinds)
    runs.append(submit_when_up(engine, COUNTED))
    assert [is_right(engine.wait(each)) for each in runs] == [True, True, True]
    after = engine.processes()
    assert before["supervisor"] == after["supervisor"]
    for kind in kinds:
        assert not set(before[kind]) & set(after[kind])
    assert sockets.exists() == ("broker" not in kinds)
    # None of the others ever finds a new broker: they are new too.
    assert bool(set(before["worker"]) & set(after["worker"])) == (kinds == ("gateway",))


def submit_when_up(engine: RunningEngine, command: str) -> str:
    """The uuid of a run that a client submits again and again, with one token."""
    token = str(uuid.uuid4())
    until = time.monotonic() + 60
    while True:
        try:
            return engine.submit(command, token=token)
        except EngineAway:
            assert time.monotonic() < until, engine.log()
            time.sleep(0.2)


@pytest.mark.long
@pytest.mark.parametrize("moment", ["submitted", "running", "collecting"])
def test_all_of_it_is_killed_when_all_jobs_are(engine: RunningEngine, moment: str) -> None:
    runs = [engine.submit(COUNTED)]
    runs.append(stored_slowly(engine, COUNTED_AND_MANY) if moment == "collecting" else engine.submit(COUNTED))
    if moment == "running":
        engine.in_folder(runs[0], "times")
    assert is_locked(engine.root.scratch) or moment != "collecting", "the moment has passed"
    all_is_killed(engine, runs)


def test_all_of_it_is_killed(engine: RunningEngine) -> None:
    """While one job is collected, one runs, and one is just submitted."""
    runs = [engine.submit(COUNTED)]
    engine.in_folder(runs[0], "times")
    runs.append(engine.submit(COUNTED))
    wait_for_outputs(engine, runs[0])
    runs.append(engine.submit(COUNTED))
    all_is_killed(engine, runs)


def wait_for_outputs(engine: RunningEngine, run: str) -> None:
    until = time.monotonic() + 60
    while not (engine.root.folder(engine.row(run).node_uuid) / "record" / "outputs.json").exists():
        assert time.monotonic() < until
        if engine.row(run).state == "ended":
            break
        time.sleep(0.01)


def all_is_killed(engine: RunningEngine, runs: Sequence[str]) -> None:
    """The supervisor alone: it takes all others with it. Jobs go on."""
    kill_all(engine)
    assert engine.row(runs[-1]).state != "ended"
    with pytest.raises(EngineAway):
        engine.client.health()
    engine.start()
    assert [is_right(engine.wait(each)) for each in runs] == [True] * len(runs)


COUNTED_AND_MANY = f"mkdir many; for each in $(seq 700); do echo $each > many/$each; done; {COUNTED}"


def kill_all(engine: RunningEngine) -> None:
    """End the supervisor, and wait until the others have ended by themselves."""
    others = [pid for kind, pids in engine.processes().items() if kind != "supervisor" for pid in pids]
    engine.kill("supervisor")
    # Children do not outlive it.
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in others))  # noqa: PTH110


@pytest.mark.long
@pytest.mark.parametrize("kind", ["worker", "broker", "gateway"])
def test_a_process_is_killed_while_a_job_is_collected(engine: RunningEngine, kind: str) -> None:
    run = stored_slowly(engine, COUNTED_AND_MANY)
    assert is_locked(engine.root.scratch)
    engine.kill(kind)
    assert engine.row(run).state != "ended"
    ended = engine.wait(run, seconds=2 * PATIENCE)
    assert is_right(ended)
    assert (len(ended.outputs), ended.content("many/700")) == (703, b"700\n")
    engine.wait_until_up()


@pytest.mark.long
def test_a_node_that_is_there_is_the_one_of_the_run(engine: RunningEngine) -> None:
    """The gateway was killed after it had made a node, and before it wrote down that it has: there is no second one."""
    request = RunRequest("linked", "", (step("echo once >> /work/times"),))
    job, run = engine.client.create_job(engine.account, "linked", {}), str(uuid.uuid4())
    kill_all(engine)
    database = open_to_write(engine.root.server_database)
    with database.writing() as connection:
        key = connection.execute(sa.select(JOBS.c.id).where(JOBS.c.public_id == job.id)).scalar_one()
        values = {"job_id": key, "number": 1, "uuid": run, "state": "submitting", "cores": 1}
        connection.execute(RUNS.insert().values(**values, request=json.dumps(request.as_json())))
        connection.execute(JOBS.update().where(JOBS.c.id == key).values(submitted=now()))
    database.close()
    made = engine.in_aiida(f"""
from pathlib import Path
from aiida_like_engine.graph import orm as ours
from aiida_like_engine.protocol import RunRequest
from aiida_like_engine.root.catalogue import read_catalogue
request = RunRequest.from_json({request.as_json()!r})
catalogue = read_catalogue(Path({str(engine.root.analyses)!r}))
print(ours.create_node({run!r}, ours.Owner("ada", "ada@example.org"), request, {{}}, catalogue))""")
    engine.start()
    ended = engine.wait(run)
    assert (ended.row.node_uuid, ended.content("times")) == (made.strip(), b"once\n")
    printed = engine.in_aiida(f"""
query = orm.QueryBuilder().append(orm.CalcJobNode, filters={{"attributes.run": {run!r}}})
print(query.count())""")
    assert printed == "1\n"


@pytest.mark.parametrize("kind", ["gateway", pytest.param("supervisor", marks=pytest.mark.long)])
def test_an_upload_is_whole_or_not_there(engine: RunningEngine, kind: str) -> None:
    before = len(engine.files())
    body = multipart("half", b"x" * 1_000_000)
    sizes: list[int] = []

    def slowly() -> Iterator[bytes]:
        yield body[:500_000]
        wait_until(lambda: incomplete_contents(engine) != [])
        sizes.extend(incomplete_contents(engine))
        if kind == "supervisor":
            kill_all(engine)
        else:
            engine.kill(kind)
        yield body[500_000:]

    with pytest.raises(EngineAway):
        engine.client.upload(engine.account, slowly(), f"multipart/form-data; boundary={BOUNDARY}", len(body))
    if kind == "supervisor":
        engine.start()
    engine.wait_until_up()
    assert len(sizes) == 1
    # Its bytes go at once, without a restart of the engine where the gateway alone was killed.
    wait_until(lambda: incomplete_contents(engine) == [])
    assert len(engine.files()) == before
    assert engine.upload("whole", b"x" * 1_000_000).size == 1_000_000
    assert len(engine.files()) == before + 1


def incomplete_contents(engine: RunningEngine) -> list[int]:
    return [each.stat().st_size for each in engine.root.incomplete_contents.iterdir()]


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_worker_that_was_halted_works_again(engine: RunningEngine) -> None:
    """The broker has dropped it meanwhile, and hands its task out again."""
    for _ in range(5):
        run = stored_slowly(engine, "for i in $(seq 900); do echo $i > $i; done")
        workers = engine.processes()["worker"]
        with halted(workers):
            is_storing = is_locked(engine.root.scratch)
            if is_storing:
                time.sleep(11)
        assert len(engine.wait(run).outputs) == 901
        if is_storing:
            break
    assert is_storing
    # Whoever could take it is deaf, until the supervisor sees that.
    assert engine.run("echo after").log == "after\n"
    assert not set(workers) & set(engine.processes()["worker"])


def test_a_wrapper_that_is_killed_was_lost(engine: RunningEngine) -> None:
    run = engine.submit("echo begun >> times; sleep 60")
    engine.in_folder(run, "times")
    node = engine.row(run).node_uuid
    os.kill(int(engine.root.lock_of_job(node).read_text().split()[0]), 9)
    ended = engine.wait(run)
    assert (ended.row.reason, ended.row.exit_status, ended.content("times")) == ("lost", 300, b"begun\n")
    assert ended.row.message == "it left no record of its end, and is not run again"


def test_a_wrapper_that_is_started_twice_runs_once(engine: RunningEngine) -> None:
    """As AiiDA does when a worker is killed between starting a job and writing down that it has."""
    run = engine.submit(COUNTED)
    folder = engine.in_folder(run, "times").parent.parent
    second = subprocess.run(
        [engine.person.python, "-I", "-S", "_run/wrapper.pyz"], cwd=folder, check=False, **engine.person.identity
    )
    assert second.returncode == 0
    assert is_right(engine.wait(run))


def test_a_stop_reaches_the_first_wrapper(engine: RunningEngine) -> None:
    """AiiDA knows the process of a second one alone, and sends its signal there; what runs is the first one's."""
    run = engine.submit("trap 'echo stopped > stopped; exit 0' TERM; echo up > up; sleep 60 & wait")
    folder = engine.in_folder(run, "up").parent.parent
    second = subprocess.Popen(
        [engine.person.python, "-I", "-S", "_run/wrapper.pyz"], cwd=folder, **engine.person.identity
    )
    waits_for = Path(f"/proc/{second.pid}/wchan")
    wait_until(lambda: "lock" in waits_for.read_text())
    second.terminate()
    ended = engine.wait(run)
    assert ended.row.reason == "stopped"
    assert (ended.content("up"), ended.content("stopped")) == (b"up\n", b"stopped\n")
    assert second.wait(PATIENCE) == 0


def test_a_process_that_aiida_cannot_carry_out_ends(engine: RunningEngine) -> None:
    """Its work folder cannot be made: AiiDA tries five times, waits for help for ever, and is not waited for."""
    run = engine.submit("true")
    engine.wait(run)
    shard = engine.root.work
    shard.chmod(0o500)
    try:
        run = engine.submit("true")
        ended = engine.wait(run)
    finally:
        shard.chmod(0o2750)
    assert (ended.row.reason, ended.row.sealed) == ("engine", True)
    assert "upload_calculation failed 5 times" in ended.row.message
    assert engine.run("true").row.reason == "done"
