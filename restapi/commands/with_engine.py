"""`aiida-like serve --with-engine`: the engine and the web server in one go, each a process of its own."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import click

from aiida_like.errors import TargetError
from aiida_like_engine.client import Client
from aiida_like_engine.errors import EngineAway
from aiida_like_engine.root.layout import Root
from aiida_like_engine.server_db.accounts import first_key
from aiida_like_engine.server_db.database import open_to_write
from restapi.config import Settings

_COMMAND = (sys.executable, "-m", "restapi.cli")

_LOOK_SECONDS = 0.2
_END_SECONDS = 30.0
_AGAIN_SECONDS = 1.0
_FEWEST_SECONDS = 5.0
"""An engine that ends sooner than this after its start will not get better by another one."""
_LATEST_SECONDS = 60.0
"""How long the server waits for the engine: then it reads all the same, and says that nothing can be run."""


def serve_with_engine(settings: Settings, login: str) -> int:
    """Makes the engine, where there is none yet, and runs it beside the server until either ends for good.

    The server, which tells where it is, is started once the engine answers. `login` is the URL of the page to sign in.
    Returns the exit code of the server.

    Raises:
        TargetError: the engine cannot be made.
    """
    assert settings.engine is not None
    # What `init` prints is how to start the engine, which is done here.
    click.echo(f"The engine of {settings.engine} is made ready: this takes some seconds.")
    making = [*_COMMAND, "engine", "init", settings.engine]
    if subprocess.run(making, check=False, stdout=subprocess.DEVNULL).returncode:  # noqa: S603 our own
        raise TargetError(f"the engine at {settings.engine} cannot be made")
    server = [*_COMMAND, *(each for each in sys.argv[1:] if each != "--with-engine")]
    root = Root(Path(settings.engine).absolute())

    def once_up() -> None:
        if settings.accounts:  # without, the server tells it at each start
            tell_first_key(settings, login)

    return run_both([*_COMMAND, "engine", "start", settings.engine], server, lambda: answers(root), once_up)


def answers(root: Root) -> bool:
    """Whether an engine works on a ROOT, and can be asked now."""
    try:
        Client(root.socket).health()
    except EngineAway:
        return False
    return True


def tell_first_key(settings: Settings, login: str) -> None:
    """Makes the first account and its key, if there is none, and tells how to get in.

    A terminal shows the key itself, once: what else reads the output may keep it.

    Raises:
        EngineError: there is no engine, or its database cannot be written.
    """
    assert settings.engine is not None
    root = Root.existing(settings.engine)
    database = open_to_write(root.server_database)
    try:
        with database.writing() as connection:
            key = first_key(connection, root.first_key)
    finally:
        database.close()
    if key is not None and sys.stdout.isatty():
        click.echo(f"Sign in, this once by this link: {login}#{key}")
    if key is not None or not settings.accounts:
        click.echo(f"The first key is in {root.first_key}.")


def run_both(
    engine: Sequence[str],
    server: Sequence[str],
    is_up: Callable[[], bool] = lambda: True,
    once_up: Callable[[], None] = lambda: None,
) -> int:
    """Runs both programs; an engine that ends is started again. Returns the exit code of the server.

    The server is started when `is_up` says that the engine answers, and `once_up` was called. Once the server has
    ended, or a signal says so, both are ended; what the engine has begun goes on without it.
    """
    both = _Both()
    with both.signals():
        running, serving = both.start(engine), None
        began, latest = time.monotonic(), time.monotonic() + _LATEST_SECONDS
        try:
            while serving is None or (code := serving.poll()) is None:
                if serving is None and (is_up() or time.monotonic() > latest):
                    once_up()
                    serving = both.start(server)
                time.sleep(_LOOK_SECONDS)
                if running.poll() is None:
                    continue
                if time.monotonic() - began < _FEWEST_SECONDS:
                    click.echo(f"Error: the engine has ended with code {running.returncode}", err=True)
                    return 1
                time.sleep(_AGAIN_SECONDS)
                running, began = both.start(engine), time.monotonic()
        except KeyboardInterrupt:
            return 0
        else:
            return code
        finally:
            both.end()


_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """Lets the system end this process as SIGTERM does when its parent is killed, which then can end nothing itself."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class _Both:
    """The processes that were started, the last ones first."""

    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    are_ending: bool = False

    def start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        self.processes = [each for each in self.processes if each.poll() is None]
        started = subprocess.Popen(command, preexec_fn=_end_with_parent)  # noqa: PLW1509, S603 our own; one thread
        self.processes.insert(0, started)
        return started

    @contextmanager
    def signals(self) -> Iterator[None]:
        """SIGTERM ends the block as Ctrl-C does, and so does SIGHUP, when the terminal is closed, unless it is ignored.

        Another signal while the processes end does not wait for them.
        """
        numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
        before = {
            each: signal.signal(each, self._signalled)
            for each in numbers
            if signal.getsignal(each) is not signal.SIG_IGN
        }
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _signalled(self, _: int, __: FrameType | None) -> None:
        if not self.are_ending:
            self.are_ending = True
            raise KeyboardInterrupt
        for each in self.processes:
            each.kill()

    def end(self) -> None:
        self.are_ending = True
        for each in self.processes:
            each.terminate()
            try:
                each.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()
