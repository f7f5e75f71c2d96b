"""Makes a `core.sqlite_dos` profile with many nodes: aiida-core sets it up, plain SQL fills it, the same each time.

A quarter of the nodes are calculation jobs with inputs and outputs, in proportions like those of a production profile.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

START = datetime(2018, 1, 1, tzinfo=timezone.utc)
ELEMENTS = ("H", "C", "N", "O", "Na", "Mg", "Al", "Si", "Cl", "Ti", "Fe", "Cu", "Ba", "Au")
CHUNK = 10_000

Row = tuple[Any, ...]


def generate(folder: Path, number: int) -> None:
    """Writes a profile of about `number` nodes into `folder`, which must not exist."""
    _set_up(folder)
    connection = sqlite3.connect(folder / "database.sqlite")
    source = _Source(random.Random(number), number)
    while source.count < number:
        nodes, links = source.calculations(CHUNK // 5)
        connection.executemany(f"INSERT INTO db_dbnode VALUES ({','.join('?' * 13)})", nodes)
        connection.executemany("INSERT INTO db_dblink (input_id, output_id, label, type) VALUES (?, ?, ?, ?)", links)
    connection.commit()
    connection.close()


def _set_up(folder: Path) -> None:
    # aiida-core makes a folder for its configuration when it is imported.
    os.environ["AIIDA_PATH"] = str(folder.with_suffix(".aiida").absolute())
    from aiida.manage.configuration import create_profile, get_config
    from aiida.manage.configuration.settings import AiiDAConfigDir

    folder.parent.mkdir(parents=True, exist_ok=True)
    AiiDAConfigDir.set(folder.with_suffix(".aiida").absolute())
    create_profile(
        get_config(create=True),
        name="benchmark",
        email="user@example.org",
        storage_backend="core.sqlite_dos",
        storage_config={"filepath": str(folder)},
    )


class _Source:
    """Rows of nodes and links, ids counting up."""

    def __init__(self, chance: random.Random, number: int) -> None:
        self.chance = chance
        self.number = number
        self.count = 0

    def calculations(self, number: int) -> tuple[list[Row], list[Row]]:
        """`number` jobs, each with a structure, parameters, retrieved files and results of its own."""
        nodes: list[Row] = []
        links: list[Row] = []
        for _ in range(number):
            structure = self.node("data.core.structure.StructureData.", self._structure())
            parameters = self.node("data.core.dict.Dict.", {"ecutwfc": self.chance.randrange(30, 120)})
            job = self.node("process.calculation.calcjob.CalcJobNode.", self._job(), "aiida.calculations:demo.pw")
            results = self.node("data.core.dict.Dict.", self._results())
            retrieved = self.node("data.core.folder.FolderData.", {})
            nodes += [structure, parameters, job, results, retrieved]
            for label, given in (("structure", structure), ("parameters", parameters)):
                links.append((given[0], job[0], label, "input_calc"))
            for label, made in (("output_parameters", results), ("retrieved", retrieved)):
                links.append((job[0], made[0], label, "create"))
        return nodes, links

    def node(self, node_type: str, attributes: dict[str, Any], process_type: str | None = None) -> Row:
        self.count += 1
        time = START + timedelta(days=3000 * self.count / self.number, seconds=self.chance.randrange(3600))
        text = time.strftime("%Y-%m-%d %H:%M:%S.%f")
        uuid = str(UUID(int=self.chance.getrandbits(128), version=4))
        extras = json.dumps({"_aiida_hash": f"{self.chance.getrandbits(256):064x}"})
        label = self.chance.choice(("", "", "", "relax", "bands", "test"))
        return (
            *(self.count, uuid, node_type, process_type, label, "", text, text),
            *(json.dumps(attributes), extras, "{}", None, 1),
        )

    def _structure(self) -> dict[str, Any]:
        kinds = self.chance.sample(ELEMENTS, 3)
        edge = 3 + 7 * self.chance.random()
        return {
            "cell": [[edge, 0.0, 0.0], [0.0, edge, 0.0], [0.0, 0.0, edge]],
            **dict.fromkeys(("pbc1", "pbc2", "pbc3"), True),
            "kinds": [{"name": kind, "symbols": [kind], "weights": [1.0], "mass": 1.0} for kind in kinds],
            "sites": [
                {"kind_name": self.chance.choice(kinds), "position": [edge * self.chance.random() for _ in range(3)]}
                for _ in range(self.chance.randrange(1, 17))
            ],
        }

    def _job(self) -> dict[str, Any]:
        return {
            "process_state": "finished",
            "exit_status": self.chance.choice((0, 0, 0, 305)),
            "process_label": "PwCalculation",
            "resources": {"num_machines": 1, "num_mpiprocs_per_machine": 36},
            "max_wallclock_seconds": 3600,
            "scheduler_stdout": "_scheduler-stdout.txt",
            "environment_variables": {f"VARIABLE_{number}": "x" * 20 for number in range(30)},
            "sealed": True,
        }

    def _results(self) -> dict[str, Any]:
        forces = [[round(self.chance.random(), 8) for _ in range(3)] for _ in range(12)]
        return {"energy": -5000 * self.chance.random(), "energy_units": "eV", "forces": forces}


def sample_uuids(folder: Path, number: int) -> Iterator[str]:
    """Jobs from all over the profile."""
    connection = sqlite3.connect(f"file:{folder / 'database.sqlite'}?mode=ro", uri=True)
    query = (
        "SELECT uuid FROM db_dbnode WHERE node_type = 'process.calculation.calcjob.CalcJobNode.' ORDER BY uuid LIMIT ?"
    )
    yield from (uuid for (uuid,) in connection.execute(query, (number,)))
    connection.close()
