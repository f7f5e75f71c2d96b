"""An uploaded file on its way: the part `file` of a multipart body goes into the container as it comes."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from email.utils import collapse_rfc2231_value
from pathlib import Path
from typing import Any, Protocol

from aiida_like_engine.errors import Invalid, NoRoom, TooMuch
from aiida_like_engine.requests import check_type

BLOCK = 65_536
"""Bytes that are read at once."""
LONGEST_HEADERS = 16_384
LONGEST_FIELD = 65_536
MOST_PARTS = 100
LOOK_BYTES = 8 << 20
"""Between two looks at the disk."""

_TYPE_ID = re.compile(r"type_?id['\"]?\s*[:=]\s*(\d{1,4})", re.IGNORECASE | re.ASCII)


class Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


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
class Part:
    """One part of a multipart body: a stream that ends where the part ends."""

    body: MultipartBody
    headers: Mapping[str, str]
    ended: bool = False

    def read(self, size: int = -1) -> bytes:
        return b"" if self.ended else self.body.read_part(self, size)

    @property
    def disposition(self) -> Mapping[str, str]:
        return _parameters("Content-Disposition", self.headers.get("content-disposition", ""))


@dataclass
class MultipartBody:
    """Reads `multipart/form-data` (RFC 7578) from a stream, part by part."""

    stream: Stream
    boundary: bytes
    buffer: bytearray = field(default_factory=lambda: bytearray(b"\r\n"))
    """What came and is not used. The first boundary has no line before it: here it has."""

    @classmethod
    def of(cls, stream: Stream, content_type: str) -> MultipartBody:
        """The body that a `Content-Type` describes.

        Raises:
            Invalid: it is none.
        """
        boundary = _parameters("Content-Type", content_type).get("boundary", "")
        if not content_type.lower().startswith("multipart/form-data") or not 1 <= len(boundary) <= 200:  # noqa: PLR2004
            raise Invalid("the file has to come as multipart/form-data, in a part called file", "file")
        return cls(stream, b"\r\n--" + boundary.encode("latin-1", "replace"))

    def next_part(self) -> Part | None:
        """The next part, once the one before was read to its end; none after the last one."""
        self._fill_until(self.boundary)
        del self.buffer[: self.buffer.index(self.boundary) + len(self.boundary)]
        while len(self.buffer) < 2:  # noqa: PLR2004
            self._fill()
        if self.buffer.startswith(b"--"):
            return None
        self._fill_until(b"\r\n")
        del self.buffer[: self.buffer.index(b"\r\n")]
        self._fill_until(b"\r\n\r\n")
        end = self.buffer.index(b"\r\n\r\n")
        headers = _headers(bytes(self.buffer[2:end]))
        del self.buffer[: end + 2]
        if not self.buffer.startswith(self.boundary):
            del self.buffer[:2]
        return Part(self, headers)

    def read_part(self, part: Part, size: int) -> bytes:
        while True:
            end = self.buffer.find(self.boundary)
            # The beginning of a boundary may stand at the end of what came.
            sure = end if end >= 0 else len(self.buffer) - len(self.boundary) + 1
            if sure > 0:
                data = bytes(self.buffer[: sure if size < 0 else min(size, sure)])
                del self.buffer[: len(data)]
                return data
            if end == 0:
                part.ended = True
                return b""
            self._fill()

    def _fill_until(self, mark: bytes) -> None:
        while mark not in self.buffer:
            if len(self.buffer) > LONGEST_HEADERS:
                raise Invalid("the multipart body cannot be read: a part has too many headers", "file")
            self._fill()

    def _fill(self) -> None:
        data = self.stream.read(BLOCK)
        if not data:
            raise Invalid("the multipart body broke off", "file")
        self.buffer += data


def _headers(text: bytes) -> dict[str, str]:
    lines = text.decode("utf-8", "replace").split("\r\n")
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _parameters(header: str, value: str) -> dict[str, str]:
    """The parameters of a header; of `filename*` the decoded text.

    Raises:
        Invalid: they cannot be read.
    """
    message = Message()
    try:
        message["content-type"] = re.sub(r"[\r\n\0]", " ", value)
        return {name.lower(): collapse_rfc2231_value(each) for name, each in message.get_params([], unquote=True)}
    except Exception:  # noqa: BLE001 - a client names the encoding, and each raises errors of its own
        raise Invalid(f"the parameters of {header} cannot be read", "file") from None


@dataclass
class Counter:
    """A stream for the container, which counts what it hands on.

    `last` is called before its end is told: what it refuses leaves nothing in the container.
    """

    part: Part
    room: Room
    last: Callable[[int], None]
    size: int = 0
    md5: Any = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))
    sha512: Any = field(default_factory=hashlib.sha512)
    mode: str = "rb"
    is_over: bool = False

    def read(self, size: int = -1) -> bytes:
        data = self.part.read(size)
        self.size += len(data)
        self.room.come(self.size, len(data))
        self.md5.update(data)
        self.sha512.update(data)
        if self.part.ended and not data and size and not self.is_over:
            self.is_over = True
            self.last(self.size)
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
    return Received(
        filename, parts.type_id or 1, counter.size, counter.md5.hexdigest(), counter.sha512.hexdigest(), key
    )


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
