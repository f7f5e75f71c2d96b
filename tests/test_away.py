"""Databases that go away while they are served, and come back: real processes, real files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http.client import IncompleteRead
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest

from aiida_like.errors import MISSING, NO_ANSWER, NOT_READABLE
from aiida_like.profiles import demo, find
from tests import golden_cache, servers, writable
from tests.conftest import COMMAND
from tests.servers import Serving, free_port, serving, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from tests.conftest import Golden

NODES = "/api/v4/nodes?orderby=-ctime&limit=3"
RETRY = "10"
BROKEN_OFF = "broken off"
"""A file whose rows come in parts, when the status was sent already."""


@contextmanager
def served(*targets: str | Path, rights: tuple[str, ...] = ()) -> Iterator[Serving]:
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    with serving(
        [*rights, *COMMAND, "serve", *map(str, targets), "-P", str(port), "-w", "2"], f"{root}/healthz"
    ) as server:
        yield Serving(root, server.process)


def asked(url: str) -> tuple[int, str]:
    """The status, and the reason if there is one."""
    try:
        with urlopen(url) as answer:
            answer.read()
            return answer.status, ""
    except IncompleteRead:
        return 200, BROKEN_OFF
    except HTTPError as error:
        with error:
            body = json.load(error)
            if "status" in body:
                return error.code, body["status"].removeprefix("not ready: ")
            retries = "" if error.headers["Retry-After"] == RETRY else "never again: "
            return error.code, retries + body["message"].removeprefix("this profile cannot be served now: ")


def wait_for_more(seen: Counter[tuple[int, str]]) -> None:
    enough = seen.total() + 200
    wait_until(lambda: seen.total() >= enough)


@pytest.fixture
def cluster(golden_cached: Path, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """The repository of the golden graph, and a cluster, in a folder that PostgreSQL's own user may enter."""
    with TemporaryDirectory(prefix="aiida-like-away-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        golden_cache.copy_postgresql(golden_cached, tmp_path, folder / "cluster")
        yield tmp_path / "repository", folder / "cluster"


def test_postgresql_under_load(cluster: tuple[Path, Path]) -> None:
    """It crashes, is stopped and started: each answer is right, or 503; then all are right again."""
    repository, data = cluster
    seen: Counter[tuple[int, str]] = Counter()
    is_over = threading.Event()

    def ask(root: str) -> None:
        while not is_over.is_set():
            for path in (NODES, "/api/v4/nodes/statistics", "/api/v2/groups", "/api/v4/nodes?format=csv", "/readyz"):
                seen[asked(root + path)] += 1

    with ExitStack() as first, ThreadPoolExecutor(8) as clients:
        server = first.enter_context(servers.postgresql(data))
        url = server.url("golden")
        with served(url, "--repository", repository) as ours:
            asking = clients.map(ask, [ours.url] * 8)
            try:
                wait_for_more(seen)
                with closing(psycopg.connect(url)) as connection:
                    found = connection.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'aiida-like'")
                    (pid, *_), *_ = found.fetchall()
                os.kill(pid, signal.SIGKILL)
                wait_for_more(seen)
                first.close()
                wait_until(lambda: asked(ours.url + NODES)[0] == 503)
                wait_for_more(seen)
                with servers.postgresql(data, port=server.port):
                    wait_until(lambda: asked(ours.url + NODES)[0] == 200)
                    wait_for_more(seen)
                    is_over.set()
                    assert list(asking) == [None] * 8
                    assert {asked(ours.url + path)[0] for path in (NODES, "/readyz")} == {200}
            finally:
                is_over.set()
            log = ours.stderr
    assert set(seen) - {(200, BROKEN_OFF)} == {(200, ""), (503, NO_ANSWER)}
    assert "Traceback" not in log


@dataclass(frozen=True)
class Fault:
    """What happens to a database file, what clients are told then, and how it is mended."""

    happen: Callable[[Path], None]
    reason: str
    mend: Callable[[Path, Path], None] = lambda file, sound: shutil.copyfile(sound, file) and None


def _truncated(size: float) -> Callable[[Path], None]:
    return lambda file: os.truncate(file, int(file.stat().st_size * size))


def _overwritten(content: bytes, place: int) -> Callable[[Path], None]:
    def happen(file: Path) -> None:
        with file.open("r+b") as opened:
            opened.seek(place)
            opened.write(content)

    return happen


WRITE = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 5")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE db_dbnode SET label = 'half written', description = hex(zeroblob(9999))")
os.kill(os.getpid(), signal.SIGKILL)
"""


def _killed(file: Path) -> None:
    """A writer is killed while its pages go into the file."""
    done = subprocess.run([sys.executable, "-c", WRITE, str(file)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert Path(f"{file}-journal").stat().st_size > 0


def _opened_with_aiida(file: Path, _: Path) -> None:
    verdi = Path(sys.executable).with_name("verdi")
    environment = {**os.environ, "AIIDA_PATH": str(file.parents[1])}
    subprocess.run([verdi, "-p", "sqlite", "storage", "info"], check=True, env=environment, stdout=subprocess.DEVNULL)


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _no_pipe(file: Path, sound: Path) -> None:
    file.unlink()
    shutil.copyfile(sound, file)


DAMAGED = "its database is damaged"
FAULTS = {
    "removed": Fault(Path.unlink, MISSING),
    "a pipe": Fault(_pipe, MISSING, _no_pipe),
    "empty": Fault(_truncated(0), DAMAGED),
    "cut off": Fault(_truncated(0.5), DAMAGED),
    "a text": Fault(lambda file: file.write_text("no database" * 999) and None, "its file is no database of SQLite"),
    "torn pages": Fault(_overwritten(b"\xff" * (1 << 17), 4096), DAMAGED),
    "hot journal": Fault(
        _killed,
        "AiiDA was stopped while it wrote to its database, and has to undo that: `verdi storage info` does it",
        _opened_with_aiida,
    ),
    "forbidden folder": Fault(
        lambda file: file.parent.chmod(0), NOT_READABLE, lambda file, _: file.parent.chmod(0o700)
    ),
}

UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
"""Else root may enter any folder."""


@pytest.mark.parametrize(
    ("name", "when"),
    [
        *zip(FAULTS, cycle(("before", "meanwhile")), strict=False),
        *(pytest.param(*each, marks=pytest.mark.long) for each in zip(FAULTS, cycle(("meanwhile", "before")))),
    ],
)
def test_sqlite(name: str, when: str, golden: Golden, tmp_path: Path) -> None:
    """One of two profiles has the fault: 503 with the reason. The other is served, and all is well when mended."""
    fault, sound = FAULTS[name], tmp_path / "sound"
    profile = writable.sqlite(golden, tmp_path)
    file = Path(profile.target["target"]) / "database.sqlite"
    shutil.copyfile(file, sound)
    if when == "before":
        fault.happen(file)
    with served(f"broken={file.parent}", demo().database, rights=UNPRIVILEGED) as ours:
        if when == "meanwhile":
            for _ in range(8):
                assert asked(f"{ours.url}/broken{NODES}") == (200, "")
            fault.happen(file)
        for _ in range(8):
            for path in (f"/broken{NODES}", "/broken/api/v2/groups", "/api/v4/users", "/broken/readyz", "/readyz"):
                status, reason = asked(ours.url + path)
                assert (status, reason) == (503, fault.reason), path
            for path in (f"/demo{NODES}", "/demo/readyz", "/broken/healthz", "/healthz", "/"):
                assert asked(ours.url + path) == (200, ""), path
        fault.mend(file, sound)
        for path in (f"/broken{NODES}", "/broken/readyz", "/api/v4/users"):
            assert asked(ours.url + path) == (200, ""), path
        assert "Traceback" not in ours.stderr
        assert "Worker" not in ours.stderr


def test_a_locked_database(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    profile = writable.sqlite(golden, tmp_path)
    client = serve(find(**profile.target), {}).test_client()
    assert client.get(NODES).status_code == 200
    with closing(profile.connect()) as writer:
        writer.isolation_level = None
        writer.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        answer = client.get("/api/v4/groups")
        assert 9 < time.monotonic() - began < 15
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, RETRY)
        assert answer.json["message"].endswith(": its database has been locked for 10 seconds")
        writer.execute("ROLLBACK")
    assert client.get("/api/v4/groups").status_code == 200


def test_a_log_that_was_left(golden: Golden, tmp_path: Path) -> None:
    """A writer with a write-ahead log was killed: what it has committed is read, unless nobody may make its index."""
    profile = writable.sqlite(golden, tmp_path)
    file = Path(profile.target["target"]) / "database.sqlite"
    with profile.committing() as commit:
        commit("PRAGMA journal_mode = wal")
    committed = WRITE.replace("os.kill", "connection.execute('COMMIT')\nos.kill")
    subprocess.run([sys.executable, "-c", committed, str(file)], check=False)
    with served(file.parent, rights=UNPRIVILEGED) as ours, urlopen(f"{ours.url}{NODES}") as answer:
        assert {node["label"] for node in json.load(answer)["data"]["nodes"]} == {"half written"}
    Path(f"{file}-shm").unlink()
    file.parent.chmod(0o500)
    with served(f"broken={file.parent}", demo().database, rights=UNPRIVILEGED) as ours:
        assert asked(f"{ours.url}/broken{NODES}") == (503, "its database cannot be opened")
        assert asked(f"{ours.url}/demo{NODES}") == (200, "")
        file.parent.chmod(0o700)
        assert asked(f"{ours.url}/broken{NODES}") == (200, "")


def test_targets_that_are_missing(golden: Golden, tmp_path: Path) -> None:
    """A server starts without them, and serves each when it is there."""
    missing, folder = tmp_path / "missing.aiida", tmp_path / "folder"
    folder.mkdir(mode=0)
    targets = [str(missing), f"other={folder}/other.aiida", "nobody", f"profile={folder}/profile", str(demo().database)]
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-b",
        f"127.0.0.1:{port}",
        "-w",
        "2",
        f"restapi:create_site({targets})",
    ]
    with serving([*UNPRIVILEGED, *command], f"{root}/healthz") as ours:
        for name, reason in (
            ("missing", "it is missing"),
            ("other", NOT_READABLE),
            ("nobody", "it is missing"),
            ("profile", NOT_READABLE),
        ):
            for path in (NODES, "/readyz", "/api/v2/nodes", "/"):
                assert asked(f"{root}/{name}{path}") == (503, reason), path
            assert asked(f"{root}/{name}/healthz") == (200, "")
        assert asked(f"{root}/demo{NODES}") == asked(f"{root}/") == (200, "")
        assert asked(f"{root}/readyz") == (503, "it is missing")
        shutil.copy(golden.archive, missing)
        folder.chmod(0o700)
        shutil.copy(golden.archive, folder / "other.aiida")
        shutil.copytree(golden.sqlite, folder / "profile")
        for name in ("missing", "other", "profile"):
            assert asked(f"{root}/{name}{NODES}") == asked(f"{root}/{name}/readyz") == (200, ""), name
        assert "Traceback" not in ours.stderr
