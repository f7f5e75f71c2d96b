"""Files of jobs on this machine, collected without trust: no link is followed, and only regular files are taken."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Any

from aiida.transports.plugins.local import LocalTransport

DEEPEST = 100
"""Folders in folders that are collected."""


class SafeLocalTransport(LocalTransport):
    """AiiDA's local transport, but for what it takes from a job's folder."""

    def get(self, remotepath: Any, localpath: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        source, target = Path(remotepath), Path(localpath)
        try:
            mode = source.lstat().st_mode
        except FileNotFoundError:
            if kwargs.get("ignore_nonexisting"):
                return
            raise
        if stat.S_ISDIR(mode):
            collect(source, target)
        elif stat.S_ISREG(mode):
            collect_file(source, target)


def collect(source: Path, target: Path, depth: int = 0) -> None:
    """Copy the regular files of a folder that no process writes to any more. Names that are no UTF-8 are escaped."""
    target.mkdir(parents=True, exist_ok=True)
    with os.scandir(source) as entries:
        for entry in entries:
            to = target / os.fsencode(entry.name).decode("utf-8", "backslashreplace")
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode) and depth < DEEPEST:
                collect(Path(entry.path), to, depth + 1)
            elif stat.S_ISREG(mode):
                collect_file(Path(entry.path), to)


def collect_file(source: Path, target: Path) -> None:
    """Give a regular file a second name, or copy it to another disk."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        with (
            os.fdopen(os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file,
            target.open("wb") as copy,
        ):
            shutil.copyfileobj(file, copy, 1 << 20)
