"""Every URL of AiiDA's manual, as it stands there behind `/api/v2`, and what comes back from the golden graph.

What is expected: the names or uuids of the objects, in order; how many there are; the data; or the message of an error.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from email.utils import format_datetime
from typing import Any

from tests.golden import computers, ctime_of, graph, groups, ids, mtime_of


@dataclass(frozen=True)
class Objects:
    """`key` is the list in the answer, `values` its objects by their `name`."""

    key: str
    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Total:
    """So many objects, of which the first page is too long to be written down."""

    number: int


@dataclass(frozen=True)
class Data:
    data: Any


@dataclass(frozen=True)
class Refused:
    """Status 400."""

    message: str


@dataclass(frozen=True)
class NoRoute:
    """Status 404, without JSON."""


Expected = Objects | Total | Data | Refused | NoRoute


def uuids(key: str, *values: str) -> Objects:
    return Objects(key, "uuid", values)


def labels(*values: str) -> Objects:
    return Objects("nodes", "label", values)


COMPUTER_KEYS = (
    "There are: description, enabled, hostname, id, name, scheduler_type, transport_params, transport_type, uuid, pk"
)
WITHHELD = "the key 'last_login' of users is withheld: it is personal data"
RECENT = 81 - 6
"""Nodes from May 2016 on; six are of April 22nd and 23rd."""


def node(uuid: str, node_type: str, label: str, attributes: Any, state: str | None = None) -> dict[str, Any]:
    """A node of the first user, shown alone."""
    return {
        "attributes": attributes,
        "ctime": format_datetime(ctime_of(uuid), usegmt=True),
        "id": ids[uuid],
        "label": label,
        "mtime": format_datetime(mtime_of(uuid), usegmt=True),
        "state": state,
        "type": node_type,
        "user_id": 1,
        "uuid": uuid,
    }


RELAX_SCF = node(
    graph.relax_scf,
    "process.calculation.calcjob.CalcJobNode.",
    "scf",
    {
        "exit_status": 0,
        "max_wallclock_seconds": 1800,
        "output_filename": "aiida.out",
        "process_label": "PwCalculation",
        "process_state": "finished",
        "resources": {"num_machines": 1, "num_mpiprocs_per_machine": 36},
        "sealed": True,
    },
    state="FINISHED",
)

CODE_PP = {
    "append_text": "",
    "filepath_executable": "/opt/qe/bin/pp.x",
    "input_plugin": None,
    "prepend_text": "",
    "use_double_quotes": False,
    "with_mpi": None,
    "wrap_cmdline_params": False,
}
"""Attributes. AiiDA 2 has a class for what was `is_local`, and `remote_exec_path` is `filepath_executable`."""

EXTRAS = {"trialBool": True, "trialFloat": 3.0, "trialInt": 34, "trialStr": "trial"}

NODE_TYPES = {
    "data.Data.": 1,
    "data.core.array.ArrayData.": 1,
    "data.core.array.bands.BandsData.": 3,
    "data.core.array.kpoints.KpointsData.": 3,
    "data.core.array.trajectory.TrajectoryData.": 1,
    "data.core.array.xy.XyData.": 1,
    "data.core.bool.Bool.": 2,
    "data.core.cif.CifData.": 1,
    "data.core.code.installed.InstalledCode.": 2,
    "data.core.code.portable.PortableCode.": 1,
    "data.core.dict.Dict.": 5,
    "data.core.float.Float.": 2,
    "data.core.folder.FolderData.": 5,
    "data.core.int.Int.": 4,
    "data.core.list.List.": 1,
    "data.core.remote.RemoteData.": 4,
    "data.core.singlefile.SinglefileData.": 1,
    "data.core.str.Str.": 21,
    "data.core.structure.StructureData.": 8,
    "data.core.upf.UpfData.": 1,
    "process.calculation.calcfunction.CalcFunctionNode.": 1,
    "process.calculation.calcjob.CalcJobNode.": 7,
    "process.workflow.workchain.WorkChainNode.": 3,
    "process.workflow.workfunction.WorkFunctionNode.": 2,
}

NODE_KINDS = (
    *("nodes", "calculations", "workflows", "processes", "data", "codes"),
    *("structures", "kpoints", "bands", "cifs", "upfs"),
)
OF_A_NODE = (
    *("io/inputs", "io/inputs/page", "io/inputs/page/<page>", "io/outputs", "io/outputs/page"),
    *("io/outputs/page/<page>", "io/tree", "io/retrieved_inputs", "io/retrieved_outputs", "content/attributes"),
    *("content/extras", "content/visualization", "content/download"),
    # Ours, which the manual does not have.
    *(f"{lineage}{path}" for lineage in ("ancestors", "descendants") for path in ("", "/page", "/page/<page>")),
    *("graph", "prov", "ro-crate"),
)
ENDPOINTS = sorted(
    [
        *("/api/v2/", "/api/v2/server", "/api/v2/server/endpoints", "/api/v2/nodes/statistics", "/api/v2/nodes/types"),
        "/api/v2/openapi.json",
        *(
            f"/api/v2/{resource}{path}"
            for resource in ("computers", "users", "groups", *NODE_KINDS)
            for path in ("", "/page", "/page/<page>", "/schema", "/<id>")
        ),
        *(f"/api/v2/{kind}/<id>/{path}" for kind in NODE_KINDS for path in OF_A_NODE),
    ]
)


def field(title: str, text: str, kind: str, **refers: str) -> dict[str, Any]:
    described = {"display_name": title, "help_text": text, "is_display": True, "is_foreign_key": bool(refers)}
    return {**described, "type": kind, **refers}


GROUPS_SCHEMA = {
    "fields": {
        "description": field("Description", "Text that the user gave", "str"),
        "id": field("Id", "Id of the object in this database, also called pk", "int"),
        "name": field("Name", "Label of the group", "str"),
        "type": field("Type", "Kind of the group", "str"),
        "user_id": field(
            "Id of creator", "Id of the user who created it", "int", related_column="id", related_resource="users"
        ),
        "uuid": field("Unique ID", "Universally unique identifier of the object", "str"),
    },
    "ordering": ["description", "id", "name", "type", "user_id", "uuid"],
}

MANUAL: Mapping[str, Expected] = {
    "/users/": Objects("users", "id", (1, 2, 3, 4)),
    # The scheduler plug-ins got a prefix with AiiDA 2; the old names are understood.
    '/computers?scheduler_type="slurm"': uuids("computers", computers.daint, computers.fidis, computers.orphan),
    # 13 of the nodes behind the 45th are processes.
    '/nodes/?id>45&type=like="%data%"': Total(81 - 45 - 13),
    "/computers/?limit=3&offset=2": uuids("computers", computers.fidis, computers.deneb, computers.orphan),
    "/nodes/338357f4-f236-4f9c-8fbe-cd550dc6b858": Data({"nodes": [RELAX_SCF]}),
    "/nodes/338357f4-f2": Data({"nodes": [RELAX_SCF]}),
    "/users/2": Data(
        {
            "users": [
                {
                    "date_joined": None,
                    "first_name": "Günther",
                    "id": 2,
                    "institution": "PSI, Würenlingen",
                    "last_name": "Müßig",
                }
            ]
        }
    ),
    "/calculations/338357f4-f2/io/inputs": uuids(
        "inputs", graph.parameters, graph.code_pw, graph.silicon, graph.mesh, graph.upf, graph.relax
    ),
    "/nodes/338357f4-f2/io/inputs": uuids(
        "inputs", graph.parameters, graph.code_pw, graph.silicon, graph.mesh, graph.upf, graph.relax
    ),
    # The node of this example is a calculation in the line before.
    "/data/338357f4-f2/content/attributes": Refused(
        "there is no object among the data whose uuid begins with '338357f4-f2'; "
        "a node of type process.calculation.calcjob.CalcJobNode. does"
    ),
    # How to order: as printed (a path is missing), and as meant.
    "/c=+id": NoRoute(),
    "/computers=+name": NoRoute(),
    "/computers/orderby=-uuid": Refused("'orderby=-uuid' is not the beginning of a uuid, such as 338357f4-f2"),
    "/computers?orderby=+id": uuids(
        "computers", computers.localhost, computers.daint, computers.fidis, computers.deneb, computers.orphan
    ),
    "/computers?orderby=+name": Objects("computers", "name", ("daint", "deneb", "Fidis", "localhost", "orphan")),
    "/computers?orderby=-uuid": uuids(
        "computers", computers.orphan, computers.daint, computers.deneb, computers.fidis, computers.localhost
    ),
    "/codes/4fb10ef1-1a/content/attributes?alist=append_text,prepend_text": Data(
        {
            "attributes": {
                "append_text": "echo done",
                "prepend_text": "module load QuantumESPRESSO\nexport OMP_NUM_THREADS=1",
            }
        }
    ),
    "/nodes?ctime>2016-04-23T05:45+03:45": Total(81 - 4),
    "/nodes?ctime<2016-04-23T05:45": uuids(
        "nodes", graph.before_midnight, graph.midnight, graph.kathmandu, graph.after_kathmandu
    ),
    "/nodes?mtime>=2016-04-23": Total(81),
    "/nodes?mtime>=2016-04-24": Total(RECENT),
    "/nodes?id=in=45,56,78": Objects("nodes", "id", (45, 56, 78)),
    # Computers have no state, says the manual's own table of keys.
    '/computers/?scheduler_type=in="slurm","pbs"&state="FINISHED"': Refused(
        f"computers have no key 'state' to filter or order by. {COMPUTER_KEYS}"
    ),
    '/computers/?scheduler_type=in="core.slurm","core.pbspro"': uuids(
        "computers", computers.daint, computers.fidis, computers.deneb, computers.orphan
    ),
    "/nodes?id>578": uuids("nodes"),
    "/nodes?id>78": Objects("nodes", "id", (79, 80, 81)),
    # Not to be seen, for privacy, says the same table.
    "/users/?last_login>2014-04-07": Refused(WITHHELD),
    '/users/?last_name<="m"': Objects("users", "last_name", ("Daemon", "", "adams")),
    '/nodes?type="data.Data."': uuids("nodes", graph.plain),
    '/nodes?type="data.remote.RemoteData."': uuids(
        "nodes", graph.remote, graph.scf_remote, graph.final_remote, graph.bands_remote
    ),
    '/nodes/a67fba41-8a/io/outputs/?type="data.folder.FolderData."': uuids("outputs", graph.final_retrieved),
    '/nodes?label=like="a%d_"': labels("aiida", "aiiida", "after_kathmandu"),
    '/nodes?label=ilike="a%d_"': labels("aiida", "AiiDA", "aiiida", "after_kathmandu"),
    '/nodes?label=like="a_d_"': labels(),
    '/nodes?label=like="aii%d_a"': labels("aiida", "aiiida"),
    '/nodes?uuid=like="cdfd48%"': uuids("nodes", graph.aiida),
    r'/nodes?description=like="This calculation is %\% useful"'.replace(" ", "%20"): labels("percent"),
    "/computers?limit=3&offset=2&orderby=id": uuids("computers", computers.fidis, computers.deneb, computers.orphan),
    "/computers/5d490d77-638d": Data(
        {
            "computers": [
                {
                    "description": "Beta Computer",
                    "enabled": True,
                    "hostname": "fidis.epfl.ch",
                    "id": 3,
                    "name": "Fidis",
                    "scheduler_type": "core.slurm",
                    "transport_params": "{}",
                    "transport_type": "core.ssh",
                    "uuid": computers.fidis,
                }
            ]
        }
    ),
    "/nodes?limit=2&offset=8&orderby=-id": Objects("nodes", "id", (73, 72)),
    "/nodes/e30da7cc": Data(
        {
            "nodes": [
                node(
                    graph.parameters,
                    "data.core.dict.Dict.",
                    "pw parameters",
                    {"CONTROL": {"calculation": "vc-relax"}, "SYSTEM": {"ecutwfc": 30.0, "ecutrho": 240}},
                )
            ]
        }
    ),
    "/nodes/de83b1/io/inputs?limit=2": uuids("inputs", graph.code_pw, graph.path),
    '/nodes/de83b1/io/inputs?type="data.array.kpoints.KpointsData."': uuids("inputs", graph.path),
    '/nodes/de83b1/io/outputs?type="data.remote.RemoteData."': uuids("outputs", graph.bands_remote),
    "/codes/ffe11/content/extras?elist=trialBool,trialInt": Data({"extras": {"trialBool": True, "trialInt": 34}}),
    "/codes/ffe11/content/extras?nelist=trialBool,trialInt": Data({"extras": {"trialFloat": 3.0, "trialStr": "trial"}}),
    '/users/?first_name=ilike="aii%"': Objects("users", "first_name", ("AiiDA",)),
    "/groups/?limit=10&orderby=-user_id": uuids(
        "groups",
        *(groups.gunther, groups.pseudos),
        *(groups.empty, groups.namesake, groups.imported, groups.automatic, groups.favourites),
    ),
    "/groups/a6e5b": Data(
        {
            "groups": [
                {
                    "description": "GBRV US pseudos, version 1.2",
                    "id": 4,
                    "name": "pseudos",
                    "type": "core.upf",
                    "user_id": 2,
                    "uuid": groups.pseudos,
                }
            ]
        }
    ),
    "": Data({"available_endpoints": ENDPOINTS}),
    "/nodes/statistics": Data(
        {
            "total": 81,
            "types": NODE_TYPES,
            "ctime_by_day": dict(Counter(f"{ctime_of(uuid):%Y-%m-%d}" for uuid in astuple(graph))),
        }
    ),
    "/groups/schema": Data(GROUPS_SCHEMA),
    "/nodes/338357f4-f2/content/extras": Data({"extras": {}}),
    "/nodes/ffe11/content/attributes": Data({"attributes": CODE_PP}),
    "/nodes/ffe11/content/extras": Data({"extras": EXTRAS}),
    # AiiDA 2 stores no is_local: what is not there is left out, as with nalist.
    "/codes/ffe11/content/attributes?alist=append_text,is_local": Data({"attributes": {"append_text": ""}}),
    "/codes/ffe11/content/attributes?nalist=append_text,is_local": Data(
        {"attributes": {key: value for key, value in CODE_PP.items() if key != "append_text"}}
    ),
}
"""What the manual prints; where it shows an object or an overview, all of it is compared."""

RELATED: Mapping[str, Expected] = {
    "/codes/ffe11/content/extras": Data({"extras": EXTRAS}),
    "/nodes?orderby=+id": Objects("nodes", "id", tuple(range(1, 82))),
    "/nodes?limit=20": Objects("nodes", "id", tuple(range(1, 21))),
    "/nodes?offset=20": Objects("nodes", "id", tuple(range(21, 82))),
    '/computers?scheduler_type="core.slurm"': uuids("computers", computers.daint, computers.fidis, computers.orphan),
    '/computers/?scheduler_type=in="slurm","pbs"': uuids(
        "computers", computers.daint, computers.fidis, computers.orphan
    ),
    # The table of patterns has the key `name`; no computer here is called like aiida.
    '/computers?name=like="a%d_"': uuids("computers"),
    '/computers?name=ilike="a%d_"': uuids("computers"),
    '/computers?name=like="a_d_"': uuids("computers"),
    '/computers?name=like="aii%d_a"': uuids("computers"),
    '/computers?name=like="F%d_s"': uuids("computers", computers.fidis),
    '/computers?name=like="f%d_s"': uuids("computers"),
    '/computers?name=ilike="f%d_s"': uuids("computers", computers.fidis),
    '/nodes?label=like="under\\_score"': labels("under_score"),
    "/computers?enabled=false": uuids("computers", computers.deneb),
    # As an answer in the manual repeats it: the quotes are escaped, the wildcard is not.
    "/users/?first_name=ilike=%22aii%%22": Objects("users", "first_name", ("AiiDA",)),
    # JQuery adds a time, so that a browser does not answer from its cache.
    '/users/?first_name=ilike="aii%"&_=1479700000000': Objects("users", "first_name", ("AiiDA",)),
    "/computers/?_=1479700000000&limit=3&offset=2": uuids(
        "computers", computers.fidis, computers.deneb, computers.orphan
    ),
}
"""URLs that the manual describes but does not print, and misprints as they were meant."""

TABLE: Mapping[str, Expected] = {**MANUAL, **RELATED}


OF_EACH_KIND: Mapping[str, Expected] = {
    **{
        url: TABLE[url]
        for url in (
            "/users/2",
            "/c=+id",  # without a route
            '/nodes?type="data.Data."',
            "/users/?first_name=ilike=%22aii%%22",  # escaped quotes
            '/nodes?label=like="a%d_"',  # % that escapes nothing
            '/nodes/?id>45&type=like="%data%"',  # % that seems to
            r'/nodes?description=like="This%20calculation%20is%20%\%%20useful"',
            "/computers?orderby=+name",
            "/nodes?id=in=45,56,78",
            "/nodes?ctime>2016-04-23T05:45+03:45",
            '/users/?last_name<="m"',
        )
    },
    '/users?last_name="M%C3%BC%C3%9Fig"': Objects("users", "id", (2,)),
    '/groups?name="favourites%2FAda\'s"': uuids("groups", groups.favourites),
}
"""A URL of each kind of characters that a server, a proxy or a browser may treat in its own way."""


def check(expected: Expected, status: int, text: str, mount: str = "") -> None:
    """Holds an answer of a server at this path against what is expected."""
    match expected:
        case Objects(key, name, values):
            data = json.loads(text)["data"]
            assert (status, [*data], tuple(row[name] for row in data[key])) == (200, [key], values)
        case Total(number):
            assert (status, len(json.loads(text)["data"]["nodes"])) == (200, number)
        case Data(data):
            assert (status, _without_aiidas_own(json.loads(text)["data"])) == (200, data)
        case Refused(message):
            assert (status, json.loads(text)) == (400, {"message": message})
        case NoRoute():
            assert (status, text) == (404, f"No resource has this URL. GET {mount}/api/v2 lists all endpoints.\n")


def _without_aiidas_own(data: dict[str, Any]) -> dict[str, Any]:
    """Extras without the two that AiiDA itself gives a node."""
    if "extras" not in data:
        return data
    return {"extras": {key: value for key, value in data["extras"].items() if key not in ("_aiida_hash", "hidden")}}
