"""The materials: structures, pseudopotentials, k-points, and a model of silicon."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from aiida import orm
from ase import build
from lab import record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms
    from lab import Lab
    from numpy.typing import NDArray

SILICON_LATTICE = 5.469  # angstrom

#: element: (valence electrons, highest angular momentum)
PSEUDOS = {"C": (4, 1), "Cu": (11, 2), "Si": (4, 1)}

UPF = """<UPF version="2.0.1">
<PP_INFO>
  Made up for a demonstration: not fit for any calculation.
</PP_INFO>
<PP_HEADER generated="demo" author="Ada Lindqvist" element="{element}" pseudo_type="NC" relativistic="scalar"
  is_ultrasoft="F" is_paw="F" core_correction="F" functional="PBE" z_valence="{valence:.2f}" l_max="{l_max}"
  mesh_size="8" number_of_wfc="0" number_of_proj="0"/>
<PP_MESH>
  <PP_R>{radii}</PP_R>
</PP_MESH>
<PP_LOCAL>{potential}</PP_LOCAL>
</UPF>
"""

CIF = """data_NaCl
_chemical_name_common 'Halite'
_cell_length_a 5.6402
_cell_length_b 5.6402
_cell_length_c 5.6402
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
_symmetry_Int_Tables_number 225
loop_
  _atom_site_label
  _atom_site_type_symbol
  _atom_site_fract_x
  _atom_site_fract_y
  _atom_site_fract_z
  _atom_site_occupancy
  Na1 Na 0.0 0.0 0.0 1.0
  Cl1 Cl 0.5 0.5 0.5 1.0
