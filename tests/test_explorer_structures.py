"""Pictures of structures: how many atoms and bonds are drawn, where the cell is, and what is said of what is not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from aiida_like.formats.structure import Site, Species, Structure
from restapi.explorer.pictures.crystal import cell
from restapi.explorer.pictures.crystal.bonds import BondedSites, TooDense, find_bonds, plane_distances
from restapi.explorer.pictures.crystal.elements import ELEMENTS, UNKNOWN, element
from restapi.explorer.pictures.crystal.placing import Cell, place
from restapi.explorer.pictures.crystal.scene import MOST_SITES, scene_of
from restapi.explorer.pictures.crystal.structure_svg import structure_svg

Rows = Sequence[Sequence[float]]

CUBIC: Rows = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
FCC: Rows = ((0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0))
HEXAGONAL: Rows = ((1, 0, 0), (-0.5, math.sqrt(0.75), 0), (0, 0, 1))
FCC_SITES: Rows = ((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0))


def crystal(
    a: float, vectors: Rows, atoms: dict[str, Rows], c: float = 1.0, pbc: tuple[bool, bool, bool] = (True, True, True)
) -> Structure:
    """Atoms by their symbols, in fractions of the vectors, which are in units of `a`; the third is `c` times longer."""
    cell = np.array(vectors, dtype=float) * a * np.array([[1], [1], [c]])
    sites = [
        Site(Species(symbol, (symbol,), (1.0,)), tuple((np.array(place) @ cell).tolist()))
        for symbol, places in atoms.items()
        for place in places
    ]
    first, second, third = (tuple(row) for row in cell.tolist())
    return Structure((first, second, third), pbc, sites)


SHIFTED = [[x + 0.5, y, z] for x, y, z in FCC_SITES]
QUARTERS = [[x + 0.25, y + 0.25, z + 0.25] for x, y, z in FCC_SITES]

CRYSTALS = {
    "NaCl, primitive": crystal(5.64, FCC, {"Na": [(0, 0, 0)], "Cl": [(0.5, 0.5, 0.5)]}),
    "NaCl": crystal(5.64, CUBIC, {"Na": FCC_SITES, "Cl": SHIFTED}),
    "copper": crystal(3.615, CUBIC, {"Cu": FCC_SITES}),
    "iron": crystal(2.866, CUBIC, {"Fe": [(0, 0, 0), (0.5, 0.5, 0.5)]}),
    "silicon": crystal(5.43, CUBIC, {"Si": [*FCC_SITES, *QUARTERS]}),
    "CsCl": crystal(4.123, CUBIC, {"Cs": [(0, 0, 0)], "Cl": [(0.5, 0.5, 0.5)]}),
    "SrTiO3": crystal(
        3.905, CUBIC, {"Sr": [(0, 0, 0)], "Ti": [(0.5, 0.5, 0.5)], "O": [(0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]}
    ),
    "magnesium": crystal(3.209, HEXAGONAL, {"Mg": [(0, 0, 0), (2 / 3, 1 / 3, 0.5)]}, c=1.624),
    "graphene": crystal(2.46, HEXAGONAL, {"C": [(0, 0, 0.5), (1 / 3, 2 / 3, 0.5)]}, c=6, pbc=(True, True, False)),
}


# Corners count 8 times, atoms on edges 4 times, on faces twice.
@pytest.mark.parametrize(
    ("name", "repeat", "atoms"),
    [
        ("NaCl, primitive", (1, 1, 1), 8 + 1),
        ("NaCl, primitive", (2, 1, 1), 12 + 2),
        ("NaCl", (1, 1, 1), 14 + 13),
        ("NaCl", (2, 2, 2), 125),
        ("copper", (1, 1, 1), 14),
        ("iron", (1, 1, 1), 9),
        ("iron", (2, 2, 2), 27 + 8),
        ("silicon", (1, 1, 1), 14 + 4),
        ("CsCl", (1, 1, 1), 9),
        ("SrTiO3", (1, 1, 1), 8 + 1 + 6),
        ("magnesium", (1, 1, 1), 8 + 1),
        ("graphene", (1, 1, 1), 4 + 1),
        ("graphene", (3, 3, 1), 16 + 9),
    ],
)
def test_number_of_atoms(name: str, repeat: Cell, atoms: int) -> None:
    assert len(place(scene_of(CRYSTALS[name]), repeat).atoms) == atoms


# Bonds of one cell: half the sum of the coordination numbers of its sites.
@pytest.mark.parametrize(
    ("name", "bonds"),
    [
        ("NaCl, primitive", 6),
        ("NaCl", 24),
        ("copper", 24),
        ("iron", 8),
        ("silicon", 16),
        ("CsCl", 8),
        ("SrTiO3", 6 + 12),
        ("magnesium", 12),
        ("graphene", 3),
    ],
)
def test_bonds_of_a_cell(name: str, bonds: int) -> None:
    assert len(scene_of(CRYSTALS[name]).bonds) == bonds


def test_bonds_lead_to_atoms_that_are_as_far_as_the_structure_says() -> None:
    placed = place(scene_of(CRYSTALS["silicon"]), (2, 2, 2))
    lengths = {
        round(math.dist(placed.atoms[bond.first].position, bond.end), 3)
        for bond in placed.bonds
        if bond.second is not None
    }
    assert lengths == {round(5.43 * math.sqrt(3) / 4, 3)}
    ends = [(bond.first, bond.second) for bond in placed.bonds if bond.second is not None]
    assert len(ends) == len({frozenset(pair) for pair in ends}) == 16 * 8
    assert all(math.dist(placed.atoms[bond.second].position, bond.end) < 1e-9 for bond in placed.bonds if bond.second)


def test_bonds_across_cells_are_half_where_the_other_atom_is_not_drawn() -> None:
    """Of the 4 bonds of each of the 8 corners 4 in all end at the atom inside; the rest lead out."""
    placed = place(scene_of(CRYSTALS["NaCl, primitive"]), (1, 1, 1))
    whole = [bond for bond in placed.bonds if bond.second is not None]
    assert (len(whole), len(placed.bonds) - len(whole)) == (6, 6 * 9 - 2 * 6)


def test_metals_are_bonded_only_to_what_is_none() -> None:
    scene = scene_of(CRYSTALS["SrTiO3"])
    pairs = {frozenset(scene.kinds[scene.sites[site].kind].symbol for site in bond[:2]) for bond in scene.bonds}
    assert pairs == {frozenset({"Ti", "O"}), frozenset({"Sr", "O"})}


def test_cell_lists_find_what_all_pairs_would() -> None:
    generator = np.random.default_rng(0)
    lattice = np.array([[7.0, 0, 0], [1.5, 8.0, 0], [-1.0, 2.0, 6.0]])
    positions = generator.random((60, 3)) @ lattice
    radii = generator.uniform(0.4, 1.2, 60)
    sites = BondedSites(positions, radii, np.zeros(60, bool), lattice)
    expected = set()
    for first, second in product(range(60), repeat=2):
        for shift in product(range(-2, 3), repeat=3):
            if (first, second, shift) >= (second, first, tuple(-step for step in shift)):
                continue
            distance = np.linalg.norm(positions[second] + np.array(shift) @ lattice - positions[first])
            if 0.3 < distance <= radii[first] + radii[second] + 0.4:
                expected.add(frozenset({(first, second, shift), (second, first, tuple(-step for step in shift))}))
    found = [frozenset({(a, b, shift), (b, a, (-shift[0], -shift[1], -shift[2]))}) for a, b, shift in find_bonds(sites)]
    assert len(found) == len(set(found)) > 100
    assert set(found) == expected


def test_a_cell_that_is_too_thin_has_no_bonds() -> None:
    lattice = np.diag([1e-3, 1e-3, 5.0])
    with pytest.raises(TooDense):
        find_bonds(BondedSites(np.zeros((1, 3)), np.ones(1), np.zeros(1, bool), lattice))
    thin = crystal(0.002, CUBIC, {"Si": [(0, 0, 0)]})
    assert scene_of(thin).notes == ["The sites are too close together to look for bonds."]


def test_sites_in_one_place_have_no_bonds() -> None:
    kind = Species("Si", ("Si",), (1.0,))
    structure = Structure(((9, 0, 0), (0, 9, 0), (0, 0, 9)), (True, True, True), [Site(kind, (1, 1, 1))] * MOST_SITES)
    scene = scene_of(structure)
    assert (len(scene.sites), len(scene.bonds)) == (MOST_SITES, 0)
    assert scene.notes == ["The sites are too close together to look for bonds."]


def test_plane_distances() -> None:
    hexagonal = np.array(HEXAGONAL) * [[3.0], [3.0], [5.0]]
    assert plane_distances(hexagonal) == pytest.approx((3 * math.sqrt(0.75), 3 * math.sqrt(0.75), 5))
    hexagonal[2] = 0
    assert plane_distances(hexagonal) == pytest.approx((3 * math.sqrt(0.75), 3 * math.sqrt(0.75), 0))


def test_layers_repeat_in_their_plane_and_the_cell_is_drawn_in_the_middle_of_them() -> None:
    scene = scene_of(CRYSTALS["graphene"])
    assert (scene.repeats, scene.repeat) == ((True, True, False), (3, 3, 1))
    assert scene.origin == pytest.approx((0, 0, 0.5 * 6 * 2.46))
    edges = place(scene, (1, 1, 1)).edges
    assert len(edges) == 4
    assert {round(point[2], 6) for edge in edges for point in edge} == {round(3 * 2.46, 6)}


def test_molecules_have_no_cell_and_stay_where_they_are() -> None:
    water = Structure(
        ((0, 0, 0), (0, 0, 0), (0, 0, 0)),
        (False, False, False),
        [Site(Species(symbol, (symbol,), (1.0,)), place) for symbol, place in WATER],
    )
    scene = scene_of(water)
    placed = place(scene, (1, 1, 1))
    assert [atom.position for atom in placed.atoms] == [place for _, place in WATER]
    assert (len(placed.edges), len(placed.bonds), scene.notes) == (0, 2, [])


WATER = [("O", (0.0, 0.0, 0.119)), ("H", (0.0, 0.763, -0.477)), ("H", (0.0, -0.763, -0.477))]


@pytest.mark.parametrize("pbc", [(True, True, True), (True, False, False)])
@pytest.mark.parametrize("value", [0.0, math.nan, math.inf, 1e300])
def test_a_cell_that_spans_nothing_is_not_drawn(pbc: tuple[bool, bool, bool], value: float) -> None:
    row = (value, value, value)
    sites = [Site(Species("H", ("H",), (1.0,)), (0.0, 0.0, 0.0))]
    scene = scene_of(Structure((row, row, row), pbc, sites))
    axes = "a, b, c" if all(pbc) else "a"
    # One vector of numbers spans a line.
    assert len(place(scene, (1, 1, 1)).atoms) == 1
    assert scene.notes == [
        f"The structure is said to repeat along {axes}, but its cell spans nothing there: no cell is drawn."
    ]


def test_atoms_without_a_place_are_left_out_with_a_word() -> None:
    kind = Species("Fe", ("Fe",), (1.0,))
    nowhere = [(math.nan, 0.0, 0.0), (math.inf, 0.0, 0.0), (0.0, 0.0, 1e12)]
    sites = [Site(kind, place) for place in [*nowhere, (0.0, 0.0, 0.0)]]
    scene = scene_of(Structure(((3, 0, 0), (0, 3, 0), (0, 0, 3)), (True, True, True), sites))
    assert [site.number for site in scene.sites] == [3]
    assert scene.notes == ["3 sites have no finite position and cannot be drawn."]


def test_of_very_many_sites_the_first_are_drawn_with_a_word() -> None:
    kind = Species("H", ("H",), (1.0,))
    sites = [Site(kind, (float(number), 0.0, 0.0)) for number in range(MOST_SITES)]
    structure = Structure(((0, 0, 0), (0, 0, 0), (0, 0, 0)), (False, False, False), sites)
    scene = scene_of(structure, 1_000_000)
    assert (len(scene.sites), scene.notes) == (MOST_SITES, ["The first 3,000 of 1,000,000 sites are drawn."])


def test_atoms_outside_of_the_cell_are_moved_into_it() -> None:
    structure = crystal(4.0, CUBIC, {"Si": [(-0.25, 1.5, 7.75), (0.99999, -0.00001, 0.5)]})
    first, second = scene_of(structure).sites
    assert first.position == pytest.approx((3, 2, 3))
    assert second.position == pytest.approx((0, 0, 2), abs=1e-3)
    assert (first.on_face, second.on_face) == ((False, False, False), (True, True, False))


def test_shared_sites_have_a_part_of_the_ball_for_each_element() -> None:
    alloy = Species("CuAu", ("Cu", "Au"), (0.75, 0.2))
    (kind,) = scene_of(Structure(((3, 0, 0), (0, 3, 0), (0, 0, 3)), (True, True, True), [Site(alloy, (0, 0, 0))])).kinds
    assert (kind.symbol, kind.label) == ("Cu", "Cu 0.75, Au 0.2, vacant 0.05")
    assert [(share.colour, share.part) for share in kind.shares] == [
        (ELEMENTS["Cu"].colour, 0.75),
        (ELEMENTS["Au"].colour, 0.2),
        ("#cfd6dc", 0.05),
    ]


@pytest.mark.parametrize("weights", [(math.nan, 1.0), (-1.0, 0.5), (0.0, 0.0), (math.inf, 1.0)])
def test_weights_that_make_no_sense_are_taken_as_equal(weights: tuple[float, float]) -> None:
    strange = Species("X1", ("Fe", "Xx"), weights)
    structure = Structure(((3, 0, 0), (0, 3, 0), (0, 0, 3)), (True, True, True), [Site(strange, (0, 0, 0))])
    (kind,) = scene_of(structure).kinds
    assert [share.part for share in kind.shares] == [0.5, 0.5]
    assert kind.shares[1].colour == UNKNOWN.colour


@pytest.mark.parametrize("name", CRYSTALS)
def test_the_picture_has_a_ball_for_each_atom(name: str) -> None:
    scene = scene_of(CRYSTALS[name])
    picture = ET.fromstring(structure_svg(scene, "<b>&"))
    balls = picture.findall(".//{*}use")
    assert len(balls) == len(place(scene, scene.repeat).atoms)
    assert picture.get("aria-label") == "<b>&"
    shapes = {str(shape.get("id")): shape for shape in picture.findall("{*}defs/*[@id]")}
    _, _, width, height = (float(value) for value in str(picture.get("viewBox")).split())
    for ball in balls:
        x, y = float(str(ball.get("x"))), float(str(ball.get("y")))
        radius = float(str(shapes[str(ball.get("href"))[1:]].get("r")))
        assert radius <= x <= width - radius
        assert radius <= y <= height - radius


def test_pictures_of_many_atoms_stay_small() -> None:
    sites = [
        Site(Species("Si", ("Si",), (1.0,)), (2.35 * x, 2.35 * y, 2.35 * z)) for x, y, z in product(range(13), repeat=3)
    ]
    structure = Structure(((0, 0, 0), (0, 0, 0), (0, 0, 0)), (False, False, False), sites)
    assert len(structure_svg(scene_of(structure), "many")) < 120_000


def test_bonds_of_atoms_that_are_not_drawn_are_left_out() -> None:
    """Of very many atoms a picture shows the first; the last two of these are bonded."""
    places = [(10.0 * (each % 40), 10.0 * (each // 40), 0.0) for each in range(1600)]
    carbon = Species("C", ("C",), (1.0,))
    none = (0.0, 0.0, 0.0)
    sites = tuple(Site(carbon, place) for place in (*places, (390.0, 391.4, 0.0)))
    scene = scene_of(Structure((none, none, none), (False, False, False), sites), len(sites))
    assert len(scene.bonds) == 1
    svg = structure_svg(scene, "")
    assert (svg.count("<use "), svg.count("<path ")) == (1500, 0)


def test_an_empty_structure_is_an_empty_picture() -> None:
    scene = scene_of(Structure(((1, 0, 0), (0, 1, 0), (0, 0, 1)), (False, False, False), []))
    assert scene.notes == ["The structure has no sites."]
    assert "<use" not in structure_svg(scene, "nothing")


def luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it: 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("paper", ["#ffffff", "#1a222a"])
def test_elements_are_seen_on_light_and_dark_paper(paper: str) -> None:
    faint = {symbol: contrast(each.colour, paper) for symbol, each in ELEMENTS.items()}
    assert {symbol for symbol, found in faint.items() if found < 1.4} == set()


def test_elements() -> None:
    assert [each.number for each in ELEMENTS.values()] == list(range(1, 119))
    assert len({each.colour for each in ELEMENTS.values()}) == 118
    assert (element("O").radius, element("Cs").radius, element("nonsense")) == (0.66, 2.44, UNKNOWN)


def test_cells_in_numbers() -> None:
    a, b, c = (2.0, 0.0, 0.0), (0.0, 3.0, 0.0), (-2.0, 0.0, 2.0)
    assert [round(cell.length(each), 6) for each in (a, b, c)] == [2.0, 3.0, 2.828427]
    assert [round(each, 6) for each in cell.angles(a, b, c)] == [90.0, 135.0, 90.0]
    assert (cell.volume(a, b, c), cell.volume(b, a, c), cell.area(a, b)) == (12.0, 12.0, 6.0)
    assert cell.angle(a, (0.0, 0.0, 0.0)) == 0.0
