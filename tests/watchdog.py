"""Ends the servers of a process that was killed; it runs beside it, and hears of its end from a pipe.

It reads lines from standard input: `+ PID SIGNAL`, a leader of a process group and how it is ended; `- PID` when it
has ended. What is left at the end of the input is ended.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

PATIENCE = 10.0
"""Seconds between being asked to end and being killed."""


@contextmanager
def watched(pid: int, stop: signal.Signals) -> Iterator[None]:
    """What leads a process group ends with this process, if not with the block."""
    _tell(f"+ {pid} {int(stop)}")
    try:
        yield
    finally:
        _tell(f"- {pid}")


def _tell(line: str) -> None:
    watchdog = _watchdog(os.getpid())
    assert watchdog.stdin is not None
    watchdog.stdin.write(f"{line}\n".encode())


@cache
def _watchdog(_: int) -> subprocess.Popen[bytes]:
    """That of the process with this id; a signal from the terminal does not reach it."""
    watchdog = subprocess.Popen(
        [sys.executable, "-S", "-E", __file__],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    atexit.register(watchdog.communicate)
    return watchdog


def main() -> None:
    left: dict[int, int] = {}
    for line in sys.stdin:
        match line.split():
            case ["+", pid, stop]:
                left[int(pid)] = int(stop)
            case ["-", pid]:
                left.pop(int(pid), None)
    for pid, stop in left.items():
        with suppress(ProcessLookupError):
            os.kill(pid, stop)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and any(map(_is_there, left)):
        time.sleep(0.05)
    for pid in left:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
