"""Bonds: pairs of neighbours in a crystal, found by a grid of cells, so that twice the atoms take twice the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 0.4
"""Angstrom. Atoms are bonded up to the sum of their radii and this, as the Cambridge Structural Database has it."""

METAL_SHELL = 1.12
"""Bonds of a metal are at most so many times its shortest one: that leaves out the second neighbours of bcc."""

_OVERLAP = 0.3
"""Angstrom. Nearer atoms are the same one, or a mistake."""

_MOST_IMAGES, _MOST_PAIRS = 200_000, 1_000_000
"""Copies of sites, and pairs of those that may be near. A pair takes 100 bytes; a crystal has 200 for each site."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Bond(NamedTuple):
    """`second` is the site of that number, moved by `shift` lattice vectors."""

    first: int
    second: int
    shift: tuple[int, int, int]


@dataclass(frozen=True)
class BondedSites:
    """Sites, as bonds need them: positions (n, 3) and radii (n) in angstrom.

    `lattice` has a row for each axis, zeros where nothing repeats.
    """

    positions: Floats
    radii: Floats
    is_metal: NDArray[np.bool_]
    lattice: Floats


@dataclass(frozen=True)
class _Images:
    """Copies of sites: `site` is the number of the copied one, `shift` how it was moved, in lattice vectors."""

    positions: Floats
    site: Integers
    shift: Integers


class TooDense(Exception):
    """The cell is so thin, or its sites are so close together, that there are too many pairs to look at."""


def find_bonds(sites: BondedSites) -> list[Bond]:
    """Each bond once: neighbours up to the sum of their radii and `TOLERANCE`.

    Metals have bonds with each other only where there is nothing else, and only the shortest (`METAL_SHELL`).

    Raises:
        TooDense
    """
    if not len(sites.positions):
        return []
    reach = 2 * float(sites.radii.max()) + TOLERANCE
    images = _images(sites, reach)
    first, image = _near(sites.positions, images.positions, reach)
    second, shift = images.site[image], images.shift[image]
    distance = np.linalg.norm(images.positions[image] - sites.positions[first], axis=1)
    longest = sites.radii[first] + sites.radii[second] + TOLERANCE
    is_bond = (distance > _OVERLAP) & (distance <= longest) & _is_named_first(first, second, shift)
    of_metals = sites.is_metal[first] & sites.is_metal[second]
    if not sites.is_metal.all():
        is_bond &= ~of_metals
    elif is_bond.any():
        is_bond &= distance <= METAL_SHELL * distance[is_bond].min()
    order = np.lexsort((*shift[is_bond].T[::-1], second[is_bond], first[is_bond]))
    rows = np.column_stack([first, second, shift])[is_bond][order].tolist()
    return [Bond(one, other, (x, y, z)) for one, other, x, y, z in rows]


def _is_named_first(first: Integers, second: Integers, shift: Integers) -> NDArray[np.bool_]:
    """Whether a pair is the one of the two that counts: from A to B, not from B to A."""
    leading = np.select([shift[:, 0] != 0, shift[:, 1] != 0], [shift[:, 0], shift[:, 1]], shift[:, 2])
    is_first: NDArray[np.bool_] = (first < second) | ((first == second) & (leading > 0))
    return is_first


def _images(sites: BondedSites, reach: float) -> _Images:
    """All sites and their copies no further than `reach` from the box around the sites."""
    shifts = np.array(list(product(*_ranges(sites, reach))), dtype=np.int64)
    if len(shifts) * len(sites.positions) > _MOST_IMAGES:
        raise TooDense
    positions = (sites.positions[None] + (shifts @ sites.lattice)[:, None]).reshape(-1, 3)
    low, high = sites.positions.min(axis=0) - reach, sites.positions.max(axis=0) + reach
    is_near = ((positions >= low) & (positions <= high)).all(axis=1)
    count = len(sites.positions)
    return _Images(
        positions[is_near],
        np.tile(np.arange(count), len(shifts))[is_near],
        np.repeat(shifts, count, axis=0)[is_near],
    )


def _ranges(sites: BondedSites, reach: float) -> Sequence[Sequence[int]]:
    """How far to look along each axis: as many cells as `reach` crosses, and one because a site may be at an edge."""
    heights = plane_distances(sites.lattice)
    counts = [0 if height == 0 else int(min(reach // height, _MOST_IMAGES)) + 1 for height in heights]
    if np.prod([2.0 * count + 1 for count in counts]) > _MOST_IMAGES:
        raise TooDense
    return [range(-count, count + 1) for count in counts]


def plane_distances(lattice: Floats) -> tuple[float, float, float]:
    """The distances between lattice planes along each axis, in angstrom; 0 for an axis of zeros."""
    repeats = np.linalg.norm(lattice, axis=1) > 0
    found = np.zeros(3)
    # The rows of the inverse are the reciprocal vectors, and one over their length is the distance of the planes.
    found[repeats] = 1 / np.linalg.norm(np.linalg.pinv(lattice[repeats]), axis=0) if repeats.any() else 0
    x, y, z = found.tolist()
    return x, y, z


def _near(positions: Floats, others: Floats, reach: float) -> tuple[Integers, Integers]:
    """Indices of pairs that may be nearer than `reach`: those in the same or in neighbouring boxes of that size.

    Raises:
        TooDense
    """
    low = others.min(axis=0) - reach
    counts = np.floor((others.max(axis=0) - low) / reach).astype(np.int64) + 2
    strides = np.array([counts[1] * counts[2], counts[2], 1])
    boxes = np.floor((others - low) / reach).astype(np.int64) @ strides
    own = np.floor((positions - low) / reach).astype(np.int64) @ strides
    order = np.argsort(boxes, kind="stable")
    in_order = boxes[order]
    pairs: list[tuple[Integers, Integers]] = []
    total = 0
    for step in product((-1, 0, 1), repeat=3):
        wanted = own + np.array(step) @ strides
        start, end = np.searchsorted(in_order, wanted, "left"), np.searchsorted(in_order, wanted, "right")
        number = end - start
        total += int(number.sum())
        if total > _MOST_PAIRS:
            raise TooDense
        first = np.repeat(np.arange(len(positions)), number)
        within = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
        pairs.append((first, order[np.repeat(start, number) + within]))
    return np.concatenate([first for first, _ in pairs]), np.concatenate([second for _, second in pairs])
