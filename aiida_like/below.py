"""Files below a folder that others may have filled: no link is followed, and only regular files are opened."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# Else opening a named pipe would wait for its writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


def open_below(folder: Path, *names: str) -> BinaryIO:
    """The file at `folder/*names`. The folder itself may be a link.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it cannot be read, is no regular file, or is or lies behind a link.
    """
    inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in names[:-1]:
            outer, inside = inside, os.open(name, _FOLDER, dir_fd=inside)
            os.close(outer)
        file = os.open(names[-1], _FILE, dir_fd=inside)
    finally:
        os.close(inside)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "no regular file", "/".join(names))
    return os.fdopen(file, "rb")
