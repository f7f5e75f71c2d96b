"""Files of jobs on this machine, collected without trust: no link is followed, and only regular files are taken."""

from __future__ import annotations

import json
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiida.transports.plugins.local import LocalTransport

from aiida_like_engine.plugins.wrapper.folders import open_folder, room
from aiida_like_engine.plugins.wrapper.names import fresh_names
from aiida_like_engine.plugins.wrapper.record import RECORD
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import read_settings

COPIES = 2
"""AiiDA reads what was collected into a folder of its own, and from there into the store."""

_NO_ROOM = "no_room"

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
            self._get_folder(source, target)
        elif stat.S_ISREG(mode):
            collect_file(source, target)

    def _get_folder(self, source: Path, target: Path) -> None:
        """Collect a folder of a job. What the disk has no room for is left: its record says so then."""
        mark = source.parent / _NO_ROOM
        if source.name == RECORD:
            collect(source, target)
            if mark.exists():
                say_no_room(target / "end.json")
        elif COPIES * bytes_below(source) <= room(source, _least_free()):
            mark.unlink(missing_ok=True)
            collect(source, target)
        else:
            mark.touch()
            target.mkdir(parents=True, exist_ok=True)


def _least_free() -> int:
    """Bytes of the disk that should stay free."""
    return read_settings(Root(Path(os.environ["AIIDA_PATH"])).settings).limits.free_bytes


def bytes_below(folder: Path, depth: int = 0) -> int:
    """Bytes of the files that `collect` takes, as many as are read: on the disk they may have fewer."""
    open_folder(folder)
    found = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            state = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(state.st_mode) and depth < DEEPEST:
                found += bytes_below(Path(entry.path), depth + 1)
            elif stat.S_ISREG(state.st_mode):
                found += state.st_size
    return found


def say_no_room(record: Path) -> None:
    """Write into a job's record that nothing of its files was kept. A job without a record of its end stays so."""
    try:
        end = json.loads(record.read_text("utf-8"))
    except (OSError, ValueError):
        return
    end |= {"reason": "no_room", "message": "none of its files were kept, as the disk was nearly full"}
    record.unlink()  # another name of the wrapper's own
    record.write_text(json.dumps(end), "utf-8")


def collect(source: Path, target: Path, depth: int = 0) -> None:
    """Copy the regular files of a folder that no process writes to any more. Names that are no UTF-8 are escaped."""
    target.mkdir(parents=True, exist_ok=True)
    open_folder(source)
    with os.scandir(source) as entries:
        found = {os.fsencode(entry.name): entry for entry in entries}
    for name, readable in fresh_names(set(found)).items():
        entry, to = found[name], target / readable.decode()
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode) and depth < DEEPEST:
            collect(Path(entry.path), to, depth + 1)
        elif stat.S_ISREG(mode):
            collect_file(Path(entry.path), to)


def collect_file(source: Path, target: Path) -> None:
    """Give a regular file a second name, or copy it to another disk."""
    with suppress(OSError):  # AiiDA has to read it
        source.chmod(stat.S_IMODE(source.lstat().st_mode) | stat.S_IRUSR | stat.S_IWUSR)
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        with (
            os.fdopen(os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file,
            target.open("wb") as copy,
        ):
            shutil.copyfileobj(file, copy, 1 << 20)
