"""What processes take from the machine; see proc(5)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def memory_of_children(pid: int) -> Mapping[str, float]:
    """MB of the largest: all that it holds, and what no file stands behind."""
    statuses = [Path(f"/proc/{child}/status").read_text() for child in _children(pid)]
    return {key: max(_megabytes(status, key) for status in statuses) for key in ("VmRSS", "RssAnon")}


def _children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def cpu_of_tree(pid: int) -> float:
    """Seconds of a process and its children, those that are gone included."""
    return sum(cpu_by_process(pid).values())


def cpu_by_process(pid: int) -> dict[int, float]:
    """Seconds of a process and each of its children, by their ids. What a child took that is gone is its parent's."""
    try:
        user, system, *waited_for = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[11:15]
        own = _cpu_of_threads(pid) if _SCHEDSTAT.exists() else _seconds(user, system)
        found = {pid: own + _seconds(*waited_for)}
        for child in _children(pid):
            found |= cpu_by_process(child)
    except FileNotFoundError:
        return {}  # it has just ended
    return found


def words_of(pid: int) -> list[str]:
    """The command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")


_SCHEDSTAT = Path("/proc/self/schedstat")
"""Nanoseconds; most kernels have it, and the hundredths of a second of `stat` are rough."""


def _cpu_of_threads(pid: int) -> float:
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def _seconds(*ticks: str) -> float:
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def _megabytes(status: str, key: str) -> float:
    return int(status.partition(f"{key}:")[2].split()[0]) / 1024
