"""Copies of archives' databases in a folder of ours: SQLite needs a file, and what a stranger made is written anew.

Each is made once, under the checksum of what it was made of: several workers share it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from aiida_like.deflated import RAW, inflated
from aiida_like.errors import (
    CANNOT_UNPACK,
    DATABASE_DAMAGED,
    NO_ARCHIVE,
    NOT_AIIDAS,
    TOO_MANY_LINKS,
    TOO_SLOW,
    TargetError,
)
from aiida_like.stamp import stamp_of
from aiida_like.storage.archives import rebuilding, sound_values
from aiida_like.storage.archives.circles import MOST_LINKS, TooManyLinks
from aiida_like.storage.databases.sqlite import uri_of

Progress = Callable[[int, int], None]
"""A progress callback: bytes that are done, and bytes in all, which are read and written. It may raise TargetError."""

_BETWEEN_LOCKS = 0.05
"""Seconds between two looks whether another process is done."""

_REFUSED_TIMES = 10
"""For how many times as long as a refusal took it is not tried again."""

_SECONDS, _SECONDS_PER_MEGABYTE = 30.0, 0.1
"""Time of the processor to write a database anew; usual are 0.02 seconds for a megabyte."""

_MOST_INFLATED, _NEVER_REFUSED = 200, 100_000_000
"""How many times larger than in the archive a database may be, if it has more than so many bytes: usual are 3 to 20."""

_MADE_BY = 3
"""Count it up when copies are made in another way, by the same statements."""

_BLOCK = 1_000_000
_CHANGES, _CHANGES_WHEN_COUNTED = slice(24, 28), slice(92, 96)
"""The change counter in the header of a database, and what it was when the pages were counted there: "Database File
Format", 1.3.7 and 1.3.8."""

_UNITS = {1: "bytes", 10**3: "KB", 10**6: "MB", 10**9: "GB"}

_HEADER, _MAGIC = 100, b"SQLite format 3\0"


@dataclass(frozen=True)
class Packed:
    """A database as it lies in an archive: `packed` bytes, which `blocks` reads from a file that stays open.

    `size` in bytes, unpacked, as the archive says, and `checksum` the CRC-32 of these, if it says that. `packed`: bytes
    that are on the disk.
    """

    archive: Path
    size: int
    packed: int
    blocks: Callable[[], Iterator[bytes]]
    is_deflated: bool = False
    checksum: int | None = None

    def hashing(self) -> Any:
        """A hash of all that decides what is unpacked, but for the blocks."""
        return hashlib.sha256(repr((self.size, self.is_deflated, self.checksum)).encode())

    def unpacked(self, blocks: Iterable[bytes]) -> Iterable[bytes]:
        """The database of its blocks. Raises zlib.error, EOFError."""
        return inflated(blocks, RAW) if self.is_deflated else blocks

    def header(self) -> bytes:
        """The first bytes of the database, by which SQLite knows it. Raises zlib.error."""
        first = next(self.blocks(), b"")
        return zlib.decompressobj(RAW).decompress(first, _HEADER) if self.is_deflated else first[:_HEADER]


def blocks_of(file: int, start: int, size: int) -> Iterator[bytes]:
    """Bytes of a file descriptor. Raises EOFError: it ends early, or cannot be read there."""
    end = start + size
    while start < end:
        try:
            block = os.pread(file, min(_BLOCK, end - start), start)
        except OSError as error:
            raise EOFError(error.strerror) from error
        if not block:
            raise EOFError("it ends early")
        start += len(block)
        yield block


def copy_of(database: Packed, cache_folder: Path, progress: Progress | None) -> Path:
    """The file of a copy, which is made if it is not there.

    Raises:
        TargetError: it has no room, or is no database of AiiDA, or took too long shortly before.
        OSError, zipfile.BadZipFile, zlib.error, EOFError: it cannot be read, or the copy not be written.
    """
    folder = cache_folder / "archives"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make_private(folder)
    # Before it is read to the end, which may take a while.
    _check_size(database)
    digest = database.hashing()
    for block in database.blocks():
        digest.update(block)
        if progress:
            progress(0, 2 * database.size)
    file = folder / f"{digest.hexdigest()}-{_way_of_making()}.sqlite"
    if not _is_as_made(file):
        # One process at a time makes it; the others wait and find it done.
        with file.with_suffix(".lock").open("w") as lock:
            _lock(lock, database, progress)
            if not _is_as_made(file):
                with _remembered_refusal(database, file):
                    _make(database, digest.hexdigest(), file, progress)
                _record(file)
    return file


