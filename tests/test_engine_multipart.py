"""The multipart body of an upload: its parts come whole however they are cut, and what is none is refused."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from aiida_like_engine.errors import Invalid
from aiida_like_engine.services.multipart import MultipartBody
from aiida_like_engine.services.uploads import Room, receive
from tests.engine_fixture import BOUNDARY, multipart

TYPE = f"multipart/form-data; boundary={BOUNDARY}"


class Drops(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    def __init__(self, content: bytes, most: int) -> None:
        super().__init__(content)
        self.most = most

    def read(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002
        return super().read(self.most)


@pytest.mark.parametrize("most", [1, 2, 7, 64, 10_000])
@pytest.mark.parametrize(
    "content", [b"", b"abc", b"\r\n", b"\r\n--a-boundar", b" --a-boundary", b"x" * 5000 + b"\r\n-"]
)
def test_content_comes_whole(most: int, content: bytes, tmp_path: Path) -> None:
    fields = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="typeId"\r\n\r\n5\r\n'.encode()
    body = MultipartBody.of(Drops(b"preamble\r\n" + fields + multipart("a.b", content) + b"epilogue", most), TYPE)
    kept, reserved = [], []

    def store(counter: io.BytesIO) -> str:
        while block := counter.read(100):
            kept.append(block)
        return "key"

    received = receive(body, Room(10_000, "a limit", tmp_path, 0), store, reserved.append)  # type: ignore[arg-type]
    assert b"".join(kept) == content
    assert (received.name, received.type_id, received.size, received.object_key) == ("a.b", 5, len(content), "key")
    assert received.md5 == hashlib.md5(content).hexdigest()
    assert reserved == [len(content)]


def in_parts(*parts: tuple[str, str]) -> bytes:
    """A body of parts: their dispositions, and what they hold."""
    written = (f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n" for head, text in parts)
    return "".join(written).encode() + f"--{BOUNDARY}--\r\n".encode()


FILE = 'name="file"; filename="a"'
REFUSED = [
    (in_parts(("name=\"file\"; filename*=idna''%41b", "x")), "the parameters of Content-Disposition", "file"),
    (in_parts(("name=\"file\"; filename*=undefined''%41b", "x")), "the parameters of Content-Disposition", "file"),
    (in_parts(('name="file"; filename*=a; filename*0=b', "x")), "the parameters of Content-Disposition", "file"),
    (in_parts((f'name="file"; filename*{"9" * 5000}=b', "x")), "the parameters of Content-Disposition", "file"),
    (in_parts((FILE, "x"), ('name="type_id"', "\u00b2")), "it has to be a whole number", "type_id"),
    (in_parts((FILE, "x"), ('name="typeId"', "x")), "it has to be a whole number", "typeId"),
    (in_parts((FILE, "x"), ('name="typeId"', "0")), "0 is no type of files: 1, 2", "typeId"),
    (in_parts(('name="type_id"', "6"), (FILE, "x")), "6 is no type of files", "type_id"),
    (in_parts((FILE, "x"), ('name="type_id"', "9" * 5000)), "999999999 is no type of files", "type_id"),
    (in_parts((FILE, "x"), ('name="y"', "y" * 70_000)), "a part that is not called file is too long", "file"),
    (in_parts((FILE, "x"), *[('name="y"', "y")] * 100), "more than 100 parts", "file"),
    (multipart("a", b"x", "text/plain; type_id=9999"), "9999 is no type of files", "type_id"),
]


@pytest.mark.parametrize(("content", "message", "culprit"), REFUSED)
def test_what_is_refused_is_not_stored(content: bytes, message: str, culprit: str, tmp_path: Path) -> None:
    """The container keeps what it has read to its end: it must not come so far."""
    ended = []

    def store(counter: io.BytesIO) -> str:
        while counter.read(100):
            pass
        ended.append(True)
        return "key"

    def received() -> object:
        body = MultipartBody.of(io.BytesIO(content), TYPE)
        return receive(body, Room(10_000, "a limit", tmp_path, 0), store, lambda size: None)  # type: ignore[arg-type]  # noqa: ARG005

    with pytest.raises(Invalid, match=message) as error:
        received()
    assert error.value.field == culprit
    assert ended == []


@pytest.mark.parametrize(
    "type_",
    ["boundary*=B; boundary*0=C", "boundary*=idna''%41", f"boundary*{'9' * 5000}=B", "boundary*=undefined''%41"],
)
def test_boundaries_that_are_none(type_: str) -> None:
    with pytest.raises(Invalid, match="the parameters of Content-Type cannot be read"):
        MultipartBody.of(io.BytesIO(), f"multipart/form-data; {type_}")
