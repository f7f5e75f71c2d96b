r"""Files of a run: while it goes on they lie where its programs write them, and may be anything.

No link is followed, only regular files are opened, and never more than a block of one is held. In paths, bytes that
are no UTF-8 stand as `\xff`, as in those of output files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol

from aiida_like.below import files_below, open_below
from aiida_like.repository import Repository, StoredFile
from restapi.dialects.jobs.records import FileRecord

BLOCK = 1 << 16
"""Bytes that are read of a file at a time."""

MOST_READ = 1 << 20
"""Bytes from the end of a file among which its last lines are looked for."""

LONGEST_CHARACTER = 4
"""Bytes of UTF-8."""

_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")


class NoSuchFile(Exception):
    """The run has no file at that path."""


@dataclass(frozen=True)
class Piece:
    """Bytes of a file from a position on, and how many it had when they were read."""

    position: int
    content: bytes
    size: int

    @property
    def next(self) -> int:
        return self.position + len(self.content)


class FolderOfRun(Protocol):
    """What a run has written, as far as it can be seen now."""

    def paths(self, most: int) -> list[str]:
        """The paths of at most so many files."""

    def blocks(self, path: str) -> Iterator[bytes]:
        """What is in a file now. Raises NoSuchFile."""

    def end(self, path: str, newlines: int) -> bytes:
        """The end of a file, with so many newlines or more, if its last MiB has them. Raises NoSuchFile."""

    def piece(self, path: str, position: int, most: int) -> Piece:
        """At most so many bytes of a file from a position on; below 0 it counts from the end. Raises NoSuchFile."""


@dataclass(frozen=True)
class LiveFolder:
    """The folder of a run that has not ended: `work`, in a folder that its programs do not see."""

    work: Path

    def paths(self, most: int) -> list[str]:
        try:
            return [
                "/".join(map(_shown, parts)) for parts in islice(files_below(self.work.parent, self.work.name), most)
            ]
        except OSError:
            return []

    def blocks(self, path: str) -> Iterator[bytes]:
        return _blocks(self._opened(path))

    def end(self, path: str, newlines: int) -> bytes:
        with self._opened(path) as file:
            start = os.fstat(file.fileno()).st_size
            found = b""
            while start and found.count(b"\n") < newlines and len(found) < MOST_READ:
                stop, start = start, max(0, start - BLOCK)
                file.seek(start)
                found = file.read(stop - start) + found
        return found

    def piece(self, path: str, position: int, most: int) -> Piece:
        with self._opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            start = _start(position, size)
            file.seek(start)
            return Piece(start, file.read(min(most, size - start)), size)

    def _opened(self, path: str) -> BinaryIO:
        parts = path.split("/")
        if any(part in {"", ".", ".."} or "\0" in part for part in parts):
            raise NoSuchFile
        for spelled in (parts, list(map(_stored, parts))):
            with suppress(OSError, ValueError):
                return open_below(self.work.parent, self.work.name, *spelled)
        raise NoSuchFile


def _shown(name: str) -> str:
    return os.fsencode(name).decode(errors="backslashreplace")


def _stored(part: str) -> str:
    """The name that is shown as `part`, if that says bytes that are no UTF-8."""
    return os.fsdecode(_ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), part.encode()))


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """What is in a file now, to its end; what is written meanwhile is left out."""
    with file:
        left = os.fstat(file.fileno()).st_size
        while left and (block := file.read(min(BLOCK, left))):
            left -= len(block)
            yield block


@dataclass(frozen=True)
class CollectedFolder:
    """The files of a run that were collected, by their paths."""

    files: Mapping[str, FileRecord]
    repository: Repository

    def paths(self, most: int) -> list[str]:
        return list(self.files)[:most]

    def blocks(self, path: str) -> Iterator[bytes]:
        return self._read(path).blocks

    def end(self, path: str, newlines: int) -> bytes:  # noqa: ARG002 it costs nothing to read more
        stored = self._read(path)
        start = max(0, stored.size - MOST_READ)
        return b"".join(stored.blocks.part(start, stored.size))

    def piece(self, path: str, position: int, most: int) -> Piece:
        stored = self._read(path)
        start = _start(position, stored.size)
        stop = min(start + most, stored.size)
        content = b"".join(stored.blocks.part(start, stop)) if start < stop else b""
        return Piece(start, content, stored.size)

    def _read(self, path: str) -> StoredFile:
        """Raises NoSuchFile."""
        if path not in self.files:
            raise NoSuchFile
        return self.repository.read(self.files[path].key)


def _start(position: int, size: int) -> int:
    return min(position, size) if position >= 0 else max(0, size + position)


def whole_characters(piece: Piece, *, is_final: bool) -> Piece:
    """The piece without what is left of a character (UTF-8) that begins before it, or is not there to its end yet."""
    content = piece.content
    skipped = next(
        (number for number in range(min(LONGEST_CHARACTER, len(content))) if content[number] & 0xC0 != _GOES_ON), 0
    )
    skipped = skipped if piece.position else 0
    kept = len(content)
    if not (is_final and piece.next == piece.size):
        tail = content[-3:]
        for number in range(1, len(tail) + 1):
            byte = tail[-number]
            if byte & 0xC0 != _GOES_ON:
                kept -= number if _length(byte) > number else 0
                break
    return Piece(piece.position + skipped, content[skipped : max(kept, skipped)], piece.size)


_GOES_ON = 0x80


def _length(first: int) -> int:
    """The number of bytes of a character (UTF-8), by its first one."""
    return 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4  # noqa: PLR2004


def last_lines(end: bytes, number: int) -> list[str]:
    """The last lines of the end of a file, each with its newline."""
    return lines_of(end)[-number:]


def lines_of(content: bytes) -> list[str]:
    """Each with its newline, if it has one."""
    lines = content.decode(errors="replace").split("\n")
    whole = [f"{line}\n" for line in lines[:-1]] + lines[-1:]
    return [line for line in whole if line]
