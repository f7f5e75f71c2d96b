"""What is noted of a run: events while it goes on; once it has ended, all that can no longer change."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from aiida_like_engine.graph.results import Ended
from aiida_like_engine.plugins.wrapper.job import LEFT
from aiida_like_engine.root.layout import Root
from aiida_like_engine.server_db.database import ServerDatabase, now, salt
from aiida_like_engine.server_db.ids import Ids
from aiida_like_engine.server_db.tables import EVENTS, OUTPUTS, RUNS

WRAPPER_EVENTS = ("started", "validated", "executing")
"""Events of a run that its wrapper notes as they happen."""

_REASON_OF_STATUS: Mapping[int, str] = {300: "lost", 301: "stopped", 302: "walltime", 303: "signal", 304: "no_room"}


def note(connection: sa.Connection, run: int, events: Mapping[str, int], reason: str | None = None) -> None:
    """Record events of a run; those that are known stay as they are."""
    known = set(connection.execute(sa.select(EVENTS.c.name).where(EVENTS.c.run_id == run)).scalars())
    rows = [
        {"run_id": run, "name": name, "at": at, "reason": reason} for name, at in events.items() if name not in known
    ]
    if rows:
        connection.execute(EVENTS.insert(), rows)


def seal(database: ServerDatabase, run: Any, ended: Ended) -> None:
    """Copy what can no longer change, in one transaction. Done again, it is the same."""
    record = ended.record
    # A job that ended well has failed all the same, if AiiDA could not record it: the graph says so, too.
    status = None if ended.exception else ended.exit_status
    judged: Mapping[str, Any] = {} if status is None else record
    reason = judged.get("reason") or _REASON_OF_STATUS.get(status or -1, "engine")
    if run.stop_requested is not None and not record and not ended.exception:
        reason = "stopped"
    message = judged.get("message", ended.message) or None
    at = record.get("ended") or run.ended or now()
    status = judged.get("exit_status", status)
    with database.writing() as connection:
        ids = Ids(salt(connection))
        connection.execute(OUTPUTS.delete().where(OUTPUTS.c.run_id == run.id))
        rows = [
            {**vars(each), "run_id": run.id, "position": position, "public_id": ids.of_output(run.id, position)}
            for position, each in enumerate(ended.files)
        ]
        if rows:
            connection.execute(OUTPUTS.insert(), rows)
        note(connection, run.id, {name: at for name, at in ended.events.items() if name in WRAPPER_EVENTS})
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


def is_running(root: Root, node_uuid: str) -> bool:
    """Whether the wrapper of a job holds its lock."""
    try:
        with root.lock_of_job(node_uuid).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def clear_away(root: Root, node_uuid: str, *, keeps_folder: bool) -> None:
    """Remove the work folder of a job that was collected, or what was not kept of it, and the job's marks.

    Nothing in it is trusted, nor its depth.
    """
    folder = root.folder(node_uuid) / LEFT if keeps_folder else root.folder(node_uuid)
    if folder.is_dir():
        subprocess.run(["chmod", "-R", "u+rwX", str(folder)], check=False, capture_output=True)  # noqa: S603, S607
        subprocess.run(["rm", "-rf", "--one-file-system", "--", str(folder)], check=False)  # noqa: S603, S607
    shutil.rmtree(root.inputs_of_job(node_uuid), ignore_errors=True)
    for mark in (root.stop_of_job(node_uuid), root.lock_of_job(node_uuid)):
        mark.unlink(missing_ok=True)
