"""Files of numpy, `.npy`: their headers, and slices of their arrays, of which no more than a slice is in memory.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import math
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiida_like.errors import DamagedNode, FeatureUnavailable
from aiida_like.forward_reader import ForwardReader

Axis = int | range
"""What is taken of an axis: one index, after which the axis is gone, or some."""

_MOST_HEADER = 10_240
"""Bytes: numpy itself takes headers of 10 000 characters."""

MOST_AXES = 32

_WINDOW = 4096
"""Bytes that are read at once, though fewer may be wanted of them."""

_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
"""By version; the third is of records, whose names are not ASCII."""

_UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError, SyntaxError, MemoryError, RecursionError)
"""What numpy and Python raise at headers that are none."""


@dataclass(frozen=True)
class Header:
    """The type and shape of an array, and where in the file it begins. Fortran has the first index run fastest."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    is_fortran: bool
    begins: int

    @property
    def steps(self) -> list[int]:
        """How many elements lie between neighbours, along each axis."""
        shape = self.shape if self.is_fortran else self.shape[::-1]
        steps = [math.prod(shape[:axis]) for axis in range(len(shape))]
        return steps if self.is_fortran else steps[::-1]


def read_header(reader: ForwardReader) -> Header:
    """The header of a file, which is held against its size.

    Raises:
        FeatureUnavailable: the array holds objects of Python, which are code.
        DamagedNode: it is no array of numpy, or not as large as it says.
        StorageError: it cannot be read.
    """
    file = _Beginning(reader)
    try:
        version = np.lib.format.read_magic(file)
        if version not in _READERS:
            raise ValueError(f"version {version} of the format")
        shape, is_fortran, dtype = _READERS[version](file)
    except (*_UNREADABLE, tokenize.TokenError) as error:
        raise DamagedNode(f"it is not an array of numpy: {error!r:.200}") from error
    if dtype.hasobject:
        raise FeatureUnavailable("it holds objects of Python, which are not read")
    if len(shape) > MOST_AXES or not all(0 <= length <= sys.maxsize for length in shape):
        raise DamagedNode(f"it has an impossible shape, {shape!r:.200}")
    header = Header(dtype, shape, is_fortran, file.place)
    if header.begins + math.prod(shape) * dtype.itemsize > reader.size:
        raise DamagedNode(f"its shape is {shape!r:.200}, of type {dtype}, and it has {reader.size} bytes only")
    return header


class _Beginning:
    """A file that numpy reads a header of, and nothing behind it, because a reader does not go back."""

    def __init__(self, reader: ForwardReader) -> None:
        self._reader = reader
        self.place = 0

    def read(self, size: int = 0, /) -> bytes:
        """Raises ValueError: the header says that it is longer than any is."""
        if size > _MOST_HEADER:
            raise ValueError(f"a header of {size} bytes")
        found = self._reader.read(self.place, min(size, self._reader.size - self.place))
        self.place += len(found)
        return found


def read_slice(reader: ForwardReader, header: Header, axes: Sequence[Axis]) -> NDArray[Any]:
    """The elements of an array at some indices of each axis, which are within its shape.

    Raises:
        DamagedNode, StorageError: as `ForwardReader.read`.
    """
    shape = tuple(len(axis) for axis in axes if isinstance(axis, range))
    if not math.prod(shape) or not header.dtype.itemsize:
        return np.zeros(shape, header.dtype)
    places = _places(axes, header.steps)
    order = np.argsort(places)
    found = np.empty(len(places), header.dtype)
    for part in _windows(places[order], max(_WINDOW // header.dtype.itemsize, 1)):
        wanted = order[part]
        first, last = (int(places[each]) for each in (wanted[0], wanted[-1]))
        size = header.dtype.itemsize
        content = reader.read(header.begins + first * size, (last - first + 1) * size)
        found[wanted] = np.frombuffer(content, header.dtype)[places[wanted] - first]
    return found.reshape(shape)


def _places(axes: Sequence[Axis], steps: Sequence[int]) -> NDArray[np.int64]:
    """The place of each element among all of the array, in the order of the slice."""
    places = np.zeros(1, np.int64)
    for axis, step in zip(axes, steps, strict=True):
        indices = np.array([axis] if isinstance(axis, int) else axis, np.int64)
        places = (places[:, np.newaxis] + indices * step).ravel()
    return places


def _windows(places: NDArray[np.int64], most: int) -> Iterator[slice]:
    """Parts of ascending places, from the first to the last of which there are at most `most`."""
    begins = 0
    while begins < len(places):
        ends = int(np.searchsorted(places, places[begins] + most))
        yield slice(begins, ends)
        begins = ends
