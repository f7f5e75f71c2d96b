"""BandsData: energies at k-points along a path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from aiida_like.formats.arrays import json_list, read_array
from aiida_like.formats.kpoints import Kpoints, Label, listed_kpoints
from aiida_like.formats.node import StoredNode, parsing


@dataclass(frozen=True)
class _Bands:
    """`energies` has the shape (k-points, bands), in the unit of the node; those of the first of two spins come first.

    `distances` along the path are in 1/angstrom (in units of the reciprocal vectors if no cell is known).
    """

    energies: NDArray[np.float64]
    distances: NDArray[np.float64]
    has_two_spins: bool


def bands_picture(node: StoredNode) -> dict[str, Any]:
    """The JSON of AiiDA's own export of bands, with the label of the y axis.

    `paths` are the stretches between two labelled k-points, each with `x` and the `values` of each band along it;
    `path` names those that are longer than one step, which is how a jump in the path is stored.
    """
    kpoints = listed_kpoints(node)
    bands = _bands(node, kpoints)
    stretches = list(pairwise(_ends(kpoints)))
    return {
        "label": node.label,
        "path": [[start.name, end.name] for start, end in stretches if _is_walked(start, end, kpoints)],
        "paths": [_stretch(bands, start, end) for start, end in stretches],
        "original_uuid": node.uuid,
        "Y_label": _axis_label(node),
    }


def bands_json(node: StoredNode) -> bytes:
    return orjson.dumps(bands_picture(node))


def bands_properties(node: StoredNode) -> dict[str, Any]:
    return {"bands": {name: value for name, value in bands_picture(node).items() if name != "Y_label"}}


def _bands(node: StoredNode, kpoints: Kpoints) -> _Bands:
    """The bands of a node. With two spins the stored shape is (2, k-points, bands), else (k-points, bands)."""
    with parsing(node, "bands"):
        stored = read_array(node, "bands").astype(np.float64)
        has_two_spins = stored.ndim == 3  # noqa: PLR2004
        energies = np.concatenate(stored, axis=1) if has_two_spins else stored
        if energies.ndim != 2 or len(energies) != len(kpoints.points):  # noqa: PLR2004
            raise ValueError(f"bands of shape {stored.shape} at {len(kpoints.points)} k-points")
        return _Bands(energies, _distances(kpoints), has_two_spins)


def _distances(kpoints: Kpoints) -> NDArray[np.float64]:
    """Distances from the first k-point along the path; a step between two labelled k-points is a jump of length 0."""
    steps = np.linalg.norm(np.diff(kpoints.cartesian, axis=0), axis=1)
    labelled = {label.index for label in kpoints.labels}
    jumps = [index for index in range(len(steps)) if {index, index + 1} <= labelled]
    steps[jumps] = 0
    return np.concatenate([[0.0], np.cumsum(steps)])


def _ends(kpoints: Kpoints) -> Sequence[Label]:
    """The ends of the stretches of the path: its labels, and its own ends if these have none."""
    last = len(kpoints.points) - 1
    if len(kpoints.labels) <= 1:
        return (Label(0, "0"), Label(last, "1"))
    start = () if kpoints.labels[0].index == 0 else (Label(0, ""),)
    end = () if kpoints.labels[-1].index == last else (Label(last, ""),)
    return (*start, *kpoints.labels, *end)


def _is_walked(start: Label, end: Label, kpoints: Kpoints) -> bool:
    return end.index - start.index > 1 or len(kpoints.labels) <= 1


def _stretch(bands: _Bands, start: Label, end: Label) -> dict[str, Any]:
    within = slice(start.index, end.index + 1)
    return {
        "length": end.index - start.index,
        "from": start.name,
        "to": end.name,
        "values": json_list(bands.energies[within].T),
        "x": json_list(bands.distances[within]),
        "two_band_types": bands.has_two_spins,
    }


def _axis_label(node: StoredNode) -> str:
    """The label of the node (or "Dispersion") and the unit; AiiDA stores a unit that nobody gave as "None"."""
    units = node.attributes.get("units")
    name = node.label or "Dispersion"
    return f"{name} ({units})" if isinstance(units, str) and units != "None" else name
