"""An uploaded file on its way: the part `file` of a multipart body goes into the container as it comes."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiida_like_engine.errors import Invalid, NoRoom, TooMuch
from aiida_like_engine.plugins.wrapper.checksums import Checksums
from aiida_like_engine.services.multipart import BLOCK, MultipartBody, Part, Stream
from aiida_like_engine.services.request_checks import check_type

LONGEST_FIELD = 65_536
MOST_PARTS = 100
LOOK_BYTES = 8 << 20
"""Between two looks at the disk."""

_TYPE_ID = re.compile(r"type_?id['\"]?\s*[:=]\s*(\d{1,4})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Room:
    """How much may come: `left` bytes, whose limit is called `limit`, while `free` bytes stay on the disk."""

    left: int
    limit: str
    folder: Path
    free: int

    def announced(self, length: int) -> None:
        """Refuse a body of a length before any of it is read.

        Raises:
            TooMuch: it is beyond a limit.
            NoRoom: the disk has no room for it.
        """
        if length > self.left + LONGEST_FIELD:
            raise TooMuch(f"the file is larger than {self.limit}", "file")
        self._look(length)

    def come(self, size: int, since: int) -> None:
        """Refuse what goes on after `size` bytes came; `since` are those of the last block."""
        if size > self.left:
            raise TooMuch(f"the file is larger than {self.limit}", "file")
        if size // LOOK_BYTES != (size - since) // LOOK_BYTES:
            self._look(0)

    def _look(self, more: int) -> None:
        state = os.statvfs(self.folder)
        if state.f_bavail * state.f_frsize - more < self.free:
            raise NoRoom("the server's disk has no room for the file; ask its operator")


@dataclass
class Pace:
    """A stream that has to bring `least` bytes a second on the whole, once it has lasted `patience` seconds.

    A byte now and then would never be silence, and would hold its place for ever.
    """

    stream: Stream
    least: int
    patience: float
    size: int = 0
    is_too_slow: bool = False

    def read(self, size: int, /) -> bytes:
        try:
            data = self.stream.read(size)
        except TimeoutError:
            raise
        except Exception:  # noqa: BLE001 - the server raises errors of its own where chunks are none
            raise Invalid("the upload broke off, or its chunks cannot be read", "file") from None
        self.size += len(data)
        return data

    @contextmanager
    def kept(self, end: Callable[[], None]) -> Iterator[None]:
        """Call `end`, in another thread, if the stream falls behind inside this."""
        is_over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(is_over, end), name="pace", daemon=True)
        watch.start()
        try:
            yield
        finally:
            is_over.set()
            watch.join()

    def _watch(self, is_over: threading.Event, end: Callable[[], None]) -> None:
        began = time.monotonic()
        # A block that is not complete yet is not counted, and may be nearly here.
        while (left := began + self.patience + (self.size + BLOCK) / self.least - time.monotonic()) > 0:
            if is_over.wait(left):
                return
        self.is_too_slow = True
        with suppress(OSError):  # it has ended by itself
            end()


@dataclass
class Counter:
    """A stream for the container, which counts what it hands on.

    `last` is called before its end is told: what it refuses leaves nothing in the container.
    """

    part: Part
    room: Room
    last: Callable[[int], None]
    sums: Checksums = field(default_factory=Checksums)
    mode: str = "rb"
    is_over: bool = False

    def read(self, size: int = -1) -> bytes:
        data = self.part.read(size)
        self.sums.add(data)
        self.room.come(self.sums.size, len(data))
        if self.part.ended and not data and size and not self.is_over:
            self.is_over = True
            self.last(self.sums.size)
        return data

    def seekable(self) -> bool:
        return False


@dataclass(frozen=True)
class Received:
    """A file that lies in the container whole."""

    name: str
    type_id: int
    size: int
    md5: str
    sha512: str
    object_key: str


def receive(
    body: MultipartBody, room: Room, store: Callable[[Counter], str], reserve: Callable[[int], None]
) -> Received:
    """Hand the part `file` to `store`, which returns the key of the object once the rest of the body was read too.

    `reserve` is told the size of the file, and may refuse it. What is refused is not stored.

    Raises:
        Invalid: the body is none, broke off, or has no part `file`.
        TooMuch, NoRoom: the file is too large.
    """
    parts = _Parts(body)
    part = parts.until_file()
    if part is None:
        raise Invalid("no file was submitted: the multipart body has no part called file", "file")
    filename = clean_name(part.disposition.get("filename", ""))
    of_type = _TYPE_ID.search(part.headers.get("content-type", ""))
    parts.type_id = parts.type_id or (_type_id(of_type[1], "type_id") if of_type else 0)

    def last(size: int) -> None:
        parts.rest()
        reserve(size)

    counter = Counter(part, room, last)
    key = store(counter)
    sums = counter.sums
    return Received(filename, parts.type_id or 1, sums.size, sums.md5, sums.sha512, key)


@dataclass
class _Parts:
    """The parts of a body, one after the other. `type_id`: what one of them says; 0: none did."""

    body: MultipartBody
    type_id: int = 0
    count: int = 0

    def until_file(self) -> Part | None:
        """The part `file`, whose content comes next, or none."""
        while (part := self._next()) is not None:
            if part.disposition.get("name") == "file":
                return part
            self._take(part)
        return None

    def rest(self) -> None:
        while (part := self._next()) is not None:
            self._take(part)

    def _next(self) -> Part | None:
        part = self.body.next_part()
        self.count += 1
        if part is not None and self.count > MOST_PARTS:
            raise Invalid(f"the multipart body has more than {MOST_PARTS} parts", "file")
        return part

    def _take(self, part: Part) -> None:
        name, value = part.disposition.get("name", ""), _field(part)
        if name in ("type_id", "typeId") and value:
            self.type_id = _type_id(value, name)


def _type_id(text: str, place: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise Invalid("it has to be a whole number", place)
    # More digits than any type has are not read.
    number = int(text[:9])
    check_type(number, place)
    return number


def _field(part: Part) -> str:
    found = b""
    while block := part.read(BLOCK):
        found += block
        if len(found) > LONGEST_FIELD:
            raise Invalid("a part that is not called file is too long", "file")
    return found.decode("utf-8", "replace").strip()


def clean_name(text: str) -> str:
    """A name for a file, of what a client called it: the last part of a path, printable, 255 bytes at most."""
    last = re.split(r"[/\\]", text)[-1]
    name = "".join(each for each in last if each.isprintable()).strip()
    if name in ("", ".", ".."):
        return "file"
    encoded = name.encode("utf-8", "replace")
    return encoded[:255].decode("utf-8", "ignore")
