"""The examples of the manual, typed raw, through a real server and with the real curl."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import COMMAND, Golden
from tests.golden import computers, ctime_of, graph, groups, ids, mtime_of
from tests.manual import MANUAL, WHOLE, Data, Expected, NoRoute, Objects, Refused, Total, labels, uuids
from tests.servers import free_port, require, serving

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "X-Total-Counts, X-Total-Count, Link, Content-Disposition",
}


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
)
ENDPOINTS = sorted(
    [
        *("/api/v2/", "/api/v2/server", "/api/v2/server/endpoints", "/api/v2/nodes/statistics", "/api/v2/nodes/types"),
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

ANSWERED_WHOLE: Mapping[str, Expected] = {
    "": Data({"available_endpoints": ENDPOINTS}),
    "/nodes/statistics": Data(
        {
            "total": 81,
            "types": NODE_TYPES,
            "ctime_by_day": dict(Counter(f"{ctime_of(uuid):%Y-%m-%d}" for uuid in astuple(graph))),
        }
    ),
    "/groups/schema": Data(GROUPS_SCHEMA),
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
    "/nodes/338357f4-f2/content/extras": Data({"extras": {}}),
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
    "/nodes/ffe11/content/attributes": Data({"attributes": CODE_PP}),
    "/nodes/ffe11/content/extras": Data({"extras": EXTRAS}),
    "/codes/ffe11/content/extras": Data({"extras": EXTRAS}),
    # AiiDA 2 stores no is_local: what is not there is left out, as with nalist.
    "/codes/ffe11/content/attributes?alist=append_text,is_local": Data({"attributes": {"append_text": ""}}),
    "/codes/ffe11/content/attributes?nalist=append_text,is_local": Data(
        {"attributes": {key: value for key, value in CODE_PP.items() if key != "append_text"}}
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
}
"""Where the manual shows an object or an overview, all of it."""

RELATED: Mapping[str, Expected] = {
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

TABLE: Mapping[str, Expected] = {**MANUAL, **ANSWERED_WHOLE, **RELATED}

TOTALS = {
    "": 218,
    "/nodes/statistics": 81,
    "/computers/?limit=3&offset=2": 5,
    "/computers?limit=3&offset=2&orderby=id": 5,
    "/computers/?_=1479700000000&limit=3&offset=2": 5,
    "/nodes?limit=2&offset=8&orderby=-id": 81,
    "/nodes?limit=20": 81,
    "/nodes?offset=20": 81,
    "/nodes/de83b1/io/inputs?limit=2": 3,
}
"""X-Total-Counts where it is not the number of objects in the answer."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str


@pytest.fixture(scope="module")
def root(target: dict[str, Any]) -> Iterator[str]:
    """A server for each of the golden storages."""
    url = f"http://127.0.0.1:{free_port()}"
    arguments = [target["target"], *(["--repository", target["repository"]] if "repository" in target else [])]
    with serving([*COMMAND, "serve", *arguments, "-P", url.rpartition(":")[2], "-w", "1"], url):
        yield url


def curl(url: str, *options: str) -> Answer:
    """As it would be typed in a shell, between single quotes."""
    done = subprocess.run(
        [require("curl"), "-g", "--silent", "--show-error", "--include", *options, url],
        capture_output=True,
        check=True,
        timeout=60,
    )
    head, _, body = done.stdout.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    return Answer(int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body)


def check(expected: Expected, status: int, text: str) -> None:
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
            assert (status, text) == (404, "No resource has this URL. GET /api/v2 lists all endpoints.\n")


def _without_aiidas_own(data: dict[str, Any]) -> dict[str, Any]:
    """Extras without the two that AiiDA itself gives a node."""
    if "extras" not in data:
        return data
    return {"extras": {key: value for key, value in data["extras"].items() if key not in ("_aiida_hash", "hidden")}}


def check_headers(url: str, expected: Expected, headers: Mapping[str, str]) -> None:
    is_json = not isinstance(expected, NoRoute)
    assert headers["Content-Type"] == ("application/json" if is_json else "text/plain; charset=utf-8")
    assert {name: headers[name] for name in CORS} == CORS
    total = None if isinstance(expected, Refused | NoRoute) else str(TOTALS.get(url, _count(expected)))
    assert (headers.get("X-Total-Counts"), headers.get("X-Total-Count")) == (total, total)


def _count(expected: Expected) -> int:
    match expected:
        case Objects(values=values):
            return len(values)
        case Total(number):
            return number
        case _:
            return 1


def test_no_answer_is_left_open() -> None:
    assert set(WHOLE) <= set(ANSWERED_WHOLE)
    assert set(TOTALS) <= set(TABLE)


