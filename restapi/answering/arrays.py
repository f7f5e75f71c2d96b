"""Arrays of a node: their shapes, and slices of them as JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from aiida_like.errors import DamagedNode, FeatureUnavailable, FileNotFound, QueryError
from aiida_like.formats.arrays import json_list, names_of_arrays
from aiida_like.formats.npy import Axis, Header, read_header, read_slice
from aiida_like.forward_reader import ForwardReader
from aiida_like.repository import Repository, key_of
from restapi.http.encoding import part_of_stored

MOST_ELEMENTS = 100_000
"""The most elements of a slice; each takes some 60 bytes of memory as JSON."""

_MOST_BYTES = 16_000_000
"""Texts of numpy can be long."""

_MOST_ARRAYS = 500

_SLICE = re.compile(r"(-?[0-9]{1,18})?:(-?[0-9]{1,18})?(?::(-?[0-9]{1,18})?)?")
_INDEX = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True)
class StoredArrays:
    """The arrays of a node: attributes say which there are, `NAME.npy` in `tree` is the content of one."""

    attributes: Mapping[str, Any]
    tree: Mapping[str, Any]
    repository: Repository

    def listed(self) -> list[dict[str, Any]]:
        """The name, shape and type of each array; null of one that is lost or damaged.

        Raises:
            QueryError: there are too many.
            StorageError: the store cannot be read.
        """
        names = names_of_arrays(self.attributes)
        if len(names) > _MOST_ARRAYS:
            raise QueryError(f"the node has {len(names)} arrays, and at most {_MOST_ARRAYS} are listed")
        return [self._described(name) for name in names]

    def part(self, name: str, written: Sequence[str]) -> dict[str, Any]:
        """A slice of an array, as words such as `0`, `:` and `::2` say it for each axis.

        Raises:
            FileNotFound: there is no such array.
            QueryError: it has no such slice, or that is too large.
            FeatureUnavailable: JSON cannot hold its elements.
            DamagedNode: it is lost or damaged.
            StorageError: the store cannot be read.
        """
        names = names_of_arrays(self.attributes)
        if name not in names:
            raise FileNotFound(f"the node has no array {name!r}; there are: {', '.join(names[:20]) or 'none'}")
        with self._opened(name) as reader:
            header = read_header(reader)
            axes = axes_of(written, header.shape)
            _check_size(axes, header)
            values = read_slice(reader, header, axes)
        try:
            with np.errstate(over="ignore"):
                listed = json_list(values)
        except TypeError:
            raise FeatureUnavailable(f"the array {name!r} is of type {header.dtype}, which JSON cannot hold") from None
        except (ValueError, SystemError) as error:  # of numpy and of Python, for what is no character
            raise DamagedNode(f"the array {name!r} holds what is no text") from error
        return _shown(name, header) | {"values": part_of_stored(listed)}

    def _described(self, name: str) -> dict[str, Any]:
        try:
            with self._opened(name) as reader:
                return _shown(name, read_header(reader))
        except FeatureUnavailable:
            return {"name": name, "shape": None, "dtype": None}

    @contextmanager
    def _opened(self, name: str) -> Iterator[ForwardReader]:
        """The file of an array; errors name it."""
        file = f"{name}.npy"
        try:
            key = key_of(self.tree, file)
            reader = ForwardReader(key, self.repository.read(key))
        except (QueryError, FileNotFound) as error:
            raise DamagedNode(f"the node has lost its file {file!r}") from error
        try:
            yield reader
        except FeatureUnavailable as error:
            kind = DamagedNode if isinstance(error, DamagedNode) else FeatureUnavailable
            raise kind(f"the file {file!r} of the node cannot be read: {error}") from error
        finally:
            reader.close()


def axes_of(written: Sequence[str], shape: Sequence[int]) -> list[Axis]:
    """What is taken of each axis; of those that no word is for, all.

    Raises:
        QueryError: a word is no index and no slice, an index is out of range, or there are more words than axes.
    """
    if len(written) > len(shape):
        raise QueryError(f"slice has {len(written)} indices, and the array has the shape {_text(shape)}")
    words = [*written, *[":"] * (len(shape) - len(written))]
    return [_axis(word, number, length) for number, (word, length) in enumerate(zip(words, shape, strict=True))]


def _axis(word: str, number: int, length: int) -> Axis:
    found = _SLICE.fullmatch(word)
    if found is not None:
        start, stop, step = (None if part is None else int(part) for part in found.groups())
        if step != 0:
            return range(length)[start:stop:step]
    elif _INDEX.fullmatch(word):
        index = int(word)
        if -length <= index < length:
            return index % length
        raise QueryError(f"slice: there is no index {index} on axis {number}, which has the length {length}")
    raise QueryError(f"slice takes indices and slices as Python has them, such as 0,:,-3:,::2, not {word!r}")


def _check_size(axes: Sequence[Axis], header: Header) -> None:
    """Raises QueryError: a slice is too large, be it of empty lists."""
    number = math.prod(max(len(axis), 1) for axis in axes if isinstance(axis, range))
    most = min(MOST_ELEMENTS, _MOST_BYTES // max(header.dtype.itemsize, 1))
    if number > most:
        raise QueryError(
            f"this slice has {number} elements, and at most {most} are answered: the array has the shape "
            f"{_text(header.shape)}, take less of it, as in slice=0,:100,::2"
        )


def _shown(name: str, header: Header) -> dict[str, Any]:
    return {"name": name, "shape": list(header.shape), "dtype": header.dtype.name}


def _text(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))})"
