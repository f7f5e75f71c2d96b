"""Structures as files, written by ase (the optional part `structures`), and as pictures; all lengths in angstrom."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson

from aiida_like.errors import FeatureUnavailable, MissingExtra
from aiida_like.formats.node import StoredNode
from aiida_like.formats.structure import Structure, stored_structure

_LABELS = ("", "length", "surface", "volume")
_MEASURES: Sequence[Callable[..., Any]] = (
    lambda: 0,
    np.linalg.norm,
    lambda a, b: np.linalg.norm(np.cross(a, b)),
    # A determinant would round where this is exact.
    lambda a, b, c: abs(np.dot(a, np.cross(b, c))),
)
"""By the number of periodic directions; see `dimensionality`."""


def cif_file(node: StoredNode) -> bytes:
    return cif(stored_structure(node)).encode()


def xsf_file(node: StoredNode) -> bytes:
    return xsf(stored_structure(node)).encode()


def xyz_file(node: StoredNode) -> bytes:
    return xyz(stored_structure(node)).encode()


def chemdoodle_file(node: StoredNode) -> bytes:
    """The JSON that ChemDoodle Web reads."""
    return orjson.dumps(chemdoodle_picture(stored_structure(node)))


def structure_picture(node: StoredNode) -> dict[str, Any]:
    """The dict that ChemDoodle Web reads."""
    return _picture(node, "chemdoodle", chemdoodle_picture)


def cif_picture(node: StoredNode) -> dict[str, Any]:
    """The text of the file, for viewers such as JSmol."""
    return _picture(node, "cif", cif)


def xsf_picture(node: StoredNode) -> dict[str, Any]:
    """The text of an XSF file."""
    return _picture(node, "xsf", xsf)


def structure_properties(node: StoredNode) -> dict[str, Any]:
    structure = stored_structure(node)
    return {"dimensionality": dimensionality(structure), "formula": structure.formula}


def dimensionality(structure: Structure) -> dict[str, Any]:
    """The number of periodic directions, and the size of what repeats: angstrom, angstrom^2 or angstrom^3."""
    vectors = np.array(structure.cell)[list(structure.pbc)]
    dim = len(vectors)
    return {"dim": dim, "value": float(_MEASURES[dim](*vectors)), "label": _LABELS[dim]}


def chemdoodle_picture(structure: Structure) -> dict[str, Any]:
    """The data that ChemDoodle Web draws: the atoms and the corners of the cell, its centre at the origin.

    Corner `xy` is that at the end of the first and the second lattice vector, `o` the origin.
    """
    a, b, c = cell = np.array(structure.cell)
    centre = cell.sum(axis=0) / 2
    corners = {
        "o": np.zeros(3),
        "x": a,
        "y": b,
        "z": c,
        "xy": a + b,
        "xz": a + c,
        "yz": b + c,
        "xyz": a + b + c,
    }
    unit_cell = {"t": "UnitCell", "i": "s0", **{name: (corner - centre).tolist() for name, corner in corners.items()}}
    atoms = []
    for site in structure.sites:
        x, y, z = (np.array(site.position) - centre).tolist()
        atoms.append({"l": site.species.formula, "x": x, "y": y, "z": z, "atomic_elements_html": site.species.html})
    return {"s": [unit_cell], "m": [{"a": atoms}], "units": "&Aring;"}


def cif(structure: Structure) -> str:
    """A CIF file; a shared site has a row for each element, with its occupancy to four decimals."""
    rank = np.linalg.matrix_rank(np.array(structure.cell))
    if rank not in {0, 3} or not structure.sites:
        raise FeatureUnavailable(
            f"a cif file needs atoms, and three independent lattice vectors or none: this structure has "
            f"{len(structure.sites)} atoms, and {rank} independent lattice vectors"
        )
    atoms = _atoms(structure, "cif")
    is_partial = any(site.species.is_partial for site in structure.sites)
    if is_partial:
        _add_occupancies(atoms, structure)
    text = io.BytesIO()
    _write(text, atoms, "cif")
    lines = text.getvalue().decode("latin-1").splitlines(keepends=True)
    # ase counts a shared site as a whole atom of its first element in the formulas of the header.
    return "".join(line for line in lines if not (is_partial and line.startswith("_chemical_formula_")))


def xsf(structure: Structure) -> str:
    """An XSF file: CRYSTAL, SLAB, POLYMER or ATOMS by the number of periodic directions."""
    _refuse_partial(structure, "xsf")
    atoms = _atoms(structure, "xsf")
    # In XSF the first vectors are the periodic ones. Rotating a, b, c cyclically keeps the handedness.
    turn = next(turn for turn in range(3) if _begins_periodic(np.roll(atoms.pbc, turn)))
    atoms.set_cell(np.roll(atoms.cell, turn, axis=0))
    atoms.set_pbc(np.roll(atoms.pbc, turn))
    text = io.StringIO()
    _write(text, atoms, "xsf")
    return text.getvalue()


def xyz(structure: Structure) -> str:
    """Extended XYZ: the second line holds the cell and the periodicity."""
    _refuse_partial(structure, "xyz")
    text = io.StringIO()
    _write(text, _atoms(structure, "xyz"), "extxyz")
    return text.getvalue()


def _picture(node: StoredNode, name: str, write: Callable[[Structure], Any]) -> dict[str, Any]:
    structure = stored_structure(node)
    return {
        "str_viz_info": {"data": write(structure), "format": name},
        "dimensionality": dimensionality(structure),
        "pbc": list(structure.pbc),
        "formula": structure.formula,
    }


def _atoms(structure: Structure, wanted: str) -> Any:
    """`ase.Atoms`, with the first element on sites that several share."""
    try:
        from ase import Atoms
    except ImportError:
        raise MissingExtra("structures", f"writing a structure as {wanted}") from None
    return Atoms(
        symbols=[site.species.symbols[0] for site in structure.sites],
        positions=np.array([site.position for site in structure.sites]).reshape(-1, 3),
        cell=structure.cell,
        pbc=structure.pbc,
    )


def _write(text: io.BytesIO | io.StringIO, atoms: Any, ase_format: str) -> None:
    from ase.io import write

    write(text, atoms, format=ase_format)


def _add_occupancies(atoms: Any, structure: Structure) -> None:
    """Adds occupancies as ase has them: `spacegroup_kinds` numbers the kinds, `occupancy` has the elements of each."""
    kinds = {site.species.name: site.species for site in structure.sites}
    numbers = {name: number for number, name in enumerate(kinds)}
    atoms.set_array("spacegroup_kinds", np.array([numbers[site.species.name] for site in structure.sites]))
    atoms.info["occupancy"] = {
        str(numbers[name]): dict(zip(kind.symbols, kind.weights, strict=True)) for name, kind in kinds.items()
    }


def _refuse_partial(structure: Structure, wanted: str) -> None:
    partial = {site.species.formula: None for site in structure.sites if site.species.is_partial}
    if partial:
        raise FeatureUnavailable(
            f"{wanted} cannot hold the partial occupancies of this structure ({', '.join(partial)}): ask for cif"
        )


def _begins_periodic(pbc: Any) -> bool:
    return list(pbc) == sorted(pbc, reverse=True)
