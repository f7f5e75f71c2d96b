"""Arrays of a node: their shapes, and slices of one as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import find
from restapi.answering import arrays
from restapi.answering.arrays import MOST_ELEMENTS
from tests.conftest import Golden
from tests.exchanges import check
from tests.golden import graph, ids
from tests.test_npy import described, npy_of
from tests.test_v4 import about, refused
from tests.writable import rezip

ARRAYS = f"nodes/{graph.array}/contents/arrays"
TRAJECTORY = f"nodes/{graph.trajectory}/contents/arrays"

INTEGERS = {"name": "integers", "shape": [2, 3], "dtype": "int64"}
FLOATS = {"name": "floats", "shape": [5], "dtype": "float64"}
POSITIONS = {"name": "positions", "shape": [2, 2, 3], "dtype": "float64"}


def test_the_arrays_of_a_node(client: FlaskClient) -> None:
    check(client, about(ARRAYS, {"arrays": [FLOATS, INTEGERS]}))
    check(client, about(f"nodes/{graph.seven}/contents/arrays", {"arrays": []}))


SLICES: dict[str, tuple[dict[str, Any], Any]] = {
    f"{ARRAYS}?array=integers": (INTEGERS, [[0, 1, 2], [3, 4, 5]]),
    f'{ARRAYS}?array="integers"&slice=1': (INTEGERS, [3, 4, 5]),
    f"{ARRAYS}?array=integers&slice=-1,-1": (INTEGERS, 5),
    f"{ARRAYS}?array=integers&slice=:,1": (INTEGERS, [1, 4]),
    f"{ARRAYS}?array=integers&slice=:,::2": (INTEGERS, [[0, 2], [3, 5]]),
    f"{ARRAYS}?array=integers&slice=::-1,1:": (INTEGERS, [[4, 5], [1, 2]]),
    f"{ARRAYS}?array=integers&slice=5:,:": (INTEGERS, []),
    f"{ARRAYS}?array=integers&slice=:,3:": (INTEGERS, [[], []]),
    f"{ARRAYS}?array=floats": (FLOATS, [0.1, None, None, None, 1e-30]),
    f"{ARRAYS}?array=floats&slice=0:1": (FLOATS, [0.1]),
    f"{TRAJECTORY}?array=positions&slice=:,1,2": (POSITIONS, [2.0, 1.9]),
    f"{TRAJECTORY}?array=positions&slice=1": (POSITIONS, [[0.0, 0.0, 0.1], [2.0, 2.0, 1.9]]),
}


@pytest.mark.parametrize("url", SLICES)
def test_slices(client: FlaskClient, url: str) -> None:
    shown, values = SLICES[url]
    check(client, about(url, {"array": shown | {"values": values}}))


FAULTS = {
    "slice=0": "slice needs array, the name of the array",
    "array=integers&slice=0,0,0": "slice has 3 indices, and the array has the shape (2, 3)",
    "array=integers&slice=2": "slice: there is no index 2 on axis 0, which has the length 2",
    "array=integers&slice=0,-4": "slice: there is no index -4 on axis 1, which has the length 3",
    "array=integers&slice=0,::0": ("slice takes indices and slices as Python has them, such as 0,:,-3:,::2, not '::0'"),
    "array=integers&slice=": "slice takes indices and slices as Python has them, such as 0,:,-3:,::2, not ''",
    "array=integers&slice=0.5": "slice takes indices and slices as Python has them, such as 0,:,-3:,::2, not '0.5'",
    "array=integers&slice=...": "slice takes indices and slices as Python has them, such as 0,:,-3:,::2, not '...'",
    "array=integers&slice=1:2:3:4": (
        "slice takes indices and slices as Python has them, such as 0,:,-3:,::2, not '1:2:3:4'"
    ),
    f"array=integers&slice={','.join('0' * 33)}": "slice has 33 axes; at most 32 are allowed",
    "id=5": "this resource takes no filters, so 'id' has no meaning here",
    "filename=x": "filename has no meaning for this resource; it takes profile, array, slice",
}


@pytest.mark.parametrize("asked", FAULTS)
def test_faults(archive_client: FlaskClient, asked: str) -> None:
    check(archive_client, refused(f"{ARRAYS}?{asked}", FAULTS[asked]))


def test_no_such_array(archive_client: FlaskClient) -> None:
    there_are = "the node has no array 'x'; there are: floats, integers"
    check(archive_client, refused(f"{ARRAYS}?array=x", there_are, 404))
    none = "the node has no array 'x'; there are: none"
    check(archive_client, refused(f"nodes/{graph.seven}/contents/arrays?array=x", none, 404))


def archive_with(golden: Golden, folder: Path, content: bytes) -> Path:
    """The golden archive with another content of the array `integers`."""
    old = npy_of(np.arange(6).reshape(2, 3))
    return rezip(golden.archive, folder / "other.aiida", lambda _, stored: content if stored == old else stored)


@pytest.fixture
def with_content(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> Callable[[bytes], FlaskClient]:
    return lambda content: serve(find(str(archive_with(golden, tmp_path, content))), {}).test_client()


def test_a_slice_may_have_so_many_elements(with_content: Callable[[bytes], FlaskClient]) -> None:
    client = with_content(npy_of(np.arange(2 * MOST_ELEMENTS, dtype=np.int64).reshape(2, MOST_ELEMENTS)))
    message = (
        "this slice has 200000 elements, and at most 100000 are answered: the array has the shape (2, 100000), take "
        "less of it, as in slice=0,:100,::2"
    )
    check(client, refused(f"{ARRAYS}?array=integers", message))
    found = client.get(f"/api/v4/{ARRAYS}?array=integers&slice=1").json["data"]["array"]["values"]
    assert found == list(range(MOST_ELEMENTS, 2 * MOST_ELEMENTS))
    every_other = client.get(f"/api/v4/{ARRAYS}?array=integers&slice=:,::-2").json["data"]["array"]["values"]
    assert [row[:2] for row in every_other] == [[99999, 99997], [199999, 199997]]


def test_lists_of_nothing_are_limited_too(with_content: Callable[[bytes], FlaskClient]) -> None:
    client = with_content(npy_of(np.zeros((10**9, 0))))
    assert client.get(f"/api/v4/{ARRAYS}?array=integers").status_code == 400
    assert client.get(f"/api/v4/{ARRAYS}?array=integers&slice=:2").json["data"]["array"]["values"] == [[], []]


def test_long_texts_are_limited_too(with_content: Callable[[bytes], FlaskClient]) -> None:
    client = with_content(npy_of(np.array(["a" * 300_000] * 20)))
    assert "at most 13 are answered" in client.get(f"/api/v4/{ARRAYS}?array=integers").json["message"]
    assert client.get(f"/api/v4/{ARRAYS}?array=integers&slice=3").json["data"]["array"]["values"] == "a" * 300_000


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "objects": (
        npy_of(np.array([{}], dtype=object)),
        "the file 'integers.npy' of the node cannot be read: it holds objects of Python, which are not read",
    ),
    "a huge shape": (
        described("'<f8'", f"({10**12},)"),
        (
            "the file 'integers.npy' of the node cannot be read: its shape is (1000000000000,), of type float64, and "
            "it has 80 bytes only"
        ),
    ),
    "complex numbers": (
        npy_of(np.array([1j])),
        "the array 'integers' is of type complex128, which JSON cannot hold",
    ),
    "no characters": (
        npy_of(np.array(["a"])).replace(b"a\0\0\0", b"\xff\xff\xff\xff"),
        "the array 'integers' holds what is no text",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_shown(with_content: Callable[[bytes], FlaskClient], name: str) -> None:
    content, message = UNREADABLE[name]
    client = with_content(content)
    check(client, refused(f"{ARRAYS}?array=integers", message, 501))
    listed = client.get(f"/api/v4/{ARRAYS}").json["data"]["arrays"]
    is_known = name in ("complex numbers", "no characters")
    assert [each["name"] for each in listed] == ["floats", "integers"]
    assert (listed[0], listed[1]["shape"], listed[1]["dtype"] is None) == (
        FLOATS,
        [1] if is_known else None,
        not is_known,
    )


def test_half_a_character(with_content: Callable[[bytes], FlaskClient]) -> None:
    client = with_content(npy_of(np.array(["a"])).replace(b"a\0\0\0", b"\x00\xd8\0\0"))
    assert client.get(f"/api/v4/{ARRAYS}?array=integers").json["data"]["array"]["values"] == ["\ufffd"]


def test_numbers_beyond_doubles_are_infinite(with_content: Callable[[bytes], FlaskClient]) -> None:
    client = with_content(npy_of(np.array([np.finfo(np.longdouble).max, 1.5], dtype=np.longdouble)))
    assert client.get(f"/api/v4/{ARRAYS}?array=integers").json["data"]["array"]["values"] == [None, 1.5]


ODD_NAMES = {"array|../../x": [1], "array|": [1], "array|gone": [1], "array|\ud800": [1]}


def test_arrays_without_a_file(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    from tests import writable

    stored = writable.sqlite(golden, tmp_path)
    with stored.committing() as commit:
        commit(f"UPDATE db_dbnode SET attributes = '{json.dumps(ODD_NAMES)}' WHERE id = {ids[graph.array]}")
    client = serve(find(**stored.target), {}).test_client()
    lost = [{"name": name, "shape": None, "dtype": None} for name in ("", "../../x", "gone", "\ufffd")]
    check(client, about(ARRAYS, {"arrays": lost}))
    there_are = "the node has no array 'x'; there are: , ../../x, gone, \ufffd"
    check(client, refused(f"{ARRAYS}?array=x", there_are, 404))
    check(client, refused(f"{ARRAYS}?array=gone", "the node has lost its file 'gone.npy'", 501))
    check(client, refused(f"{ARRAYS}?array=../../x", "the node has lost its file '../../x.npy'", 501))


def test_too_many_arrays(archive_client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "_MOST_ARRAYS", 1)
    check(archive_client, refused(ARRAYS, "the node has 2 arrays, and at most 1 are listed"))
    assert archive_client.get(f"/api/v4/{ARRAYS}?array=integers").status_code == 200