@pytest.mark.parametrize("url", TABLE)
def test_curl(root: str, url: str) -> None:
    answer = curl(f"{root}/api/v2{url}")
    check(TABLE[url], answer.status, answer.text)
    check_headers(url, TABLE[url], answer.headers)
    if answer.status == 200:
        path, _, query = url.partition("?")
        sent = json.loads(answer.text)
        assert [sent[key] for key in ("method", "url_root", "path", "query_string", "url")] == [
            "GET",
            f"{root}/",
            f"/api/v2{path}",
            query,
            f"{root}/api/v2{url}",
        ]


def test_two_profiles(golden: Golden, tmp_path: Path) -> None:
    """`curl http://localhost/django/api/v2/computers -X GET`, and the same of sqlalchemy."""
    targets = [shutil.copy(golden.archive, tmp_path / f"{name}.aiida") for name in ("django", "sqlalchemy")]
    root = f"http://127.0.0.1:{free_port()}"
    with serving([*COMMAND, "serve", *map(str, targets), "-P", root.rpartition(":")[2], "-w", "1"], root):
        for name in ("django", "sqlalchemy"):
            answer = curl(f"{root}/{name}/api/v2/computers", "-X", "GET")
            check(uuids("computers", *astuple(computers)), answer.status, answer.text)
            sent = json.loads(answer.text)
            assert sent["url"] == f"{root}/{name}/api/v2/computers"


@pytest.mark.parametrize(
    "url",
    [
        *("", "/server", "/nodes", "/nodes/schema", "/nodes/statistics", "/nodes/types", "/users/1", "/groups/a6e5b"),
        *("/nodes/page/2", "/computers/page", "/nodes/338357f4-f2/io/tree", "/nodes/338357f4-f2/io/inputs/page/1"),
        *("/codes/ffe11/content/attributes", "/structures/d526/content/visualization", "/nothing", "/nodes/xyz"),
        *("/computers?limit=3&offset=2", '/nodes/a67fba41-8a/io/outputs?type="data.folder.FolderData."'),
    ],
)
def test_a_slash_at_the_end_never_matters(root: str, url: str) -> None:
    path, mark, query = url.partition("?")
    plain, slash = (curl(f"{root}/api/v2{path}{end}{mark}{query}") for end in ("", "/"))
    assert (slash.status, slash.headers.get("X-Total-Counts")) == (plain.status, plain.headers.get("X-Total-Counts"))
    if plain.status == 404:
        assert slash.text == plain.text
    else:
        without, behind = json.loads(plain.text), json.loads(slash.text)
        assert (without.get("data"), without.get("message")) == (behind.get("data"), behind.get("message"))


def test_a_file(root: str) -> None:
    url = f'{root}/api/v2/calculations/338357f4-f2/io/retrieved_outputs?filename="aiida.out"&rtype=download'
    answer = curl(url, "--output", "-")
    assert (answer.status, answer.headers["Content-Disposition"]) == (200, 'attachment; filename="aiida.out"')
    assert answer.headers["Content-Length"] == str(len(answer.text.encode()))


@pytest.mark.parametrize("target", ["archive"], indirect=True)
@pytest.mark.parametrize(
    "path",
    [
        *("/", "/api/v2", "/api/v2/nodes/page/2", '/api/v2/nodes/?id>45&type=like="%data%"', "/api/v2/nodes?foo=1"),
        "/api/v2/calculations/338357f4-f2/io/retrieved_outputs?filename=aiida.out",
        "/nothing",
    ],
)
def test_head_is_get_without_a_body(root: str, path: str) -> None:
    head, get = curl(root + path, "--head"), curl(root + path)
    assert (head.status, head.text) == (get.status, "")
    assert get.text
    assert {**head.headers, "Date": ""} == {**get.headers, "Date": ""}


@pytest.mark.parametrize("target", ["archive"], indirect=True)
@pytest.mark.parametrize("path", ["/api/v2/users", "/api/v2/nodes/338357f4-f2/io/tree", "/"])
def test_preflight(root: str, path: str) -> None:
    """What a browser asks before a page may send headers of its own."""
    headers = ("Origin: http://elsewhere.example", "Access-Control-Request-Method: GET")
    requested = "Access-Control-Request-Headers: cache-control,x-requested-with"
    options = [option for header in (*headers, requested) for option in ("--header", header)]
    answer = curl(root + path, "--request", "OPTIONS", *options)
    assert (answer.status, answer.text) == (200, "")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST, OPTIONS"
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"cache-control", "x-requested-with"} <= set(allowed)


@pytest.mark.parametrize("target", ["archive"], indirect=True)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/api/v2/nodes", "/api/v2/users/2", "/"])
def test_nothing_can_be_written(root: str, path: str, method: str) -> None:
    answer = curl(root + path, "--request", method, "--data", '{"label": "new"}')
    assert answer.status == 405
    assert json.loads(answer.text) == {"message": "The method is not allowed for the requested URL."}
    assert sorted(answer.headers["Allow"].split(", ")) == ["GET", "HEAD", "OPTIONS"]
    assert answer.headers["Content-Type"] == "application/json"
    assert {name: answer.headers[name] for name in CORS} == CORS
