"""The atoms, bonds and edges of several cells of a scene. `structure_scene.js` does the same in the browser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from aiida_like.formats.structure import Vector
from restapi.explorer.pictures.crystal.bonds import Bond
from restapi.explorer.pictures.crystal.scene import DrawnSite, Scene

Cell = tuple[int, int, int]


class PlacedAtom(NamedTuple):
    """`site` is an index of the scene's sites."""

    site: int
    position: Vector


class PlacedBond(NamedTuple):
    """Atoms by their indices; where `second` is None the bond leads to one that is not drawn, and is drawn half."""

    first: int
    second: int | None
    end: Vector


class Edge(NamedTuple):
    start: Vector
    end: Vector


@dataclass(frozen=True)
class Placed:
    atoms: Sequence[PlacedAtom]
    bonds: Sequence[PlacedBond]
    edges: Sequence[Edge]


def place(scene: Scene, repeat: Cell) -> Placed:
    """All that is drawn of so many cells: atoms on the faces of the whole are drawn on both sides."""
    atoms: list[PlacedAtom] = []
    numbers: dict[tuple[int, Cell], int] = {}
    for index, site in enumerate(scene.sites):
        for cell in _cells_of(site, scene, repeat):
            numbers[index, cell] = len(atoms)
            atoms.append(PlacedAtom(index, moved(site.position, scene, cell)))
    return Placed(atoms, list(_bonds(scene, numbers)), list(_edges(scene, repeat)))


def moved(position: Vector, scene: Scene, cell: Sequence[int]) -> Vector:
    """A position so many cells away."""
    x, y, z = (
        coordinate + sum(count * vector[axis] for count, vector in zip(cell, scene.lattice, strict=True))
        for axis, coordinate in enumerate(position)
    )
    return x, y, z


def _cells_of(site: DrawnSite, scene: Scene, repeat: Cell) -> Iterator[Cell]:
    counts = (
        count + on_face if repeats else 1
        for count, on_face, repeats in zip(repeat, site.on_face, scene.repeats, strict=True)
    )
    yield from product(*map(range, counts))


def _bonds(scene: Scene, numbers: dict[tuple[int, Cell], int]) -> Iterator[PlacedBond]:
    """Bonds between atoms that are drawn, once each; of others the half at the atom that is drawn."""
    ends = _ends(scene.bonds)
    for (site, cell), first in numbers.items():
        for bond in ends.get(site, ()):
            x, y, z = (here + step for here, step in zip(cell, bond.shift, strict=True))
            second = numbers.get((bond.second, (x, y, z)))
            if second is None or first < second:
                yield PlacedBond(first, second, moved(scene.sites[bond.second].position, scene, (x, y, z)))


def _ends(bonds: Sequence[Bond]) -> dict[int, list[Bond]]:
    """Bonds by either of their sites, which is the first."""
    found: dict[int, list[Bond]] = {}
    for bond in bonds:
        a, b, c = bond.shift
        found.setdefault(bond.first, []).append(bond)
        found.setdefault(bond.second, []).append(Bond(bond.second, bond.first, (-a, -b, -c)))
    return found


def _edges(scene: Scene, repeat: Cell) -> Iterator[Edge]:
    """Lines of the lattice, each through all cells; none along axes that do not repeat."""
    counts = [count if repeats else 0 for count, repeats in zip(repeat, scene.repeats, strict=True)]
    for axis in range(3):
        if not counts[axis]:
            continue
        others = [range(1) if other == axis else range(count + 1) for other, count in enumerate(counts)]
        for cell in product(*others):
            end = [counts[axis] if other == axis else place for other, place in enumerate(cell)]
            yield Edge(moved(scene.origin, scene, cell), moved(scene.origin, scene, end))
