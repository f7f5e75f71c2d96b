"""Every URL of AiiDA's manual, as it stands there behind `/api/v2`, and what comes back from the golden graph.

What is expected: the names or uuids of the objects, in order; how many there are; the data; or the message of an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.golden import computers, graph, groups


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

MANUAL: Mapping[str, Expected] = {
    "/users/": Objects("users", "id", (1, 2, 3, 4)),
    # The scheduler plug-ins got a prefix with AiiDA 2; the old names are understood.
    '/computers?scheduler_type="slurm"': uuids("computers", computers.daint, computers.fidis, computers.orphan),
    # 13 of the nodes behind the 45th are processes.
    '/nodes/?id>45&type=like="%data%"': Total(81 - 45 - 13),
    "/computers/?limit=3&offset=2": uuids("computers", computers.fidis, computers.deneb, computers.orphan),
    "/nodes/338357f4-f236-4f9c-8fbe-cd550dc6b858": uuids("nodes", graph.relax_scf),
    "/nodes/338357f4-f2": uuids("nodes", graph.relax_scf),
    "/users/2": Objects("users", "first_name", ("Günther",)),
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
    "/computers/5d490d77-638d": uuids("computers", computers.fidis),
    "/nodes?limit=2&offset=8&orderby=-id": Objects("nodes", "id", (73, 72)),
    "/nodes/e30da7cc": uuids("nodes", graph.parameters),
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
    "/groups/a6e5b": uuids("groups", groups.pseudos),
}

WHOLE = (
    "",
    "/nodes/statistics",
    "/groups/schema",
    "/nodes/338357f4-f2/content/extras",
    "/nodes/ffe11/content/attributes",
    "/nodes/ffe11/content/extras",
    "/codes/ffe11/content/attributes?alist=append_text,is_local",
    "/codes/ffe11/content/attributes?nalist=append_text,is_local",
)
"""URLs of the manual whose answers other tests compare as a whole; here they must come through, whoever asks."""
