"""`aiida-like serve --with-engine`: the engine and the web server in one go, each a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import click

from aiida_like.errors import TargetError
from aiida_like_engine.accounts import first_key
from aiida_like_engine.layout import Root
from aiida_like_engine.server_db import open_to_write
from restapi.config import Settings

_COMMAND = (sys.executable, "-m", "restapi.cli")

_LOOK_SECONDS = 0.2
_END_SECONDS = 30.0
_AGAIN_SECONDS = 1.0
_FEWEST_SECONDS = 5.0
"""An engine that ends sooner than this after its start will not get better by another one."""


def serve_with_engine(settings: Settings, login: str) -> int:
    """Makes the engine, where there is none yet, and runs it beside the server until either ends for good.

    `login` is the URL of the page to sign in. Returns the exit code of the server.

    Raises:
        TargetError: the engine cannot be made.
    """
    assert settings.engine is not None
    # What `init` prints is how to start the engine, which is done here.
    making = [*_COMMAND, "engine", "init", settings.engine]
    if subprocess.run(making, check=False, stdout=subprocess.DEVNULL).returncode:  # noqa: S603 our own
        raise TargetError(f"the engine at {settings.engine} cannot be made")
    if settings.accounts:  # without, the server tells it at each start
        tell_first_key(settings, login)
    server = [*_COMMAND, *(each for each in sys.argv[1:] if each != "--with-engine")]
    return run_both([*_COMMAND, "engine", "start", settings.engine], server)


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


def run_both(engine: Sequence[str], server: Sequence[str]) -> int:
    """Runs both programs; an engine that ends is started again. Returns the exit code of the server.

    Once the server has ended, or a signal says so, both are ended; what the engine has begun goes on without it.
    """
    with _signals_as_exit():
        running = subprocess.Popen(engine)  # noqa: S603 our own
        began = time.monotonic()
        serving = subprocess.Popen(server)  # noqa: S603
        try:
            while (code := serving.poll()) is None:
                time.sleep(_LOOK_SECONDS)
                if running.poll() is None:
                    continue
                if time.monotonic() - began < _FEWEST_SECONDS:
                    click.echo(f"Error: the engine has ended with code {running.returncode}", err=True)
                    return 1
                time.sleep(_AGAIN_SECONDS)
                running, began = subprocess.Popen(engine), time.monotonic()  # noqa: S603
        except KeyboardInterrupt:
            return 0
        else:
            return code
        finally:
            for process in (serving, running):
                _end(process)


@contextmanager
def _signals_as_exit() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does, and so does SIGHUP, when the terminal is closed, unless it is ignored."""

    def stop(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, stop) for each in numbers}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
