"""The kind of a node by its content: subclasses of plug-ins hold what AiiDA's own classes hold, under other types."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiida_like.core_names import todays_type
from aiida_like.formats.node import StoredNode

_PLUGINS, _OWN = "data.", "data.core."


def known_type(node: StoredNode) -> str:
    """The type of AiiDA's own that says which formats the node has: its type, or the start of one by its content."""
    node_type = todays_type(node.node_type)
    if node_type.startswith(_OWN) or not node_type.startswith(_PLUGINS):
        return node_type
    return next((start for start, holds in _BY_CONTENT.items() if holds(node)), node_type)


def _has(*attributes: str) -> Callable[[StoredNode], bool]:
    return lambda node: node.attributes.keys() >= {*attributes}


def _has_file(extension: str) -> Callable[[StoredNode], bool]:
    return lambda node: len(node.files) == 1 and node.files[0].lower().endswith(extension)


_BY_CONTENT: Mapping[str, Callable[[StoredNode], bool]] = {
    "data.core.structure.": _has("cell", "pbc1", "pbc2", "pbc3", "kinds", "sites"),
    "data.core.array.bands.": _has("array|kpoints", "array|bands"),
    "data.core.array.kpoints.": lambda node: _has("mesh", "offset")(node) or _has("array|kpoints")(node),
    "data.core.array.": lambda node: any(key.startswith("array|") for key in node.attributes),
    "data.core.upf.": _has_file(".upf"),
    "data.core.cif.": _has_file(".cif"),
}
"""What tells a kind, the more special before the more general."""
