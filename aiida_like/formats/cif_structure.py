"""The structure in a CIF file, with all atoms that its symmetry makes; read by ase (the optional part `structures`)."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

from aiida_like.errors import FeatureUnavailable, MissingExtra
from aiida_like.formats.structure import Site, Species, Structure, Vector

MOST_CHARACTERS = 200_000
"""Of a file that is read: symmetry makes many atoms of few lines."""

_FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError)
"""Besides ValueError, what ase raises at files that are no CIF, or none of a structure."""


def structure_in_cif(text: str) -> Structure:
    """The first structure of the file.

    Raises:
        MissingExtra: ase is not installed.
        FeatureUnavailable: the file is too large, or holds no structure that ase can make sense of.
    """
    if len(text) > MOST_CHARACTERS:
        raise FeatureUnavailable(f"cif files of more than {MOST_CHARACTERS:,} characters are not drawn: download it")
    try:
        from ase.io.cif import parse_cif
    except ImportError:
        raise MissingExtra("structures", "reading a structure from a cif file") from None
    try:
        blocks: Iterator[Any] = parse_cif(io.StringIO(text))
        atoms = _atoms(next((block for block in blocks if block.has_structure()), None))
    except (ValueError, *_FAULTS) as error:
        raise FeatureUnavailable(f"no structure can be read from this cif file: {str(error)[:200]!r}") from None
    return _structure(atoms)


def _atoms(block: Any) -> Any:
    """The atoms of a block of a file, None: there is none.

    Raises:
        FeatureUnavailable: ase would take too long.
        ValueError and others: ase cannot make sense of it.
    """
    if block is None:
        raise ValueError("it has no atoms")
    sites = len(block.get_symbols())
    operations = len(block.get_spacegroup(subtrans_included=True).get_symop())
    if operations == 1 and {*(block.get("_atom_site_occupancy") or [1])} == {1}:
        return block.get_unsymmetrized_structure()
    if sites * (sites + 4 * operations) > _MOST_STEPS:
        raise FeatureUnavailable(
            f"a cif file of {sites:,} sites and {operations:,} operations of symmetry is not drawn: download it"
        )
    return block.get_atoms(fractional_occupancies=True)


_MOST_STEPS = 200_000
"""Ase compares each site with each other, and each of its places with those before, of which each takes 5 µs."""


def _structure(atoms: Any) -> Structure:
    a, b, c = map(_vector, atoms.cell.tolist())
    occupancies: Mapping[str, Mapping[str, float]] = atoms.info.get("occupancy") or {}
    kinds = atoms.arrays.get("spacegroup_kinds", [None] * len(atoms))
    sites = []
    for symbol, kind, position in zip(atoms.get_chemical_symbols(), kinds, atoms.positions.tolist(), strict=True):
        shares = occupancies.get(str(kind), {}) or {symbol: 1.0}
        name = symbol if len(shares) == 1 and shares.get(symbol) == 1 else f"{symbol}{kind}"
        sites.append(Site(Species(name, tuple(shares), tuple(map(float, shares.values()))), _vector(position)))
    return Structure((a, b, c), (True, True, True), tuple(sites))


def _vector(stored: Any) -> Vector:
    x, y, z = stored
    return float(x), float(y), float(z)
