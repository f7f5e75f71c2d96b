"""What a measurement was made with."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from benchmarks.servers import PEER, ROOT
from tests import servers

PACKAGES = ("Flask", "SQLAlchemy", "orjson", "psycopg", "gunicorn")


def machine() -> Mapping[str, str]:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024**2
    return {
        "cpu": models[0].partition(": ")[2] if models else platform.processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def versions(*, with_postgresql: bool) -> Mapping[str, str]:
    """`load` is that of the minute before."""
    found = {"aiida-like": f"{version('aiida-like')} ({_printed('git', 'rev-parse', '--short', 'HEAD')})"}
    if PEER.exists():
        ask = "from importlib.metadata import version; print(version('aiida-core'))"
        found["aiida-core"] = _printed(str(PEER), "-c", ask)
    found |= {
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "SQLite": sqlite3.sqlite_version,
    }
    if with_postgresql:
        found["PostgreSQL"] = _printed(servers.require("postgres"), "--version").split()[2]
    return found


def _printed(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "?"
