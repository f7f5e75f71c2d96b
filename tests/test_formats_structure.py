"""Structures, compared with aiida-core and read back with ase."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from ase import Atoms, build
from ase import io as ase_io
from numpy.typing import NDArray

from aiida_like.errors import DamagedNode, FeatureUnavailable, MissingExtra
from aiida_like.formats import StoredNode, description_of, download, visualization
from tests.formats_profile import memory_profile, orm, stored

pytestmark = [
    # aiida-core reads the name of a kind with a pattern that re finds odd.
    pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning"),
    # Space group 1 says nothing about the axes; ase remarks that on reading.
    pytest.mark.filterwarnings("ignore:crystal system 'triclinic' is not interpreted:UserWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def _profile() -> Iterator[None]:
    with memory_profile():
        yield


def wire(pbc: tuple[bool, bool, bool]) -> Atoms:
    """A zigzag of carbon and hydrogen, in a cell whose vectors all differ."""
    return Atoms("CH", positions=[(0.1, 0.2, 0.3), (1.0, 1.1, 1.5)], cell=np.diag([3.0, 4.0, 5.0]), pbc=pbc)


ORDERED: dict[str, Callable[[], Atoms]] = {
    "silicon": lambda: build.bulk("Si", "diamond", a=5.43),
    "rock salt": lambda: build.bulk("NaCl", "rocksalt", a=5.6402, cubic=True),
    "graphene": lambda: build.graphene("C2", a=2.46, vacuum=7.5),
    "water": lambda: build.molecule("H2O"),
    "ethanol in a box": lambda: Atoms(build.molecule("CH3CH2OH"), cell=[8, 9, 10]),
    "along a": lambda: wire((True, False, False)),
    "along b": lambda: wire((False, True, False)),
    "along c": lambda: wire((False, False, True)),
    "in a and c": lambda: wire((True, False, True)),
    "in b and c": lambda: wire((False, True, True)),
    "left-handed": lambda: Atoms("Fe", positions=[(0.5, 0, 0)], cell=[[0, 3, 0], [3, 0, 0], [0, 0.4, 3]], pbc=True),
    "outside of its cell": lambda: Atoms(
        "OC", [(-1, -2, 7), (9, 0, 0)], cell=[[4, 0, 0], [1, 4, 0], [1, 2, 4]], pbc=True
    ),
    "unknown element": lambda: Atoms("X", cell=[2, 2, 2], pbc=True),
}


def alloy() -> orm.StructureData:
    structure = orm.StructureData(cell=np.diag([3.61, 3.61, 3.70]).tolist())
    structure.append_atom(position=(0.0, 0.0, 0.0), symbols=["Cu", "Au"], weights=[0.75, 0.25], name="CuAu")
    structure.append_atom(position=(1.805, 1.805, 1.85), symbols="Cu", weights=0.5, name="Cu_half")
    structure.append_atom(position=(1.805, 0.0, 1.85), symbols=["Cu", "Au"], weights=[0.75, 0.25], name="CuAu")
    structure.append_atom(position=(0.0, 1.805, 1.85), symbols=["Ge", "Si"], weights=[0.5, 0.4], name="GeSi")
    structure.append_atom(position=(0.0, 1.805, 0.0), symbols="C")
    structure.append_atom(position=(0.0, 0.5, 0.0), symbols="H", weights=0.9999999, name="H_nearly")
    return structure


def two_irons() -> orm.StructureData:
    structure = orm.StructureData(cell=np.diag([2.8, 2.8, 2.8]).tolist())
    structure.append_atom(position=(0.0, 0.0, 0.0), symbols="Fe", name="Fe1")
    structure.append_atom(position=(1.4, 1.4, 1.4), symbols="Fe", name="Fe2")
    return structure


def empty_cell() -> orm.StructureData:
    return orm.StructureData(cell=np.eye(3).tolist())


STRUCTURES: dict[str, Callable[[], orm.StructureData]] = {
    **{name: (lambda make=make: orm.StructureData(ase=make())) for name, make in ORDERED.items()},
    "alloy": alloy,
    "two kinds of iron": two_irons,
}


@pytest.fixture(params=STRUCTURES)
def structure(request: pytest.FixtureRequest) -> orm.StructureData:
    return STRUCTURES[request.param]()


@pytest.fixture(params=ORDERED)
def atoms(request: pytest.FixtureRequest) -> Atoms:
    return ORDERED[request.param]()


def text(structure: orm.StructureData, file_format: str) -> str:
    made = download(stored(structure), file_format)
    assert made.format == file_format
    return made.content.decode()


def read(structure: orm.StructureData, file_format: str, reader: str | None = None) -> Atoms:
    return ase_io.read(io.StringIO(text(structure, file_format)), format=reader or file_format)


def folded(shift: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fractional coordinates that are a lattice vector apart are the same point."""
    return shift - np.round(shift)


