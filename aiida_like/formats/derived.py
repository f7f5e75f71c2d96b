"""Properties that follow from the content of a node and are not stored, as version 4 of the API shows them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from aiida_like.errors import MissingExtra
from aiida_like.formats.arrays import json_list
from aiida_like.formats.bands import bands_picture
from aiida_like.formats.kpoints import Kpoints, stored_kpoints
from aiida_like.formats.node import StoredNode


def bands_properties(node: StoredNode) -> dict[str, Any]:
    return {"bands": {name: value for name, value in bands_picture(node).items() if name != "Y_label"}}


def kpoints_properties(node: StoredNode) -> dict[str, Any]:
    """All k-points in units of the reciprocal vectors, and with a cell in 1/angstrom and with the Brillouin zone."""
    kpoints = stored_kpoints(node)
    has_mesh = "mesh" in node.attributes
    return {
        "explicit_kpoints_rel": json_list(kpoints.points),
        **_in_space(kpoints),
        **_labelled(kpoints),
        **({key: node.attributes.get(key) for key in ("mesh", "offset")} if has_mesh else {}),
        "has_cell": kpoints.reciprocal_cell is not None,
        "has_mesh": has_mesh,
        "has_labels": bool(kpoints.labels),
    }


def _in_space(kpoints: Kpoints) -> dict[str, Any]:
    if kpoints.reciprocal_cell is None:
        return {}
    return {
        "faces_data": brillouin_zone(json_list(kpoints.reciprocal_cell)),
        "explicit_kpoints_abs": json_list(kpoints.cartesian),
    }


def _labelled(kpoints: Kpoints) -> dict[str, Any]:
    if not kpoints.labels:
        return {}
    named = {
        "labelled_kpoints_rel": {label.name: json_list(kpoints.points[label.index]) for label in kpoints.labels},
        "labelled_path": [[start.name, end.name] for start, end in pairwise(kpoints.labels)],
    }
    if kpoints.reciprocal_cell is None:
        return named
    cartesian = kpoints.cartesian
    return {
        **named,
        "labelled_kpoints_abs": {label.name: json_list(cartesian[label.index]) for label in kpoints.labels},
    }


def brillouin_zone(reciprocal_cell: list[list[float]]) -> dict[str, Any]:
    """The faces, each a list of corners in 1/angstrom, and the same as triangles: indices into a list of corners.

    Raises:
        MissingExtra: seekpath is not installed.
    """
    try:
        from seekpath.brillouinzone.brillouinzone import BZ
    except ImportError:
        raise MissingExtra("structures", "the Brillouin zone") from None
    zone = BZ(*reciprocal_cell)
    return {"faces": zone.faces, "triangles": zone.triangles, "triangles_vertices": zone.triangles_vertices}
