"""What many tests share. The golden storages are copied when the first test asks for them."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis.strategies import none

from aiida_like.storage import lazy_storage
from aiida_like.tuning import Tuning
from tests import golden_cache, servers
from tests.engine_fixture import engine, folder_of_aiida  # noqa: F401 - fixtures
from tests.markers import Effort, mark, put_longest_first
from tests.servers import PostgreSQL, require

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from selenium.webdriver import Chrome
    from werkzeug.test import TestResponse

    from aiida_like.storage import Statement
    from tests.writable import Writable

ROOT = Path(__file__).parent.parent

# A landing must not depend on luck: in CI the examples are the same in each run, elsewhere new ones. Nothing is timed.
settings.register_profile("untimed", deadline=None)
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable" if os.environ.get("CI") else "untimed")

# A machine that is busy otherwise may take long to open a profile.
lazy_storage._PATIENCE = 60

NOTHING_IS_SLOW = Tuning(slow_seconds=float("inf"))
"""For tests that count statements: which lists are remembered must not depend on what else the machine does."""

COMMAND = (sys.executable, "-m", "restapi.cli")
"""`aiida-like`, of the environment that the tests run in."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Who asks which test runs which line, as `tests.mutate` does, asks of all.
    has_contexts = bool(config.getoption("cov_context", None))
    mark(items, is_measured=config.pluginmanager.hasplugin("_cov") and not has_contexts)
    put_longest_first(items)


def pytest_collection_finish() -> None:
    """Never search for garbage in what was collected: it stays until the end."""
    # At its first test Hypothesis, as of 6.131, looks up who refers to its numbers, and finds nobody who is frozen.
    settings(max_examples=1, database=None)(given(none())(lambda _: None))()
    gc.freeze()


@pytest.fixture(params=["sample", "whole"])
def effort(request: pytest.FixtureRequest) -> Effort:
    return Effort(request.param == "whole")


@dataclass(frozen=True)
class Golden:
    """The golden graph as aiida-core stored it: two profiles in SQLite, the same files loose and packed; an archive."""

    aiida_path: Path
    archive: Path
    sqlite: Path
    packed: Path


@dataclass(frozen=True)
class GoldenPostgreSQL:
    """The golden graph in PostgreSQL; `repository` holds `container/`."""

    aiida_path: Path
    url: str
    repository: Path


@pytest.fixture(scope="session")
def golden_cached() -> Path:
    """Where the golden storages are kept from one session to the next."""
    return golden_cache.cache_folder()


@pytest.fixture(scope="session", autouse=True)
def own_home(golden_cached: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees or touches the files of who runs it, but for the golden storages in the cache, found before."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("UV_CACHE_DIR", os.environ.get("UV_CACHE_DIR") or str(golden_cached / "uv"))
        patch.delenv("AIIDA_PATH", raising=False)
        patch.delenv("XDG_CACHE_HOME", raising=False)
        for name in [name for name in os.environ if name.startswith("AIIDA_LIKE_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """What makes guesses slow would make tests slow. Commands that run as processes hash as users do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aiida_like_engine.server_db.passwords._COST", (1, 8, 1))
        yield


@pytest.fixture(scope="session")
def golden(golden_cached: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Golden]:
    """A copy for the session; no test may change a byte of it."""
    folder = tmp_path_factory.mktemp("golden")
    golden_cache.copy_sqlite(golden_cached, folder)
    # AiiDA's own bookkeeping beside the profiles, logs and locks, is not what is guarded.
    guarded = [folder / "golden.aiida", folder / "sqlite", folder / "packed"]
    before = [_fingerprint(path) for path in guarded]
    yield Golden(folder, folder / "golden.aiida", folder / "sqlite", folder / "packed")
    assert [_fingerprint(path) for path in guarded] == before


@pytest.fixture(scope="session")
def golden_postgresql_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("golden-postgresql")


@pytest.fixture(scope="session")
def postgresql(golden_cached: Path, golden_postgresql_files: Path) -> Iterator[PostgreSQL]:
    """A server whose database `golden` tests use as `golden_postgresql`."""
    with servers.postgresql(
        fill=partial(golden_cache.copy_postgresql, golden_cached, golden_postgresql_files)
    ) as server:
        golden_cache.set_port(golden_postgresql_files, server.port)
        yield server


@pytest.fixture(scope="session")
def golden_postgresql(postgresql: PostgreSQL, golden_postgresql_files: Path) -> Iterator[GoldenPostgreSQL]:
    """A copy for the session; no test may change a row or a file of it."""
    folder, url = golden_postgresql_files, postgresql.url("golden")
    before = _dump(url), _fingerprint(folder / "repository")
    yield GoldenPostgreSQL(folder, url, folder / "repository")
    assert (_dump(url), _fingerprint(folder / "repository")) == before


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chrome]:
    with servers.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[..., Flask]]:
    """`create_app`, for applications that are closed behind the tests of a module."""
    from restapi import create_app

    made: list[Flask] = []

    def create(*arguments: Any, **options: Any) -> Flask:
        made.append(create_app(*arguments, **options))
        return made[-1]

    yield create
    for app in made:
        app.extensions["aiida_like_storage"].close()


@pytest.fixture(scope="module")
def app(target: dict[str, Any], serve: Callable[..., Flask]) -> Flask:
    """The golden graph, of each storage in turn."""
    from aiida_like.profiles import find

    return serve(find(**target), {})


@pytest.fixture(scope="module")
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def forgetful(target: dict[str, Any], serve: Callable[..., Flask]) -> FlaskClient:
    """As `client`, of a server without caches."""
    from aiida_like.profiles import find

    return serve(find(**target), {"CACHE": False}).test_client()


@contextmanager
def statements_read() -> Iterator[list[Statement]]:
    """The statements that are read in the block."""
    from aiida_like.storage import Snapshot

    seen: list[Statement] = []
    read = Snapshot.rows

    def look(snapshot: Snapshot, statement: Statement, most: int | None = None) -> Any:
        seen.append(statement)
        return read(snapshot, statement, most)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Snapshot, "rows", look)
        yield seen