def test_picture_is_that_of_aiida(structure: orm.StructureData) -> None:
    expected = structure.get_dimensionality()
    picture = visualization(stored(structure))
    assert picture == {
        "str_viz_info": {"data": json.loads(structure._prepare_chemdoodle()[0]), "format": "chemdoodle"},
        "dimensionality": expected,
        "pbc": list(structure.pbc),
        "formula": structure.get_formula(),
    }
    assert json.loads(json.dumps(picture, allow_nan=False)) == picture


def test_an_empty_cell() -> None:
    picture = visualization(stored(empty_cell()))
    assert picture["str_viz_info"]["data"]["m"] == [{"a": []}]
    assert picture["str_viz_info"]["data"]["s"][0]["xyz"] == [0.5, 0.5, 0.5]
    assert picture["formula"] == ""
    assert text(empty_cell(), "xsf").endswith(" 0 1\n")
    assert text(empty_cell(), "xyz").startswith("0\nLattice=")


@pytest.mark.parametrize("file_format", ["cif", "xsf"])
def test_picture_of_a_file_holds_its_text(file_format: str) -> None:
    structure = STRUCTURES["silicon"]()
    picture = visualization(stored(structure), file_format)
    assert picture == {
        **visualization(stored(structure)),
        "str_viz_info": {"data": text(structure, file_format), "format": file_format},
    }


def test_cif_is_the_default() -> None:
    silicon = stored(STRUCTURES["silicon"]())
    assert download(silicon) == download(silicon, "cif")


def test_cif(atoms: Atoms) -> None:
    back = read(orm.StructureData(ase=atoms), "cif")
    assert back.get_chemical_symbols() == atoms.get_chemical_symbols()
    assert back.cell.cellpar() == pytest.approx(atoms.cell.cellpar())
    if atoms.cell.rank == 3:
        shift = back.get_scaled_positions(wrap=False) - atoms.get_scaled_positions(wrap=False)
        assert folded(shift) == pytest.approx(0, abs=1e-9)
    else:
        assert back.positions == pytest.approx(atoms.positions)


def test_cif_of_an_alloy_holds_its_occupancies() -> None:
    back = read(alloy(), "cif")
    assert [back.info["occupancy"][str(kind)] for kind in back.get_array("spacegroup_kinds")] == [
        {"Cu": 0.75, "Au": 0.25},
        {"Cu": 0.5},
        {"Cu": 0.75, "Au": 0.25},
        {"Ge": 0.5, "Si": 0.4},
        {"C": 1.0},
        {"H": 1.0},
    ]
    assert back.get_chemical_symbols() == ["Cu", "Cu", "Cu", "Ge", "C", "H"]
    assert back.positions == pytest.approx(np.array([site.position for site in alloy().sites]))


def test_only_the_cif_of_whole_atoms_has_a_formula() -> None:
    assert '_chemical_formula_sum              "Na4 Cl4"\n' in text(STRUCTURES["rock salt"](), "cif")
    assert "formula" not in text(alloy(), "cif")


