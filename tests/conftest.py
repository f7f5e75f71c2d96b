"""What many tests share. The golden storages are made when the first test asks for them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests import servers
from tests.servers import PostgreSQL, require

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from selenium.webdriver import Chrome

    from aiida_like.storage import Storage
    from querylang.compile import Statement
    from tests.writable import Writable

ROOT = Path(__file__).parent.parent

# A landing must not depend on luck: in CI the examples are the same in each run, elsewhere new ones. Nothing is timed.
settings.register_profile("untimed", deadline=None)
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable" if os.environ.get("CI") else "untimed")

COMMAND = (sys.executable, "-m", "restapi.cli")
"""`aiida-like`, of the environment that the tests run in."""


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


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_slow() -> Iterator[None]:
    """What is remembered must not depend on what else the machine does; `test_slow.py` says what is slow."""
    from aiida_like import storage
    from restapi.fetching import reading

    with pytest.MonkeyPatch.context() as patch:
        for module in (reading, storage):
            patch.setattr(module, "SLOW", 3600.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees or touches the files of who runs it."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.delenv("AIIDA_PATH", raising=False)
        patch.delenv("XDG_CACHE_HOME", raising=False)
        for name in [name for name in os.environ if name.startswith("AIIDA_LIKE_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Golden]:
    """Made once a session; no test may change a byte of it."""
    folder = tmp_path_factory.mktemp("golden")
    _write_golden(folder)
    # AiiDA's own bookkeeping beside the profiles, logs and locks, is not what is guarded.
    guarded = [folder / "golden.aiida", folder / "sqlite", folder / "packed"]
    before = [_fingerprint(path) for path in guarded]
    yield Golden(folder, folder / "golden.aiida", folder / "sqlite", folder / "packed")
    assert [_fingerprint(path) for path in guarded] == before


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    with servers.postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def golden_postgresql(postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoldenPostgreSQL]:
    """Made once a session; no test may change a row or a file of it."""
    folder = tmp_path_factory.mktemp("golden-postgresql")
    url = postgresql.create("golden")
    _write_golden(folder, "--postgresql", url)
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
def fetched_by(module: ModuleType, name: str = "fetch") -> Iterator[list[Statement]]:
    """The statements that its `fetch` was given in the block."""
    seen: list[Statement] = []
    fetch = getattr(module, name)

    def look(storage: Storage, statement: Statement) -> Any:
        seen.append(statement)
        return fetch(storage, statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, look)
        yield seen


@pytest.fixture(scope="module")
def archive_client(golden: Golden, serve: Callable[..., Flask]) -> FlaskClient:
    """For what does not depend on the storage."""
    return serve(str(golden.archive), {}).test_client()


def _write_golden(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "tests.write_golden", str(folder), *arguments]
    environment = {**os.environ, "AIIDA_PATH": str(folder)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


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
def changing(request: pytest.FixtureRequest, golden: Golden, postgresql: PostgreSQL, tmp_path: Path) -> Writable:
    """A copy that may be changed."""
    from tests import writable

    if request.param == "sqlite":
        return writable.sqlite(golden, tmp_path)
    stored: GoldenPostgreSQL = request.getfixturevalue("golden_postgresql")
    return writable.postgresql(stored, postgresql, tmp_path.name, tmp_path)


def run(command: Sequence[str | Path], folder: Path, code: int = 0) -> str:
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as users get it, of the files that git knows."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    files = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT).split("\0")
    for name in filter(None, files):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    run([sys.executable, "-m", "build", "--wheel", "--outdir", folder, source], folder)
    (built,) = folder.glob("*.whl")
    return built
