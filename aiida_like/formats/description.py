"""One line on a node, as AiiDA describes nodes of some classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiida_like.core_names import type_spellings
from aiida_like.errors import DamagedNode
from aiida_like.formats.node import StoredNode, parsing
from aiida_like.formats.structure import stored_structure

_ARRAY = "array|kpoints"
_CODES = type_spellings("data.core.code.")


def description_of(node: StoredNode, computer: str | None) -> str:
    """The description, from the attributes of a node and the label of its computer.

    It is empty for most classes, and where the attributes are not those of such a node.
    """
    if node.node_type.startswith(_CODES):
        return f"{node.label}@{computer}" if computer is not None else node.label
    describe = next((describe for start, describe in DESCRIBED.items() if node.node_type.startswith(start)), None)
    if describe is None:
        return ""
    try:
        with parsing(node, "described"):
            return describe(node)
    except DamagedNode:
        return ""


def _formula(node: StoredNode) -> str:
    return stored_structure(node).compact_formula


def _kpoints(node: StoredNode) -> str:
    """`Kpoints mesh: 2x2x2 (+0.0,0.5,0.0)` or `(Path of 5 kpts)`."""
    mesh, offset = node.attributes.get("mesh"), node.attributes.get("offset")
    if mesh and offset:
        counts, shifts = "x".join(map(str, mesh)), ",".join(f"{shift:.1f}" for shift in offset)
        return f"Kpoints mesh: {counts} (+{shifts})"
    shape = node.attributes.get(_ARRAY)
    return f"(Path of {shape[0]} kpts)" if shape else ""


def _state(node: StoredNode) -> str:
    """The state of a job in the scheduler."""
    return str(node.attributes.get("state") or "")


DESCRIBED: Mapping[str, Callable[[StoredNode], str]] = {
    **dict.fromkeys(type_spellings("data.core.structure."), _formula),
    **dict.fromkeys(type_spellings("data.core.array.kpoints."), _kpoints),
    **dict.fromkeys(type_spellings("data.core.array.bands."), _kpoints),
    "process.calculation.calcjob.": _state,
}
"""Functions by the start of the node type; all of them read the attributes."""
