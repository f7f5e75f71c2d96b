"""The dispatcher: brings runs forward, one step after the other, and puts right what a kill has left half done.

    submitting  --a node is made, or found by the run's uuid-->  created  --cores and account have room-->  queued
    queued      --its wrapper says so-->  running  --its node has ended-->  ended and sealed

Each step is written down before or found again after it is done, so each happens once. One dispatcher works at a time.
"""

from __future__ import annotations

import fcntl
import json
import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from aiida_like_engine.graph import orm
from aiida_like_engine.graph.broker import processes_with_task
from aiida_like_engine.graph.error_messages import failed, refusal_of_passing
from aiida_like_engine.plugins.wrapper.record import RECORD
from aiida_like_engine.protocol import RunRequest
from aiida_like_engine.root.catalogue import Catalogue
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import EngineSettings
from aiida_like_engine.server_db.database import ServerDatabase, in_parts, now
from aiida_like_engine.server_db.tables import ACCOUNTS, FILES, JOBS, OUTPUTS, RUNS
from aiida_like_engine.services.halves import remove_halves
from aiida_like_engine.services.sealing import WRAPPER_EVENTS, clear_away, is_running, note, seal

LOGGER = logging.getLogger(__name__)

BUSY_SECONDS = 0.1
"""Between two rounds while something is about to happen."""
CALM_SECONDS = 0.5
"""Between two rounds while all that is active is jobs that run, and have for `CALM_AFTER_SECONDS`."""
CALM_AFTER_SECONDS = 10.0
IDLE_SECONDS = 5.0
SLOW_SECONDS = 2.0
"""Between two looks at what changes seldom: nodes of jobs that run, lost tasks, processes that AiiDA has given up."""

RETRY_SECONDS = 5.0
"""Between two attempts at what went wrong for a run."""
MOST_ATTEMPTS = 5
MOST_RESCUES = 10
"""How often a process is sent again that nobody works on."""


class Step(Protocol):
    """What is done for a run; by its name failures are counted."""

    __name__: str

    def __call__(self, run: Any, /, *args: Any, **kwargs: Any) -> None: ...


