"""The dispatcher: brings runs forward, one step after the other, and puts right what a kill has left half done.

    submitting  --a node is made, or found by the run's uuid-->  created  --cores and account have room-->  queued
    queued      --its wrapper says so-->  running  --its node has ended-->  ended and sealed

Each step is written down before or found again after it is done, so each happens once. One dispatcher works at a time.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from aiida_like_engine import orm
from aiida_like_engine.catalogue import Catalogue
from aiida_like_engine.ids import Ids
from aiida_like_engine.layout import Root
from aiida_like_engine.limits import EngineSettings
from aiida_like_engine.plugins.calculation import RECORD
from aiida_like_engine.protocol import RunRequest
from aiida_like_engine.server_db import (
    ACCOUNTS,
    EVENTS,
    FILES,
    JOBS,
    OUTPUTS,
    RUNS,
    ServerDatabase,
    in_parts,
    now,
    salt,
)
from aiida_like_engine.told import failed, refusal_of_passing

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
MOST_RESCUES = 20
"""How often a process is sent again that nobody works on."""

_WRAPPER_EVENTS = ("started", "validated", "executing")
_REASON_OF_STATUS: Mapping[int, str] = {300: "lost", 301: "stopped", 302: "walltime", 303: "signal", 304: "no_room"}


@dataclass
class Dispatcher:
    root: Root
    settings: EngineSettings
    catalogue: Catalogue
    database: ServerDatabase
    thread: orm.OrmThread
    wake: threading.Event = field(default_factory=threading.Event)
    _removals: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="removal"))
    _without_task: set[int] = field(default_factory=set)
    _slow: float = 0.0
    _completed: set[int] = field(default_factory=set)
    """Runs whose wrapper has ended."""
    _given_up: dict[int, float] = field(default_factory=dict)
    _noted: dict[int, set[str]] = field(default_factory=dict)
    """Events of runs that are in the database."""
    _failures: dict[int, tuple[int, float]] = field(default_factory=dict)
    """How often something went wrong for a run, and when it may be tried again."""
    _rescues: dict[int, int] = field(default_factory=dict)
    """How often a process was sent again, by its id."""

    @property
    def cores(self) -> int:
        return self.settings.limits.cores or os.cpu_count() or 1

    def start(self) -> None:
        threading.Thread(target=self._work, name="dispatcher", daemon=True).start()

    def _work(self) -> None:
        # A gateway whose supervisor was killed may still answer its last requests: it has to be gone.
        with (self.root.control / "dispatcher.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._removals.submit(self._remove_forgotten)
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
        for run in [each for each in runs if each.node_uuid is None and self._may_try(each)][:1]:
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
            self._rescue([states[run.node_uuid] for run in watched if run.node_uuid in states])
        calm_before = now() - int(CALM_AFTER_SECONDS * 1e6)
        is_calm = all(each.state == "running" and each.dispatched < calm_before for each in runs)
        return CALM_SECONDS if is_calm and not self._completed else BUSY_SECONDS

    def _active(self) -> list[Any]:
        query = (
            sa.select(RUNS, JOBS.c.public_id.label("job"), JOBS.c.account_id, ACCOUNTS.c.email)
            .join(JOBS, RUNS.c.job_id == JOBS.c.id)
            .join(ACCOUNTS, JOBS.c.account_id == ACCOUNTS.c.id)
            .where(RUNS.c.state != "ended")
            .order_by(RUNS.c.id)
        )
        with self.database.reading() as connection:
            return list(connection.execute(query).all())

    def _carefully(self, run: Any, do: Callable[[Any], None]) -> None:
        """Do something for a run. What goes wrong with one must not keep the others, nor itself for ever."""
        if not self._may_try(run):
            return
        try:
            do(run)
            self._failures.pop(run.id, None)
        except Exception as error:
            LOGGER.exception("run %s of job %s", run.uuid, run.job)
            # A disk that is full for an hour must not cost the results of what has ended meanwhile.
            attempts = self._failures.get(run.id, (0, 0.0))[0] + (refusal_of_passing(error) is None)
            self._failures[run.id] = (attempts, time.monotonic() + RETRY_SECONDS)
            if attempts >= MOST_ATTEMPTS:
                self._end_without_node(run, failed(type(error).__name__))

    def _may_try(self, run: Any) -> bool:
        return time.monotonic() >= self._failures.get(run.id, (0, 0.0))[1]

    def _remove_forgotten(self) -> None:
        """Remove folders of jobs that were collected by a gateway that was killed after it."""
        if self.settings.keep_work_folders:
            return
        for lock in self.root.control.glob("*.lock"):
            with self.database.reading() as connection:
                query = sa.select(RUNS.c.sealed).where(RUNS.c.node_uuid == lock.stem)
                is_sealed = connection.execute(query).scalar()
            if is_sealed:
                remove_folder(self.root, lock.stem)

    # submitting -> created

    def _make_node(self, run: Any) -> None:
        uuid = self.thread.call(orm.node_of_run, run.uuid)
        if uuid is None:
            request = RunRequest.from_json(json.loads(run.request))
            contents = self._contents(each.file for step in request.steps for each in step.inputs)
            uuid = self.thread.call(orm.create_node, run.uuid, run.email, request, contents, self.catalogue)
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
        self._note(run, {name: at for name, at in events.items() if name in _WRAPPER_EVENTS})

    # -> ended

    def _seal(self, run: Any) -> None:
        ended = self.thread.call(orm.ended, run.node_uuid)
        seal(self.database, run, ended)
        self._forget(run)
        if not self.settings.keep_work_folders:
            self._change(run, folder=None)
            self._removals.submit(remove_folder, self.root, run.node_uuid)

    def _end_without_node(self, run: Any, why: str) -> None:
        seal(self.database, run, orm.Ended(None, why, {}, {}, ()))
        self._forget(run)

    def _forget(self, run: Any) -> None:
        self._completed.discard(run.id)
        self._noted.pop(run.id, None)
        self._failures.pop(run.id, None)

    # what was lost

    def _rescue(self, states: Iterable[orm.Process]) -> None:
        with_task = self.thread.call(orm.processes_with_task)
        active = {each.pk: each for each in states if not each.has_ended}
        without = set(active) - with_task
        for pk in without & self._without_task:  # seen twice, so not one that is on its way
            self._rescues[pk] = self._rescues.get(pk, 0) + 1
            if self._rescues[pk] > MOST_RESCUES:
                self.thread.call(orm.fail_process, pk, "AiiDA's workers dropped it again and again")
            else:
                LOGGER.warning("process %s has no worker, and is sent again", pk)
                self.thread.call(orm.hand_over, pk)
            without.discard(pk)
        self._without_task = without
        for each in active.values():
            if each.paused:
                self._give_up(each)

    def _give_up(self, process: orm.Process) -> None:
        """End a process that AiiDA has paused after its last attempt; its job is stopped too."""
        if time.monotonic() < self._given_up.get(process.pk, 0.0) + 2 * SLOW_SECONDS:
            return
        self._given_up[process.pk] = time.monotonic()
        LOGGER.warning("process %s is given up: %s", process.pk, process.status)
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


def note(connection: sa.Connection, run: int, events: Mapping[str, int], reason: str | None = None) -> None:
    """Record events of a run; those that are known stay as they are."""
    known = set(connection.execute(sa.select(EVENTS.c.name).where(EVENTS.c.run_id == run)).scalars())
    rows = [
        {"run_id": run, "name": name, "at": at, "reason": reason} for name, at in events.items() if name not in known
    ]
    if rows:
        connection.execute(EVENTS.insert(), rows)


def seal(database: ServerDatabase, run: Any, ended: orm.Ended) -> None:
    """Copy what can no longer change, in one transaction. Done again, it is the same."""
    record = ended.record
    reason = record.get("reason") or _REASON_OF_STATUS.get(ended.exit_status or -1, "engine")
    if run.stop_requested is not None and not record:
        reason = "stopped"
    message = record.get("message", ended.message) or None
    at = record.get("ended") or run.ended or now()
    status = record.get("exit_status", ended.exit_status)
    with database.writing() as connection:
        ids = Ids(salt(connection))
        connection.execute(OUTPUTS.delete().where(OUTPUTS.c.run_id == run.id))
        rows = [
            {**vars(each), "run_id": run.id, "position": position, "public_id": ids.of_output(run.id, position)}
            for position, each in enumerate(ended.files)
        ]
        if rows:
            connection.execute(OUTPUTS.insert(), rows)
        note(connection, run.id, {name: at for name, at in ended.events.items() if name in _WRAPPER_EVENTS})
        note(connection, run.id, {"completed": at}, message)
        values = {
            "state": "ended",
            "sealed": True,
            "started": ended.events.get("started", run.started),
            "ended": at,
            "exit_status": status,
            "reason": reason,
            "message": message,
            "wall_seconds": record.get("wall_seconds"),
            "cpu_seconds": record.get("cpu_seconds"),
            "peak_bytes": record.get("peak_bytes"),
            "output_count": len(ended.files),
            "output_bytes": sum(each.size for each in ended.files),
        }
        connection.execute(RUNS.update().where(RUNS.c.id == run.id).values(**values))


def remove_folder(root: Root, node_uuid: str) -> None:
    """Remove the work folder of a job that was collected, and its marks. Nothing in it is trusted, nor its depth."""
    folder = root.folder(node_uuid)
    if folder.is_dir():
        subprocess.run(["chmod", "-R", "u+rwX", str(folder)], check=False, capture_output=True)  # noqa: S603, S607
        subprocess.run(["rm", "-rf", "--one-file-system", "--", str(folder)], check=False)  # noqa: S603, S607
    shutil.rmtree(root.inputs_of_job(node_uuid), ignore_errors=True)
    for mark in (root.lock_of_job(node_uuid), root.stop_of_job(node_uuid)):
        mark.unlink(missing_ok=True)
