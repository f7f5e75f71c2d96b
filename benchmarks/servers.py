"""The three servers, each under gunicorn with two sync workers, and what they take from the machine."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from benchmarks.client import Address
from benchmarks.processes import cpu_of_tree, memory_of_children
from benchmarks.profiles import Profiles
from restapi.config import Settings
from tests import servers

WORKERS = 2
ROOT = Path(__file__).parent.parent
PEER = Path(os.environ.get("AIIDA_PEER", ROOT / ".venv-peer" / "bin" / "verdi")).with_name("python")
"""aiida-core[rest] needs an environment of its own, because it needs another Flask; `make` makes it."""

OURS, LIMIT, UPSTREAM = "aiida-like", "limit", "aiida-core"


@dataclass(frozen=True)
class Program:
    """A module with `create_app`, and the Python that has what it needs."""

    module: str
    python: Path = Path(sys.executable)


PROGRAMS: Mapping[str, Program] = {
    OURS: Program("restapi"),
    LIMIT: Program("benchmarks.limit.app"),
    UPSTREAM: Program("benchmarks.upstream", PEER),
}

_FIRST_ANSWER = """
from wsgiref.util import setup_testing_defaults
from {module} import create_app
environ = {{"PATH_INFO": "/api/v4/nodes", "QUERY_STRING": "limit=20&orderby=-id"}}
setup_testing_defaults(environ)
statuses = []
body = b"".join(create_app()(environ, lambda status, *_: statuses.append(status)))
assert statuses == ["200 OK"] and body
print("answered", flush=True)
"""


@dataclass(frozen=True)
class Running:
    """A server that answers. CPU time is that of gunicorn's tree and, as it is asked alone, of PostgreSQL's."""

    name: str
    address: Address
    pid: int
    postmaster: int

    def cpu(self) -> float:
        """Seconds since it was started."""
        return sum(cpu_of_tree(pid) for pid in (self.pid, self.postmaster) if pid)

    def memory(self) -> Mapping[str, float]:
        return memory_of_children(self.pid)


@contextmanager
def running(name: str, profiles: Profiles, database: str, *, cached: bool) -> Iterator[Running]:
    program = PROGRAMS[name]
    command = [
        *(str(program.python), "-m", "gunicorn", "-w", str(WORKERS), "--chdir", str(ROOT), "--timeout", "600"),
        *("--log-level", "error", f"{program.module}:create_app()", "-b"),
    ]
    with _started(name, command, profiles, database, {}, cached=cached) as server:
        yield server


@contextmanager
def serving(checkout: Path, profiles: Profiles, database: str, *, cached: bool) -> Iterator[Running]:
    """Ours as users run it, with threads, of the version that is checked out there."""
    command = [sys.executable, "-m", "restapi.cli", "serve", database, "-w", str(WORKERS), "-P"]
    environment = {"PYTHONPATH": str(checkout)}
    with _started(OURS, command, profiles, database, environment, cached=cached) as server:
        yield server


@contextmanager
def _started(
    name: str,
    command: Sequence[str],
    profiles: Profiles,
    database: str,
    environment: Mapping[str, str],
    *,
    cached: bool,
) -> Iterator[Running]:
    """The command, which ends with an option for the port."""
    address = Address("127.0.0.1", servers.free_port())
    where = str(address.port) if command[-1] == "-P" else f"{address.host}:{address.port}"
    url = f"http://{address.host}:{address.port}/api/v4/computers"
    environment = {**_environment(profiles, database, cached=cached), **environment}
    with servers.serving([*command, where], url, environment, {200}) as started:
        yield Running(name, address, started.pid, profiles.postmaster)


def first_answer(name: str, profiles: Profiles, database: str, times: int = 5) -> float:
    """Seconds from the start of Python until a list of 20 nodes is there, of modules that were compiled before."""
    program = PROGRAMS[name]
    command = [str(program.python), "-c", _FIRST_ANSWER.format(module=program.module)]
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, **_environment(profiles, database, cached=True), "PYTHONPYCACHEPREFIX": compiled}
        # As pip does when it installs them; where this is set, each start would compile them anew.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        _, *seconds = [_seconds_until_answered(command, environment, name) for _ in range(times + 1)]
    return statistics.median(seconds)


def _seconds_until_answered(command: Sequence[str], environment: Mapping[str, str], name: str) -> float:
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"answered\n", f"{name} does not answer"
        return time.perf_counter() - began


def has_cache() -> bool:
    """Whether the version that is measured has the setting that switches caches off."""
    return "cache" in {field.name for field in fields(Settings)}


def _environment(profiles: Profiles, database: str, *, cached: bool) -> dict[str, str]:
    environment = {
        "AIIDA_PATH": str(profiles.folder),
        "AIIDA_LIKE_PROFILE": database,
        "BENCHMARK_PROFILE": database,
        # The days of aiida-core's statistics are those of the time zone of the server.
        "TZ": "UTC",
    }
    return environment | ({"AIIDA_LIKE_CACHE": "yes" if cached else "no"} if has_cache() else {})
