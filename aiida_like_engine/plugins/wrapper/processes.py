"""Processes of a job: their limits, and their end. This process becomes the parent of all that others leave."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

TICK_SECONDS = 0.1


def timeout(wall: int, grace: int) -> list[str]:
    return ["timeout", f"--kill-after={grace}", str(wall)]


def limits(spec: dict[str, Any], *, in_sandbox: bool) -> list[str]:
    """The beginning of a command that has limits. Outside a sandbox all processes of the user would be counted."""
    processes = spec["processes"] if in_sandbox else None
    given = {"nproc": processes, "fsize": spec["file_bytes"], "as": spec["memory_bytes"]}
    return ["prlimit", "--core=0", *(f"--{name}={value}" for name, value in given.items() if value), "--"]


def watched(child: subprocess.Popen[bytes], latest: float, grace: int, is_to_stop: Callable[[], bool]) -> int:
    """The status of a child that is ended when it has to stop, and at the latest at a moment of the clock."""
    kill_at: float | None = None
    with os.fdopen(os.pidfd_open(child.pid), "rb", closefd=True) as handle:
        while True:
            ready, _, _ = select.select([handle], [], [], TICK_SECONDS)
            if ready:
                return child.wait()
            if kill_at is None and is_to_stop():
                end_politely(child.pid)
                kill_at = time.monotonic() + grace + 2
            if time.monotonic() > min(latest, kill_at or latest):
                end_at_once(child.pid)


def end_politely(child: int) -> None:
    """Send TERM to the `timeout` that runs the command: it hands it on, and kills after the grace time."""
    with suppress(ProcessLookupError):
        os.kill(next((pid for pid in family(child) if name_of(pid) == "timeout"), child), signal.SIGTERM)


def end_at_once(child: int) -> None:
    """Kill a child and its descendants; what they start meanwhile is left for the next time."""
    for pid in family(child):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def family(pid: int) -> list[int]:
    """A process and its descendants, parents first."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(OSError):
                parents.setdefault(parent_of(int(entry)), []).append(int(entry))
    found = [pid]
    for each in found:
        found += parents.get(each, ())
    return found


def _stat(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(errors="replace")


def parent_of(pid: int) -> int:
    return int(_stat(pid).rpartition(")")[2].split()[1])


def name_of(pid: int) -> str:
    try:
        return _stat(pid).partition("(")[2].rpartition(")")[0]
    except OSError:
        return ""


def end_processes_left() -> None:
    """Kill what the job left in the background: this process has become the parent of all of it."""
    while True:
        left = family(os.getpid())[1:]
        if not left:
            return
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, 0):
                pass
