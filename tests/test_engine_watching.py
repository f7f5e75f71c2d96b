"""How soon a job's end is seen, and a worker that hears nothing more, decided without an engine."""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from aiida_like_engine.services import listeners
from aiida_like_engine.services.listeners import LISTEN_SECONDS, LOOK_SECONDS, Listeners
from tests.engine_fixture import RunningEngine, an_engine


@pytest.fixture(scope="module", autouse=True)
def _aiida(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """AiiDA makes a folder for its configuration when it is imported, and says so in a warning."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("AIIDA_PATH", str(tmp_path_factory.mktemp("aiida")))
        warnings.simplefilter("ignore")
        import_module("aiida")
        yield


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


def test_aiida_asks_for_the_ids_of_jobs() -> None:
    """What a worker changes of AiiDA is there to be changed."""
    from aiida.engine.daemon import execmanager
    from aiida.engine.processes.calcjobs.manager import JobsList

    assert (
        "self._job_update_requests: dict[str, " in Path(import_module(JobsList.__module__).__file__ or "").read_text()
    )
    assert JobsList.get_minimum_update_interval
    assert execmanager.upload_calculation
    assert execmanager.retrieve_calculation


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
            if watched.are_missing():
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
