"""Opens a profile for a user who watches: a large archive is unpacked, once, which takes a while."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from aiida_like.profiles import Profile
from aiida_like.storage import open_storage
from restapi.config import Settings


def open_visibly(profile: Profile, settings: Settings) -> None:
    """Opens the profile and closes it again; a terminal shows how far the unpacking is.

    Raises:
        TargetError: it cannot be opened.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        _open(profile, settings, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"unpacking the database of {profile.name}", visible=False)
        _open(
            profile,
            settings,
            lambda done, total: progress.update(task, completed=done, total=total, visible=True),
        )


def _open(profile: Profile, settings: Settings, tell: Callable[[int, int], None] | None) -> None:
    open_storage(profile, cache_folder=settings.cache_path, limits=settings.limits, progress=tell).close()
