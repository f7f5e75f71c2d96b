"""The supervisor: starts broker, workers and gateway, watches them, and takes them with it when it ends.

Jobs are not its children: they survive it. AiiDA's own manager of daemons is not used: it never tells workers of a new
broker, and leaves orphans.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from aiida_like_engine.errors import EngineAway, RootError
from aiida_like_engine.root.environment import SANDBOX, UMASK, surroundings
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import EngineSettings
from aiida_like_engine.server_db.database import log_is_left
from aiida_like_engine.services.listeners import Listeners
from aiida_like_engine.services.log import line

GATEWAY_THREADS = 28
"""Beside one for each upload, which holds it while it stalls."""

TICK_SECONDS = 0.2
STOP_SECONDS = 10.0
LOCK_SECONDS = 1.0
"""Longer than `running` holds the lock, to look at it."""
START_SECONDS = 60.0
LOG_BYTES = 10_000_000
"""Where the log is begun anew; the one before is kept as `engine.log.1`."""

_PR_SET_PDEATHSIG = 1
_BROKER_STATE = ("broker.sockets", "broker.pid", "broker.status")


@dataclass
class Child:
    """A program that is kept running. One that ends at once is started more slowly, 10 s at most between two starts."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = 0.0

    def keep(self) -> str | None:
        """Start the program if it does not run; what happened, for the log."""
        if self.process is not None and self.process.poll() is None:
            return None
        moment = time.monotonic()
        if moment < self.started + self.pause:
            return None
        ended = self.process.returncode if self.process is not None else None
        lived = moment - self.started
        self.pause = 0.0 if lived > STOP_SECONDS or ended is None else min(10.0, 2 * self.pause + 0.5)
        self.process, self.started = self.start(), moment
        return f"{self.name} {self.process.pid}" + ("" if ended is None else f", after one that ended with {ended}")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()


@dataclass
class Supervisor:
    root: Root
    settings: EngineSettings
    workers: int
    has_sandbox: bool
    ending: list[int] = field(default_factory=list)
    log: IO[bytes] | None = None

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, in the main thread: children end with the thread that started them.

        Raises:
            RootError: another one works on this ROOT.
        """
        os.umask(UMASK)
        with ExitStack() as stack:
            stack.enter_context(locked(self.root))
            self.log = stack.enter_context(self.root.log.open("ab"))
            clean_up(self.root)
            for database in (self.root.server_database, self.root.store_database):
                stack.enter_context(log_is_left(database))
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda number, _: self.ending.append(number))
            while not self.ending:
                self.one_broker_long()
        # A gateway that is gone leaves its socket: connecting to it is refused at once, but it looks alive.
        self.root.socket.unlink(missing_ok=True)

    @property
    def service(self) -> Path:
        """Where the broker keeps its queue, and where AiiDA looks for it."""
        config = json.loads((self.root.aiida / "config.json").read_text("utf-8"))
        profile = config["profiles"][self.settings.name]
        return self.root.aiida / "broker" / f"{profile['PROFILE_UUID'].replace('-', '')}-{self.settings.name}"

    def one_broker_long(self) -> None:
        """Run all programs until the broker ends: none of the others ever finds a new one."""
        broker = self.start_broker()
        self.say(f"broker {broker.pid}")
        workers = [Child(f"worker {number + 1}", self.start_worker) for number in range(self.workers)]
        programs = [*workers, Child("gateway", self.start_gateway)]
        listeners = Listeners(self.service / "broker.status", self.workers)
        try:
            while not self.ending and broker.poll() is None:
                for program in programs:
                    happened = program.keep()
                    if happened is not None:
                        self.say(happened)
                if listeners.are_missing():
                    self.say("workers do not listen to the broker, and are started anew")
                    for each in workers:
                        each.kill()  # the broker has given to others what it does
                self.turn_log()
                time.sleep(TICK_SECONDS)
        finally:
            self.say("stopping" if self.ending else f"the broker ended with {broker.returncode}")
            end([each.process for each in programs if each.process is not None])
            end([broker])
            time.sleep(TICK_SECONDS)

    def start_broker(self) -> subprocess.Popen[bytes]:
        remove_sockets(self.service)
        for name in _BROKER_STATE:  # of one that was killed: workers would wait at its socket
            (self.service / name).unlink(missing_ok=True)
        self.service.mkdir(parents=True, exist_ok=True)
        log = str(self.service / "broker.log")
        verdi = (sys.executable, "-m", "aiida", "-p", self.settings.name, "daemon")
        broker = self.child(*verdi, "broker", "--service-dir", str(self.service), "--log-file-path", log)
        until = time.monotonic() + START_SECONDS
        while not (self.service / "broker.status").exists() and not self.ending:
            if broker.poll() is not None or time.monotonic() > until:
                end([broker])
                raise RootError(f"the broker did not start, see {self.root.log} and {log}")
            time.sleep(0.02)
        return broker

    def start_worker(self) -> subprocess.Popen[bytes]:
        # What it takes from jobs goes by names, not by copies, where it stays on one disk.
        sandbox = "yes" if self.has_sandbox else ""
        command = (sys.executable, "-m", "aiida_like_engine.services.worker", self.settings.name)
        return self.child(*command, TMPDIR=str(self.root.scratch), **{SANDBOX: sandbox})

    def start_gateway(self) -> subprocess.Popen[bytes]:
        from gunicorn.config import make_settings

        return self.child(
            *(sys.executable, "-m", "gunicorn", "--workers=1", "--worker-class=gthread"),
            *(
                f"--threads={self.settings.limits.uploads + GATEWAY_THREADS}",
                f"--bind=unix:{self.root.socket}",
                "--umask=0117",
            ),
            # A worker that loads AiiDA is silent for seconds; a client may reuse a connection that was idle.
            *("--timeout=90", "--graceful-timeout=5", "--keep-alive=75"),
            # A socket in the home of the user, which nobody asked for; gunicorn has it since version 25.
            *(["--no-control-socket"] if "control_socket_disable" in make_settings() else []),
            "aiida_like_engine.services.gateway:application()",
        )

    def child(self, *command: str, **variables: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603
            command,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - the supervisor has one thread
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
            env={**os.environ, **surroundings(self.root), **variables},
        )

    def say(self, text: str) -> None:
        assert self.log is not None
        self.log.write(line(text).encode())
        self.log.flush()

    def turn_log(self) -> None:
        if self.root.log.stat().st_size > LOG_BYTES:
            shutil.copy2(self.root.log, f"{self.root.log}.1")
            os.truncate(self.root.log, 0)  # the children hold it open, to append


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End children, politely first."""
    for each in processes:
        if each.poll() is None:
            each.terminate()
    until = time.monotonic() + STOP_SECONDS
    for each in processes:
        try:
            each.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            each.kill()
            each.wait()


