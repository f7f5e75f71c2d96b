"""A whole engine for tests: broker, workers and gateway as processes, in a ROOT of its own, as an ordinary user."""

from __future__ import annotations

import atexit
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from aiida_like.container import Container
from aiida_like_engine.client import Client
from aiida_like_engine.errors import EngineAway
from aiida_like_engine.protocol import RunRequest, Step, StepInput, StoredFile
from aiida_like_engine.root.layout import Root
from aiida_like_engine.server_db.database import ServerDatabase, now, open_to_read, open_to_write
from aiida_like_engine.server_db.tables import ACCOUNTS, EVENTS, FILES, JOBS, OUTPUTS, RUNS, STATES
from aiida_like_engine.services.supervisor import running
from tests.servers import left_out, require
from tests.watchdog import watched

REPOSITORY = Path(__file__).parent.parent
PATIENCE = 60.0
"""Seconds that a job, or a start, may take on a busy machine."""

BOUNDARY = "a-boundary"


@dataclass(frozen=True)
class Person:
    """A user of the system, a Python that this user can run, and where it finds what it imports."""

    uid: int
    gid: int
    python: str
    paths: tuple[str, ...]

    @property
    def is_us(self) -> bool:
        return self.uid == os.getuid()

    def environment(self, home: Path, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("LANG", "PATH") if name in os.environ}
        return {**kept, "HOME": str(home), "PYTHONPATH": os.pathsep.join(self.paths), **more}

    @property
    def identity(self) -> dict[str, Any]:
        """What `subprocess` takes, to be this user."""
        return {} if self.is_us else {"user": self.uid, "group": self.gid, "extra_groups": []}


PATHS = (str(REPOSITORY), sysconfig.get_path("purelib"))


@cache
def ordinary_person(name: str = "nobody") -> Person:
    """An ordinary user: whoever runs the tests, or for root another one, who may need copies of what root alone reads.

    The test is left out where root has no Python that this user can run.
    """
    if os.getuid() != 0:
        return Person(os.getuid(), os.getgid(), sys.executable, PATHS)
    user = pwd.getpwnam(name)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for paths_of in (lambda: PATHS, _copies):
        for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
            person = Person(user.pw_uid, user.pw_gid, python, paths_of())
            if _can_import(person):
                return person
    return left_out(f"{name} can run no {version}: tests of the engine are not run as root")


def _can_import(person: Person) -> bool:
    with suppress(OSError):
        done = subprocess.run(
            [person.python, "-c", "import aiida_like_engine, sqlalchemy"],
            env=person.environment(Path("/")),
            cwd="/",
            capture_output=True,
            check=False,
            **person.identity,
        )
        return done.returncode == 0
    return False


