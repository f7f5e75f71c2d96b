"""StructureData: atoms on sites in a cell, all lengths in angstrom."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiida_like.formats.node import StoredNode, parsing

_VACANCY = 1e-6  # less than this below a full occupancy is rounding, says AiiDA

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Species:
    """The elements on a site and the weight (occupancy, 0 to 1) of each, called a kind by AiiDA."""

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
        """Whether several elements share the site, or a part of it is empty."""
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
    position: Vector


@dataclass(frozen=True)
class Structure:
    """The rows of `cell` are the lattice vectors; `pbc` says along which of them the structure repeats."""

    cell: tuple[Vector, Vector, Vector]
    pbc: tuple[bool, bool, bool]
    sites: Sequence[Site]

    @property
    def formula(self) -> str:
        """The Hill formula, J. Am. Chem. Soc. 22, 478 (1900): by alphabet, but with carbon C and H come first."""
        return _hill_formula(self._counts)

    @property
    def compact_formula(self) -> str:
        """The Hill formula of the smallest number of atoms in these proportions."""
        counts = self._counts
        smallest = math.gcd(*counts.values()) or 1
        return _hill_formula({symbol: count // smallest for symbol, count in counts.items()})

    @property
    def _counts(self) -> Mapping[str, int]:
        return Counter(site.species.formula for site in self.sites)


def stored_structure(node: StoredNode) -> Structure:
    """The structure of a node, whose attributes lack `kinds` and `sites` if there are no atoms."""
    with parsing(node, "structure"):
        attributes = node.attributes
        first, second, third = map(_vector, attributes["cell"])
        pbc = (bool(attributes["pbc1"]), bool(attributes["pbc2"]), bool(attributes["pbc3"]))
        kinds = {kind["name"]: _species(kind) for kind in attributes.get("kinds", ())}
        return Structure((first, second, third), pbc, tuple(_site(site, kinds) for site in attributes.get("sites", ())))


def _hill_formula(counts: Mapping[str, int]) -> str:
    first = {"C": "0", "H": "1"} if "C" in counts else {}
    ordered = sorted(counts, key=lambda symbol: first.get(symbol, symbol))
    return "".join(symbol if counts[symbol] == 1 else f"{symbol}{counts[symbol]}" for symbol in ordered)


def _species(kind: Mapping[str, Any]) -> Species:
    symbols, weights = tuple(kind["symbols"]), tuple(float(weight) for weight in kind["weights"])
    if not symbols or len(symbols) != len(weights):
        raise ValueError(f"kind {kind['name']!r} has {len(symbols)} symbols and {len(weights)} weights")
    if not all(isinstance(symbol, str) for symbol in symbols):
        raise TypeError(f"kind {kind['name']!r} has the symbols {symbols!r:.100}")
    return Species(kind["name"], symbols, weights)


def _site(site: Mapping[str, Any], kinds: Mapping[str, Species]) -> Site:
    return Site(kinds[site["kind_name"]], _vector(site["position"]))


def _vector(stored: Sequence[Any]) -> Vector:
    x, y, z = stored
    return float(x), float(y), float(z)


def _html_share(symbol: str, weight: str) -> str:
    element = "vacancy" if symbol == "X" else symbol
    return f"{element}<sub>{weight}</sub>" if weight else element
