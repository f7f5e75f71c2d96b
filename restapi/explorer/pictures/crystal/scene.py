"""A structure as it is drawn: kinds with colours, sites in one cell, bonds between them. Lengths are in angstrom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aiida_like.formats.structure import Site, Species, Structure, Vector
from restapi.explorer.pictures.crystal.bonds import Bond, BondedSites, Floats, TooDense, find_bonds, plane_distances
from restapi.explorer.pictures.crystal.elements import NON_METALS, VACANCY, element
from restapi.explorer.pictures.crystal.view import ViewDirections, first_view

MOST_SITES = 3000
"""Sites that are drawn; of more, the first."""

_FAR = 1e6
"""Angstrom. Whatever is further away is no position."""

_ON_FACE = 0.02
"""Angstrom. An atom so near to a face of the cell is on it, and drawn on the opposite face too."""

_SMALL = 8
"""Sites of a layer or a chain that is drawn three times along each axis, because one cell of it says little."""

_AXES = ("a", "b", "c")


@dataclass(frozen=True)
class Share:
    """A part of a site: of 1 where the site is full and has one element."""

    colour: str
    part: float


@dataclass(frozen=True)
class Kind:
    """What a site holds. `radius` is the covalent one; `symbol` is short, `label` has the occupancies."""

    symbol: str
    label: str
    radius: float
    shares: Sequence[Share]
    is_metal: bool

    @property
    def ball(self) -> float:
        """The radius of the ball that is drawn."""
        return 0.18 + 0.32 * self.radius


@dataclass(frozen=True)
class DrawnSite:
    """`kind` is an index of the scene's kinds; `number` is that of the stored site, from 0.

    `on_face` says for each axis whether it lies on the face of the cell where that axis starts.
    """

    number: int
    kind: int
    position: Vector
    on_face: tuple[bool, bool, bool]


@dataclass(frozen=True)
class Scene:
    """`lattice` has a row for each axis, zeros where nothing repeats; `origin` is where the cell is drawn.

    `repeat` says how many cells are drawn at first; `notes` are sentences on what the picture leaves out.
    """

    lattice: tuple[Vector, Vector, Vector]
    origin: Vector
    kinds: Sequence[Kind]
    sites: Sequence[DrawnSite]
    bonds: Sequence[Bond]
    repeat: tuple[int, int, int]
    view: ViewDirections
    notes: Sequence[str]

    @property
    def repeats(self) -> tuple[bool, bool, bool]:
        a, b, c = (any(vector) for vector in self.lattice)
        return a, b, c

    def as_json(self) -> dict[str, Any]:
        """What the viewer in a browser needs; see the head of `structure.js`."""
        return {
            "lattice": _rounded(self.lattice),
            "origin": _rounded([self.origin])[0],
            "kinds": [
                {
                    "symbol": kind.symbol,
                    "label": kind.label,
                    "ball": round(kind.ball, 3),
                    "radius": kind.radius,
                    "shares": [[share.colour, share.part] for share in kind.shares],
                }
                for kind in self.kinds
            ],
            "sites": [
                [site.number, site.kind, *_rounded([site.position])[0], sum(f << k for k, f in enumerate(site.on_face))]
                for site in self.sites
            ],
            "bonds": [[bond.first, bond.second, *bond.shift] for bond in self.bonds],
            "repeat": self.repeat,
            "view": _rounded(self.view),
        }


def scene_of(structure: Structure, total: int | None = None) -> Scene:
    """The scene of a structure; `total` is the number of its sites where it has been given only the first of them."""
    notes: list[str] = []
    lattice = _lattice(structure, notes)
    drawable = [(number, site) for number, site in enumerate(structure.sites[:MOST_SITES]) if _is_drawable(site)]
    _note_what_is_left_out(notes, structure, len(drawable), total or len(structure.sites))
    species = {site.species.name: site.species for _, site in drawable}
    kinds = [_kind(each) for each in species.values()]
    numbers = {name: number for number, name in enumerate(species)}
    of_site = [numbers[site.species.name] for _, site in drawable]
    positions, on_face = _wrapped(np.array([site.position for _, site in drawable]).reshape(-1, 3), lattice)
    sites = [
        DrawnSite(number, kind, _vector(position), _flags(faces))
        for (number, _), kind, position, faces in zip(drawable, of_site, positions, on_face, strict=True)
    ]
    a, b, c = map(_vector, lattice)
    return Scene(
        lattice=(a, b, c),
        origin=_vector(_origin(positions, lattice)),
        kinds=kinds,
        sites=sites,
        bonds=_bonds(positions, [kinds[number] for number in of_site], lattice, notes),
        repeat=_first_repeat(lattice, len(sites)),
        view=first_view(lattice, positions),
        notes=notes,
    )


def _lattice(structure: Structure, notes: list[str]) -> Floats:
    """The lattice vectors along which the structure repeats, and zeros; all zeros where they span no cell."""
    lattice = np.array(structure.cell, dtype=np.float64)
    lattice[~np.array(structure.pbc)] = 0
    periodic = lattice[list(structure.pbc)]
    is_finite = bool(np.isfinite(periodic).all() and np.abs(periodic).max(initial=0) < _FAR)
    if is_finite and (not len(periodic) or np.linalg.matrix_rank(periodic, tol=1e-3) == len(periodic)):
        return lattice
    axes = ", ".join(name for name, repeats in zip(_AXES, structure.pbc, strict=True) if repeats)
    notes.append(f"The structure is said to repeat along {axes}, but its cell spans nothing there: no cell is drawn.")
    return np.zeros((3, 3))


def _is_drawable(site: Site) -> bool:
    return all(abs(coordinate) < _FAR for coordinate in site.position)


def _note_what_is_left_out(notes: list[str], structure: Structure, drawn: int, total: int) -> None:
    nowhere = min(len(structure.sites), MOST_SITES) - drawn
    if total > MOST_SITES:
        notes.append(f"The first {MOST_SITES:,} of {total:,} sites are drawn.")
    if nowhere:
        verb = "site has" if nowhere == 1 else "sites have"
        notes.append(f"{nowhere:,} {verb} no finite position and cannot be drawn.")
    if not total:
        notes.append("The structure has no sites.")


def _kind(species: Species) -> Kind:
    """Shares are parts of the whole site; weights that make no sense are taken as equal."""
    weights = np.array(species.weights, dtype=np.float64)
    total = float(weights.sum())
    makes_sense = bool(np.isfinite(weights).all() and (weights >= 0).all() and total > 0)
    parts = weights / max(total, 1) if makes_sense else np.full(len(weights), 1 / len(weights))
    found = [element(symbol) for symbol in species.symbols]
    shares = [Share(each.colour, round(float(part), 4)) for each, part in zip(found, parts, strict=True)]
    empty = round(1 - float(parts.sum()), 4)
    main = int(np.argmax(parts))
    return Kind(
        symbol=str(species.symbols[main])[:12],
        label=_label(species)[:80],
        radius=round(float(np.average([each.radius for each in found], weights=parts)), 3),
        shares=[*shares, *([Share(VACANCY, empty)] if empty > 0 else [])],
        is_metal=species.symbols[main] not in NON_METALS,
    )


def _label(species: Species) -> str:
    """`Si`, `Si2 (Si)` where the kind has a name of its own, or `Fe 0.75, Ni 0.25`."""
    if species.is_partial:
        parts = [*zip(species.symbols, species.weights, strict=True)]
        parts += [("vacant", species.vacancy)] if species.vacancy else []
        return ", ".join(f"{symbol} {weight:.3g}" for symbol, weight in parts)
    (symbol,) = species.symbols
    return str(symbol) if species.name == symbol else f"{species.name} ({symbol})"


def _wrapped(positions: Floats, lattice: Floats) -> tuple[Floats, Any]:
    """The positions moved into the cell along the axes that repeat, and which of its faces each is on."""
    on_face = np.zeros((len(positions), 3), dtype=bool)
    repeats = lattice.any(axis=1)
    if not repeats.any() or not len(positions):
        return positions, on_face
    vectors = lattice[repeats]
    fractions = positions @ np.linalg.pinv(vectors)
    tolerance = _ON_FACE / np.array(plane_distances(lattice))[repeats]
    cells = np.floor(fractions + tolerance)
    on_face[:, repeats] = np.abs(fractions - cells) <= tolerance
    return positions - cells @ vectors, on_face


def _origin(positions: Floats, lattice: Floats) -> Floats:
    """Zero for a crystal; where it does not repeat along an axis, at the middle of the atoms along that one."""
    repeats = lattice.any(axis=1)
    if repeats.all() or not len(positions):
        return np.zeros(3)
    middle = (positions.min(axis=0) + positions.max(axis=0)) / 2
    vectors = lattice[repeats]
    inside = middle @ np.linalg.pinv(vectors) @ vectors if len(vectors) else np.zeros(3)
    origin: Floats = middle - inside
    return origin


def _bonds(positions: Floats, kinds: Sequence[Kind], lattice: Floats, notes: list[str]) -> list[Bond]:
    radii = np.array([kind.radius for kind in kinds], dtype=np.float64)
    try:
        return find_bonds(BondedSites(positions, radii, np.array([kind.is_metal for kind in kinds], bool), lattice))
    except TooDense:
        notes.append("The sites are too close together to look for bonds.")
        return []


def _first_repeat(lattice: Floats, sites: int) -> tuple[int, int, int]:
    """1 x 1 x 1 for crystals; small layers and chains three times, because one cell of them says little."""
    repeats = [any(vector) for vector in lattice.tolist()]
    is_low = any(repeats) and not all(repeats)
    a, b, c = (3 if is_low and sites <= _SMALL and along else 1 for along in repeats)
    return a, b, c


def _vector(row: Any) -> Vector:
    x, y, z = (float(each) for each in row)
    return x, y, z


def _flags(row: Any) -> tuple[bool, bool, bool]:
    a, b, c = (bool(each) for each in row)
    return a, b, c


def _rounded(rows: Any) -> list[list[float]]:
    """Numbers with four decimals: a hundredth of the width of a line."""
    return [[round(value, 4) + 0.0 for value in row] for row in rows]
