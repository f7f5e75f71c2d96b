"""What tests need from the system: PostgreSQL, a browser, and servers of ours as processes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, TYPE_CHECKING, Any, NoReturn
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from tests.watchdog import watched

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

    from selenium.webdriver import Chrome

PATIENCE = 30.0
"""Seconds a server may take to start, or to answer."""

LAST_PATIENCE = 60.0
"""Seconds it may take to end: gunicorn kills a worker that was just born, and heard no signal, only behind thirty."""

POSTGRESQL_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: -int(folder.parent.name))
"""Where Debian has the programs of PostgreSQL that are not in PATH, the newest first."""


def require(program: str) -> str:
    """The path of a program; a test that needs one that is not there is `left_out`."""
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, POSTGRESQL_FOLDERS)])
    path = shutil.which(program, path=folders)
    if path is None:
        left_out(f"{program} is not installed; tests/system_packages.sh installs it on Debian")
    return path


def left_out(reason: str) -> NoReturn:
    """Skips the test that asks for what is not there, but lets it fail where `CI` is set."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, is_so
        time.sleep(0.02)


@dataclass(frozen=True)
class PostgreSQL:
    """A running server that is ours alone."""

    port: int
    sockets: Path  # the folder of its Unix socket, for standbys too
    host: str = "127.0.0.1"
    user: str = "aiida"
    password: str = "p@ss/w:rd%41"  # what a URL must quote

    def url(self, database: str) -> str:
        password = quote(self.password, safe="")
        return f"postgresql://{self.user}:{password}@{self.host}:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Creates an empty database and returns its URL."""
        import psycopg
        from psycopg.sql import SQL, Identifier

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(database)))
        return self.url(database)

    def copy(self, database: str, name: str) -> str:
        """A copy of a database that nobody is connected to, and its URL."""
        import psycopg
        from psycopg.sql import SQL, Identifier

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])
            statement = SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(database))
            connection.execute(statement)
        return self.url(name)


@contextmanager
def postgresql(
    data: Path | None = None, fill: Callable[[Path], None] | None = None, port: int | None = None, **settings: str
) -> Iterator[PostgreSQL]:
    """A PostgreSQL server with a cluster of its own, over TCP with a password and over a socket without.

    `data` is where the cluster is, made first where there is none; without it, it goes away at the end. `fill` copies
    one, of the same user and password, to there.

    Its collation is ICU's en-US, on every machine the same: like the en_US.UTF-8 of AiiDA's databases, and unlike
    SQLite, it sorts `alpha` before `Beta`.
    """
    initdb = require("initdb")
    account = _account()
    with TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        server = PostgreSQL(port or free_port(), sockets=folder)
        data = data or folder / "data"
        if fill:
            fill(data)
        data.mkdir(exist_ok=True)
        password = folder / "password"
        password.write_text(server.password)
        if account:
            for path in (folder, data, password, *data.rglob("*")):
                shutil.chown(path, account["user"], account["group"])
        if not (data / "PG_VERSION").exists():
            _run(
                [
                    *(initdb, "--pgdata", str(data), "--username", server.user, "--pwfile", str(password)),
                    *("--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US"),
                    *("--auth-host=scram-sha-256", "--auth-local=trust", "--no-sync"),
                ],
                cwd=folder,
                **account,
            )
        with _running(data, server, account, **settings):
            yield server


@contextmanager
def standby(primary: PostgreSQL) -> Iterator[PostgreSQL]:
    """A hot standby, which follows the primary and answers what only reads."""
    backup = require("pg_basebackup")
    account = _account()
    server = replace(primary, port=free_port())
    data = primary.sockets / f"standby-{server.port}"
    source = ["-h", str(primary.sockets), "-p", str(primary.port), "-U", primary.user]
    _run([backup, "-D", str(data), *source, "-R", "-c", "fast", "--no-sync"], cwd=primary.sockets, **account)
    with _running(data, server, account):
        yield server