@cache
def _copies() -> tuple[str, ...]:
    """Copies of `PATHS` that anybody can read; they share their bytes, if they are on one disk."""
    folder = Path(tempfile.mkdtemp(prefix="aiida-like-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    for number, path in enumerate(PATHS):
        shutil.copytree(path, folder / str(number), copy_function=_link_or_copy, ignore=_NOT_COPIED)
    return tuple(str(folder / str(number)) for number in range(len(PATHS)))


_NOT_COPIED = shutil.ignore_patterns(".*", "build")


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@dataclass(frozen=True)
class Run:
    """A run that has ended: its row, events in the order of their times, and outputs by path."""

    row: Any
    events: Mapping[str, Any]
    outputs: Mapping[str, Any]
    root: Root

    def content(self, path: str) -> bytes:
        """The bytes of an output, as web workers read them."""
        container = Container.open(self.root.store / "container")
        try:
            return container.content(self.outputs[path].object_key)
        finally:
            container.close()

    @property
    def log(self) -> str:
        return self.content("process_output.log").decode(errors="replace")


@dataclass
class RunningEngine:
    root: Root
    person: Person
    home: Path
    account: int = 0
    process: subprocess.Popen[bytes] | None = None
    database: ServerDatabase | None = None
    _watched: ExitStack = field(default_factory=ExitStack)

    @property
    def client(self) -> Client:
        return Client(self.root.socket)

    def command(self, *arguments: str, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        """`aiida-like engine ...`, of the engine's user."""
        done = subprocess.run(
            [self.person.python, "-m", "restapi.cli", "engine", *arguments],
            env=self.person.environment(self.home, **variables),
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            **self.person.identity,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def init(self) -> None:
        self.command("init", str(self.root.path))
        self.database = open_to_read(self.root.server_database)

    def settings(self, **limits: Any) -> None:
        lines = [f"{name} = {str(value).lower()}" for name, value in limits.items()]
        self.root.settings.write_text("[engine]\ngrace_seconds = 2\n[limits]\n" + "\n".join(lines))

    def start(self, workers: int = 1) -> None:
        self.process = subprocess.Popen(
            [self.person.python, "-m", "restapi.cli", "engine", "start", str(self.root.path), f"--workers={workers}"],
            env=self.person.environment(self.home),
            cwd=self.home,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            **self.person.identity,
        )
        self._watched.enter_context(watched(self.process.pid, signal.SIGTERM))
        self.wait_until_up()

    @contextmanager
    def working(self, workers: int = 1) -> Iterator[RunningEngine]:
        """This engine, which works until the block ends."""
        self.start(workers)
        yield self
        self.stop()

    def wait_until_up(self) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self.client.health()
            except EngineAway:
                assert time.monotonic() < until, self.log()
                time.sleep(0.1)
            else:
                return

    def log(self) -> str:
        return self.root.log.read_text(errors="replace")[-6000:] if self.root.log.exists() else ""

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0
        self.has_ended()

    def has_ended(self) -> None:
        """Note that the supervisor has ended."""
        self._watched.close()
        self.process = None

    def kill(self, *kinds: str) -> None:
        """End processes of the engine with SIGKILL: supervisor, broker, gateway, worker."""
        found = self.processes()
        for kind in kinds:
            assert found[kind], (kind, found)
            for pid in found[kind]:
                os.kill(pid, signal.SIGKILL)
        if "supervisor" in kinds:
            assert self.process is not None
            self.process.wait(PATIENCE)
            self.has_ended()

    def processes(self) -> dict[str, list[int]]:
        """The processes of this engine, by what they are. A gateway has two."""
        supervisor = running(self.root)
        found: dict[str, list[int]] = {"supervisor": [], "broker": [], "gateway": [], "worker": []}
        if supervisor is None:
            return found
        found["supervisor"].append(supervisor)
        pids = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
        parents = {pid: _parent(pid) for pid in pids}
        for pid in pids:
            if supervisor in (parents[pid], parents.get(parents[pid])):
                words = _words(pid)
                for kind, word in (
                    ("broker", "broker"),
                    ("worker", "aiida_like_engine.services.worker"),
                    ("gateway", "gunicorn"),
                ):
                    if word in words:
                        found[kind].append(pid)
                        break
        return found

    # accounts and files

    def add_account(self, name: str = "ada", *, is_superuser: bool = False) -> int:
        database = open_to_write(self.root.server_database)
        values = {
            "name": name,
            "email": f"{name}@example.org",
            "is_superuser": is_superuser,
            "created": now(),
        }
        with database.writing() as connection:
            key = connection.execute(ACCOUNTS.insert().values(**values)).inserted_primary_key
        database.close()
        assert key is not None
        return int(key[0])

    def upload(self, name: str, content: bytes, account: int | None = None) -> StoredFile:
        body = multipart(name, content)
        return self.client.upload(
            account or self.account, [body], f"multipart/form-data; boundary={BOUNDARY}", len(body)
        )

    # jobs

    def submit(
        self, *steps: Step | str, label: str = "a job", account: int | None = None, token: str | None = None
    ) -> str:
        """The uuid of a run of these steps; a text is a command of the shell."""
        made = tuple(Step("shell", "1", each) if isinstance(each, str) else each for each in steps)
        job = self.client.create_job(account or self.account, label, {})
        request = RunRequest(label, f"the description of {label}", made)
        return self.client.submit(account or self.account, job.id, request, token or str(uuid.uuid4())).uuid

    def row(self, run: str) -> Any:
        assert self.database is not None
        with self.database.reading() as connection:
            return connection.execute(sa.select(RUNS).where(RUNS.c.uuid == run)).one()

    def job(self, run: str) -> str:
        assert self.database is not None
        with self.database.reading() as connection:
            query = sa.select(JOBS.c.public_id).join(RUNS, RUNS.c.job_id == JOBS.c.id).where(RUNS.c.uuid == run)
            return str(connection.execute(query).scalar_one())

    def stop_job(self, run: str) -> None:
        self.client.stop(self.account, self.job(run))

    def wait(self, run: str, state: str = "ended", seconds: float = PATIENCE) -> Run:
        """The run, once it is in a state."""
        until = time.monotonic() + seconds
        order = STATES
        while order.index(self.row(run).state) < order.index(state):
            assert time.monotonic() < until, (self.row(run), self.log())
            time.sleep(0.02)
        return self.found(run)

    def found(self, run: str) -> Run:
        assert self.database is not None
        with self.database.reading() as connection:
            row = connection.execute(sa.select(RUNS).where(RUNS.c.uuid == run)).one()
            events = connection.execute(sa.select(EVENTS).where(EVENTS.c.run_id == row.id).order_by(EVENTS.c.at)).all()
            outputs = connection.execute(
                sa.select(OUTPUTS).where(OUTPUTS.c.run_id == row.id).order_by(OUTPUTS.c.position)
            ).all()
        return Run(row, {each.name: each for each in events}, {each.path: each for each in outputs}, self.root)

    def run(self, *steps: Step | str, **options: Any) -> Run:
        return self.wait(self.submit(*steps, **options))

    def in_folder(self, run: str, name: str) -> Path:
        """A file in the folder of a run that has not ended, once it is there."""
        until = time.monotonic() + PATIENCE
        while True:
            folder = self.row(run).folder
            if folder is not None and (Path(folder) / name).exists():
                return Path(folder) / name
            assert time.monotonic() < until, (self.row(run), self.log())
            time.sleep(0.02)

    def files(self) -> Sequence[Any]:
        assert self.database is not None
        with self.database.reading() as connection:
            return connection.execute(sa.select(FILES)).all()

    def in_aiida(self, program: str) -> str:
        """What a program prints that has AiiDA's profile loaded and `orm` imported; the engine's user runs it."""
        done = subprocess.run(
            [self.person.python, "-c", f"from aiida import load_profile, orm\nload_profile()\n{program}"],
            env=self.person.environment(self.home, AIIDA_PATH=str(self.root.path)),
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            **self.person.identity,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def step(command: str, *inputs: StepInput, **values: Any) -> Step:
    return Step(values.pop("analysis", "shell"), values.pop("version", "1"), command, inputs=inputs, **values)


def multipart(name: str, content: bytes, content_type: str = "application/octet-stream") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    return f"{head}Content-Type: {content_type}\r\n\r\n".encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


@contextmanager
def halted(pids: Sequence[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def is_locked(folder: Path) -> bool:
    """Whether anybody shares the lock of a folder, or has it alone."""
    file = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def wait_until_locked(folder: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not is_locked(folder):
        assert time.monotonic() < until
        time.sleep(0.005)


def stored_slowly(engine: RunningEngine, command: str) -> str:
    """The run of a job with many outputs, which a worker has begun to store."""
    run = engine.submit(command)
    engine.wait(run, "running")
    wait_until_locked(engine.root.scratch)
    return run


def _parent(pid: int) -> int | None:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    return None


def _words(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    return []


@contextmanager
def an_engine(*, with_analyses: str = "", **limits: Any) -> Iterator[RunningEngine]:
    """An engine that was initialised and has one account, and does not run yet; what it started is ended."""
    require("bwrap")
    person = ordinary_person()
    folder = Path(tempfile.mkdtemp(prefix="engine-"))
    home = folder / "home"
    home.mkdir()
    os.chown(folder, person.uid, person.gid)
    os.chown(home, person.uid, person.gid)
    # Others have to pass, as web workers have.
    folder.chmod(0o755)
    made = RunningEngine(Root(folder / "root"), person, home)
    try:
        made.init()
        made.settings(**limits)
        if with_analyses:
            made.root.analyses.write_text(made.root.analyses.read_text() + with_analyses)
        made.account = made.add_account()
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.process.terminate()
            made.process.wait(PATIENCE)
            made.has_ended()
        if made.database is not None:
            made.database.close()
        _end_jobs(made.root)
        shutil.rmtree(folder, ignore_errors=True)


def _end_jobs(root: Root) -> None:
    """Jobs outlive the engine: end those of this ROOT, whose locks name their processes."""
    for lock in root.control.glob("*.lock"):
        with suppress(ValueError, IndexError, OSError):
            pid = int(lock.read_text().split()[0])
            is_ours = Path(f"/proc/{pid}/cwd").readlink().is_relative_to(root.path)
            if is_ours and any("wrapper.pyz" in word for word in _words(pid)):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def engine() -> Iterator[RunningEngine]:
    """An engine with 2 workers that runs for the session. No test may stop it."""
    with an_engine(cores=4) as made, made.working(workers=2):
        yield made
