"""Writes the golden graph with aiida-core, in a process of its own, as no test may hold a loaded profile.

python -m tests.write_golden FOLDER                     two SQLite profiles, one of them packed; an archive
python -m tests.write_golden FOLDER --postgresql URL    a PostgreSQL profile
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np
from aiida import load_profile, orm
from aiida.common.links import LinkType
from aiida.manage import get_manager
from aiida.manage.configuration import Profile, create_profile, get_config
from aiida.manage.configuration.settings import AiiDAConfigDir
from aiida.orm.entities import EntityTypes
from aiida.tools.archive import create_archive
from disk_objectstore import CompressMode, Container

from tests.golden import (
    FILES,
    FIRST_CTIME,
    ODDITIES,
    RETRIEVED,
    SCRIPT,
    SUBMITTED,
    comments,
    computers,
    ctime_of,
    graph,
    groups,
    ids,
    logs,
    mtime_of,
    users,
)

if TYPE_CHECKING:
    from aiida.manage.configuration.config import Config
    from aiida.orm.implementation import StorageBackend


def write_sqlite(folder: Path) -> None:
    """Writes `sqlite/`, its packed twin `packed/`, both named in `.aiida/config.json`, and `golden.aiida`."""
    config = _new_config(folder)
    storage = _fill(config, "sqlite", "core.sqlite_dos", {"filepath": str(folder / "sqlite")})
    create_archive(None, folder / "golden.aiida", include_authinfos=True, backend=storage)
    storage.close()

    shutil.copytree(folder / "sqlite", folder / "packed")
    with Container(folder / "packed" / "container") as container:
        container.pack_all_loose(compress=CompressMode.AUTO)
        container.clean_storage()
    twin = config.get_profile("sqlite").dictionary | {"PROFILE_UUID": "97e1ab95-7fb4-4db9-ac5b-9b23e2643771"}
    twin["storage"] = {"backend": "core.sqlite_dos", "config": {"filepath": str(folder / "packed")}}
    config.add_profile(Profile("packed", twin))
    config.store()


def write_postgresql(folder: Path, url: str) -> None:
    """Writes into the empty database at `url`, and `repository/` and `.aiida/config.json` into the folder."""
    server = urlsplit(url)
    _fill(
        _new_config(folder),
        "postgresql",
        "core.psql_dos",
        {
            "database_engine": "postgresql_psycopg",
            "database_hostname": server.hostname,
            "database_port": server.port,
            "database_username": server.username,
            "database_password": unquote(server.password or ""),
            "database_name": server.path.removeprefix("/"),
            "repository_uri": (folder / "repository").as_uri(),
        },
    ).close()


def _new_config(folder: Path) -> Config:
    AiiDAConfigDir.set(folder / ".aiida")
    return get_config(create=True)


def _fill(config: Config, name: str, backend: str, storage: dict[str, Any]) -> StorageBackend:
    """A new profile with the golden graph in it, loaded.

    Each profile is filled by the ORM. One filled by importing the archive would have its ids in the order of
    the uuids and no `_aiida_hash`: every expected answer would come in two versions.
    """
    create_profile(
        config,
        name=name,
        storage_backend=backend,
        storage_config=storage,
        email="aiida@localhost",
        first_name="AiiDA",
        last_name="Daemon",
        institution="",
    )
    if config.default_profile_name is None:
        config.set_default_profile(name)
    config.store()
    load_profile(name)
    opened = get_manager().get_profile_storage()
    Scribe(opened).write()
    return opened


class Scribe:
    """Writes the golden graph into the loaded profile."""

    def __init__(self, storage: StorageBackend) -> None:
        self.storage = storage
        self.nodes: dict[str, orm.Node] = {}
        self.computers: dict[str, orm.Computer] = {}
        self.users: dict[str, orm.User] = {}

    def write(self) -> None:
        self._write_users()
        self._write_computers()
        self._write_nodes(self._starting_points())
        self._write_nodes(self._values())
        self._write_nodes(self._files())
        self._write_nodes(self._labelled())
        self._write_nodes(self._timed())
        self._write_relax()
        self._write_bands_run()
        self._write_functions()
        self._write_other_states()
        self._write_groups()
        self._write_comments()
        self._write_logs()
        self._set_times()

    def _write_users(self) -> None:
        self.users = {
            "aiida": orm.User.collection.get_default(),
            "gunther": orm.User("gunther@psi.ch", "Günther", "Müßig", "PSI, Würenlingen"),
            "nameless": orm.User("nameless@localhost"),
            "zoe": orm.User("zoe@ethz.ch", "Zoë", "adams", "ETH Zürich"),
        }
        for user in self.users.values():
            user.store()

    def _write_computers(self) -> None:
        self.computers = {
            "localhost": orm.Computer("localhost", "localhost", "This machine", "core.local", "core.direct"),
            "daint": orm.Computer("daint", "daint.cscs.ch", "Piz Daint, Lugano", "core.ssh", "core.slurm"),
            "fidis": orm.Computer("Fidis", "fidis.epfl.ch", "Beta Computer", "core.ssh", "core.slurm"),
            "deneb": orm.Computer("deneb", "deneb1.epfl.ch", "", "core.ssh", "core.pbspro"),
            "orphan": orm.Computer("orphan", "node.example.org", "Nobody's", "core.ssh_async", "core.slurm"),
        }
        self.computers["daint"].set_property("transport_params", {"compress": True, "port": 22})
        for name, computer in self.computers.items():
            computer.backend_entity.bare_model.uuid = getattr(computers, name)
            computer.set_workdir("/scratch/{username}/aiida")
            computer.store()
        for name, user, enabled in (
            ("localhost", "aiida", True),
            ("daint", "aiida", True),
            ("fidis", "aiida", False),
            ("fidis", "gunther", True),
            ("deneb", "aiida", False),
            ("deneb", "gunther", False),
        ):
            orm.AuthInfo(self.computers[name], self.users[user], enabled=enabled).store()

    def _write_nodes(self, nodes: Iterable[tuple[str, orm.Node]]) -> None:
        for name, node in nodes:
            self._store(name, node)

    def _store(self, name: str, node: orm.Node) -> None:
        node.backend_entity.bare_model.uuid = getattr(graph, name)
        self.nodes[name] = node.store()

    def _starting_points(self) -> Iterable[tuple[str, orm.Node]]:
        yield from self._codes()
        yield from self._structures()
        yield from self._arrays()
        yield from self._dictionaries()

    def _codes(self) -> Iterable[tuple[str, orm.Node]]:
        cutoffs = {"CONTROL": {"calculation": "vc-relax"}, "SYSTEM": {"ecutwfc": 30.0, "ecutrho": 240}}
        yield "parameters", orm.Dict(cutoffs, label="pw parameters")
        yield (
            "code_pw",
            orm.InstalledCode(
                self.computers["daint"],
                "/project/espresso-5.1-intel/bin/pw.x",
                label="pw-5.1",
                description="Quantum ESPRESSO pw.x",
                default_calc_job_plugin="quantumespresso.pw",
                append_text="echo done",
                prepend_text="module load QuantumESPRESSO\nexport OMP_NUM_THREADS=1",
            ),
        )
        code_pp = orm.InstalledCode(self.computers["fidis"], "/opt/qe/bin/pp.x", label="pp")
        code_pp.base.extras.set_many(
            {"trialBool": True, "trialFloat": 3.0, "trialInt": 34, "trialStr": "trial"},
        )
        yield "code_pp", code_pp
        with TemporaryDirectory() as empty:
            code_script = orm.PortableCode("run.sh", empty, label="script")
        yield "code_script", _with_files(code_script, SCRIPT)

    def _structures(self) -> Iterable[tuple[str, orm.Node]]:
        silicon = orm.StructureData(cell=FCC_CELL, label="silicon")
        silicon.append_atom(position=(0.0, 0.0, 0.0), symbols="Si")
        silicon.append_atom(position=(1.3575, 1.3575, 1.3575), symbols="Si")
        yield "silicon", silicon

        salt = orm.StructureData(cell=CUBIC_CELL, label="NaCl", description="Rock salt, the primitive pair")
        salt.append_atom(position=(0.0, 0.0, 0.0), symbols="Na")
        salt.append_atom(position=(2.0, 2.0, 2.0), symbols="Cl")
        yield "salt", salt

        water = orm.StructureData(pbc=[False, False, False], label="water")
        water.append_atom(position=(0.0, 0.0, 0.119), symbols="O")
        water.append_atom(position=(0.0, 0.763, -0.477), symbols="H")
        water.append_atom(position=(0.0, -0.763, -0.477), symbols="H")
        yield "water", water

        alloy = orm.StructureData(cell=CUBIC_CELL, label="alloy")
        alloy.append_atom(position=(0.0, 0.0, 0.0), symbols=["Ba", "Ca"], weights=[0.75, 0.25], name="BaCa")
        alloy.append_atom(position=(2.0, 2.0, 2.0), symbols="Ti")
        alloy.append_atom(position=(2.0, 2.0, 0.0), symbols="O", weights=0.5, name="Ohalf")
        yield "alloy", alloy

        sheet = [[2.46, 0.0, 0.0], [-1.23, 2.130422, 0.0], [0.0, 0.0, 15.0]]
        graphene = orm.StructureData(cell=sheet, pbc=[True, True, False], label="graphene")
        graphene.append_atom(position=(0.0, 0.0, 7.5), symbols="C")
        graphene.append_atom(position=(0.0, 1.420282, 7.5), symbols="C")
        yield "graphene", graphene

        polymer = orm.StructureData(cell=CUBIC_CELL, pbc=[True, False, False], label="polymer")
        polymer.append_atom(position=(0.0, 0.0, 0.0), symbols="C")
        yield "polymer", polymer

        yield "cif", orm.CifData(file=BytesIO(CIF), filename="salt.cif", label="rock salt")

    def _arrays(self) -> Iterable[tuple[str, orm.Node]]:
        mesh = orm.KpointsData(label="4x4x4")
        mesh.set_cell(FCC_CELL)
        mesh.set_kpoints_mesh([4, 4, 4], offset=[0.5, 0.5, 0.5])
        yield "mesh", mesh
        gamma = orm.KpointsData()
        gamma.set_kpoints([[0.0, 0.0, 0.0]])
        yield "gamma", gamma
        path = orm.KpointsData(label="L Γ X")
        path.set_cell(FCC_CELL)
        path.set_kpoints(PATH, labels=[(0, "L"), (2, "GAMMA"), (4, "X")])
        yield "path", path
        yield "bands", self._bands_along(path)

        spin_bands = orm.BandsData(label="spin bands")
        spin_bands.set_kpointsdata(path)
        energies = np.linspace(-4.0, 8.0, 2 * 5 * 3).reshape(2, 5, 3)
        spin_bands.set_bands(energies, units="eV", occupations=(energies < 0.0).astype(float))
        yield "spin_bands", spin_bands

        array = orm.ArrayData(label="odd numbers")
        array.set_array("integers", np.arange(6).reshape(2, 3))
        array.set_array("floats", np.array([0.1, np.nan, np.inf, -np.inf, 1e-30]))
        yield "array", array

        xy = orm.XyData()
        xy.set_x(np.array([0.0, 1.0, 2.0]), "time", "ps")
        xy.set_y([np.array([1.0, 0.5, 0.25]), np.array([3.0, 2.0, 1.0])], ["decay", "line"], ["eV", "Å"])
        yield "xy", xy

        trajectory = orm.TrajectoryData()
        trajectory.set_trajectory(
            symbols=["Na", "Cl"],
            positions=np.array([[[0.0, 0.0, 0.0], [2.0, 2.0, 2.0]], [[0.0, 0.0, 0.1], [2.0, 2.0, 1.9]]]),
            stepids=np.array([0, 10]),
            cells=np.array([CUBIC_CELL, CUBIC_CELL]),
            times=np.array([0.0, 0.5]),
            pbc=[True, True, True],
        )
        yield "trajectory", trajectory
        with TemporaryDirectory() as folder:
            pseudopotential = Path(folder) / "Si.upf"
            pseudopotential.write_bytes(UPF)
            yield "upf", orm.UpfData(pseudopotential, label="Si.upf")

    def _bands_along(self, path: orm.KpointsData) -> orm.BandsData:
        bands = orm.BandsData(label="silicon bands")
        bands.set_kpointsdata(path)
        bands.set_bands([[-6.0 + k, 0.5 * k, 2.0 + 0.25 * k] for k in range(len(PATH))], units="eV")
        return bands

    def _dictionaries(self) -> Iterable[tuple[str, orm.Node]]:
        oddities = orm.Dict(ODDITIES, label="oddities")
        oddities.base.extras.set_many({"größe": "übergroß ☃", "nested": {"list": [1, None, {"deep": True}]}})
        yield "oddities", oddities
        yield "twin", orm.Dict({"twin": True})

    def _values(self) -> Iterable[tuple[str, orm.Node]]:
        yield "primes", orm.List([2, 3, 5, 7])
        yield "text", orm.Str("7")
        yield "minus_seven", orm.Int(-7)
        yield "zero", orm.Int(0)
        yield "seven", orm.Int(7)
        yield "half", orm.Float(0.5)
        yield "thirty", orm.Float(30.0)
        yield "true", orm.Bool(True)
        yield "false", orm.Bool(False)
        yield "huge", orm.Int(2**60)
        yield "plain", orm.Data(label="plain")

    def _files(self) -> Iterable[tuple[str, orm.Node]]:
        folder = _with_files(orm.FolderData(label="golden folder"), FILES)
        folder.base.repository._repository.create_directory(Path("hollow"))
        yield "folder", folder
        yield "singlefile", orm.SinglefileData(BytesIO(b"one file\n"), filename="single file.txt")
        yield "remote", orm.RemoteData("/scratch/aiida/éà", computer=self.computers["daint"], label="remote")

    def _labelled(self) -> Iterable[tuple[str, orm.Node]]:
        for name, label, description in (
            ("aiida", "aiida", ""),
            ("aiida_mixed", "AiiDA", ""),
            ("aiiida", "aiiida", ""),
            ("percent", "percent", "This calculation is 100% useful"),
            ("under_score", "under_score", ""),
            ("underscore", "underscore", ""),
            ("backslash", r"back\slash", ""),
            ("accents_upper", "Ünïcode", ""),
            ("accents_lower", "ünïcode", ""),
            ("zeta", "ZETA", ""),
            ("alpha", "alpha", ""),
            ("beta", "Beta", ""),
            ("quotes", 'say "hi"', 'the label needs "" in a filter'),
            ("newline", "newline", "first line\nsecond line & a tab\there"),
        ):
            yield name, orm.Str(name, label=label, description=description)

    def _timed(self) -> Iterable[tuple[str, orm.Node]]:
        for name in (
            "before_midnight",
            "midnight",
            "kathmandu",
            "after_kathmandu",
            "second_early",
            "second_late",
        ):
            yield name, orm.Str(name, label=name, user=self.users["gunther"])

    def _write_relax(self) -> None:
        relax_inputs = {
            "structure": "silicon",
            "base__kpoints": "mesh",
            "base__parameters": "parameters",
            "base__pseudos__Si": "upf",
        }
        pw_inputs = {
            "code": "code_pw",
            "structure": "silicon",
            "kpoints": "mesh",
            "parameters": "parameters",
            "pseudos__Si": "upf",
        }
        relax = orm.WorkChainNode(process_type=PW_RELAX, label="relax silicon")
        self._start("relax", relax, "PwRelaxWorkChain", relax_inputs)

        self._start("relax_scf", self._calcjob("pw", "daint", label="scf"), "PwCalculation", pw_inputs, caller="relax")
        self._output("relax_scf", "remote_folder", "scf_remote", self._workdir("daint", "68/d2/scf"))
        self._output("relax_scf", "retrieved", "scf_retrieved", _with_files(orm.FolderData(), RETRIEVED))
        self._output("relax_scf", "output_parameters", "scf_results", orm.Dict({"energy": -310.5, "units": "eV"}))
        self._finish("relax_scf")

        final_inputs = pw_inputs | {"parent_folder": "scf_remote"}
        relax_final = self._calcjob("pw", "daint", label="final", description="The last step")
        self._start("relax_final", relax_final, "PwCalculation", final_inputs, caller="relax")
        self._output("relax_final", "remote_folder", "final_remote", self._workdir("daint", "a6/7f/final"))
        self._output("relax_final", "retrieved", "final_retrieved", _with_files(orm.FolderData(), RETRIEVED))
        relaxed = orm.StructureData(cell=FCC_CELL, label="relaxed silicon")
        relaxed.append_atom(position=(0.0, 0.0, 0.0), symbols="Si")
        relaxed.append_atom(position=(1.36, 1.36, 1.36), symbols="Si")
        self._output("relax_final", "output_structure", "final_structure", relaxed)
        self._finish("relax_final")

        pick = orm.WorkFunctionNode(process_type="__main__.pick", label="pick")
        self._start("pick", pick, "pick", {"first": "silicon", "second": "salt"}, caller="relax")
        self._return("pick", "result", "salt")
        self._finish("pick")

        self._return("relax", "output_structure", "final_structure")
        self._return("relax", "scf__output_parameters", "scf_results")
        self._finish("relax")

    def _write_bands_run(self) -> None:
        bands_inputs = {"code": "code_pw", "kpoints": "path", "parent_folder": "final_remote"}
        self._start("bands_run", self._calcjob("pw", "daint", label="bands"), "PwCalculation", bands_inputs)
        self._output("bands_run", "remote_folder", "bands_remote", self._workdir("daint", "de/83/bands"))
        self._output("bands_run", "retrieved", "bands_retrieved", _with_files(orm.FolderData(), RETRIEVED))
        self._output("bands_run", "output_band", "bands_result", self._bands_along(self.nodes["path"]))
        self._finish("bands_run")

    def _write_functions(self) -> None:
        rescale = orm.CalcFunctionNode(process_type="__main__.rescale", label="rescale", user=self.users["zoe"])
        rescale.base.repository.put_object_from_bytes(b"def rescale(structure, scale): ...\n", "source_file")
        self._start("rescale", rescale, "rescale", {"structure": "salt", "scale": "half"})
        rescaled = orm.StructureData(cell=CUBIC_CELL, label="rescaled", user=self.users["zoe"])
        rescaled.append_atom(position=(1.0, 1.0, 1.0), symbols="Na")
        self._output("rescale", "result", "rescaled", rescaled)
        self._finish("rescale")

        # Databases that began before AiiDA 1.0 hold such pairs; AiiDA's checks forbid new ones, in an import too.
        inherit = orm.WorkFunctionNode(process_type="__main__.inherit", label="inherit")
        self._start("inherit", inherit, "inherit", {"parameters": "parameters"})
        self._store("inherited", orm.Dict({"inherited": True}))
        pair = {"input_id": ids[graph.inherit], "output_id": ids[graph.inherited], "label": "result"}
        links = [pair | {"type": kind.value} for kind in (LinkType.CREATE, LinkType.RETURN)]
        self.storage.bulk_insert(EntityTypes.LINK, links)
        self._finish("inherit")

    def _write_other_states(self) -> None:
        """A living process is not sealed, so cannot be exported; these are sealed, to be in every storage."""
        inputs = {"code": "code_pp", "parent_folder": "scf_remote"}
        self._start("failed", self._calcjob("pp", "fidis", label="failed"), "PpCalculation", inputs)
        self._output("failed", "retrieved", "failed_retrieved", orm.FolderData())
        self._finish("failed", exit_status=305, exit_message="Neither stdout nor XML could be read.")

        self._start("killed", self._calcjob("pp", "deneb", label="killed"), "PpCalculation", inputs)
        self._finish("killed", state="killed", process_status="Killed by parent<17>")

        excepted = orm.WorkChainNode(process_type=PW_RELAX, label="excepted")
        self._start("excepted", excepted, "PwRelaxWorkChain", {"structure": "alloy"})
        self._finish("excepted", state="excepted", exception="ValueError: no pseudo for Ba")

        waiting = self._calcjob("pp", "fidis", label="waiting", user=self.users["gunther"])
        self._start("waiting", waiting, "PpCalculation", inputs)
        self._finish("waiting", state="waiting", process_status="Monitoring scheduler: job state RUNNING")

        running = orm.WorkChainNode(process_type=PW_RELAX, label="running")
        self._start("running", running, "PwRelaxWorkChain", {"structure": "graphene"})
        self._finish("running", state="running")

        created = orm.CalcJobNode(process_type="aiida.calculations:core.arithmetic.add", label="created")
        self._start("created", created, "ArithmeticAddCalculation", {"x": "seven", "y": "zero"})
        self._finish("created", state="created")

    def _calcjob(self, program: str, computer: str, **options: Any) -> orm.CalcJobNode:
        """An unstored job with the files of its own that AiiDA writes."""
        node = orm.CalcJobNode(
            process_type=f"aiida.calculations:quantumespresso.{program}",
            computer=self.computers[computer],
            **options,
        )
        node.set_option("resources", {"num_machines": 1, "num_mpiprocs_per_machine": 36})
        node.set_option("max_wallclock_seconds", 1800)
        node.set_option("output_filename", "aiida.out")
        return _with_files(node, SUBMITTED)

    def _workdir(self, computer: str, path: str) -> orm.RemoteData:
        return orm.RemoteData(f"/scratch/aiida/{path}", computer=self.computers[computer])

    def _start(
        self,
        name: str,
        process: orm.ProcessNode,
        process_label: str,
        inputs: Mapping[str, str],
        caller: str | None = None,
    ) -> None:
        is_work = isinstance(process, orm.WorkflowNode)
        process.set_process_label(process_label)
        for label, source in inputs.items():
            process.base.links.add_incoming(
                self.nodes[source], LinkType.INPUT_WORK if is_work else LinkType.INPUT_CALC, label
            )
        if caller is not None:
            call = LinkType.CALL_WORK if is_work else LinkType.CALL_CALC
            process.base.links.add_incoming(self.nodes[caller], call, f"CALL_{name}")
        self._store(name, process)

    def _output(self, process: str, label: str, name: str, node: orm.Data) -> None:
        node.base.links.add_incoming(self.nodes[process], LinkType.CREATE, label)
        self._store(name, node)

    def _return(self, process: str, label: str, name: str) -> None:
        self.nodes[name].base.links.add_incoming(self.nodes[process], LinkType.RETURN, label)

    def _finish(self, name: str, state: str = "finished", **attributes: Any) -> None:
        process = self.nodes[name]
        if state == "finished":
            attributes = {"exit_status": 0} | attributes
        process.base.attributes.set_many({"process_state": state} | attributes)
        process.seal()

    def _write_groups(self) -> None:
        gunther = self.users["gunther"]
        for name, group, members in (
            (
                "favourites",
                orm.Group("favourites/Ada's", description="What is liked"),
                ("silicon", "relax", "water"),
            ),
            ("automatic", orm.AutoGroup("20160501-120000"), ("relax", "relax_scf", "relax_final")),
            ("imported", orm.ImportGroup("20160502-080000"), ("salt", "cif")),
            (
                "pseudos",
                orm.UpfFamily("pseudos", user=gunther, description="GBRV US pseudos, version 1.2"),
                ("upf",),
            ),
            ("namesake", orm.Group("pseudos"), ("parameters",)),
            ("empty", orm.Group("empty"), ()),
            ("gunther", orm.Group("Günthers Knoten", user=gunther), ("midnight", "silicon")),
        ):
            group.backend_entity.bare_model.uuid = getattr(groups, name)
            group.backend_entity.bare_model.time = FIRST_CTIME + timedelta(days=ids[getattr(groups, name)])
            group.store()
            group.add_nodes([self.nodes[member] for member in members])
            if name == "favourites":
                group.base.extras.set("stars", 5)

    def _write_comments(self) -> None:
        rows = [
            {
                "uuid": uuid,
                "dbnode_id": ids[node],
                "user_id": user,
                "content": content,
                "ctime": FIRST_CTIME + timedelta(days=30, seconds=ids[uuid]),
                "mtime": FIRST_CTIME + timedelta(days=31, seconds=ids[uuid]),
            }
            for uuid, node, user, content in (
                (comments.relax, graph.relax, users.aiida, "Converged after 12 steps"),
                (
                    comments.relax_reply,
                    graph.relax,
                    users.gunther,
                    "Schön! <b>Größer</b> rechnen?\nJa & nein",
                ),
                (comments.silicon, graph.silicon, users.gunther, "From the ICSD"),
            )
        ]
        self.storage.bulk_insert(EntityTypes.COMMENT, rows)

    def _write_logs(self) -> None:
        rows = [
            {
                "uuid": uuid,
                "dbnode_id": ids[node],
                "time": mtime_of(node) + timedelta(seconds=ids[uuid]),
                "loggername": f"aiida.orm.nodes.process.{logger}",
                "levelname": level,
                "message": message,
                "metadata": {"levelname": level, "msg": message, "args": [], "lineno": 42},
            }
            for uuid, node, logger, level, message in (
                (logs.relax, graph.relax, "WorkChainNode", "REPORT", "launching PwCalculation"),
                (logs.failed, graph.failed, "CalcJobNode", "WARNING", "could not parse stderr"),
                (logs.failed_later, graph.failed, "CalcJobNode", "ERROR", "no stdout, no XML"),
                (logs.excepted, graph.excepted, "WorkChainNode", "ERROR", TRACEBACK),
            )
        ]
        self.storage.bulk_insert(EntityTypes.LOG, rows)

    def _set_times(self) -> None:
        rows = [{"id": ids[uuid], "ctime": ctime_of(uuid), "mtime": mtime_of(uuid)} for uuid in astuple(graph)]
        self.storage.bulk_update(EntityTypes.NODE, rows)


def _with_files(node: Any, files: Mapping[str, bytes]) -> Any:
    for name, content in files.items():
        node.base.repository.put_object_from_bytes(content, name)
    return node


FCC_CELL = [[0.0, 2.715, 2.715], [2.715, 0.0, 2.715], [2.715, 2.715, 0.0]]
CUBIC_CELL = [[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0]]
PATH = [[0.5, 0.5, 0.5], [0.25, 0.25, 0.25], [0.0, 0.0, 0.0], [0.25, 0.0, 0.25], [0.5, 0.0, 0.5]]

CIF = b"""data_salt
_cell_length_a 5.64
_cell_length_b 5.64
_cell_length_c 5.64
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
_chemical_formula_sum 'Cl Na'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Na1 0.0 0.0 0.0
Cl1 0.5 0.5 0.5
"""

UPF = b"""<UPF version="2.0.1">
<PP_HEADER element="Si" pseudo_type="NC" z_valence="4.00"/>
</UPF>
"""

PW_RELAX = "aiida.workflows:quantumespresso.pw.relax"
TRACEBACK = 'Traceback (most recent call last):\n  File "relax.py", line 7\nValueError: no pseudo for Ba\n'


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Writes the golden graph with aiida-core.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--postgresql", metavar="URL", help="an empty database")
    arguments = parser.parse_args()
    if arguments.postgresql:
        write_postgresql(arguments.folder.resolve(), arguments.postgresql)
    else:
        write_sqlite(arguments.folder.resolve())
