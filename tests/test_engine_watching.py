"""How soon a job's end is seen, and a worker that hears nothing more, decided without an engine."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from importlib import import_module
from inspect import iscoroutinefunction
from pathlib import Path
from types import SimpleNamespace

import pytest

from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.store_lock import purging
from aiida_like_engine.services import listeners
from aiida_like_engine.services.listeners import LISTEN_SECONDS, LOOK_SECONDS, Listeners
from aiida_like_engine.services.worker import wait_for_purges
from tests.engine_fixture import PATIENCE, RunningEngine, an_engine, is_locked, wait_until_locked

pytestmark = pytest.mark.usefixtures("folder_of_aiida")


def job(age: float) -> str:
    """The id of a job that began so many seconds ago."""
    began = time.clock_gettime(time.CLOCK_BOOTTIME) - age
    return f"{os.getpid()}.{round(began * os.sysconf('SC_CLK_TCK'))}.a-boot"


@pytest.mark.parametrize(
    ("ages", "setting", "seconds"),
    [
        ([0.1], 0.4, 0.15),
        ([5.0], 0.4, 0.4),
        ([0.1, 600.0], 0.4, 0.15),
        ([0.1, 0.2, 0.3], 0.4, 0.4),  # many: each look writes to each of them
        ([0.1], 0.1, 0.1),
        ([-3600.0], 5, 5),  # of a boot before
        ([], 5, 5),
    ],
)
def test_a_job_that_has_just_begun_is_looked_at_sooner(ages: list[float], setting: float, seconds: float) -> None:
    from aiida_like_engine.plugins.scheduler import poll_seconds

    assert poll_seconds([job(age) for age in ages], setting) == seconds


def test_the_age_of_a_job() -> None:
    from aiida_like_engine.plugins.scheduler import age_of

    ticks = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    assert 0 <= age_of(f"1.{ticks}.boot") < time.clock_gettime(time.CLOCK_BOOTTIME)
    assert age_of(job(7.0)) == pytest.approx(7.0, abs=0.5)


@pytest.mark.parametrize(
    "job", ["12345", "123.server", "123[4].server.org", "1.2", "a.1.b", "1.-1.b", f"1.{'9' * 400}.b", ""]
)
def test_jobs_of_another_scheduler_are_not_young(job: str) -> None:
    from aiida_like_engine.plugins.scheduler import poll_seconds

    assert poll_seconds([job], 5) == 5


def test_aiida_asks_for_the_ids_of_jobs() -> None:
    """What a worker changes of AiiDA is there to be changed."""
    from aiida.engine.processes.calcjobs.manager import JobsList

    assert (
        "self._job_update_requests: dict[str, " in Path(import_module(JobsList.__module__).__file__ or "").read_text()
    )
    assert JobsList.get_minimum_update_interval


STORING_OF_JOBS = ("upload_calculation", "retrieve_calculation")


def test_aiida_stores_files_of_jobs_by_functions_that_a_worker_changes() -> None:
    from aiida.engine.daemon import execmanager
    from aiida.engine.processes.calcjobs import tasks

    for name in STORING_OF_JOBS:
        assert iscoroutinefunction(getattr(execmanager, name))
        # Looked up when it is called: whoever has imported it before has the changed one all the same.
        assert f"await execmanager.{name}(" in Path(tasks.__file__).read_text()
        assert not hasattr(tasks, name)


def test_a_worker_has_the_lock_while_it_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of jobs and nodes, a node also while files of jobs are stored and a purge waits for that."""
    from aiida import orm
    from aiida.engine.daemon import execmanager

    root = Root(tmp_path)
    for folder in (root.control, root.scratch):
        folder.mkdir()
    waiting: list[threading.Thread] = []

    def store(_: orm.Node) -> bool:
        return is_locked(root.scratch)

    async def copy(node: orm.Node) -> tuple[bool, bool]:
        waiting.append(threading.Thread(target=purge, args=(root,)))
        waiting[-1].start()
        wait_until_locked(root.control)
        return is_locked(root.scratch), bool(node.store())

    monkeypatch.setattr(orm.Node, "store", store)
    for name in STORING_OF_JOBS:
        monkeypatch.setattr(execmanager, name, copy)
    wait_for_purges(root)
    node = orm.Dict.__new__(orm.Dict)
    assert node.store()
    for name in STORING_OF_JOBS:
        assert asyncio.run(getattr(execmanager, name)(node)) == (True, True)
        waiting[-1].join(PATIENCE)
        assert not is_locked(root.scratch)


def purge(root: Root) -> None:
    with purging(root):
        pass


def test_a_short_job_is_not_waited_for() -> None:
    """Though AiiDA is told to look twice a minute. A busy machine may take longer to run it, but not each time."""
    with an_engine() as engine:
        engine.root.settings.write_text("[engine]\npoll_seconds = 30\n")
        with engine.working():
            took = [seconds_of(engine) for _ in range(4)]
    assert min(took[1:]) < 15, took


def seconds_of(engine: RunningEngine) -> float:
    began = time.monotonic()
    engine.run("true")
    return time.monotonic() - began


def test_listeners_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(listeners, "time", SimpleNamespace(monotonic=lambda: now))
    status = tmp_path / "broker.status"
    watched = Listeners(status, 2, complete=now)

    def missing(after: float, count: int | None) -> list[float]:
        """When some are said to be missing, in seconds from now, while so many listen."""
        nonlocal now
        if count is not None:
            status.write_text(json.dumps({"task_subscribers": count}))
        began, said = now, []
        while now < began + after:
            now += 1
            if watched.restart_is_due():
                said.append(now - began)
        return said

    assert missing(15, None) == []  # they begin
    assert missing(100, 2) == []
    (first, second, third) = missing(200, 1)
    assert LISTEN_SECONDS - LOOK_SECONDS <= first <= LISTEN_SECONDS + LOOK_SECONDS
    # Those that take longer to begin are not started anew for ever.
    assert second - first >= 2 * LISTEN_SECONDS
    assert third - second >= 4 * LISTEN_SECONDS
    assert missing(60, 3) == []  # one of them has been killed
    assert len(missing(LISTEN_SECONDS + 2 * LOOK_SECONDS, 0)) == 1
    status.write_text("{}")  # of a broker that does not tell
    assert missing(200, None) == []
