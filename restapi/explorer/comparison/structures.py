"""What two structures are compared by: formula, number of sites, cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from restapi.explorer.ask import ApiRefused
from restapi.explorer.node.found import Node
from restapi.explorer.pictures.crystal.cell import Vector, angles, length, volume
from restapi.explorer.visit import Visit

_TYPE = "data.core.structure."
_OLD_TYPE = "data.structure."


@dataclass(frozen=True)
class Structure:
    """Texts by what they say; of any two structures the same names."""

    rows: Mapping[str, str]


def structure_of(visit: Visit, node: Node) -> Structure | None:
    """The structure that a node is; None: it is none."""
    if not node.node_type.startswith((_TYPE, _OLD_TYPE)):
        return None
    try:
        derived = visit.api.get(f"{node.path}/contents/derived_properties")["derived_properties"]
    except ApiRefused:
        derived = {}
    return Structure({"formula": str(derived.get("formula", "")), **_geometry(node.attributes)})


def _geometry(attributes: Mapping[str, Any]) -> Mapping[str, str]:
    sites = attributes.get("sites")
    cell = cell_of(attributes.get("cell"))
    return {
        "sites": str(len(sites)) if isinstance(sites, list) else "",
        **dict(zip(("a", "b", "c"), (f"{length(each):.4f} Å" for each in cell), strict=True)),
        **dict(zip(("angle bc", "angle ac", "angle ab"), (f"{each:.2f}°" for each in angles(*cell)), strict=True)),
        "volume": f"{volume(*cell):.3f} Å³",
        "periodic": "".join(name for name, key in _AXES.items() if attributes.get(key) is True) or "not",
    }


_AXES = {"a": "pbc1", "b": "pbc2", "c": "pbc3"}


def cell_of(value: Any) -> Sequence[Vector]:
    """Three vectors; zeros for what is no cell."""
    rows = value if isinstance(value, list) and len(value) == len(_AXES) else [()] * len(_AXES)
    return [_vector(row) for row in rows]


def _vector(value: Any) -> Vector:
    numbers = value if isinstance(value, list) and len(value) == len(_AXES) else [0.0] * len(_AXES)
    return [float(each) if isinstance(each, int | float) and abs(each) < _LARGEST else 0.0 for each in numbers]


_LARGEST = 1e9
"""Of a length in angstrom that can be meant; squares of larger ones may be no numbers."""