def clean_up(root: Root) -> None:
    """Remove what killed processes left, before any of them runs: halves of uploads, files on their way."""
    for folder in (root.half_contents, root.scratch):
        if folder.is_dir():
            for each in folder.iterdir():
                _remove(each)


def remove_sockets(service: Path) -> None:
    """Remove the folder for temporary files that a broker had which was killed."""
    sockets = service / "broker.sockets"
    if sockets.is_file():
        folder = Path(sockets.read_text("utf-8").strip())
        if folder.parent == Path(tempfile.gettempdir()) and folder.name.startswith("aiida_zeromq_"):
            _remove(folder)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


class locked:  # noqa: N801 - a context manager
    """The lock of a ROOT, which holds the process id: two engines would run jobs twice."""

    def __init__(self, root: Root) -> None:
        self.root = root

    def __enter__(self) -> None:
        self.file = os.open(self.root.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        until = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    os.close(self.file)
                    path = self.root.path
                    raise RootError(f"an engine works on {path} already: aiida-like engine status {path}") from None
            time.sleep(0.05)
        os.ftruncate(self.file, 0)
        os.pwrite(self.file, f"{os.getpid()}\n".encode(), 0)

    def __exit__(self, *_: object) -> None:
        os.ftruncate(self.file, 0)
        os.close(self.file)


def running(root: Root) -> int | None:
    """The process id of the supervisor that works on a ROOT, if one does."""
    with suppress(FileNotFoundError), root.lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = file.read().strip()
            return int(text) if text else None
    return None


def stop(root: Root, seconds: float = 60.0) -> bool:
    """End the supervisor of a ROOT and wait for it. False: none ran.

    Raises:
        EngineAway: it did not end.
    """
    pid = running(root)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + seconds
    while running(root) == pid:
        if time.monotonic() > until:
            raise EngineAway(f"the engine's process {pid} did not end within {seconds:g} s")
        time.sleep(0.05)
    return True


def wait_until_up(health: Callable[[], Any], seconds: float = START_SECONDS) -> None:
    """Wait until the gateway answers.

    Raises:
        EngineAway: it did not.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            health()
        except EngineAway:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return
