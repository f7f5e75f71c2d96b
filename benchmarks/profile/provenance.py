"""What a profile holds: work chains that call jobs, functions, data.

About eight nodes belong together: a work chain with its inputs, the job that it called and what that left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from random import Random
from typing import Any

from benchmarks.node_types import CHAIN, CODE, DICT, FOLDER, FUNCTION, JOB, STRUCTURE
from benchmarks.profile.content import dumps, process, remote_path
from benchmarks.profile.people import add_comments, add_computers, add_groups, add_users, some_computer, some_user
from benchmarks.profile.rows import Batch, Rows

VALUES: Mapping[str, Callable[[Random], dict[str, Any]]] = {
    "data.core.float.Float.": lambda chance: {"value": round(chance.random(), 6)},
    "data.core.int.Int.": lambda chance: {"value": chance.randrange(1000)},
    "data.core.str.Str.": lambda chance: {"value": f"text {chance.randrange(99)}"},
    "data.core.bool.Bool.": lambda chance: {"value": chance.random() < 0.5},
    "data.core.list.List.": lambda chance: {"list": [chance.randrange(99) for _ in range(9)]},
}
PROGRAMS = {
    "quantumespresso.pw": ("PwCalculation", 60),
    "quantumespresso.ph": ("PhCalculation", 10),
    "cp2k": ("Cp2kCalculation", 10),
    "vasp.vasp": ("VaspCalculation", 10),
    "core.arithmetic.add": ("ArithmeticAddCalculation", 10),
}
"""Entry points of jobs, their labels, and how frequent they are."""
OUTER = {
    "aiida.workflows:quantumespresso.pw.relax": "PwRelaxWorkChain",
    "aiida.workflows:quantumespresso.pw.bands": "PwBandsWorkChain",
    "aiida.workflows:common_workflows.eos": "EquationOfStateWorkChain",
}
FUNCTIONS = ("rescale", "create_supercell", "standardize", "merge")
CODES = 12
CALLS = 150
"""So many work chains are called by one screening."""


def batches(rows: Rows) -> Iterator[Batch]:
    """All rows of a profile, in parts."""
    add_users(rows)
    add_computers(rows)
    graph = _Graph(rows)
    while rows.nodes < rows.number:
        graph.grow()
        if rows.is_full:
            yield from rows.taken()
    add_groups(rows)
    add_comments(rows)
    yield from rows.taken()


class _Graph:
    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.chance = rows.chance
        self.content = rows.content
        self.codes = [self._code(number) for number in range(1, CODES + 1)]
        self.structures: deque[int] = deque(maxlen=4000)
        self.meshes: deque[int] = deque(maxlen=500)
        self.screening, self.calls = 0, CALLS

    def grow(self) -> None:
        self.chance.choices((self._work_chain, self._function, self._loose), (68, 22, 10))[0]()

    def _code(self, number: int) -> int:
        attributes = {"filepath_executable": f"/apps/{number}/pw.x", "input_plugin": "quantumespresso.pw"}
        return self.rows.node(CODE, dumps(attributes), 1, computer=number, label=f"pw-{number}")

    def _new_structure(self, user: int) -> int:
        label = f"structure {self.rows.nodes + 1}" if self.chance.random() < 0.1 else ""
        made = self.rows.node(STRUCTURE, self.chance.choice(self.content.structures), user, label=label)
        self.structures.append(made)
        return made

    def _structure(self, user: int) -> int:
        """Often one that is there."""
        is_known = self.structures and self.chance.random() < 0.7
        return self.chance.choice(self.structures) if is_known else self._new_structure(user)

    def _mesh(self, user: int) -> int:
        if self.meshes and self.chance.random() < 0.6:
            return self.chance.choice(self.meshes)
        self.meshes.append(self.rows.node("data.core.array.kpoints.KpointsData.", self.content.mesh(), user))
        return self.meshes[-1]

    def _work_chain(self) -> None:
        """A work chain that calls a job, sometimes twice, and is often called itself."""
        user, chance = some_user(self.rows), self.chance
        program = chance.choices(list(PROGRAMS), [weight for _, weight in PROGRAMS.values()])[0]
        label, _ = PROGRAMS[program]
        status = chance.choice((305, 310, 400, 410)) if chance.random() < 0.06 else 0
        inputs = {
            "structure": self._structure(user),
            "kpoints": self._mesh(user),
            "parameters": self.rows.node(DICT, chance.choice(self.content.parameters), user),
            "code": chance.choice(self.codes),
        }
        caller = self._caller(user, inputs["structure"], status)
        chain = self.rows.node(CHAIN, process(label, status), user, process_type=f"aiida.workflows:{program}.base")
        for name, node in inputs.items():
            self.rows.link(node, chain, f"pw__{name}", "input_work")
        if caller:
            self.rows.link(caller, chain, f"CALL_{chain}", "call_work")
        self.rows.log(chain, "REPORT", f"[{chain}|{label}|run_process]: launching {label}<{chain + 1}> iteration #1")
        run = partial(self._job, user, program, chain, inputs)
        if chance.random() < 0.15:
            run("iteration_01", 305)
        outputs = run("iteration_02", status)
        for name, node in outputs.items():
            self.rows.link(chain, node, name, "return")
        if caller and "output_parameters" in outputs:
            self.rows.link(caller, outputs["output_parameters"], f"output_parameters_{chain}", "return")

    def _caller(self, user: int, structure: int, status: int) -> int:
        """0: nobody called."""
        kind = self.chance.random()
        if kind < 0.3:
            process_type, label = self.chance.choice(list(OUTER.items()))
            caller = self.rows.node(CHAIN, process(label, status), user, process_type=process_type, label=label)
            self.rows.link(structure, caller, "structure", "input_work")
            self.rows.log(caller, "REPORT", f"[{caller}|{label}|run_relax]: launching a work chain")
            return caller
        if kind < 0.65:
            return self._called_by_screening()
        return 0

    def _called_by_screening(self) -> int:
        self.calls += 1
        if self.calls > CALLS:
            process_type, label = "my_project.workflows.screening.Screening", "Screening"
            self.screening = self.rows.node(CHAIN, process(label), 1, process_type=process_type, label=label)
            self.rows.link(self.codes[0], self.screening, "code", "input_work")
            self.calls = 1
        self.rows.log(self.screening, "REPORT", f"[{self.screening}|Screening|run]: call number {self.calls}")
        return self.screening

    def _job(
        self, user: int, program: str, chain: int, inputs: Mapping[str, int], called: str, status: int
    ) -> dict[str, int]:
        """Its outputs by their names."""
        chance, content = self.chance, self.content
        label, _ = PROGRAMS[program]
        uuid, computer = next(self.rows.uuids), some_computer(self.rows)
        attributes = content.job(uuid, 10**6 + self.rows.nodes, label, computer, status)
        job = self.rows.node(
            *(JOB, attributes, user),
            process_type=f"aiida.calculations:{program}",
            files=chance.choice(content.submitted),
            computer=computer,
            label=label if chance.random() < 0.2 else "",
            uuid=uuid,
        )
        self.rows.link(chain, job, called, "call_calc")
        for name, node in inputs.items():
            self.rows.link(node, job, name, "input_calc")
        path = dumps({"remote_path": remote_path(uuid, computer)})
        outputs = {
            "remote_folder": self.rows.node("data.core.remote.RemoteData.", path, user, computer=computer),
            "retrieved": self.rows.node(FOLDER, "{}", user, files=chance.choice(content.retrieved)),
        }
        if status:
            self.rows.log(job, "WARNING", f"output parser returned exit code<{status}>: The calculation failed.")
        if not status or chance.random() < 0.5:
            outputs["output_parameters"] = self.rows.node(DICT, content.results_of_job(), user)
            outputs |= self._more_outputs(user)
        for name, node in outputs.items():
            self.rows.link(job, node, name, "create")
        return outputs

    def _more_outputs(self, user: int) -> dict[str, int]:
        kind, content = self.chance.random(), self.content
        if kind < 0.35:
            return {"output_structure": self._new_structure(user)}
        if kind < 0.55:
            attributes, files = self.chance.choice(content.trajectories)
            node_type = "data.core.array.trajectory.TrajectoryData."
            return {"output_trajectory": self.rows.node(node_type, attributes, user, files=files)}
        if kind < 0.65:
            attributes, files = self.chance.choice(content.bands)
            return {"output_band": self.rows.node("data.core.array.bands.BandsData.", attributes, user, files=files)}
        return {}

    def _function(self) -> None:
        """A structure and a number, or the like, become a structure."""
        user = some_user(self.rows)
        node_type = self.chance.choice(list(VALUES))
        structure = self._structure(user)
        value = self.rows.node(node_type, dumps(VALUES[node_type](self.chance)), user)
        name = self.chance.choice(FUNCTIONS)
        function = self.rows.node(FUNCTION, process(name), user, process_type=f"my_project.functions.{name}")
        self.rows.link(structure, function, "structure", "input_calc")
        self.rows.link(value, function, "value", "input_calc")
        self.rows.link(function, self._new_structure(user), "result", "create")

    def _loose(self) -> None:
        """Data that nothing was done with."""
        user = some_user(self.rows)
        self.rows.node(
            DICT, self.chance.choice(self.content.parameters), user, label=f"parameters {self.rows.nodes + 1}"
        )