def headers_of(answer: TestResponse) -> dict[str, str]:
    """All but `Server-Timing`, which says how it was found this time, and the id of the request."""
    return {name: value for name, value in answer.headers.items() if name not in {"Server-Timing", "X-Request-ID"}}


@pytest.fixture(scope="module")
def archive_client(golden: Golden, serve: Callable[..., Flask]) -> FlaskClient:
    """For what does not depend on the storage."""
    return serve(str(golden.archive), {}).test_client()


def at_once(ask: Callable[[int], None], number: int = 8) -> None:
    """Runs it in so many threads, each with a number of its own."""
    threads = [threading.Thread(target=ask, args=(each,)) for each in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def oracle(module: str, stored: GoldenPostgreSQL) -> Iterator[Callable[[Any], Any]]:
    """Asks aiida-core: a process that reads a line of JSON and answers with another."""
    command = [sys.executable, "-m", module, "postgresql"]
    environment = {**os.environ, "AIIDA_PATH": str(stored.aiida_path)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(asked: Any) -> Any:
            print(json.dumps(asked), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())  # type: ignore[union-attr]

        yield ask
        process.stdin.close()
        process.wait(30)


def _fingerprint(path: Path) -> dict[str, str]:
    """SHA-256 of each file by its path; a new file shows as much as a changed one."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _dump(url: str) -> str:
    done = subprocess.run([require("pg_dump"), url], capture_output=True, text=True, check=True)
    # pg_dump guards its output with a token that is new each time.
    return re.sub(r"^\\(un)?restrict .*$", "", done.stdout, flags=re.MULTILINE)


@pytest.fixture(scope="session", params=["archive", "sqlite", "packed", "postgresql"])
def target(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each golden storage in turn, as arguments of `profiles.find`."""
    if request.param == "postgresql":
        stored: GoldenPostgreSQL = request.getfixturevalue("golden_postgresql")
        return {"target": stored.url, "repository": str(stored.repository)}
    return {"target": str(getattr(request.getfixturevalue("golden"), request.param))}


@pytest.fixture(params=["sqlite", "postgresql"])
def changing(request: pytest.FixtureRequest, golden: Golden, tmp_path: Path) -> Writable:
    """A copy that may be changed."""
    from tests import writable

    if request.param == "sqlite":
        return writable.sqlite(golden, tmp_path)
    stored: GoldenPostgreSQL = request.getfixturevalue("golden_postgresql")
    return writable.postgresql(stored, request.getfixturevalue("postgresql"), tmp_path.name, tmp_path)


def run(command: Sequence[str | Path], folder: Path, code: int = 0) -> str:
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that git knows, or those of the sdist that this was unpacked from."""
    folder = tmp_path_factory.mktemp("source")
    if (ROOT / ".git").exists():
        names = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT).split("\0")
    else:
        names = (ROOT / "aiida_like.egg-info" / "SOURCES.txt").read_text().splitlines()
    for name in filter(None, names):
        if (ROOT / name).is_file() and ".egg-info" not in name:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as users get it."""
    return built(source, "--wheel", tmp_path_factory.mktemp("wheel"))


def built(source: Path, form: str, folder: Path) -> Path:
    """What is built of a copy of the sources, where building leaves its files."""
    copy = shutil.copytree(source, folder / "source")
    run([sys.executable, "-m", "build", "--installer", "uv", form, "--outdir", folder / "dist", copy], folder)
    (only,) = (folder / "dist").iterdir()
    return only
