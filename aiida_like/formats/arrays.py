"""ArrayData and its subclasses: numbers in `<name>.npy`, their shape in the attribute `array|<name>`."""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from aiida_like.errors import DamagedNode, FeatureUnavailable, QueryError
from aiida_like.formats.node import StoredNode

_PREFIX = "array|"
MAX_NUMBERS = 5_000_000
"""The most numbers of a node as JSON: each takes 60 bytes of memory, as an object and as text."""

_MODE = 0o644 << 16  # external attributes of a zip member: the Unix mode is in the upper half
_JSON_KINDS = "biufU"  # numpy's letters for booleans, integers, floats and strings


def array_names(node: StoredNode) -> list[str]:
    return names_of_arrays(node.attributes)


def names_of_arrays(attributes: Mapping[str, Any]) -> list[str]:
    """The names in alphabetical order, because PostgreSQL does not keep the order of the attributes."""
    return sorted(key.removeprefix(_PREFIX) for key in attributes if key.startswith(_PREFIX))


def read_array(node: StoredNode, name: str) -> NDArray[Any]:
    """Raises DamagedNode: the file is missing, damaged, or holds pickled objects."""
    return _parsed(node, name, node.content(f"{name}.npy"))


def json_list(array: NDArray[Any]) -> Any:
    """Nested lists (a scalar for an array without dimensions); NaN and the infinities are null.

    Raises:
        TypeError: JSON has no such numbers (complex, times, records).
    """
    if array.dtype.kind not in _JSON_KINDS:
        raise TypeError(f"JSON cannot hold {array.dtype}")
    if array.dtype.kind != "f":
        return array.tolist()
    numbers = array.astype(np.float64)  # the long double of numpy has no Python counterpart
    is_finite = np.isfinite(numbers)
    if is_finite.all():
        return numbers.tolist()
    values = numbers.astype(object)
    values[~is_finite] = None
    return values.tolist()


def arrays_json(node: StoredNode) -> bytes:
    """`{name: nested lists, ..., "original_uuid": uuid}`, as AiiDA exports arrays."""
    return orjson.dumps({"original_uuid": node.uuid, **_lists(node)})


def kpoints_json(node: StoredNode) -> bytes:
    """The arrays, and what a k-points node keeps in its attributes: mesh, offset, cell (angstrom), pbc, labels."""
    attributes = {key: value for key, value in node.attributes.items() if not key.startswith(_PREFIX)}
    return orjson.dumps({"original_uuid": node.uuid, **attributes, **_lists(node)})


def arrays_npz(node: StoredNode) -> bytes:
    """The stored .npy files as they are; the same bytes at each download, since all members are dated 1980."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        for name in array_names(node):
            content = node.content(f"{name}.npy")
            _parsed(node, name, content)
            member = zipfile.ZipInfo(f"{name}.npy")
            member.external_attr = _MODE
            members.writestr(member, content)
    return archive.getvalue()


def _lists(node: StoredNode) -> dict[str, Any]:
    names = array_names(node)
    _check_numbers(sum(map(_numbers, (node.attributes[_PREFIX + name] for name in names))))
    return {name: _list(node, name) for name in names}


def _numbers(shape: Any) -> int:
    """How many numbers an attribute says that an array has; 0 where it says nothing that makes sense."""
    is_shape = isinstance(shape, list) and all(isinstance(each, int) and each >= 0 for each in shape)
    return math.prod(shape) if is_shape else 0


def _check_numbers(number: int) -> None:
    if number > MAX_NUMBERS:
        raise QueryError(
            f"the arrays have {number} numbers; JSON is made of at most {MAX_NUMBERS}: ask for the format npz, which "
            "holds any number"
        )


def _list(node: StoredNode, name: str) -> Any:
    array = read_array(node, name)
    _check_numbers(array.size)
    try:
        return json_list(array)
    except TypeError as error:
        raise FeatureUnavailable(f"the array {name!r} cannot be written as json ({error}): ask for npz") from None


def _parsed(node: StoredNode, name: str, content: bytes) -> NDArray[Any]:
    # Not numpy.load, which would open a zip file too.
    try:
        array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except (ValueError, SyntaxError, MemoryError, tokenize.TokenError) as error:
        raise DamagedNode(f"the file '{name}.npy' of node {node.uuid} is not an array of numpy: {error}") from error
    return array
