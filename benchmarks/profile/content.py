"""What nodes hold: attributes in proportions like those of a production profile, and the files of the repository.

JSON comes as text. What many nodes can share comes from a pool, as making all of it anew would take most of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from random import Random
from typing import Any

import numpy as np
import orjson

ELEMENTS = (
    "H",
    "Li",
    "C",
    "N",
    "O",
    "F",
    "Na",
    "Mg",
    "Al",
    "Si",
    "P",
    "S",
    "Cl",
    "K",
    "Ca",
    "Ti",
    "Fe",
    "Cu",
    "Ba",
    "Au",
)
VARIANTS = 16
"""So many objects of each kind."""


def dumps(content: Any) -> str:
    return orjson.dumps(content).decode()


def files() -> dict[str, bytes]:
    """The objects of the repository by a name of ours; all nodes share them."""
    texts = {
        f"{kind}{number}": "".join(f"{kind} {number}, line {line}: {line**9:040d}\n" for line in range(3 + 5 * number))
        for kind in ("input", "output", "scheduler")
        for number in range(VARIANTS)
    }
    arrays = {f"array{number}": _array(number) for number in range(VARIANTS)}
    return {name: text.encode() for name, text in texts.items()} | arrays


def points(number: int) -> int:
    """How many rows of three an array has."""
    return 8 + 4 * number


def _array(number: int) -> bytes:
    file = BytesIO()
    np.save(file, np.linspace(0, 1, 3 * points(number)).reshape(-1, 3))
    return file.getvalue()


class Content:
    """Made up by chance. `keys` are those of the objects in the repository by the names of `files`."""

    def __init__(self, chance: Random, keys: Mapping[str, str]) -> None:
        self.chance = chance
        self.keys = keys
        self.structures = self._pool(self.structure, 3000)
        self.parameters = self._pool(self._parameters, 1000)
        self.results = self._pool(self._results, 2000)
        self.notes = self._pool(self._notes, 300)
        self.submitted = self._pool(self._submitted, 64)
        self.retrieved = self._pool(self._retrieved, 64)
        self.bands = [self._bands(number) for number in range(VARIANTS)]
        self.trajectories = [self._trajectory(number) for number in range(VARIANTS)]

    @staticmethod
    def _pool(make: Callable[[], str], size: int) -> Sequence[str]:
        return [make() for _ in range(size)]

    def structure(self) -> str:
        """Mostly a few atoms of up to four elements."""
        chance = self.chance
        size = min(40, 1 + int(chance.expovariate(1 / 8)))
        kinds = chance.sample(ELEMENTS, min(size, chance.randrange(1, 5)))
        edge = 2.5 + 8 * chance.random()
        return dumps(
            {
                "cell": [[edge, 0.0, 0.0], [chance.random(), 1.1 * edge, 0.0], [0.0, chance.random(), 1.3 * edge]],
                **dict.fromkeys(("pbc1", "pbc2", "pbc3"), True),
                "kinds": [{"name": kind, "symbols": [kind], "weights": [1.0], "mass": 28.0} for kind in kinds],
                "sites": [
                    {
                        "kind_name": kinds[place % len(kinds)],
                        "position": [edge * chance.random() for _ in range(3)],
                    }
                    for place in range(size)
                ],
            }
        )

    def _parameters(self) -> str:
        chance = self.chance
        return dumps(
            {
                "CONTROL": {
                    "calculation": chance.choice(("scf", "relax", "vc-relax", "nscf", "bands")),
                    "restart_mode": "from_scratch",
                    "tstress": True,
                    "tprnfor": True,
                    "max_seconds": chance.randrange(1000, 86000),
                },
                "SYSTEM": {
                    "ecutwfc": float(chance.randrange(30, 120)),
                    "ecutrho": float(chance.randrange(240, 960)),
                    "occupations": "smearing",
                    "smearing": chance.choice(("cold", "mv", "gaussian")),
                    "degauss": 0.01,
                    "nspin": chance.randrange(1, 3),
                },
                "ELECTRONS": {"electron_maxstep": 80, "mixing_beta": round(0.1 + 0.6 * chance.random(), 2)},
            }
        )

    def _results(self) -> str:
        """Without the braces and the energies, which are those of one job."""
        chance = self.chance
        atoms = chance.randrange(2, 24)
        return dumps(
            {
                "energy_units": "eV",
                "number_of_atoms": atoms,
                "number_of_bands": chance.randrange(8, 300),
                "volume": 20 + 400 * chance.random(),
                "convergence_info": {
                    "scf_conv": {"convergence_achieved": chance.random() < 0.97, "n_scf_steps": chance.randrange(5, 60)}
                },
                "symmetries": [{"symmetry_number": number, "t_rev": "0"} for number in range(chance.randrange(1, 17))],
                "magnetization": [0.0, round(chance.random(), 5)],
                "forces": [[round(chance.random() - 0.5, 8) for _ in range(3)] for _ in range(atoms)],
                "creator_version": chance.choice(("6.8", "7.0", "7.2")),
                "warnings": [] if chance.random() < 0.8 else ["DEPRECATED: symmetry with ibrav=0"],
            }
        )[1:-1]

    def results_of_job(self) -> str:
        energy, fermi, seconds = -100 - 4000 * self.chance.random(), 10 * self.chance.random(), self.chance.random()
        first = f'"energy":{energy:.8f},"fermi_energy":{fermi:.4f},"wall_time_seconds":{3000 * seconds:.2f}'
        return f"{{{first},{self.chance.choice(self.results)}}}"

    def extras(self) -> str:
        """The hash that AiiDA stores, and now and then notes of a user."""
        found = f'"_aiida_hash":"{self.chance.getrandbits(256):064x}"'
        return f"{{{found}}}" if self.chance.getrandbits(3) else f"{{{found},{self.chance.choice(self.notes)}}}"

    def _notes(self) -> str:
        chance = self.chance
        return dumps(
            {
                "project": chance.choice(("mc3d", "mc2d", "li-ion", "test")),
                "tags": chance.sample(("a", "b", "gold", "redo", "published"), 2),
                "quality": {"score": round(chance.random(), 4), "checks": {"forces": True, "stress": None}},
                "number": chance.randrange(1000),
            }
        )[1:-1]

    def job(self, uuid: str, number: int, label: str, computer: int, status: int) -> str:
        chance = self.chance
        failed = {"exit_message": "The calculation stopped because of an error."} if status else {}
        return dumps(
            {
                "process_state": "finished",
                "process_label": label,
                "exit_status": status,
                **failed,
                "job_id": str(number),
                "scheduler_state": "done",
                "resources": {"num_machines": chance.randrange(1, 9), "num_mpiprocs_per_machine": 36},
                "max_wallclock_seconds": 86400,
                "queue_name": chance.choice(("normal", "debug", "large")),
                "withmpi": True,
                "parser_name": "quantumespresso.pw",
                "input_filename": "aiida.in",
                "output_filename": "aiida.out",
                "submit_script_filename": "_aiidasubmit.sh",
                "scheduler_stdout": "_scheduler-stdout.txt",
                "scheduler_stderr": "_scheduler-stderr.txt",
                "custom_scheduler_commands": "#SBATCH --constraint=mc",
                "mpirun_extra_params": [],
                "environment_variables": {"OMP_NUM_THREADS": "1"},
                "prepend_text": "",
                "append_text": "",
                "version": {"core": "2.5.0", "plugin": "4.4.0"},
                "retrieve_list": ["aiida.out", "./out/aiida.save/data-file-schema.xml", "_scheduler-stdout.txt"],
                "retrieve_temporary_list": [],
                "remote_workdir": remote_path(uuid, computer),
                "last_job_info": {
                    "title": f"aiida-{number}",
                    "job_id": str(number),
                    "raw_data": [str(number), "CG", "None", f"nid0{chance.randrange(9999)}", "user", "1-00:00:00"],
                    "job_state": "done",
                    "wallclock_time_seconds": chance.randrange(20000),
                },
                "scheduler_lastchecktime": "2021-01-01T12:13:14.151617+00:00",
                "detailed_job_info": {
                    "retval": 0,
                    "stderr": "",
                    "stdout": f"AllocCPUS|Account|JobID|State\n72|mr{computer}|{number}|COMPLETED\n",
                },
                "sealed": True,
            }
        )

    def mesh(self) -> str:
        return dumps(
            {
                "mesh": [self.chance.randrange(1, 12) for _ in range(3)],
                "offset": [0.0, 0.0, 0.0],
                "cell": [[5.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 6.0]],
                **dict.fromkeys(("pbc1", "pbc2", "pbc3"), True),
            }
        )

    def _bands(self, number: int) -> tuple[str, str]:
        """Attributes and files."""
        attributes = {
            **{f"array|{name}": [points(number), 3] for name in ("bands", "kpoints")},
            "units": "eV",
            "labels": ["GAMMA", "X", "L"],
            "label_numbers": [0, 2, 4],
        }
        return dumps(attributes), self._arrays(number, "bands", "kpoints")

    def _trajectory(self, number: int) -> tuple[str, str]:
        attributes = {
            "symbols": self.chance.sample(ELEMENTS, 3),
            **{f"array|{name}": [points(number), 3] for name in ("positions", "cells")},
            "units|positions": "angstrom",
        }
        return dumps(attributes), self._arrays(number, "positions", "cells")

    def _arrays(self, number: int, *names: str) -> str:
        return _tree({f"{name}.npy": {"k": self.keys[f"array{number}"]} for name in names})

    def _submitted(self) -> str:
        folder = {"calcinfo.json": self._file("input"), "job_tmpl.json": self._file("input")}
        return _tree(
            {"aiida.in": self._file("input"), "_aiidasubmit.sh": self._file("scheduler"), ".aiida": {"o": folder}}
        )

    def _retrieved(self) -> str:
        names = {"aiida.out": "output", "_scheduler-stdout.txt": "scheduler", "data-file-schema.xml": "output"}
        return _tree({name: self._file(kind) for name, kind in names.items()})

    def _file(self, kind: str) -> dict[str, str]:
        return {"k": self.keys[f"{kind}{self.chance.randrange(VARIANTS)}"]}


def process(label: str, status: int = 0) -> str:
    """Attributes of any process but a job."""
    return dumps(
        {
            "process_state": "finished",
            "process_label": label,
            "exit_status": status,
            "version": {"core": "2.5.0", "plugin": "4.4.0"},
            "sealed": True,
        }
    )


def remote_path(uuid: str, computer: int) -> str:
    return f"/scratch/user{computer}/aiida/{uuid[:2]}/{uuid[2:4]}/{uuid[4:]}"


def _tree(content: Mapping[str, Any]) -> str:
    """As AiiDA stores the files of a node: `o` is what a folder holds, `k` the key of a file."""
    return dumps({"o": content})


def uuids(chance: Random) -> Iterator[str]:
    """Of version 4 (RFC 9562)."""
    while True:
        digits = f"{chance.getrandbits(128):032x}"
        variant = "89ab"[int(digits[16], 16) & 3]
        yield f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
