"""The start of a wrapper, in the folder of its job, which holds `_run/job.json`, `work/` and `record/`."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from .job import Job
from .log import Log
from .record import RECORD, Record, now

_PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    folder = Path(sys.argv[0]).resolve().parent.parent
    os.chdir(folder)
    spec = json.loads((folder / "_run" / "job.json").read_text("utf-8"))
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def stop(*_: object) -> None:
        # Where another wrapper runs this job, it finds the mark.
        Path(spec["stop"]).touch()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    with open(spec["lock"], "a+", encoding="utf-8") as lock:
        # AiiDA starts a job again if it was killed before it knew of the first start: that one is waited for.
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if lock.read():
            return
        lock.write(f"{os.getpid()} {folder}\n")
        lock.flush()
        os.fsync(lock.fileno())
        log, record = Log.begun(folder / "work"), Record(folder / RECORD)
        if not spec["sandbox"] and spec["require_sandbox"]:
            log.say("bubblewrap does not work on this machine, and no job may run without it")
            record.write("outputs.json", [])
            record.write("end.json", refused())
            return
        Job(folder, spec, log, record).run()


def refused() -> dict[str, Any]:
    """The end of a job that did not begin."""
    return {
        "exit_status": 1,
        "reason": "failed",
        "message": "this machine has no sandbox for jobs",
        "ended": now(),
        "wall_seconds": 0.0,
        "cpu_seconds": 0.0,
        "peak_bytes": 0,
        "sandbox": False,
    }
