"""Zip files that are made while they are sent: at no time is more than one block of a file in memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiida_like.repository import StoredFile
from aiida_like.timestamps import NO_TIME

_YEARS = range(1980, 2108)
"""That a zip file can name."""

_MODE = 0o644 << 16
_FOLDER = (0o40755 << 16) | 0x10
"""External attributes: the Unix mode is in the upper half, a bit of MS-DOS in the lower."""

MOST_BYTES_OF_PATH = 65_000
"""The format has two bytes for the length of a path."""


@dataclass(frozen=True)
class Member:
    """A file of the zip, opened when its turn comes, or an empty folder, whose path ends with a slash."""

    path: str
    open: Callable[[], StoredFile] | None = None


def zip_blocks(members: Iterable[Member], time: datetime) -> Iterator[bytes]:
    """The blocks of a zip file; `time` is that of all members. The same members give the same bytes.

    Raises:
        DamagedNode, StorageError: as `Member.open`, and as the blocks of its file.
    """
    pipe = _Pipe()
    written = (time if time.year in _YEARS else NO_TIME).timetuple()[:6]
    with zipfile.ZipFile(pipe, "w") as zipped:
        for member in members:
            info = zipfile.ZipInfo(member.path, written)
            if member.open is None:
                info.external_attr = _FOLDER
                zipped.writestr(info, b"")
                continue
            stored = member.open()
            # Beyond 4 GB, which the size tells, sizes of the member take more bytes.
            info.compress_type, info.file_size, info.external_attr = zipfile.ZIP_DEFLATED, stored.size, _MODE
            if stored.size > zipfile.ZIP64_LIMIT:
                info.extract_version = zipfile.ZIP64_VERSION  # Python before 3.11.4 writes that of small files
            with closing(stored.blocks), zipped.open(info, "w") as target:
                for block in stored.blocks:
                    target.write(block)
                    yield pipe.take()
            yield pipe.take()
    yield pipe.take()


class _Pipe(io.RawIOBase):
    """A file that a ZipFile writes to and that `take` empties; it cannot seek."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, block: Any) -> int:
        self._written.append(bytes(block))
        return len(block)

    def take(self) -> bytes:
        taken = b"".join(self._written)
        self._written.clear()
        return taken
