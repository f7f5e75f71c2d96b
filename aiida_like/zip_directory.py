"""Zip files whose directories are of a size that a process can hold.

`zipfile` holds a directory whole, 500 bytes for each entry, and reads as many entries as there are, whatever number the
end of the file tells. So what it is about to read is looked at first.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from aiida_like.below import open_descriptor

MOST_ENTRIES = 500_000

MOST_BYTES = 100_000_000
"""Bytes of a directory: 200 for each entry, of which AiiDA's take 130."""

_ENTRY = b"PK\1\2"
_SMALLEST = 46
"""Central directory header of the zip format, APPNOTE.TXT 4.3.12: its signature, and its length without a name."""


class TooManyEntries(Exception):
    """A directory is larger than is read."""

    def __init__(self, archive: Path) -> None:
        super().__init__(
            f"the archive {archive} holds more than {MOST_ENTRIES:,} files, or their names are longer than "
            f"{MOST_BYTES / 1e6:.0f} MB: unpack it to a folder, and serve that, which may hold any number"
        )


class _Limited(io.BufferedReader):
    """A file of which no directory is read that is too large: `zipfile` reads one at once, and nothing else is as long.

    Raises:
        TooManyEntries
    """

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(open_descriptor(path), "rb"))
        self._path = path

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MOST_BYTES:
            raise TooManyEntries(self._path)
        content = super().read(size)
        if len(content) > MOST_ENTRIES * _SMALLEST and content.count(_ENTRY) > MOST_ENTRIES:
            raise TooManyEntries(self._path)
        return content


def open_zip(path: Path) -> BinaryIO:
    """A zip file, to be given to `zipfile`. Raises as `open_file`."""
    return _Limited(path)