def _lock(file: IO[str], database: Packed, progress: Progress | None) -> None:
    """Waits until no other process makes the same copy. Raises TargetError: `progress` did."""
    if progress is None:
        fcntl.flock(file, fcntl.LOCK_EX)
        return
    while not _is_locked(file):
        progress(0, 2 * database.size)
        time.sleep(_BETWEEN_LOCKS)


def _is_locked(file: IO[str]) -> bool:
    """Whether it can be locked now, which is done."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _remembered_refusal(database: Packed, file: Path) -> Iterator[None]:
    """Lets no process try again what took another long in vain, for ten times as long.

    Raises:
        TargetError: it did so shortly before.
    """
    marker, began = file.with_suffix(".refused"), time.monotonic()
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        refusal = orjson.loads(marker.read_bytes())
        if time.time() < refusal["until"]:
            raise _REFUSALS[refusal["reason"]](database)
    try:
        yield
    except TargetError as error:
        if error.reason in _REFUSALS:
            until = time.time() + _REFUSED_TIMES * (time.monotonic() - began)
            marker.write_bytes(orjson.dumps({"until": until, "reason": error.reason}))
        raise
    marker.unlink(missing_ok=True)


def _too_slow(database: Packed) -> TargetError:
    return TargetError(
        f"the database of {database.archive} takes too long to read: more than {_seconds(database):.0f} s", TOO_SLOW
    )


def _too_many_links(database: Packed) -> TargetError:
    return TargetError(
        f"the database of {database.archive} has links back to older nodes, and more than {MOST_LINKS:,} links "
        "that could be on a circle with them: import it into a profile, and serve that",
        TOO_MANY_LINKS,
    )


_REFUSALS = {TOO_SLOW: _too_slow, TOO_MANY_LINKS: _too_many_links}
"""What takes long to find out, by reasons."""


def _seconds(database: Packed) -> float:
    return _SECONDS + _SECONDS_PER_MEGABYTE * database.size / 1e6


def _make_private(folder: Path) -> None:
    """Raises TargetError: it belongs to somebody else. Who can write to it can choose what is served."""
    facts = folder.stat()
    if facts.st_uid != os.geteuid():
        raise TargetError(
            f"the folder {folder} belongs to another user (uid {facts.st_uid}), who could change what is served: "
            "delete it, or set XDG_CACHE_HOME to a folder of your own",
            CANNOT_UNPACK,
        )
    if facts.st_mode & 0o077:
        folder.chmod(0o700)


def _way_of_making() -> str:
    """A hash of how a copy is made: one that was made in another way is made anew."""
    way = repr((_MADE_BY, list(rebuilding.statements()), sound_values.MOST_DEPTH, sound_values.NO_TIME))
    return hashlib.sha256(way.encode()).hexdigest()[:8]


def _record(file: Path) -> None:
    part = file.with_suffix(".json.part")
    part.write_bytes(orjson.dumps({**_digest(file), "seen": _seen(file)}))
    part.replace(file.with_suffix(".json"))


def _is_as_made(file: Path) -> bool:
    """Whether there is a copy, and it is not damaged. Only one that was touched is read."""
    try:
        made = orjson.loads(file.with_suffix(".json").read_bytes())
        if made["seen"] == _seen(file):
            return True
        found = _digest(file)
        if found["digest"] != made["digest"] and not _is_changed_by_sqlite(file, made["changes"], found["changes"]):
            return False
        _record(file)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False
    return True


def _is_changed_by_sqlite(file: Path, before: str, now: str) -> bool:
    """Somebody has made an index, as `aiida-like advise` says."""
    if before == now:
        return False
    with closing(sqlite3.connect(uri_of(file, immutable=True), uri=True)) as connection:
        try:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
        except sqlite3.DatabaseError:
            return False


def _seen(file: Path) -> list[int]:
    return list(stamp_of(file.stat()))


def _digest(file: Path) -> dict[str, str]:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        start = block = content.read(_BLOCK)
        while block:
            digest.update(block)
            block = content.read(_BLOCK)
    return {"digest": digest.hexdigest(), "changes": start[_CHANGES].hex()}


def _make(database: Packed, digest: str, file: Path, progress: Progress | None) -> None:
    _check_room(database, file.parent)
    unpacked, part = file.with_suffix(".unpacked.part"), file.with_suffix(".part")
    parts = (unpacked, part)
    try:
        for each in parts:
            # What a killed process has left.
            each.unlink(missing_ok=True)
            each.touch(0o600)
        _unpack(database, digest, unpacked, progress)
        _rebuild(database, unpacked, part, progress)
        part.replace(file)
    finally:
        for each in parts:
            each.unlink(missing_ok=True)


def _check_size(database: Packed) -> None:
    """Raises TargetError: it is no database, or is not as large as it says."""
    if database.size > max(_NEVER_REFUSED, _MOST_INFLATED * database.packed):
        raise TargetError(
            f"the database of {database.archive} says that it is {database.size / 1e6:.0f} MB, packed into "
            f"{database.packed / 1e6:.1f} MB: no database of AiiDA is packed like this",
            NO_ARCHIVE,
        )
    header = database.header()
    if not header.startswith(_MAGIC):
        raise TargetError(f"{database.archive} is not a database of AiiDA 2 (file is not a database)", NOT_AIIDAS)
    pages, page = int.from_bytes(header[28:32], "big"), int.from_bytes(header[16:18], "big")
    page = 65_536 if page == 1 else page
    # SQLite looks at the number of pages on the same condition.
    if pages and header[_CHANGES] == header[_CHANGES_WHEN_COUNTED] and pages * page != database.size:
        raise TargetError(
            f"the database of {database.archive} is damaged: it has {database.size} bytes, and its header says that "
            f"they are {pages} pages of {page}",
            DATABASE_DAMAGED,
        )


def _check_room(database: Packed, folder: Path) -> None:
    room, needed = shutil.disk_usage(folder).free, 2 * database.size
    if room < needed:
        raise TargetError(
            f"the database of {database.archive} needs {_size(needed)} in {folder}, "
            f"where {_size(room)} are free: set XDG_CACHE_HOME to a folder with room",
            CANNOT_UNPACK,
        )


def _size(number: int) -> str:
    """A number of bytes, as people write it: of two sizes that differ by much the texts differ."""
    unit = next((unit for unit in _UNITS if number < 10_000 * unit), 10**9)
    return f"{number / unit:.0f} {_UNITS[unit]}"


def _unpack(database: Packed, digest: str, file: Path, progress: Progress | None) -> None:
    hashing, checksum, size = database.hashing(), 0, 0

    def hashed() -> Iterator[bytes]:
        for block in database.blocks():
            hashing.update(block)
            yield block

    with file.open("wb") as target:
        for block in database.unpacked(hashed()):
            checksum, size = zlib.crc32(block, checksum), size + len(block)
            if size > database.size:
                break
            target.write(block)
            if progress:
                progress(size, 2 * database.size)
    if size != database.size or database.checksum not in (None, checksum):
        raise zipfile.BadZipFile("its database is not what its directory says")
    if hashing.hexdigest() != digest:
        raise zipfile.BadZipFile("it was changed while it was read")


def _rebuild(database: Packed, unpacked: Path, part: Path, progress: Progress | None) -> None:
    def written() -> None:
        if progress:
            progress(database.size + min(part.stat().st_size, database.size), 2 * database.size)

    try:
        rebuilding.rebuild(unpacked, part, _seconds(database), written)
    except rebuilding.TooSlow:
        raise _too_slow(database) from None
    except TooManyLinks:
        raise _too_many_links(database) from None
    except rebuilding.NotRebuilt as error:
        raise TargetError(f"{database.archive} is not a database of AiiDA 2 ({error})", NOT_AIIDAS) from None
    except rebuilding.NoRoom as error:
        raise TargetError(
            f"the copy of the database of {database.archive} becomes too large, or {part.parent} is full",
            CANNOT_UNPACK,
        ) from error
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter: names of the schema, in a message, are no text
        raise TargetError(f"the database of {database.archive} is damaged: {error}", DATABASE_DAMAGED) from error
