"""Structures in space, all lengths in angstrom."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiida_like.formats.node import StoredNode
from aiida_like.formats.structure import Structure, stored_structure

_MEASURES = ("", "length", "surface", "volume")


def structure_properties(node: StoredNode) -> dict[str, Any]:
    structure = stored_structure(node)
    return {"dimensionality": dimensionality(structure), "formula": structure.formula}


def dimensionality(structure: Structure) -> dict[str, Any]:
    """The number of periodic directions, and the size of what repeats: angstrom, angstrom^2 or angstrom^3."""
    vectors = np.array(structure.cell)[list(structure.pbc)]
    dim = len(vectors)
    # The measure of a parallelepiped is the root of its Gram determinant.
    value = float(np.sqrt(max(np.linalg.det(vectors @ vectors.T), 0.0))) if dim else 0
    return {"dim": dim, "value": value, "label": _MEASURES[dim]}


def chemdoodle_picture(structure: Structure) -> dict[str, Any]:
    """The data that ChemDoodle Web draws: the atoms and the corners of the cell, its centre at the origin."""
    cell = np.array(structure.cell)
    centre = cell.sum(axis=0) / 2
    return {"s": [_unit_cell(cell, centre)], "m": [{"a": _atoms(structure, centre)}], "units": "&Aring;"}


def _atoms(structure: Structure, centre: NDArray[np.float64]) -> list[dict[str, Any]]:
    atoms = []
    for site in structure.sites:
        x, y, z = (np.array(site.position) - centre).tolist()
        atoms.append({"l": site.species.formula, "x": x, "y": y, "z": z, "atomic_elements_html": site.species.html})
    return atoms


def _unit_cell(cell: NDArray[np.float64], centre: NDArray[np.float64]) -> dict[str, Any]:
    """Corner `xy` is that at the end of the first and the second lattice vector, `o` the origin."""
    x, y, z = cell
    corners = {
        "o": np.zeros(3),
        "x": x,
        "y": y,
        "z": z,
        "xy": x + y,
        "xz": x + z,
        "yz": y + z,
        "xyz": x + y + z,
    }
    return {"t": "UnitCell", "i": "s0", **{name: (corner - centre).tolist() for name, corner in corners.items()}}
