"""An uploaded file on its way: the part `file` of a multipart body goes into the container as it comes."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.utils import collapse_rfc2231_value
from pathlib import Path
from typing import Any, Protocol

from aiida_like_engine.errors import Invalid, NoRoom, TooMuch

BLOCK = 1 << 18
LONGEST_HEADERS = 16_384
LONGEST_FIELD = 65_536
MOST_PARTS = 100
LOOK_BYTES = 8 << 20
"""Between two looks at the disk."""

_TYPE_ID = re.compile(r"type_?id['\"]?\s*[:=]\s*(\d{1,4})", re.IGNORECASE)


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
class Part:
    """One part of a multipart body: a stream that ends where the part ends."""

    body: MultipartBody
    headers: Mapping[str, str]
    ended: bool = False

    def read(self, size: int = -1) -> bytes:
        return b"" if self.ended else self.body.read_part(self, size)

    @property
    def disposition(self) -> Mapping[str, str]:
        return _parameters(self.headers.get("content-disposition", ""))


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
        boundary = _parameters(content_type).get("boundary", "")
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


def _parameters(value: str) -> dict[str, str]:
    """The parameters of a header; of `filename*` the decoded text."""
    message = Message()
    message["content-type"] = re.sub(r"[\r\n\0]", " ", value)
    return {name.lower(): collapse_rfc2231_value(each) for name, each in message.get_params([], unquote=True)}


@dataclass
class Counter:
    """A stream for the container, which counts what it hands on."""

    part: Part
    room: Room
    size: int = 0
    md5: Any = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))
    sha512: Any = field(default_factory=hashlib.sha512)
    mode: str = "rb"

    def read(self, size: int = -1) -> bytes:
        data = self.part.read(size)
        self.size += len(data)
        self.room.come(self.size, len(data))
        self.md5.update(data)
        self.sha512.update(data)
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


def receive(body: MultipartBody, room: Room, store: Callable[[Counter], str]) -> Received:
    """Hand the part `file` to `store`, which returns the key of the object; the rest of the body is read too.

    Raises:
        Invalid: the body is none, broke off, or has no part `file`.
        TooMuch, NoRoom: the file is too large.
    """
    received: Received | None = None
    type_id: int | None = None
    for _ in range(MOST_PARTS):
        part = body.next_part()
        if part is None:
            break
        name = part.disposition.get("name")
        if name == "file" and received is None:
            counter = Counter(part, room)
            key = store(counter)
            filename = clean_name(part.disposition.get("filename", ""))
            of_type = _TYPE_ID.search(part.headers.get("content-type", ""))
            received = Received(
                filename,
                int(of_type[1]) if of_type else 1,
                counter.size,
                counter.md5.hexdigest(),
                counter.sha512.hexdigest(),
                key,
            )
        else:
            value = _field(part)
            if name in ("type_id", "typeId") and value.isdigit():
                type_id = int(value[:4])
    else:
        raise Invalid(f"the multipart body has more than {MOST_PARTS} parts", "file")
    if received is None:
        raise Invalid("no file was submitted: the multipart body has no part called file", "file")
    return received if type_id is None else Received(**{**vars(received), "type_id": type_id})


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
