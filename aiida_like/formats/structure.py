"""StructureData: atoms on sites in a cell, all lengths in angstrom."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiida_like.formats.node import StoredNode, parsing

_VACANCY = 1e-6  # less than this below a full occupancy is rounding, says AiiDA
_MEASURES = ("", "length", "surface", "volume")


@dataclass(frozen=True)
class Species:
    """What sits on a site: the elements and the weight (occupancy, 0 to 1) of each, called a kind by AiiDA."""

    name: str
    symbols: Sequence[str]
    weights: Sequence[float]

    @property
    def vacancy(self) -> float:
        """The empty share of the site; 0 where it is full within rounding."""
        empty = 1.0 - sum(self.weights)
        return empty if empty >= _VACANCY else 0.0

    @property
    def is_partial(self) -> bool:
        """Several elements share the site, or a part of it is empty."""
        return len(self.symbols) > 1 or self.vacancy > 0

    @property
    def formula(self) -> str:
        """`Cu`, or `{Au0.25Cu0.75}` with the weights, where X is a vacancy."""
        return "{" + "".join(map("".join, self._shares())) + "}" if self._is_written_out else self.symbols[0]

    @property
    def html(self) -> str:
        """`Cu`, or `Au<sub>0.25</sub> + Cu<sub>0.75</sub>`."""
        shares = self._shares() if self._is_written_out else [(self.symbols[0], "")]
        return " + ".join(_html_share(symbol, weight) for symbol, weight in shares)

    @property
    def _is_written_out(self) -> bool:
        return len(self.symbols) > 1 or self.weights[0] != 1.0

    def _shares(self) -> list[tuple[str, str]]:
        vacancy = [("X", self.vacancy)] if self.vacancy else []
        occupancies = [*zip(self.symbols, self.weights, strict=True), *vacancy]
        return sorted((symbol, f"{weight:4.2f}") for symbol, weight in occupancies)


@dataclass(frozen=True)
class Site:
    species: Species
    position: tuple[float, float, float]


@dataclass(frozen=True)
class Structure:
    """The rows of `cell` are the lattice vectors; `pbc` says along which of them the structure repeats."""

    cell: NDArray[np.float64]
    pbc: tuple[bool, bool, bool]
    sites: Sequence[Site]

    @property
    def formula(self) -> str:
        """In the order of Hill, J. Am. Chem. Soc. 22, 478 (1900): by alphabet, but with carbon C and H come first."""
        return _hill_formula(self._counts)

    @property
    def compact_formula(self) -> str:
        """The same for the smallest number of atoms in these proportions."""
        counts = self._counts
        smallest = math.gcd(*counts.values()) or 1
        return _hill_formula({symbol: count // smallest for symbol, count in counts.items()})

    @property
    def _counts(self) -> Mapping[str, int]:
        return Counter(site.species.formula for site in self.sites)

    @property
    def dimensionality(self) -> dict[str, Any]:
        """The number of periodic directions, and the size of what repeats: angstrom, angstrom^2 or angstrom^3."""
        vectors = self.cell[list(self.pbc)]
        dim = len(vectors)
        # The measure of a parallelepiped is the root of its Gram determinant.
        value = float(np.sqrt(max(np.linalg.det(vectors @ vectors.T), 0.0))) if dim else 0
        return {"dim": dim, "value": value, "label": _MEASURES[dim]}


def stored_structure(node: StoredNode) -> Structure:
    """Without atoms, the attributes `kinds` and `sites` are missing."""
    with parsing(node, "structure"):
        attributes = node.attributes
        cell = np.array(attributes["cell"], dtype=np.float64).reshape(3, 3)
        pbc = (bool(attributes["pbc1"]), bool(attributes["pbc2"]), bool(attributes["pbc3"]))
        kinds = {kind["name"]: _species(kind) for kind in attributes.get("kinds", ())}
        return Structure(cell, pbc, tuple(_site(site, kinds) for site in attributes.get("sites", ())))


def chemdoodle_picture(structure: Structure) -> dict[str, Any]:
    """What ChemDoodle Web draws: the atoms and the corners of the cell, its centre at the origin."""
    centre = structure.cell.sum(axis=0) / 2
    return {"s": [_unit_cell(structure.cell, centre)], "m": [{"a": _atoms(structure, centre)}], "units": "&Aring;"}


def _hill_formula(counts: Mapping[str, int]) -> str:
    first = {"C": "0", "H": "1"} if "C" in counts else {}
    ordered = sorted(counts, key=lambda symbol: first.get(symbol, symbol))
    return "".join(symbol if counts[symbol] == 1 else f"{symbol}{counts[symbol]}" for symbol in ordered)


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


def _species(kind: Mapping[str, Any]) -> Species:
    symbols, weights = tuple(kind["symbols"]), tuple(float(weight) for weight in kind["weights"])
    if not symbols or len(symbols) != len(weights):
        raise ValueError(f"kind {kind['name']!r} has {len(symbols)} symbols and {len(weights)} weights")
    return Species(kind["name"], symbols, weights)


def _site(site: Mapping[str, Any], kinds: Mapping[str, Species]) -> Site:
    x, y, z = site["position"]
    return Site(kinds[site["kind_name"]], (float(x), float(y), float(z)))


def _html_share(symbol: str, weight: str) -> str:
    element = "vacancy" if symbol == "X" else symbol
    return f"{element}<sub>{weight}</sub>" if weight else element
