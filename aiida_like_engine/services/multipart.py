"""Bodies of `multipart/form-data` (RFC 7578), read as they come: no part is ever held as a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Protocol

from aiida_like_engine.errors import Invalid

BLOCK = 65_536
"""Bytes that are read at once."""
LONGEST_HEADERS = 16_384


class Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


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
