"""Calculations with pw.x of Quantum ESPRESSO: what goes in, what comes back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiida import orm
from lab import put_files
from process import DONE, Ending, finish, plugin_kind, start

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab import Lab

PW = plugin_kind(orm.CalcJobNode, "PwCalculation", "quantumespresso.pw")
NO_OUTPUT = Ending("finished", 305, "Both the stdout and XML output files could not be read or parsed.")
OUT_OF_WALLTIME = Ending("finished", 400, "The calculation stopped prematurely because it ran out of walltime.")
KILLED = Ending("killed", process_status="Killed through `verdi process kill`")

SUBMIT_SCRIPT = """#!/bin/bash
#SBATCH --job-name="aiida-{job}"
#SBATCH --nodes=1 --ntasks-per-node={processes}
#SBATCH --time=01:00:00

mpirun -np {processes} {executable} -in aiida.in > aiida.out
"""

STDOUT = """     Program PWSCF v.7.3 starts

     number of atoms/cell      = {atoms:>12}
     number of k points        = {kpoints:>12}

!    total energy              = {rydberg:>17.8f} Ry
     convergence has been achieved in   9 iterations

     JOB DONE.
"""

RYDBERG = 13.605693  # eV


@dataclass(frozen=True)
class Job:
    """A submitted calculation and what it was given."""

    node: orm.CalcJobNode
    structure: orm.StructureData
    kpoints: orm.KpointsData


def submit(
    lab: Lab,
    inputs: Mapping[str, orm.Data],
    *,
    code: str = "pw-7.3@alpine",
    caller: orm.WorkflowNode | None = None,
    call_label: str = "CALL",
    label: str = "",
    user: orm.User | None = None,
) -> Job:
    """Store a calculation; `inputs` are its structure, parameters, kpoints and pseudos."""
    lab.clock.wait(3)
    installed = lab.codes[code]
    assert isinstance(installed, orm.InstalledCode)
    computer = installed.computer
    processes = computer.get_default_mpiprocs_per_machine()
    structure, parameters, kpoints = inputs["structure"], inputs["parameters"], inputs["kpoints"]
    assert isinstance(structure, orm.StructureData)
    assert isinstance(parameters, orm.Dict)
    assert isinstance(kpoints, orm.KpointsData)
    calcinfo = {
        "codes_info": [
            {"cmdline_params": ["-in", "aiida.in"], "code_uuid": installed.uuid, "stdout_name": "aiida.out"}
        ],
        "local_copy_list": [[node.uuid, node.filename, f"./pseudo/{node.filename}"] for node in pseudos(inputs)],
        "retrieve_list": ["aiida.out", "out/aiida.save/data-file-schema.xml"],
        "skip_submit": False,
    }
    node = start(
        PW,
        {"code": installed, **inputs},
        caller=caller,
        call_label=call_label,
        computer=computer,
        label=label,
        user=user,
        files={
            "aiida.in": input_file(structure, parameters.get_dict(), kpoints),
            "_aiidasubmit.sh": SUBMIT_SCRIPT.format(
                job=structure.label or "pw", processes=processes, executable=installed.filepath_executable
            ),
            ".aiida/calcinfo.json": json.dumps(calcinfo, indent=4),
        },
        attributes={
            "input_filename": "aiida.in",
            "output_filename": "aiida.out",
            "parser_name": "quantumespresso.pw",
            "resources": {"num_machines": 1, "num_mpiprocs_per_machine": processes},
            "max_wallclock_seconds": 3600,
            "withmpi": True,
            "scheduler_stdout": "_scheduler-stdout.txt",
            "scheduler_stderr": "_scheduler-stderr.txt",
            "submit_script_filename": "_aiidasubmit.sh",
        },
    )
    assert isinstance(node, orm.CalcJobNode)
    return Job(node, structure, kpoints)


def pseudos(inputs: Mapping[str, orm.Data]) -> list[orm.UpfData]:
    return [node for node in inputs.values() if isinstance(node, orm.UpfData)]


def run(lab: Lab, job: Job, minutes: float) -> orm.RemoteData:
    """Let a job run; what it leaves on the computer is its first output."""
    node = job.node
    lab.clock.wait(minutes)
    workdir = f"/scratch/{node.user.email.partition('@')[0]}/aiida/{node.uuid[:2]}/{node.uuid[2:4]}/{node.uuid[4:]}"
    job_id = str(4_200_000 + 37 * node.pk)
    node.base.attributes.set_many(
        {
            "job_id": job_id,
            "remote_workdir": workdir,
            "scheduler_state": "done",
            "scheduler_lastchecktime": lab.clock.now().isoformat(),
            "last_job_info": {
                "job_id": job_id,
                "job_state": "done",
                "wallclock_time_seconds": round(60 * minutes),
            },
            "retrieve_list": ["aiida.out", "out/aiida.save/data-file-schema.xml", "_scheduler-stdout.txt"],
        }
    )
    return orm.RemoteData(computer=node.computer, remote_path=workdir)


def complete(
    lab: Lab,
    job: Job,
    energy: float,
    outputs: Mapping[str, orm.Data] | None = None,
    minutes: float = 12,
) -> orm.Dict:
    """End a job well: an energy (eV) and further outputs; the answer is its `output_parameters`."""
    remote = run(lab, job, minutes)
    atoms, points = len(job.structure.sites), number_of_kpoints(job.kpoints)
    stdout = STDOUT.format(atoms=atoms, kpoints=points, rydberg=energy / RYDBERG)
    parameters = orm.Dict(
        {
            "creator_name": "pwscf",
            "creator_version": "7.3",
            "energy": energy,
            "energy_units": "eV",
            "fermi_energy": 6.25,
            "fermi_energy_units": "eV",
            "number_of_atoms": atoms,
            "number_of_k_points": points,
            "volume": round(job.structure.get_cell_volume(), 6),
            "convergence_info": {"scf_conv": {"convergence_achieved": True, "n_scf_steps": 9, "scf_error": 1.2e-11}},
            "wall_time_seconds": 60.0 * minutes,
        }
    )
    retrieved = folder(
        {
            "aiida.out": stdout,
            "_scheduler-stdout.txt": "",
            "_scheduler-stderr.txt": "",
            "out/aiida.save/data-file-schema.xml": f"<etot>{energy / RYDBERG / 2:.9e}</etot>\n",
        }
    )
    finish(
        job.node,
        {"remote_folder": remote, "retrieved": retrieved, "output_parameters": parameters, **(outputs or {})},
    )
    return parameters


def fail(lab: Lab, job: Job, ending: Ending, minutes: float, files: Mapping[str, str]) -> None:
    """End a job badly; `files` are what came back, nothing at all if it was killed."""
    outputs: dict[str, orm.Data] = {"remote_folder": run(lab, job, minutes)}
    if files:
        outputs["retrieved"] = folder(files)
    assert ending != DONE
    finish(job.node, outputs, ending)


def folder(files: Mapping[str, str | bytes]) -> orm.FolderData:
    node = orm.FolderData()
    put_files(node, files)
    return node


def number_of_kpoints(kpoints: orm.KpointsData) -> int:
    """Points in a list, or in a mesh before any symmetry is used."""
    if "mesh" in kpoints.base.attributes:
        a, b, c = kpoints.get_kpoints_mesh()[0]
        return int(a * b * c)
    return len(kpoints.get_kpoints())


def input_file(structure: orm.StructureData, parameters: Mapping[str, Any], kpoints: orm.KpointsData) -> str:
    """The input of pw.x: namelists, then cards."""
    lines: list[str] = []
    for namelist, settings in parameters.items():
        lines += [f"&{namelist}", *(f"  {name} = {fortran(value)}" for name, value in settings.items()), "/"]
    lines += ["ATOMIC_SPECIES", *(f"{kind.name} {kind.mass:.3f} {kind.name}.upf" for kind in structure.kinds)]
    lines += [
        "ATOMIC_POSITIONS angstrom",
        *(f"{site.kind_name} {vector(site.position)}" for site in structure.sites),
    ]
    if "mesh" in kpoints.base.attributes:
        divisions, offset = kpoints.get_kpoints_mesh()
        shifts = [int(2 * value) for value in offset]
        lines += ["K_POINTS automatic", " ".join(str(number) for number in [*divisions, *shifts])]
    else:
        points = kpoints.get_kpoints()
        lines += ["K_POINTS crystal", str(len(points)), *(f"{vector(point)} 1.0" for point in points)]
    lines += ["CELL_PARAMETERS angstrom", *(vector(row) for row in structure.cell)]
    return "\n".join(lines) + "\n"


def fortran(value: Any) -> str:
    match value:
        case bool():
            return f".{str(value).lower()}."
        case str():
            return f"'{value}'"
        case _:
            return f"{value:.10g}"


def vector(values: Any) -> str:
    return " ".join(f"{value:.6f}" for value in values)
