"""Files of nodes as bodies of answers: whole and in parts, and whatever the client does, none stays open."""

from __future__ import annotations

import errno
import gc
import hashlib
import io
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import create_environ

from aiida_like.errors import StorageError
from aiida_like.profiles import find
from aiida_like.repository import Blocks
from tests.golden import FILES, graph
from tests.writable import Writable

URLS = [
    f"/api/v2/calculations/{graph.relax_scf}/io/retrieved_inputs?filename=aiida.in",
    f"/api/v4/nodes/{graph.folder}/repo/contents?filename=large.txt",
]
REQUESTS = {
    "no body is asked for": ("HEAD", {}, "200 OK"),
    "the client has it": ("GET", {"If-None-Match": "*"}, "304 NOT MODIFIED"),
    "the client goes away": ("GET", {}, "200 OK"),
    "the client has another, and a part": (
        "GET",
        {"If-None-Match": '"x"', "Range": "bytes=5-9"},
        "206 PARTIAL CONTENT",
    ),
    "a part is asked for": ("GET", {"Range": "bytes=5-9"}, "206 PARTIAL CONTENT"),
    "there is no such part": ("GET", {"Range": "bytes=99999999-"}, "416 REQUESTED RANGE NOT SATISFIABLE"),
}


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("case", REQUESTS)
def test_a_body_that_nobody_reads(app: Flask, url: str, case: str) -> None:
    """As a server does it. Python warns of a file that only the garbage collector closes."""
    method, headers, expected = REQUESTS[case]
    statuses = []
    gc.freeze()  # what other tests have left is not looked at
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        body = app(create_environ(url, method=method, headers=headers), lambda status, _: statuses.append(status))
        if hasattr(body, "close"):  # a small one is read at once
            body.close()
        del body
        gc.collect()
    assert (statuses, [str(warning.message) for warning in warned]) == ([expected], [])


LARGE = f"/api/v4/nodes/{graph.folder}/repo/contents?filename=large.txt"
EMPTY = f"/api/v4/nodes/{graph.folder}/repo/contents?filename=empty"
XYZ = f"/api/v2/structures/{graph.silicon}/content/download?format=xyz"
SIZE = len(FILES["large.txt"])

RANGES = {
    "bytes=0-0": slice(0, 1),
    "bytes=5-9": slice(5, 10),
    "Bytes= 5-9 ": slice(5, 10),
    "bytes=5-": slice(5, SIZE),
    f"bytes={SIZE - 1}-": slice(SIZE - 1, SIZE),
    f"bytes=5-{10**30}": slice(5, SIZE),
    "bytes=-7": slice(SIZE - 7, SIZE),
    f"bytes=-{SIZE + 1}": slice(0, SIZE),
}
REFUSED = [f"bytes={SIZE}-", f"bytes={10**30}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=-0"]
WHOLE = ["bytes=9-5", "bytes=0-1,5-9", "bytes=", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=1", "\u0661"]


@pytest.mark.parametrize("asked", [*RANGES, *REFUSED, *WHOLE])
def test_a_range(client: FlaskClient, asked: str) -> None:
    """Of the file as it is stored: alone, in a pack, compressed or not."""
    answer = client.get(LARGE, headers={"Range": asked}, buffered=True)
    if asked in WHOLE:
        assert (answer.status_code, answer.data) == (200, FILES["large.txt"])
        assert "Content-Range" not in answer.headers
    elif asked in REFUSED:
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{SIZE}")
        assert answer.json == {"message": f"the file has {SIZE} bytes, and none in this range"}
    else:
        part = RANGES[asked]
        assert (answer.status_code, answer.data) == (206, FILES["large.txt"][part])
        assert answer.headers["Content-Range"] == f"bytes {part.start}-{part.stop - 1}/{SIZE}"
        assert answer.headers["Content-Length"] == str(part.stop - part.start)
        assert answer.headers["ETag"] == f'"{hashlib.sha256(FILES["large.txt"]).hexdigest()}"'


def test_an_empty_file_has_no_part(client: FlaskClient) -> None:
    statuses = [client.get(EMPTY, headers={"Range": each}).status_code for each in ("bytes=0-", "bytes=-5")]
    assert statuses == [416, 416]


@pytest.mark.parametrize("url", [LARGE, XYZ])
def test_a_range_if_the_file_is_the_same(client: FlaskClient, url: str) -> None:
    """Also of a file that is made of a node, the second and third time too, when it is cached."""
    for _ in range(3):
        whole = client.get(url, buffered=True)
        tag = whole.headers["ETag"]
        asked = {tag: 206, '"other"': 200, f"W/{tag}": 200, "Fri, 29 Apr 2016 19:24:12 GMT": 200}
        for seen, status in asked.items():
            answer = client.get(url, headers={"Range": "bytes=3-4", "If-Range": seen}, buffered=True)
            assert (answer.status_code, answer.data) == (status, whole.data[3:5] if status == 206 else whole.data)
        head = client.head(url, headers={"Range": "bytes=3-4"}, buffered=True)
        assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(whole.data)))
        assert (head.headers["ETag"], head.headers["Accept-Ranges"]) == (tag, "bytes")
        same = client.get(url, headers={"Range": "bytes=3-4", "If-None-Match": tag}, buffered=True)
        assert (same.status_code, same.data) == (304, b"")


def test_what_is_no_file_has_no_parts(client: FlaskClient) -> None:
    for url in ("/api/v4/nodes", "/api/v4/nodes?format=csv", f"/api/v4/nodes/{graph.relax}/ro-crate"):
        answer = client.get(url, headers={"Range": "bytes=0-1"}, buffered=True)
        assert (answer.status_code, "Accept-Ranges" in answer.headers) == (200, False)


def test_a_file_stays_the_same_when_others_commit(changing: Writable, serve: Callable[..., Flask]) -> None:
    client = serve(find(**changing.target), {}).test_client()
    before, of_list = (client.get(url, buffered=True).headers["ETag"] for url in (LARGE, "/api/v4/nodes"))
    with changing.committing() as commit:
        commit("UPDATE db_dbnode SET label = 'other' WHERE id = 5")
    assert client.get("/api/v4/nodes", buffered=True).headers["ETag"] != of_list
    assert client.get(LARGE, headers={"If-None-Match": before}, buffered=True).status_code == 304
    assert client.get(LARGE, headers={"If-Range": before, "Range": "bytes=-1"}, buffered=True).status_code == 206


def test_a_disk_that_fails() -> None:
    """It is no damage of the object: the log of the server says more."""

    def blocks() -> Iterator[bytes]:
        yield b"a"
        raise OSError(errno.EIO, "Input/output error")

    failing = Blocks("ab", io.BytesIO(), blocks(), 2)
    assert next(failing) == b"a"
    with pytest.raises(StorageError, match=r"^the object ab of the repository cannot be read: .*Input/output error$"):
        next(failing)


@pytest.mark.parametrize("origin", [None, 2])
def test_parts_of_blocks(origin: int | None) -> None:
    content = b"abcdefghij"
    for size in (1, 3, 10):

        def blocks(file: Any, size: int = size) -> Iterator[bytes]:
            return iter(lambda: file.read(size), b"")

        for start in range(10):
            for stop in range(start + 1, 11):
                file = io.BytesIO(b"--" * bool(origin) + content)
                part = Blocks("", file, blocks(file), len(content), origin).part(start, stop)
                assert b"".join(part) == content[start:stop]
                part.close()
                assert file.closed