@dataclass
class Dispatcher:
    root: Root
    settings: EngineSettings
    catalogue: Catalogue
    database: ServerDatabase
    thread: orm.OrmThread
    halves: Sequence[Path] = ()
    """What a gateway that was killed may have left of uploads."""
    wake: threading.Event = field(default_factory=threading.Event)
    _removals: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="removal"))
    _without_task: set[int] = field(default_factory=set)
    _slow: float = 0.0
    _completed: set[int] = field(default_factory=set)
    """Runs whose wrapper has ended."""
    _given_up: dict[int, tuple[int, float]] = field(default_factory=dict)
    """How often AiiDA was asked to give a process up, by its id, and when it was asked last."""
    _noted: dict[int, set[str]] = field(default_factory=dict)
    """Events of runs that are in the database."""
    _failures: dict[tuple[int, str], tuple[int, float]] = field(default_factory=dict)
    """How often a step went wrong for a run, and when it may be tried again."""
    _rescues: dict[int, int] = field(default_factory=dict)
    """How often a process was sent again, by its id."""

    @property
    def cores(self) -> int:
        return self.settings.cores

    def start(self) -> None:
        threading.Thread(target=self._work, name="dispatcher", daemon=True).start()

    def _work(self) -> None:
        # A gateway whose supervisor was killed may still answer its last requests: it has to be gone.
        with (self.root.control / "dispatcher.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._removals.submit(self._remove_forgotten)
            self._removals.submit(remove_halves, self.root, self.halves)
            while True:
                pause = RETRY_SECONDS
                try:
                    pause = self.round()
                except Exception:  # the next round may succeed: a disk that was full, a database that was locked
                    LOGGER.exception("a round of the dispatcher failed")
                self.wake.wait(pause)
                self.wake.clear()

    def round(self) -> float:
        """Do what can be done now; the seconds until the next round is due."""
        runs = self._active()
        if not runs:
            return IDLE_SECONDS
        is_slow = time.monotonic() > self._slow + SLOW_SECONDS
        if is_slow:
            self._slow = time.monotonic()
        self._dispatch(runs)
        for run in [each for each in runs if each.node_uuid is None and self._may_try(each, self._make_node)][:1]:
            self._carefully(run, self._make_node)
        dispatched = [each for each in runs if each.dispatched is not None]
        for run in dispatched:
            self._carefully(run, self._progress)
        watched = [each for each in dispatched if is_slow or each.id in self._completed]
        states = self.thread.call(orm.processes, [each.node_uuid for each in watched])
        for run in watched:
            state = states.get(run.node_uuid)
            if state is None:
                self._end_without_node(run, "its node was deleted")
            elif state.has_ended:
                self._carefully(run, self._seal)
        if is_slow:
            self._rescue({states[run.node_uuid]: run for run in watched if run.node_uuid in states})
        calm_before = now() - int(CALM_AFTER_SECONDS * 1e6)
        is_calm = all(each.state == "running" and each.dispatched < calm_before for each in runs)
        return CALM_SECONDS if is_calm and not self._completed else BUSY_SECONDS

    def _active(self) -> list[Any]:
        query = (
            sa.select(RUNS, JOBS.c.public_id.label("job"), JOBS.c.account_id, ACCOUNTS.c.email, ACCOUNTS.c.name)
            .join(JOBS, RUNS.c.job_id == JOBS.c.id)
            .join(ACCOUNTS, JOBS.c.account_id == ACCOUNTS.c.id)
            .where(RUNS.c.state != "ended")
            .order_by(RUNS.c.id)
        )
        with self.database.reading() as connection:
            return list(connection.execute(query).all())

    def _carefully(self, run: Any, do: Step, *args: Any) -> None:
        """Do something for a run. What goes wrong with one must not keep the others, nor itself for ever."""
        if not self._may_try(run, do):
            return
        key = (run.id, do.__name__)
        try:
            do(run, *args)
            self._failures.pop(key, None)
        except Exception as error:  # whatever it is, it is logged and counted: no job is active for ever
            LOGGER.exception("job %s: run %s", run.job, run.uuid)
            # A disk that is full for an hour must not cost the results of what has ended meanwhile.
            attempts = self._failures.get(key, (0, 0.0))[0] + (refusal_of_passing(error) is None)
            self._failures[key] = (attempts, time.monotonic() + RETRY_SECONDS)
            if attempts >= MOST_ATTEMPTS:
                self._end_without_node(run, failed(type(error).__name__))

    def _may_try(self, run: Any, do: Step) -> bool:
        return time.monotonic() >= self._failures.get((run.id, do.__name__), (0, 0.0))[1]

    def _remove_forgotten(self) -> None:
        """Remove what was left of jobs that were collected by a gateway that was killed after it."""
        for uuid in sorted({mark.name.partition(".")[0] for mark in self.root.control.glob("*.*")}):
            with self.database.reading() as connection:
                query = sa.select(RUNS.c.sealed).where(RUNS.c.node_uuid == uuid)
                is_sealed = connection.execute(query).scalar()
            if is_sealed and not is_running(self.root, uuid):
                clear_away(self.root, uuid, keeps_folder=self.settings.keep_work_folders)

    # submitting -> created

    def _make_node(self, run: Any) -> None:
        uuid = self.thread.call(orm.node_of_run, run.uuid)
        if uuid is None:
            request = RunRequest.from_json(json.loads(run.request))
            contents = self._contents(each.file for step in request.steps for each in step.inputs)
            owner = orm.Owner(run.name, run.email)
            uuid = self.thread.call(orm.create_node, run.uuid, owner, request, contents, self.catalogue)
        self._change(
            run, node_uuid=uuid, folder=str(self.root.folder(uuid) / "work"), state=_unless_stopping("created")
        )
        self._note(run, {"queued": now()})
        self.wake.set()

    def _contents(self, ids: Iterable[str]) -> dict[str, orm.Content]:
        files = sa.select(FILES.c.public_id, FILES.c.node_uuid)
        outputs = sa.select(OUTPUTS.c.public_id, RUNS.c.node_uuid, OUTPUTS.c.path).join(
            RUNS, OUTPUTS.c.run_id == RUNS.c.id
        )
        found: dict[str, orm.Content] = {}
        of_runs: list[Any] = []
        with self.database.reading() as connection:
            for some in in_parts(ids):
                rows = connection.execute(files.where(FILES.c.public_id.in_(some)))
                found.update({row.public_id: orm.Content(row.node_uuid) for row in rows})
                of_runs += connection.execute(outputs.where(OUTPUTS.c.public_id.in_(some))).all()
        # A call for each folder: others have their turn in between.
        nodes = dict.fromkeys(row.node_uuid for row in of_runs)
        folders = {node: self.thread.call(orm.retrieved, node) for node in nodes}
        found.update({row.public_id: orm.Content(folders[row.node_uuid], f"work/{row.path}") for row in of_runs})
        return found

    # created -> queued

    def _dispatch(self, runs: Iterable[Any]) -> None:
        """Hand over what has room, in the order of submission; what is to stop needs none."""
        busy = [each for each in runs if each.dispatched is not None and each.id not in self._completed]
        cores = self.cores - sum(min(each.cores, self.cores) for each in busy)
        of_account: dict[int, int] = {}
        for each in busy:
            of_account[each.account_id] = of_account.get(each.account_id, 0) + 1
        for run in runs:
            if run.dispatched is not None or run.node_uuid is None:
                continue
            if run.stop_requested is None:
                if of_account.get(run.account_id, 0) >= self.settings.limits.account_running:
                    continue
                # Settings may have changed since it was submitted: it gets all that there are.
                needed = min(run.cores, self.cores)
                if needed > cores:
                    break
                cores -= needed
                of_account[run.account_id] = of_account.get(run.account_id, 0) + 1
            self._carefully(run, self._hand_over)

    def _hand_over(self, run: Any) -> None:
        if run.stop_requested is not None:
            self.thread.call(orm.mark_stop, run.node_uuid)
        process = self.thread.call(orm.processes, [run.node_uuid]).get(run.node_uuid)
        if process is None:
            self._end_without_node(run, "its node was deleted")
            return
        # Written down first: a second task for one process would be worked on twice, a missing one is found.
        self._change(run, dispatched=now(), state=_unless_stopping("queued"))
        self.thread.call(orm.hand_over, process.pk)

    # queued -> running

    def _progress(self, run: Any) -> None:
        if run.id in self._completed:
            return
        try:
            # Without a sandbox the job can have put anything there.
            text = (self.root.folder(run.node_uuid) / RECORD / "events.jsonl").read_text("utf-8", "replace")
        except OSError:
            return
        events = orm.events_of(text)
        if "started" in events and run.started is None:
            self._change(run, started=events["started"], state=_unless_stopping("running"))
        if "completed" in events:
            self._completed.add(run.id)
        self._note(run, {name: at for name, at in events.items() if name in WRAPPER_EVENTS})

    # -> ended

    def _seal(self, run: Any) -> None:
        ended = self.thread.call(orm.ended, run.node_uuid)
        if ended.exception:
            LOGGER.error("job %s: AiiDA's process %s failed: %s", run.job, run.node_uuid, ended.exception)
        seal(self.database, run, ended)
        self._forget(run)
        if not self.settings.keep_work_folders:
            self._change(run, folder=None)
        self._removals.submit(self._clear_away, run.node_uuid)

    def _clear_away(self, node_uuid: str) -> None:
        """Remove what is needed no more of a job that was collected, once its wrapper has ended."""
        until = time.monotonic() + 2 * self.settings.grace_seconds + 5
        while is_running(self.root, node_uuid):
            if time.monotonic() > until:
                return  # the next start of the engine does it
            time.sleep(BUSY_SECONDS)
        clear_away(self.root, node_uuid, keeps_folder=self.settings.keep_work_folders)

    def _end_without_node(self, run: Any, why: str) -> None:
        if run.node_uuid is not None and run.id not in self._completed:  # nobody looks after it any more
            with suppress(OSError):
                self.root.stop_of_job(run.node_uuid).touch()
        seal(self.database, run, orm.Ended(None, why, {}, {}, ()))
        self._forget(run)

    def _forget(self, run: Any) -> None:
        self._completed.discard(run.id)
        self._noted.pop(run.id, None)
        for key in [each for each in self._failures if each[0] == run.id]:
            del self._failures[key]

    # what was lost

    def _rescue(self, runs: Mapping[orm.Process, Any]) -> None:
        with_task = self.thread.call(processes_with_task)
        active = {each.pk: each for each in runs if not each.has_ended}
        without = set(active) - with_task
        for pk in without & self._without_task:  # seen twice, so not one that is on its way
            self._carefully(runs[active[pk]], self._send_again, pk)
            without.discard(pk)
        self._without_task = without
        for each in active.values():
            if each.paused:
                self._carefully(runs[each], self._give_up, each)

    def _send_again(self, run: Any, pk: int) -> None:
        """Hand a process over that nobody works on. Where that has not helped often, it fails."""
        if self._rescues.get(pk, 0) >= MOST_RESCUES:
            self.thread.call(orm.fail_process, pk, "AiiDA's workers dropped it again and again")
            return
        self._rescues[pk] = self._rescues.get(pk, 0) + 1
        LOGGER.warning("job %s: its process %s has no worker, and is sent again", run.job, pk)
        self.thread.call(orm.hand_over, pk)

    def _give_up(self, run: Any, process: orm.Process) -> None:
        """End a process that AiiDA has paused after its last attempt; its job is stopped too."""
        asked, last = self._given_up.get(process.pk, (0, 0.0))
        if time.monotonic() < last + 2 * SLOW_SECONDS:
            return
        self._given_up[process.pk] = asked + 1, time.monotonic()
        if asked >= MOST_ATTEMPTS:
            self.thread.call(orm.fail_process, process.pk, "AiiDA's workers could not end it")
            return
        LOGGER.warning("job %s: its process %s is given up: %s", run.job, process.pk, process.status)
        self.root.stop_of_job(process.uuid).touch()
        self.thread.call(orm.kill, process.pk, process.status)

    # rows

    def _change(self, run: Any, **values: Any) -> None:
        with self.database.writing() as connection:
            connection.execute(RUNS.update().where(RUNS.c.id == run.id).values(**values))

    def _note(self, run: Any, events: Mapping[str, int]) -> None:
        noted = self._noted.setdefault(run.id, set())
        if events.keys() - noted:
            with self.database.writing() as connection:
                note(connection, run.id, events)
            noted.update(events)


def _unless_stopping(state: str) -> sa.ColumnElement[str]:
    """A state for a run, decided by the database: it may have been asked to stop a moment ago."""
    return sa.case((RUNS.c.stop_requested.is_not(None), "stopping"), else_=state)
