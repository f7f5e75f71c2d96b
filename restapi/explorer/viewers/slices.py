"""Arrays of a node, as far as a page shows them: the API answers slices of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiida_like.errors import DamagedNode
from restapi.explorer.node.found import Node
from restapi.explorer.query_values import quoted
from restapi.explorer.visit import Visit

Numbers = list[float | None]
"""None stands for NaN and the infinities."""


@dataclass(frozen=True)
class StoredArray:
    """`shape` and `dtype` are None where the array is lost or damaged."""

    name: str
    shape: Sequence[int] | None
    dtype: str | None


@dataclass(frozen=True)
class ArraySlice:
    """`values` are nested lists, of the slice of an array that has this shape as a whole."""

    shape: Sequence[int]
    dtype: str
    values: Any


def arrays_of(visit: Visit, node: Node) -> list[StoredArray]:
    """All arrays of a node. Raises ApiRefused: there are too many."""
    found = visit.api.get(f"{node.path}/contents/arrays")["arrays"]
    return [StoredArray(each["name"], each["shape"], each["dtype"]) for each in found]


def slice_of(visit: Visit, node: Node, name: str, *words: str) -> ArraySlice:
    """What the words take of each axis of an array, such as `0`, `:10` and `::2`.

    Raises:
        ApiRefused: there is no such array or no such slice, it is too large, or the array is lost or damaged.
    """
    taken = f"&slice={','.join(words)}" if words else ""
    found = visit.api.get(f"{node.path}/contents/arrays", f"array={quoted(name)}{taken}")["array"]
    return ArraySlice(found["shape"], found["dtype"], found["values"])


def numbers_of(values: Any, name: str) -> Numbers:
    """A list of numbers. Raises DamagedNode: it is none."""
    if isinstance(values, list) and all(value is None or _is_number(value) for value in values):
        return [None if value is None else float(value) for value in values]
    raise DamagedNode(f"the array {name!r} is no list of numbers")


def rows_of(values: Any, columns: int, name: str) -> list[Numbers]:
    """Lists of so many numbers each. Raises DamagedNode: they are none."""
    rows = [numbers_of(row, name) for row in values] if isinstance(values, list) else None
    if rows is None or any(len(row) != columns for row in rows):
        raise DamagedNode(f"the array {name!r} is no list of {columns} numbers each")
    return rows


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)
