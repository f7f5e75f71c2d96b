"""What was computed, 2024 to 2025: silicon and its bands, an equation of state, and what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pw
from aiida import orm
from materials import band_path, mesh, relaxation, silicon, silicon_bands, silicon_energy
from process import DONE, Ending, finish, function_kind, plugin_kind, report, start

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab import Lab

RELAX = plugin_kind(orm.WorkChainNode, "PwRelaxWorkChain", "quantumespresso.pw.relax")
BANDS = plugin_kind(orm.WorkChainNode, "PwBandsWorkChain", "quantumespresso.pw.bands")
BASE = plugin_kind(orm.WorkChainNode, "PwBaseWorkChain", "quantumespresso.pw.base")
EQUATION_OF_STATE = plugin_kind(orm.WorkChainNode, "EquationOfState", "demo.eos")
RESCALE = function_kind(
    orm.CalcFunctionNode,
    "def rescale(structure, factor):\n"
    '    """Stretch a structure in all directions."""\n'
    "    atoms = structure.get_ase()\n"
    "    atoms.set_cell(atoms.cell * factor.value, scale_atoms=True)\n"
    "    return StructureData(ase=atoms)\n",
)
FIT = function_kind(
    orm.CalcFunctionNode,
    "def fit(**results):\n"
    '    """Fit a parabola to energies and volumes."""\n'
    "    return parabola([result.get_dict() for result in results.values()])\n",
)
SELECT = function_kind(
    orm.WorkFunctionNode,
    "def select_lowest(structures, results):\n"
    '    """Return, of the given structures, the one with the lowest energy."""\n'
    "    lowest = min(results, key=lambda name: results[name]['energy'])\n"
    "    return {'structure': structures[lowest]}\n",
)
UNRECOVERABLE = Ending("finished", 300, "The calculation failed with an unidentified unrecoverable error.")
EXCEPTED = Ending("excepted", exception="ValueError: the volume of the cell is zero\n")


def parameters(calculation: str, cutoff: float = 40.0) -> orm.Dict:
    """The input parameters of pw.x; cutoffs in Ry."""
    return orm.Dict(
        {
            "CONTROL": {"calculation": calculation, "restart_mode": "from_scratch", "tstress": True},
            "SYSTEM": {"ecutwfc": cutoff, "ecutrho": 8 * cutoff, "occupations": "fixed"},
            "ELECTRONS": {"conv_thr": 1e-10, "mixing_beta": 0.4},
        }
    ).store()


def compute_equation_of_state(lab: Lab, structure: orm.StructureData, pseudo: orm.UpfData) -> orm.WorkChainNode:
    """Rescale, calculate and compare; the workfunction returns a structure that a calcfunction created."""
    lab.clock.move_to("2024-04-16 13:20")
    scf, kpoints = parameters("scf"), mesh((6, 6, 6), (0.5, 0.5, 0.5)).store()
    inputs = {
        "code": lab.codes["pw-7.3@alpine"],
        "parameters": scf,
        "kpoints": kpoints,
        "pseudos__Si": pseudo,
    }
    chain = start(
        EQUATION_OF_STATE,
        {"structure": structure, **inputs},
        label="Silicon: equation of state",
        description="Five volumes around the experimental one",
        user=lab.users["zoe"],
        extras={"tags": ["eos", "silicon"], "campaign": {"name": "spring 2024", "round": 1}},
    )
    assert isinstance(chain, orm.WorkChainNode)
    structures: dict[str, orm.Data] = {}
    results: dict[str, orm.Data] = {}
    for factor in (0.98, 0.99, 1.0, 1.01, 1.02):
        name = f"scale_{round(100 * factor):03d}"
        factor_node = orm.Float(factor, user=chain.user).store()
        rescaling = start(RESCALE, {"structure": structure, "factor": factor_node}, caller=chain, call_label=name)
        lattice = 5.43 * factor
        scaled = orm.StructureData(ase=silicon(lattice), label=f"Si x {factor:.2f}")
        finish(rescaling, {"result": scaled})
        job_inputs = {"structure": scaled, "parameters": scf, "kpoints": kpoints, "pseudos__Si": pseudo}
        job = pw.submit(lab, job_inputs, caller=chain, call_label=f"scf_{name}")
        report(lab, chain, "run_scf", f"launching PwCalculation<{job.node.pk}> at {factor:.0%} of the lattice")
        structures[f"structures__{name}"] = scaled
        results[f"results__{name}"] = pw.complete(lab, job, silicon_energy(lattice))
    fitting = start(FIT, results, caller=chain, call_label="fit")
    curve = energy_curve()
    fitted = orm.Dict({"volume": 40.8946, "energy": -310.4862, "bulk_modulus": 88.6, "bulk_modulus_units": "GPa"})
    finish(fitting, {"parameters": fitted, "curve": curve})
    selection = start(SELECT, {**structures, **results}, caller=chain, call_label="select")
    lowest = structures["structures__scale_101"]
    finish(selection, {"structure": lowest})
    finish(chain, {"structure": lowest, "parameters": fitted, "curve": curve})
    return chain


def energy_curve() -> orm.XyData:
    """The fitted energy of silicon (eV) over the volume of two atoms (cubic angstrom)."""
    volumes = np.linspace(37.5, 42.5, 11)
    energies = np.array([silicon_energy(lattice) for lattice in np.cbrt(4 * volumes)])
    curve = orm.XyData(label="Si E(V)")
    curve.set_x(volumes, "volume", "angstrom^3")
    curve.set_y(energies, "energy", "eV")
    return curve


def compute_bands(lab: Lab, structure: orm.StructureData, pseudo: orm.UpfData) -> orm.WorkChainNode:
    """Relax silicon in two steps, then its density and its bands."""
    lab.clock.move_to("2024-06-18 09:12")
    kpoints = mesh((8, 8, 8)).store()
    inputs = {"code": lab.codes["pw-7.3@alpine"], "kpoints": kpoints, "pseudos__Si": pseudo}
    scf, for_bands = parameters("scf", 50.0), parameters("bands", 50.0)
    outer = start(
        BANDS,
        {"structure": structure, "scf__parameters": scf, "bands__parameters": for_bands, **inputs},
        label="Silicon: relaxation and bands",
        description="The whole way from the experimental structure to the band structure",
        extras={"tags": ["bands", "silicon", "published"], "reviewed": {"by": "zoe", "on": "2024-07-01"}},
    )
    assert isinstance(outer, orm.WorkChainNode)
    report(lab, outer, "setup", "starting from a structure of 2 atoms")
    relaxed = relax(lab, outer, structure, inputs)
    job_inputs = {"structure": relaxed, "kpoints": kpoints, "pseudos__Si": pseudo}
    job = pw.submit(lab, {**job_inputs, "parameters": scf}, caller=outer, call_label="scf")
    report(lab, outer, "run_scf", f"launching PwCalculation<{job.node.pk}>")
    energy = silicon_energy(5.469)
    pw.complete(lab, job, energy, minutes=9)
    path = band_path(relaxed)
    path.label, path.description = "L-Γ-X-W-K-Γ", "Path through the zone of the fcc lattice"
    path.store()
    job = pw.submit(lab, {**job_inputs, "parameters": for_bands, "kpoints": path}, caller=outer, call_label="bands")
    report(lab, outer, "run_bands", f"launching PwCalculation<{job.node.pk}> in bands mode")
    bands = silicon_bands(path, 6.25)
    bands.label, bands.description = "Si bands", "Eight bands along L-Γ-X-W-K-Γ"
    band_parameters = pw.complete(lab, job, energy, {"output_band": bands}, minutes=21)
    report(lab, outer, "results", "workchain completed successfully")
    finish(outer, {"primitive_structure": relaxed, "band_structure": bands, "band_parameters": band_parameters})
    return outer


def relax(
    lab: Lab, outer: orm.WorkChainNode, structure: orm.StructureData, inputs: Mapping[str, orm.Data]
) -> orm.StructureData:
    """The inner workchain: the second calculation starts where the first one ended."""
    settings = parameters("vc-relax", 50.0)
    chain = start(RELAX, {"structure": structure, "parameters": settings, **inputs}, caller=outer, call_label="relax")
    assert isinstance(chain, orm.WorkChainNode)
    job_inputs = {name: node for name, node in inputs.items() if name != "code"}
    for iteration, lattices in enumerate([(5.43, 5.452, 5.4645), (5.4645, 5.4688, 5.469)], start=1):
        job = pw.submit(
            lab,
            {"structure": structure, "parameters": settings, **job_inputs},
            caller=chain,
            call_label=f"iteration_{iteration:02d}",
        )
        report(lab, chain, "run_relax", f"launching PwCalculation<{job.node.pk}>, iteration {iteration}")
        structure = orm.StructureData(ase=silicon(lattices[-1]), label=f"silicon, relaxed {iteration}")
        energy = silicon_energy(lattices[-1])
        steps = relaxation(lattices)
        result = pw.complete(lab, job, energy, {"output_structure": structure, "output_trajectory": steps})
        if iteration == 1:
            report(lab, chain, "inspect_relax", "volume changed by 1.9 %: once more", "WARNING")
    finish(chain, {"output_structure": structure, "output_parameters": result})
    return structure


def fail_copper(lab: Lab, structure: orm.StructureData, pseudo: orm.UpfData) -> None:
    """A workchain that tries twice and gives up."""
    lab.clock.move_to("2024-09-23 16:41")
    inputs = {"structure": structure, "parameters": parameters("scf", 90.0), "pseudos__Cu": pseudo}
    inputs["kpoints"] = mesh((12, 12, 12)).store()
    chain = start(
        BASE,
        {"code": lab.codes["pw-7.3@alpine"], **inputs},
        label="Copper: gives up",
        user=lab.users["zoe"],
    )
    assert isinstance(chain, orm.WorkChainNode)
    job = pw.submit(lab, inputs, caller=chain, call_label="iteration_01", label="Cu, out of time")
    stdout = "     Program PWSCF v.7.3 starts\n\n     Maximum CPU time exceeded\n"
    files = {"aiida.out": stdout, "_scheduler-stderr.txt": "slurmstepd: error: CANCELLED DUE TO TIME LIMIT\n"}
    pw.fail(lab, job, pw.OUT_OF_WALLTIME, 60, files)
    report(lab, chain, "report_error_handled", "Action taken: restart from the last density", "WARNING")
    job = pw.submit(lab, inputs, caller=chain, call_label="iteration_02", label="Cu, no output")
    pw.fail(lab, job, pw.NO_OUTPUT, 2, {"aiida.out": "", "_scheduler-stderr.txt": "Out Of Memory\n"})
    report(lab, job.node, "parse", "ERROR_OUTPUT_FILES: aiida.out is empty, the XML file missing", "ERROR")
    report(lab, chain, "inspect_process", "PwCalculation failed twice in a row: aborting", "WARNING")
    finish(chain, {}, UNRECOVERABLE)


def kill_graphene(lab: Lab, structure: orm.StructureData, pseudo: orm.UpfData) -> None:
    """A job on the computer that is no longer in use, killed."""
    lab.clock.move_to("2024-10-30 22:05")
    inputs = {"structure": structure, "parameters": parameters("scf", 60.0), "pseudos__C": pseudo}
    inputs["kpoints"] = mesh((9, 9, 1), (0.5, 0.5, 0)).store()
    job = pw.submit(lab, inputs, code="pw-6.8@merle", label="Graphene, killed")
    pw.fail(lab, job, pw.KILLED, 615, {})


def break_rescaling(lab: Lab, structure: orm.StructureData) -> None:
    """A calcfunction that raises, and the one that was meant."""
    lab.clock.move_to("2024-11-14 11:30")
    for factor, ending in ((0.0, EXCEPTED), (1.0, DONE)):
        inputs = {"structure": structure, "factor": orm.Float(factor).store()}
        process = start(RESCALE, inputs, label=f"diamond x {factor:g}")
        if ending is EXCEPTED:
            report(lab, process, "run", f"Traceback (most recent call last):\n{EXCEPTED.exception}", "ERROR")
            finish(process, {}, ending)
        else:
            finish(process, {"result": orm.StructureData(ase=structure.get_ase(), label="diamond again")})
