"""Commands in a terminal: how far their target is opened, their end in one line if something is at fault, an option."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import inf
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from aiida_like.errors import BeingOpened, StatementCancelled, StatementTimeout, StorageError, TargetError
from aiida_like.profiles import Profile
from aiida_like.storage import open_storage
from aiida_like_engine.errors import EngineError, RootError
from restapi.commands.in_process import Refused
from restapi.config import Settings

repository_option = click.option(
    "--repository", metavar="FOLDER", help="The folder that holds AiiDA's container/, for a postgresql:// URL."
)


engine_option = click.option(
    "--engine",
    "root",
    metavar="ROOT",
    envvar="AIIDA_LIKE_ENGINE",
    show_envvar=True,
    required=True,
    help="The folder of the engine.",
)


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Ends the process with a message, without a traceback, if one of these errors leaves the block."""
    try:
        yield
    except (TargetError, Refused, StatementTimeout, StatementCancelled, StorageError, EngineError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, TargetError | RootError) else 1)


@contextmanager
def progress_bar(description: str, *columns: ProgressColumn, **task: Any) -> Iterator[Callable[..., None]]:
    """A bar in a terminal, and a function that changes it; elsewhere the function does nothing."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda **_: None
        return
    text = TextColumn("{task.description}")
    with Progress(text, BarColumn(), *columns, console=console, transient=True) as progress:
        yield partial(progress.update, progress.add_task(description, **task))


def open_visibly(profile: Profile, settings: Settings, until: float = inf) -> None:
    """Opens the profile and closes it again; a terminal shows how far a large archive is unpacked, which is done once.

    `until`: when to give up unpacking, on the monotonic clock.

    Raises:
        BeingOpened: that was given up.
        TargetError: it cannot be opened.
    """
    columns = (DownloadColumn(), TimeRemainingColumn())

    def look(done: int, total: int) -> None:
        if time.monotonic() > until:
            raise BeingOpened(f"{profile.name} takes longer to open")
        change(completed=done, total=total, visible=done > 0)

    with progress_bar(f"unpacking the database of {profile.name}", *columns, visible=False) as change:
        open_storage(
            profile,
            cache_folder=settings.cache_path,
            limits=settings.limits,
            progress=look,
        ).close()