def test_xyz(atoms: Atoms) -> None:
    back = read(orm.StructureData(ase=atoms), "xyz", "extxyz")
    assert back.get_chemical_symbols() == atoms.get_chemical_symbols()
    assert back.cell.array == pytest.approx(atoms.cell.array)
    assert back.pbc.tolist() == atoms.pbc.tolist()
    assert back.positions == pytest.approx(atoms.positions, abs=1e-8)


def test_xsf(atoms: Atoms) -> None:
    back = read(orm.StructureData(ase=atoms), "xsf")
    assert back.numbers.tolist() == atoms.numbers.tolist()
    assert back.positions == pytest.approx(atoms.positions)
    assert sum(back.pbc) == sum(atoms.pbc)
    assert back.cell[back.pbc] == pytest.approx(periodic_vectors(atoms))


def periodic_vectors(atoms: Atoms) -> NDArray[np.float64]:
    """In cyclic order, so that one that is missing falls behind the others."""
    turned = next(turn for turn in ([0, 1, 2], [2, 0, 1], [1, 2, 0]) if atoms.pbc[turn].tolist() in PREFIXES)
    return atoms.cell[turned][atoms.pbc[turned]]


PREFIXES = [[False] * 3, [True, False, False], [True, True, False], [True] * 3]


@pytest.mark.parametrize("name", ["along a", "along b", "along c", "in a and c", "in b and c"])
def test_xsf_keeps_the_handedness(name: str) -> None:
    lines = text(STRUCTURES[name](), "xsf").splitlines()
    vectors = np.array([line.split() for line in lines[2:5]], dtype=float)
    assert np.linalg.det(vectors) == pytest.approx(60)


@pytest.mark.parametrize(
    ("file_format", "make", "message"),
    [
        (
            "xsf",
            alloy,
            (
                "xsf cannot hold the partial occupancies of this structure "
                "({Au0.25Cu0.75}, {Cu0.50X0.50}, {Ge0.50Si0.40X0.10}): ask for cif"
            ),
        ),
        (
            "xyz",
            alloy,
            (
                "xyz cannot hold the partial occupancies of this structure "
                "({Au0.25Cu0.75}, {Cu0.50X0.50}, {Ge0.50Si0.40X0.10}): ask for cif"
            ),
        ),
        (
            "cif",
            lambda: orm.StructureData(ase=Atoms("C", cell=[[2, 0, 0], [0] * 3, [0] * 3], pbc=(True, False, False))),
            (
                "a cif file needs atoms, and three independent lattice vectors or none: "
                "this structure has 1 atoms, and 1 independent lattice vectors"
            ),
        ),
        (
            "cif",
            lambda: orm.StructureData(ase=Atoms("C", cell=[[2, 0, 0], [0, 2, 0], [2, 2, 0]], pbc=(True, True, False))),
            (
                "a cif file needs atoms, and three independent lattice vectors or none: "
                "this structure has 1 atoms, and 2 independent lattice vectors"
            ),
        ),
        (
            "cif",
            empty_cell,
            (
                "a cif file needs atoms, and three independent lattice vectors or none: "
                "this structure has 0 atoms, and 3 independent lattice vectors"
            ),
        ),
    ],
)
def test_what_a_format_cannot_hold(file_format: str, make: Callable[[], orm.StructureData], message: str) -> None:
    with pytest.raises(FeatureUnavailable) as raised:
        download(stored(make()), file_format)
    assert str(raised.value) == message


