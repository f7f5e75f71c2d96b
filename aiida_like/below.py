"""Regular files, and nothing else, at places that others may have filled: to open a pipe would wait for its writer."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC

_NO_FILE = {errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO}
"""Errors of open(2) for links, what lies behind them, folders, and sockets."""


class NoRegularFile(OSError):
    """A link, a folder, a pipe, a socket or a device."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EINVAL, "no regular file", str(path))


def open_file(path: Path) -> BinaryIO:
    """The file at a path; links are followed.

    Raises:
        FileNotFoundError: there is no such file.
        NoRegularFile
        OSError: it cannot be read.
    """
    return os.fdopen(open_descriptor(path), "rb")


def open_descriptor(path: Path) -> int:
    """A descriptor of the file at a path; as `open_file`."""
    return _opened(path, lambda: os.open(path, _FILE))


def check_regular(path: Path) -> os.stat_result:
    """What stat(2) says of the file at a path, for others who open it. Raises NoRegularFile, OSError: there is none."""
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise NoRegularFile(path)
    return facts


def open_below(folder: Path, *names: str) -> BinaryIO:
    """The file at `folder/*names`, to which no link leads. The folder itself may be one.

    Raises:
        FileNotFoundError: there is no such file.
        NoRegularFile: nor is it one if it lies behind a link.
        OSError: it cannot be read.
    """
    return os.fdopen(_opened(folder.joinpath(*names), lambda: _open_below(folder, names)), "rb")


def _open_below(folder: Path, names: tuple[str, ...]) -> int:
    inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in names[:-1]:
            outer, inside = inside, os.open(name, _FOLDER, dir_fd=inside)
            os.close(outer)
        return os.open(names[-1], _FILE | os.O_NOFOLLOW, dir_fd=inside)
    finally:
        os.close(inside)


def _opened(path: Path, open_it: Callable[[], int]) -> int:
    try:
        file = open_it()
    except OSError as error:
        if error.errno in _NO_FILE:
            raise NoRegularFile(path) from error
        raise
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    raise NoRegularFile(path)


def files_below(folder: Path, *names: str, deepest: int = 64) -> Iterator[tuple[str, ...]]:
    """The paths of the regular files below `folder/*names`, in parts, sorted folder by folder.

    What goes meanwhile is left out. `deepest`: folders that one may lie in; what lies deeper is left out, too.

    Raises:
        FileNotFoundError: there is no such folder.
        OSError: it cannot be read, or is or lies behind a link.
    """
    inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    for name in names:
        try:
            outer, inside = inside, os.open(name, _FOLDER, dir_fd=inside)
        except OSError:
            os.close(inside)
            raise
        os.close(outer)
    yield from _walked(inside, (), deepest)


def _walked(folder: int, parts: tuple[str, ...], deepest: int) -> Iterator[tuple[str, ...]]:
    """Closes `folder` at its end."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(
                (each.name, each.is_dir(follow_symlinks=False), each.is_file(follow_symlinks=False)) for each in entries
            )
        for name, is_folder, is_file in found:
            if is_file:
                yield (*parts, name)
            elif is_folder and len(parts) < deepest:
                try:
                    inner = os.open(name, _FOLDER, dir_fd=folder)
                except OSError:
                    continue
                yield from _walked(inner, (*parts, name), deepest)
    finally:
        os.close(folder)
