"""Slices of `.npy` files, beside numpy's own indexing of the whole; and headers that no file of numpy has."""

from __future__ import annotations

import io
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aiida_like.errors import DamagedNode, DamagedObject, FeatureUnavailable
from aiida_like.formats import npy
from aiida_like.formats.npy import Axis, read_header, read_slice
from aiida_like.forward_reader import ForwardReader
from aiida_like.repository import Blocks, StoredFile
from tests.conftest import Effort

KINDS = ("compressed", "in a pack")


def reader_of(content: bytes, kind: str, size: int | None = None) -> ForwardReader:
    """A reader of content that is compressed, and comes in small blocks, or lies in a file behind other bytes."""
    if kind == "compressed":
        file = io.BytesIO(content)
        blocks = Blocks("ab", file, iter(lambda: file.read(100), b""), len(content))
    else:
        file = io.BytesIO(b"before" + content)
        blocks = Blocks("ab", file, iter(()), len(content), len(b"before"))
    return ForwardReader("ab", StoredFile(len(content) if size is None else size, blocks))


def npy_of(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def sliced(array: NDArray[Any], axes: list[Axis], kind: str) -> NDArray[Any]:
    reader = reader_of(npy_of(array), kind)
    return read_slice(reader, read_header(reader), axes)


def index_of(axis: Axis) -> Any:
    return axis if isinstance(axis, int) else list(axis)


def expected(array: NDArray[Any], axes: list[Axis]) -> NDArray[Any]:
    for place, axis in reversed(list(enumerate(axes))):
        array = np.take(array, index_of(axis), place)
    return array


ARRAYS = {
    "cube": np.arange(4 * 5 * 6, dtype=np.float64).reshape(4, 5, 6),
    "fortran": np.asfortranarray(np.arange(4 * 5 * 6).reshape(4, 5, 6)),
    "big endian": np.arange(20, dtype=">i2").reshape(4, 5),
    "booleans": np.arange(21).reshape(3, 7) % 2 == 0,
    "texts": np.array([["a", "bc"], ["", "ü☃"]]),
    "empty texts": np.array([["", ""]]),
    "scalar": np.array(3.5),
    "no rows": np.zeros((0, 3)),
    "complex": np.array([1 + 2j, 3 - 1j]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("window", [1, 50, 16_384])
def test_slices(name: str, kind: str, window: int, effort: Effort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npy, "_WINDOW", window)
    array, chance = ARRAYS[name], Random(name)
    for _ in effort.of(range(100), 20):
        axes: list[Axis] = []
        for length in array.shape:
            ends = [chance.choice([None, *range(-length - 1, length + 2)]) for _ in range(2)]
            some = range(length)[slice(*ends, chance.choice([None, 1, 2, -1, -3]))]
            axes.append(chance.randrange(length) if length and chance.random() < 0.3 else some)
        found = sliced(array, axes, kind)
        wanted = expected(array, axes)
        assert (found.shape, found.dtype) == (wanted.shape, array.dtype)
        assert found.tolist() == wanted.tolist()


class Noting(ForwardReader):
    """A reader that notes the sizes of what was read."""

    def __init__(self, content: bytes) -> None:
        super().__init__("ab", StoredFile(len(content), Blocks("ab", io.BytesIO(content), iter(()), len(content), 0)))
        self.sizes: list[int] = []

    def read(self, start: int, size: int) -> bytes:
        self.sizes.append(size)
        return super().read(start, size)


def test_no_more_is_read_than_lies_between() -> None:
    array = np.arange(1_000_000, dtype=np.float64).reshape(1000, 1000)
    for axes, sizes in (
        ([5, range(500)], [4000]),
        ([range(1000), 7], [8, 8, 8]),
        ([range(999, 1000), range(999, 1000)], [8]),
        ([range(2), range(5)], [40, 40]),
        ([range(1), range(1000)], [4096, 3904]),
    ):
        reader = Noting(npy_of(array))
        found = read_slice(reader, read_header(reader), axes)
        assert found.tolist() == expected(array, axes).tolist()
        assert (reader.sizes[:3], sum(reader.sizes[:3])) == ([8, 2, 118], 128)
        assert reader.sizes[3:][: len(sizes)] == sizes
        assert sum(reader.sizes[3:]) <= 8 * found.size


def header(text: str, version: tuple[int, int] = (1, 0)) -> bytes:
    length = len(text).to_bytes(2 if version == (1, 0) else 4, "little")
    return b"\x93NUMPY" + bytes(version) + length + text.encode("latin-1")


def described(descr: str, shape: str, fortran: str = "False") -> bytes:
    return header(f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n")


ZEROS = bytes(64)

HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "^it is no .*|^it is not an array of numpy"),
    "text": (b"1 2 3\n" * 10, "^it is not an array of numpy: ValueError"),
    "a zip": (b"PK\x03\x04" + ZEROS, "^it is not an array of numpy: ValueError"),
    "a pickle": (b"\x80\x04]q\x00." + ZEROS, "^it is not an array of numpy: ValueError"),
    "a later version": (header("{}", (3, 0)) + ZEROS, "^it is not an array of numpy: .*version"),
    "no dictionary": (header("[1, 2]\n") + ZEROS, "^it is not an array of numpy: ValueError"),
    "code": (header("__import__('os').getcwd()\n") + ZEROS, "^it is not an array of numpy: ValueError"),
    "brackets": (header("[" * 9000 + "\n") + ZEROS, "^it is not an array of numpy"),
    "minus signs": (header("-" * 9000 + "1\n") + ZEROS, "^it is not an array of numpy"),
    "a long header": (header("{" + " " * 60_000 + "}\n") + ZEROS, "^it is not an array of numpy"),
    "it ends early": (described("'<f8'", "(2,)")[:40], "^it is not an array of numpy"),
    "no type": (described("'hello'", "(2,)") + ZEROS, "^it is not an array of numpy"),
    "a type of types": (described("[('a', [('b', 'x')])]", "(2,)") + ZEROS, "^it is not an array of numpy"),
    "a size that is none": (described("'|S99999999999999999999'", "(2,)") + ZEROS, "^it is not an array of numpy"),
    "no shape": (described("'<f8'", "'ab'") + ZEROS, "^it is not an array of numpy"),
    "a fraction": (described("'<f8'", "(1.5,)") + ZEROS, "^it is not an array of numpy"),
    "negative": (described("'<f8'", "(-1, -8)") + ZEROS, r"^it has an impossible shape, \(-1, -8\)"),
    "endless and empty": (described("'<f8'", f"(0, {2**63})") + ZEROS, "^it has an impossible shape"),
    "many axes": (described("'<f8'", f"({'1, ' * 40})") + ZEROS, "^it has an impossible shape"),
    "huge": (described("'<f8'", f"({10**12},)") + ZEROS, r"^its shape is \(1000000000000,\), of type float64, and"),
    "beyond 64 bits": (described("'<f8'", f"({10**30}, {10**30})") + ZEROS, "^it has an impossible shape"),
    "a byte less": (npy_of(np.zeros(5))[:-1], r"^its shape is \(5,\), of type float64, and it has 167 bytes only$"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers(name: str, kind: str) -> None:
    content, message = HOSTILE[name]
    with pytest.raises(DamagedNode, match=message):
        read_header(reader_of(content, kind))


@pytest.mark.parametrize("array", [np.array([{}, []], dtype=object), np.zeros(2, dtype=[("a", "O"), ("b", "f8")])])
def test_objects_are_never_read(array: NDArray[Any]) -> None:
    content = npy_of(array)
    with pytest.raises(FeatureUnavailable, match=r"^it holds objects of Python, which are not read$") as caught:
        read_header(reader_of(content, "in a pack"))
    assert not isinstance(caught.value, DamagedNode)


def test_any_byte_of_a_header_may_be_wrong(effort: Effort) -> None:
    content = npy_of(np.arange(6).reshape(2, 3))
    chance = Random(5)
    for _ in effort.of(range(2000), 300):
        wrong = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            wrong[chance.randrange(128)] = chance.randrange(256)
        reader = reader_of(bytes(wrong), "in a pack")
        try:
            found = read_header(reader)
        except FeatureUnavailable:
            continue
        assert found.begins + np.prod(found.shape, dtype=object) * found.dtype.itemsize <= len(content)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_ends_before_its_size(kind: str) -> None:
    """As a database says it that a stranger wrote."""
    content = npy_of(np.arange(200))
    reader = reader_of(content[:500], kind, len(content))
    found = read_header(reader)
    assert read_slice(reader, found, [range(3)]).tolist() == [0, 1, 2]
    with pytest.raises(DamagedObject, match=r"^the object ab of the repository ends early$"):
        read_slice(reader, found, [range(100, 101)])