"""

#: special points of the face-centred cubic lattice, in units of its reciprocal vectors
SPECIAL_POINTS = {
    "L": (0.5, 0.5, 0.5),
    "GAMMA": (0.0, 0.0, 0.0),
    "X": (0.5, 0.0, 0.5),
    "W": (0.5, 0.25, 0.75),
    "K": (0.375, 0.375, 0.75),
}
PATH = ("L", "GAMMA", "X", "W", "K", "GAMMA")


def make_structures(lab: Lab) -> dict[str, orm.StructureData]:
    """Store the structures; those of the table come from ase, the alloy has mixed and half-empty sites."""
    lab.clock.move_to("2024-03-11 10:02")
    graphene = build.graphene("C2", a=2.46, vacuum=7.5)
    table: list[tuple[str, Atoms, str, dict[str, Any]]] = [
        ("silicon", silicon(5.43), "Experimental lattice constant", {"tags": ["bulk", "semiconductor"]}),
        ("NaCl", build.bulk("NaCl", "rocksalt", a=5.6402), "Rock salt", {"tags": ["bulk", "ionic"]}),
        (
            "diamond",
            build.bulk("C", "diamond", a=3.567),
            "Diamond",
            {"tags": ["bulk", "insulator"], "score": 9.5},
        ),
        (
            "copper",
            build.bulk("Cu", "fcc", a=3.615, cubic=True),
            "Cubic cell, 4 atoms",
            {"tags": ["bulk", "metal"]},
        ),
        ("graphene", graphene, "One layer, periodic in two directions", {"tags": ["2D"], "layers": 1}),
        (
            "water",
            build.molecule("H2O"),
            "A molecule: no periodicity",
            {"tags": ["molecule"], "charge": None},
        ),
    ]
    structures = {}
    for label, atoms, description, extras in table:
        lab.clock.wait(7)
        structures[label] = record(orm.StructureData(ase=atoms), label, description, extras=extras)
    alloy = orm.StructureData(cell=np.diag([3.61, 3.61, 3.70]).tolist())
    alloy.append_atom(position=(0.0, 0.0, 0.0), symbols=["Cu", "Au"], weights=[0.75, 0.25], name="CuAu")
    alloy.append_atom(position=(1.805, 1.805, 1.85), symbols="Cu", weights=0.5, name="Cu_half")
    extras = {
        "tags": ["alloy"],
        "source": {"db": "by hand", "refs": [{"doi": "10.1000/demo.1", "year": 2023}]},
    }
    structures["alloy"] = record(alloy, "CuAu alloy", "Partial occupancies", user=lab.users["zoe"], extras=extras)
    cif = orm.CifData(file=io.BytesIO(CIF.encode()), filename="halite.cif")
    record(cif, "NaCl (CIF)", "Halite, Fm-3m")
    return structures


def silicon(lattice: float) -> Atoms:
    return build.bulk("Si", "diamond", a=lattice)


def make_pseudos(lab: Lab, scratch: Path) -> dict[str, orm.UpfData]:
    """Store a family with a pseudopotential an element; AiiDA wants these files on disk."""
    lab.clock.move_to("2024-03-05 09:40")
    radii = np.linspace(0.0, 3.5, 8)
    pseudos = {}
    for element, (valence, l_max) in PSEUDOS.items():
        path = scratch / f"{element}.upf"
        text = UPF.format(
            element=element,
            valence=valence,
            l_max=l_max,
            radii=numbers(radii),
            potential=numbers(-2 * valence / np.maximum(radii, 0.5)),
        )
        path.write_text(text)
        pseudos[element] = record(orm.UpfData(path), f"{element}.upf")
    family = orm.UpfFamily(label="Demo/0.1/PBE/efficiency", description="Made-up pseudopotentials").store()
    family.add_nodes(list(pseudos.values()))
    return pseudos


def numbers(values: NDArray[np.float64]) -> str:
    return " ".join(f"{value:.4f}" for value in values)


def mesh(divisions: Sequence[int], offset: Sequence[float] = (0, 0, 0)) -> orm.KpointsData:
    kpoints = orm.KpointsData()
    kpoints.set_kpoints_mesh(list(divisions), offset=list(offset))
    return kpoints


def band_path(structure: orm.StructureData, steps: int = 10) -> orm.KpointsData:
    """`PATH` through the zone of a face-centred cubic structure, `steps` points from label to label."""
    corners = [np.array(SPECIAL_POINTS[label]) for label in PATH]
    points = [a + (b - a) * step / steps for a, b in pairwise(corners) for step in range(steps)]
    kpoints = orm.KpointsData()
    kpoints.set_cell(structure.cell, structure.pbc)
    kpoints.set_kpoints(
        np.array([*points, corners[-1]]), labels=[(steps * index, label) for index, label in enumerate(PATH)]
    )
    return kpoints


def silicon_bands(kpoints: orm.KpointsData, fermi_energy: float) -> orm.BandsData:
    """The bands of silicon, the highest valence state at `fermi_energy` (eV)."""
    inverse = np.linalg.inv(np.array(kpoints.cell))
    cartesian = np.array(kpoints.get_kpoints()) @ (2 * np.pi * inverse.T)
    lattice = 2 * abs(kpoints.cell[0][1])
    energies = np.array([np.linalg.eigvalsh(hamiltonian(k, lattice)) for k in cartesian])
    shifted = np.round(energies - energies[:, 3].max() + fermi_energy, 4) + 0.0
    bands = orm.BandsData()
    bands.set_kpointsdata(kpoints)
    bands.set_bands(shifted, occupations=np.tile([2.0] * 4 + [0.0] * 4, (len(shifted), 1)), units="eV")
    return bands


def hamiltonian(k: NDArray[np.float64], lattice: float) -> NDArray[np.complex128]:
    """Nearest-neighbour sp3 model (eV); Chadi and Cohen, phys. stat. sol. (b) 68, 405 (1975)."""
    signs = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    phases = np.exp(0.25j * lattice * (signs @ k))
    s, x, y, z = np.column_stack([np.ones(4), signs]).T @ phases / 4
    v_ss, v_sp, v_xx, v_xy = -8.13, 5.88, 1.71, 7.51
    hopping = np.array(
        [
            [v_ss * s, v_sp * x, v_sp * y, v_sp * z],
            [-v_sp * x, v_xx * s, v_xy * z, v_xy * y],
            [-v_sp * y, v_xy * z, v_xx * s, v_xy * x],
            [-v_sp * z, v_xy * y, v_xy * x, v_xx * s],
        ]
    )
    on_site = np.diag([-7.20, 0.0, 0.0, 0.0])
    return np.block([[on_site, hopping], [hopping.conj().T, on_site]])


def silicon_energy(lattice: float) -> float:
    """Energy of two atoms (eV) at a lattice constant (angstrom): Birch and Murnaghan, second order."""
    bulk_modulus, volume = 0.553, SILICON_LATTICE**3 / 4
    strain = (SILICON_LATTICE / lattice) ** 2 - 1
    return round(-310.4862 + 9 / 8 * volume * bulk_modulus * strain**2, 6)


def relaxation(lattices: Sequence[float]) -> orm.TrajectoryData:
    """A relaxation of silicon: its structure and energy (eV) at each of the lattice constants."""
    steps = [silicon(lattice) for lattice in lattices]
    trajectory = orm.TrajectoryData()
    trajectory.set_trajectory(
        symbols=steps[0].get_chemical_symbols(),
        positions=np.array([atoms.positions for atoms in steps]),
        cells=np.array([atoms.cell.array for atoms in steps]),
        stepids=np.arange(len(steps)),
        pbc=(True, True, True),
    )
    trajectory.set_array("energy", np.array([silicon_energy(lattice) for lattice in lattices]))
    return trajectory
