"""A job is stopped in every state: it ends soon, and what it has made so far is kept."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine_fixture import RunningEngine, an_engine, step


@pytest.fixture(scope="module")
def engine() -> Iterator[RunningEngine]:
    with an_engine(cores=2, account_running=2) as made, made.working():
        yield made


def test_while_it_runs(engine: RunningEngine) -> None:
    run = engine.submit("echo partial > kept; trap 'echo got it >> kept; exit 0' TERM; sleep 60 & wait")
    engine.in_folder(run, "kept")
    began = time.monotonic()
    engine.stop_job(run)
    ended = engine.wait(run)
    assert (ended.row.reason, ended.content("kept")) == ("stopped", b"partial\ngot it\n")
    assert list(ended.events)[-2:] == ["stopping", "completed"]
    assert time.monotonic() - began < 15
    engine.stop_job(run)  # harmless after its end
    assert engine.row(run).state == "ended"


def test_the_log_says_which_job_and_when(engine: RunningEngine) -> None:
    """AiiDA's workers, too, which know of nodes alone; a traceback is part of its line."""
    run = engine.run("exit 7")
    node = f"orm.load_node('{run.row.node_uuid}')"
    told = rf"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ worker: job {engine.job(run.row.uuid)}: .*exit code 7$"
    assert re.search(told, engine.root.log.read_text(), re.MULTILINE)
    noted = engine.in_aiida(f"print(*(log.message for log in orm.Log.collection.get_logs_for({node})))")
    assert "exit code 7" in noted, "AiiDA's own log, which verdi shows"
    lines = engine.root.log.read_text().splitlines()
    assert [each for each in lines if not re.match(r"20\S+Z \w+: |\[20\d\d-|    ", each)] == []


def test_a_program_has_time_to_end(engine: RunningEngine) -> None:
    program = """python3 -c "import signal, time
def end(*_): time.sleep(1); open('kept', 'w').write('whole'); raise SystemExit
signal.signal(signal.SIGTERM, end); open('up', 'w'); time.sleep(60)" """
    run = engine.submit(step(program, post="echo after > after"))
    engine.in_folder(run, "up")
    engine.stop_job(run)
    ended = engine.wait(run)
    assert (ended.content("kept"), ended.row.reason, "after" in ended.outputs) == (b"whole", "stopped", False)


def test_one_that_does_not_listen(engine: RunningEngine) -> None:
    run = engine.submit("trap '' TERM; echo up > up; while :; do sleep 1; done")
    engine.in_folder(run, "up")
    began = time.monotonic()
    engine.stop_job(run)
    ended = engine.wait(run)
    assert (ended.row.reason, list(ended.outputs)) == ("stopped", ["process_output.log", "up"])
    assert 1.5 < time.monotonic() - began < 20


def test_before_it_begins(engine: RunningEngine) -> None:
    """As soon as it is submitted, and while it waits for others."""
    at_once = engine.submit("echo ran > ran")
    engine.stop_job(at_once)
    others = [engine.submit("touch up; sleep 60") for _ in range(2)]
    for each in others:
        engine.in_folder(each, "up")
    waiting = engine.submit("echo ran > ran")
    engine.wait(waiting, "created")
    time.sleep(0.5)
    assert engine.row(waiting).state == "created"  # as both places of the account are taken
    began = time.monotonic()
    engine.stop_job(waiting)
    ended = engine.wait(waiting)
    assert (ended.row.reason, list(ended.outputs)) == ("stopped", ["process_output.log"])
    assert time.monotonic() - began < 15
    assert engine.wait(at_once).row.reason == "stopped"
    for each in others:
        engine.stop_job(each)
    assert [engine.wait(each).row.reason for each in others] == ["stopped", "stopped"]


def test_no_more_at_once_than_there_are_cores(engine: RunningEngine) -> None:
    """Two accounts have room for four jobs, and the machine for two: the others wait, in their order."""
    accounts = [engine.account, engine.add_account("grace")]
    runs = [engine.submit("touch up; sleep 60", account=accounts[number // 2]) for number in range(4)]
    for number in (0, 1):
        engine.in_folder(runs[number], "up")
    for each in runs[2:]:
        engine.wait(each, "created")
    time.sleep(0.5)
    assert [engine.row(each).state for each in runs] == ["running", "running", "created", "created"]
    engine.stop_job(runs[0])
    engine.in_folder(runs[2], "up")
    time.sleep(0.5)
    assert [engine.row(each).state for each in runs] == ["ended", "running", "running", "created"]
    for each, account in ((runs[3], accounts[1]), (runs[2], accounts[1]), (runs[1], accounts[0])):
        engine.client.stop(account, engine.job(each))
    assert [engine.wait(each).row.reason for each in runs] == ["stopped"] * 4


def test_whatever_the_moment(engine: RunningEngine) -> None:
    """Stops that come later and later while AiiDA uploads and submits."""
    runs = []
    for number in range(8):
        runs.append(engine.submit("echo up > up; sleep 60; echo over > over"))
        time.sleep(0.15 * number)
        engine.stop_job(runs[-1])
    for each in runs:
        ended = engine.wait(each)
        assert (ended.row.reason, "over" in ended.outputs) == ("stopped", False)
    assert not list(Path(engine.root.control).glob("*.stop")) or wait_for_none(engine)


def wait_for_none(engine: RunningEngine) -> bool:
    until = time.monotonic() + 20
    while list(engine.root.control.glob("*.stop")) and time.monotonic() < until:
        time.sleep(0.05)
    return not list(engine.root.control.glob("*.stop"))