def _account() -> dict[str, Any]:
    """PostgreSQL refuses to be run by root."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


@contextmanager
def _running(data: Path, server: PostgreSQL, account: dict[str, Any], **more: str) -> Iterator[None]:
    settings = {
        "listen_addresses": server.host,
        "port": server.port,
        "unix_socket_directories": server.sockets,
        "fsync": "off",
        # What it commits in the background changes the data version, between any two requests.
        "autovacuum": "off",
        "shared_buffers": "32MB",
        **more,
    }
    options = [f"--{key}={value}" for key, value in settings.items()]
    command = [require("postgres"), "-D", str(data), *options]
    with _process(command, stop=signal.SIGINT, cwd=server.sockets, **account) as process:
        process.wait_until(lambda: _accepts(server))
        yield


def _accepts(server: PostgreSQL) -> bool:
    import psycopg

    try:
        psycopg.connect(server.url("postgres")).close()
    except psycopg.OperationalError:
        return False
    return True


def schema(url: str) -> bytes:
    """Its statements."""
    command = [require("pg_dump"), "--schema-only", "--no-owner", url]
    return re.sub(r"^\\.*$", "", _run(command), flags=re.MULTILINE).encode()


@contextmanager
def chromium(*, javascript: bool = True) -> Iterator[Chrome]:
    """A headless Chromium with a profile of its own, which talks to nobody but the pages under test."""
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    options.binary_location = require("chromium")
    driver = require("chromedriver")
    with TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-unsafe-swiftshader",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={profile}",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        if not javascript:
            options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        service = ChromeService(executable_path=driver, popen_kw={"start_new_session": True})
        browser = Chrome(options=options, service=service)
        with watched(service.process.pid, signal.SIGTERM):
            try:
                yield browser
            finally:
                browser.quit()


@dataclass(frozen=True)
class Serving:
    """A server of ours that answers."""

    url: str
    process: _Process

    @property
    def pid(self) -> int:
        return self.process.popen.pid

    @property
    def stderr(self) -> str:
        """What it has printed until now, both streams."""
        return self.process.output


@contextmanager
def serving(
    command: Sequence[str],
    url: str,
    env: Mapping[str, str] | None = None,
    statuses: Container[int] = range(100, 600),
    patience: float = PATIENCE,
) -> Iterator[Serving]:
    """Runs a server, with `env` added to the environment, from when `url` answers until the block ends.

    `statuses` are what is an answer, which may take `patience` seconds. The server must end at SIGTERM.
    """
    with _process(command, stop=signal.SIGTERM, env={**os.environ, **(env or {})}) as process:
        process.wait_until(lambda: _status(url) in statuses, patience)
        yield Serving(url, process)


def _status(url: str) -> int:
    """0: nobody answers."""
    try:
        with urlopen(url, timeout=PATIENCE) as answer:
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


@dataclass(frozen=True)
class _Process:
    popen: subprocess.Popen[bytes]
    printed: IO[bytes]

    @property
    def output(self) -> str:
        """From the beginning; the process goes on writing at the end of the same open file."""
        size = os.fstat(self.printed.fileno()).st_size
        return os.pread(self.printed.fileno(), size, 0).decode(errors="replace")

    def wait_until(self, is_ready: Callable[[], bool], patience: float = PATIENCE) -> None:
        deadline = time.monotonic() + patience
        while not is_ready():
            status = self.popen.poll()
            assert status is None, f"{self.popen.args} ended with status {status}:\n{self.output}"
            assert time.monotonic() < deadline, f"{self.popen.args} is not ready:\n{self.output}"
            time.sleep(0.05)

    def end(self, stop: signal.Signals) -> None:
        self.popen.send_signal(stop)
        try:
            self.popen.wait(LAST_PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()
            pytest.fail(f"{self.popen.args} did not end at {stop.name}:\n{self.output}")


@contextmanager
def _process(command: Sequence[str], stop: signal.Signals, **options: Any) -> Iterator[_Process]:
    with TemporaryFile() as printed:
        popen = subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT, start_new_session=True, **options)
        process = _Process(popen, printed)
        with watched(popen.pid, stop):
            try:
                yield process
            finally:
                process.end(stop)


def _run(command: Sequence[str], **options: Any) -> str:
    """Runs a program to its end and returns what it printed to standard output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command} ended with status {done.returncode}:\n{done.stderr}"
    return done.stdout