@pytest.mark.parametrize("file_format", ["cif", "xsf", "xyz"])
def test_files_need_ase(file_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    silicon = stored(STRUCTURES["silicon"]())
    monkeypatch.setitem(sys.modules, "ase", None)
    with pytest.raises(MissingExtra) as raised:
        download(silicon, file_format)
    assert str(raised.value) == str(MissingExtra("structures", f"writing a structure as {file_format}"))
    assert visualization(silicon)["formula"] == "Si2"


def occupied(weight: float) -> StoredNode:
    """One atom on a site that is as full as that."""
    silicon = stored(STRUCTURES["silicon"]())
    kinds = [{"name": "Si", "symbols": ["Si"], "weights": [weight]}]
    return StoredNode(silicon.uuid, silicon.node_type, "", {**silicon.attributes, "kinds": kinds}, silicon.read, ())


OCCUPIED = {
    1.0: ("Si2", "Si", True),
    1 - 0.9e-6: ("{Si1.00}2", "Si<sub>1.00</sub>", True),
    1 - 1.1e-6: ("{Si1.00X0.00}2", "Si<sub>1.00</sub> + vacancy<sub>0.00</sub>", False),
    0.5: ("{Si0.50X0.50}2", "Si<sub>0.50</sub> + vacancy<sub>0.50</sub>", False),
    1.25: ("{Si1.25}2", "Si<sub>1.25</sub>", True),
}
"""A millionth less than full is full, but not written as such."""


@pytest.mark.parametrize("weight", OCCUPIED)
def test_how_full_a_site_is(weight: float) -> None:
    formula, html, is_full = OCCUPIED[weight]
    picture = visualization(occupied(weight))
    assert picture["formula"] == formula
    assert {atom["atomic_elements_html"] for atom in picture["str_viz_info"]["data"]["m"][0]["a"]} == {html}
    if is_full:
        assert download(occupied(weight), "xyz").content.startswith(b"2\nLattice=")
    else:
        with pytest.raises(FeatureUnavailable):
            download(occupied(weight), "xyz")


COUNTED = {
    ("Si", "Si"): ("Si2", "Si"),
    ("Ga", "As", "As"): ("As2Ga", "As2Ga"),
    ("Na", "Cl", "Na", "Cl"): ("Cl2Na2", "ClNa"),
    ("H", "O", "H", "C", "H", "H"): ("CH4O", "CH4O"),
    ("H", "Br", "H", "Br"): ("Br2H2", "BrH"),
    ("C", "C", "H", "H", "Al", "Al"): ("C2H2Al2", "CHAl"),
    ("C",): ("C", "C"),
}
"""By Hill, and as small as can be."""


@pytest.mark.parametrize("symbols", COUNTED)
def test_formulas(symbols: tuple[str, ...]) -> None:
    node = stored(orm.StructureData(ase=Atoms(symbols, positions=np.eye(6, 3)[: len(symbols)], cell=[9, 9, 9])))
    assert (visualization(node)["formula"], description_of(node, None)) == COUNTED[symbols]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sites": [{"kind_name": "Ge", "position": [0, 0, 0]}]}, "KeyError('Ge')"),
        (
            {"kinds": [{"name": "Si", "symbols": ["Si"], "weights": []}]},
            """ValueError("kind 'Si' has 1 symbols and 0 weights")""",
        ),
        ({"pbc3": ...}, "KeyError('pbc3')"),
        ({"cell": [[1, 2], [3]]}, "ValueError('not enough values to unpack (expected 3, got 2)')"),
        ({"cell": [[1, 0, 0], [0, 1, 0]]}, "ValueError('not enough values to unpack (expected 3, got 2)')"),
        ({"kinds": None}, """TypeError("'NoneType' object is not iterable")"""),
    ],
)
def test_damaged_attributes(changes: dict[str, Any], reason: str) -> None:
    silicon = stored(STRUCTURES["silicon"]())
    attributes = {key: value for key, value in {**silicon.attributes, **changes}.items() if value is not ...}
    damaged = StoredNode(silicon.uuid, silicon.node_type, "", attributes, silicon.read, silicon.files)
    with pytest.raises(DamagedNode) as raised:
        visualization(damaged)
    prefix = f"node {silicon.uuid} does not hold what a structure node holds: "
    assert str(raised.value).startswith(prefix + reason)
