"""Folders that a job may have filled and closed, and the room on their disk. No link in them is followed."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .names import LONGEST

DEEPEST = 90
"""Folders in folders that are looked into."""


def free_bytes(folder: Path) -> int:
    """Bytes that are free on the disk of a folder."""
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize


def room(folder: Path, least: int) -> int:
    """Bytes that may be written to the disk of a folder, of which `least` should stay free.

    A nearly full disk takes a little still: the end of a job is worth more than the last room on it.
    """
    free = free_bytes(folder)
    return max(free - least, free // 8)


def open_folder(*folders: Path) -> None:
    """Let this process in again, where a job has shut it out of its folders."""
    for folder in folders:
        with suppress(OSError):
            folder.chmod(stat.S_IMODE(folder.lstat().st_mode) | stat.S_IRWXU)


def look(path: bytes) -> tuple[int, ...]:
    """What changes with a file."""
    state = os.lstat(path)
    return (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_mode)


def paths(folder: bytes, below: bytes = b"", depth: int = 0) -> Iterator[bytes]:
    """All that is in a folder and in its folders and is no folder; those that nobody may enter are opened.

    What lies too deep to be named is left out.
    """
    here = os.path.join(folder, below)
    try:
        os.chmod(here, stat.S_IMODE(os.lstat(here).st_mode) | stat.S_IRWXU)
        with os.scandir(here) as entries:
            found = sorted(entries, key=lambda each: each.name)
    except OSError:
        return
    for entry in found:
        path = os.path.join(below, entry.name)
        if not entry.is_dir(follow_symlinks=False):
            if len(folder) + len(path) < LONGEST:
                yield path
        elif depth < DEEPEST:
            yield from paths(folder, path, depth + 1)


def place_file(source: Path, folder: Path, name: str) -> None:
    """Copy an input into a folder that an earlier step may have filled: no link there is followed."""
    target = folder / name
    if target.is_symlink() or not target.is_dir():
        target.unlink(missing_ok=True)
    else:
        shutil.rmtree(target)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with source.open("rb") as file, open(os.open(target, flags, 0o640), "wb") as copy:
        shutil.copyfileobj(file, copy, 1 << 20)
