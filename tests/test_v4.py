"""API v4: what is sent, and the whole of what comes back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiida_like import __version__
from aiida_like.profiles import find
from restapi.dialects.aiida_v4.full_types import tree_of_types
from tests.conftest import Effort, Golden, at_once
from tests.golden import FILES, computers, graph, groups, ids, users

ROOT = "http://localhost"


def envelope(data: Any, resource: str, path: str, query: str = "", **named: Any) -> dict[str, Any]:
    return {
        "data": data,
        "method": "GET",
        "path": path,
        "query_string": query,
        "resource_type": resource,
        "url": f"{ROOT}{path}?{query}" if query else f"{ROOT}{path}",
        "url_root": f"{ROOT}/",
    } | named


SILICON = {
    "ctime": "Sun, 01 May 2016 17:00:00 GMT",
    "full_type": "data.core.structure.StructureData.|",
    "id": ids[graph.silicon],
    "label": "silicon",
    "mtime": "Sun, 01 May 2016 17:01:00 GMT",
    "node_type": "data.core.structure.StructureData.",
    "process_type": None,
    "user_id": 1,
    "uuid": graph.silicon,
}

FAVOURITES = {
    "description": "What is liked",
    "extras": {"stars": 5},
    "id": ids[groups.favourites],
    "label": "favourites/Ada's",
    "time": "Mon, 02 May 2016 12:00:00 GMT",
    "type_string": "core",
    "user_id": 1,
    "uuid": groups.favourites,
}

FIDIS = {
    "description": "Beta Computer",
    "hostname": "fidis.epfl.ch",
    "id": ids[computers.fidis],
    "label": "Fidis",
    "metadata": {"workdir": "/scratch/{username}/aiida"},
    "scheduler_type": "core.slurm",
    "transport_type": "core.ssh",
    "uuid": computers.fidis,
}

ZOE = {"id": users.zoe, "first_name": "Zoë", "last_name": "adams", "institution": "ETH Zürich"}


def test_list(client: FlaskClient) -> None:
    response = client.get('/api/v4/nodes/?label=like="silic%25"&limit=1')
    assert response.json == envelope(
        {"nodes": [SILICON]}, "nodes", "/api/v4/nodes/", 'label=like="silic%"&limit=1', id=None
    )
    assert (response.status_code, response.content_type) == (200, "application/json")
    assert response.headers["X-Total-Count"] == "3"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Link" not in response.headers


OBJECTS: list[tuple[str, str, Any, Any]] = [
    (f"nodes/{graph.silicon}", "nodes", SILICON, graph.silicon),
    (f"nodes/{graph.silicon[:9]}/", "nodes", SILICON, graph.silicon[:9]),
    (f"nodes/{ids[graph.silicon]}", "nodes", SILICON, str(ids[graph.silicon])),
    (f"computers/{computers.fidis[:8].upper()}", "computers", FIDIS, computers.fidis[:8].upper()),
    (f"computers/{ids[computers.fidis]}", "computers", FIDIS, str(ids[computers.fidis])),
    (f"groups/{groups.favourites}", "groups", FAVOURITES, groups.favourites),
    (f"users/{users.zoe}", "users", ZOE, users.zoe),
]


@pytest.mark.parametrize(("url", "resource", "expected", "path_id"), OBJECTS)
def test_objects(client: FlaskClient, url: str, resource: str, expected: Any, path_id: Any) -> None:
    response = client.get(f"/api/v4/{url}")
    assert response.json == envelope({resource: [expected]}, resource, f"/api/v4/{url}", id=path_id)


def test_a_uuid_that_begins_with_digits_is_found_where_there_is_no_such_id(client: FlaskClient) -> None:
    """de83b1... has none, but 17016221-... has eight digits: no computer has that id."""
    response = client.get("/api/v4/computers/17016221")
    assert [each["uuid"] for each in response.json["data"]["computers"]] == [computers.localhost]


def found(client: FlaskClient, url: str) -> list[int]:
    response = client.get(f"/api/v4/{url}")
    assert response.status_code == 200, response.text
    (rows,) = response.json["data"].values()
    return [row["id"] for row in rows]


LISTS: list[tuple[str, tuple[str, ...]]] = [
    ('nodes?label="silicon"', (graph.silicon,)),
    ('nodes?label=like="Aii_A"', (graph.aiida_mixed,)),
    ('nodes?label=like="AiiDA_"', ()),
    ('nodes?label=ilike="aii_a"', (graph.aiida, graph.aiida_mixed)),
    ('nodes?full_type="data.core.structure.StructureData.|"&limit=2', (graph.silicon, graph.salt)),
    ("nodes?full_type=data.core.code.%|&limit=2", (graph.code_pw, graph.code_pp)),
    ("nodes?full_type=%22process.workflow.workchain.%25%7C%25%22", (graph.relax, graph.excepted, graph.running)),
    (
        "nodes?full_type=%|aiida.calculations:quantumespresso.pw",
        (graph.relax_scf, graph.relax_final, graph.bands_run),
    ),
    ("nodes?full_type=process.workflow.workfunction.WorkFunctionNode.|__main__.%", (graph.pick, graph.inherit)),
    ("nodes?ctime>=2016-04-23T05:45:00.000001&ctime<2016-04-24", (graph.second_early, graph.second_late)),
    ("nodes?ctime<2016-04-23", (graph.before_midnight,)),
    (f"nodes?id=in={ids[graph.salt]},{ids[graph.silicon]}&orderby=-id", (graph.salt, graph.silicon)),
    ("nodes?user=2&orderby=-ctime,label&limit=1", (graph.waiting,)),
    (f"nodes?computer={ids[computers.deneb]}", (graph.killed,)),
    ("nodes?pk=5", (graph.silicon,)),
    ("nodes/page/2?perpage=2&orderby=+pk", (graph.code_pp, graph.code_script)),
    (f"nodes/{graph.inherit}/links/outgoing", (graph.inherited, graph.inherited)),
    (f'nodes/{graph.relax_scf}/links/incoming?link_type="call_calc"', (graph.relax,)),
    (f"nodes/{graph.relax_scf}/links/incoming?full_type=data.%|", (
        graph.parameters, graph.code_pw, graph.silicon, graph.mesh, graph.upf)),
    (f"nodes/{graph.relax_scf}/links/outgoing/page/2?perpage=2", (graph.scf_results,)),
    (f"nodes/{graph.relax_scf}/links/outgoing?orderby=-label,-id&limit=1", (graph.scf_results,)),
    ('groups?type_string="core.upf"', (groups.pseudos,)),
    ("groups?time>2016-05-07", (groups.gunther,)),
    ('computers?name="fidis"', ()),
    ("computers?orderby=-name&limit=2", (computers.orphan, computers.localhost)),
]  # fmt: skip


@pytest.mark.parametrize(("url", "expected"), LISTS)
def test_lists(client: FlaskClient, url: str, expected: tuple[str, ...]) -> None:
    assert found(client, url) == [ids[uuid] for uuid in expected]


def test_pages(client: FlaskClient) -> None:
    response = client.get("/api/v4/computers/page/2?perpage=2&orderby=-id")
    assert [computer["id"] for computer in response.json["data"]["computers"]] == [3, 2]
    assert response.headers["X-Total-Count"] == "5"
    link = f"{ROOT}/api/v4/computers/page/%d?perpage=2&orderby=-id"
    assert response.headers["Link"] == ", ".join(
        f'<{link % page}>; rel="{name}"' for name, page in (("first", 1), ("prev", 1), ("next", 3), ("last", 3))
    )


def test_pages_of_links(client: FlaskClient) -> None:
    response = client.get(f"/api/v4/nodes/{graph.relax_scf}/links/incoming/page?perpage=4")
    assert (len(response.json["data"]["incoming"]), response.headers["X-Total-Count"]) == (4, "6")
    assert '/links/incoming/page/2?perpage=4>; rel="next"' in response.headers["Link"]


def test_content_in_lists(client: FlaskClient) -> None:
    url = f"/api/v4/nodes?id={ids[graph.silicon]}&attributes=true&attributes_filter=pbc1,kinds.0.name,none&extras=True"
    (node,) = client.get(url).json["data"]["nodes"]
    extras = node.pop("extras")
    assert node == SILICON | {"attributes": {"pbc1": True, "kinds.0.name": "Si", "none": None}}
    assert extras.keys() == {"_aiida_hash"}
    (node,) = client.get(f"/api/v4/nodes/{graph.silicon}?attributes=true&attributes_filter=pbc1,,pbc1,").json["data"][
        "nodes"
    ]
    assert node["attributes"] == {"pbc1": True}
    (node,) = client.get(f"/api/v4/nodes/{graph.seven}?attributes=true&extras=false").json["data"]["nodes"]
    assert node["attributes"]["value"] == 7
    assert "extras" not in node


def test_links(client: FlaskClient) -> None:
    response = client.get(f"/api/v4/nodes/{graph.relax_scf}/links/incoming?id={ids[graph.silicon]}")
    link = {"link_label": "structure", "link_type": "input_calc"}
    assert response.json["data"] == {"incoming": [SILICON | link]}


def test_tree(client: FlaskClient) -> None:
    data = client.get(f"/api/v4/nodes/{graph.rescale}/links/tree?in_limit=1&out_limit=0").json["data"]
    assert data["metadata"] == [
        {"total_no_of_incomings": 2, "sent_no_of_incomings": 1, "total_no_of_outgoings": 1, "sent_no_of_outgoings": 0}
    ]
    (main,) = data["nodes"]
    assert (main["uuid"], main["description"], main["outgoing"]) == (graph.rescale, "", [])
    assert main["incoming"] == [
        {
            "id": ids[graph.salt],
            "uuid": graph.salt,
            "node_type": "data.core.structure.StructureData.",
            "node_label": "NaCl",
            "ctime": "Sun, 01 May 2016 18:00:00 GMT",
            "mtime": "Sun, 01 May 2016 18:01:00 GMT",
            "description": "ClNa",
            "link_label": "structure",
            "link_type": "input_calc",
        }
    ]


def test_descriptions_in_the_tree(client: FlaskClient) -> None:
    (main,) = client.get(f"/api/v4/nodes/{graph.bands_run}/links/tree").json["data"]["nodes"]
    described = {node["uuid"]: node["description"] for node in (*main["incoming"], *main["outgoing"])}
    assert described == {
        graph.code_pw: "pw-5.1@daint",
        graph.path: "(Path of 5 kpts)",
        graph.final_remote: "",
        graph.bands_remote: "",
        graph.bands_retrieved: "",
        graph.bands_result: "(Path of 5 kpts)",
    }


CONTENTS: list[tuple[str, Any]] = [
    (f"nodes/{graph.seven}/contents/attributes?attributes_filter=value,absent", {"attributes": {"value": 7}}),
    (f"nodes/{graph.code_pp}/contents/extras?extras_filter=trialBool", {"extras": {"trialBool": True}}),
    (f"nodes/{graph.seven}/contents/derived_properties", {"derived_properties": {}}),
    (
        f"nodes/{graph.water}/contents/derived_properties",
        {"derived_properties": {"dimensionality": {"dim": 0, "label": "", "value": 0}, "formula": "H2O"}},
    ),
    (
        f"nodes/{graph.silicon}/contents/comments",
        {
            "comments": [
                {
                    "created_time": "Tue, 31 May 2016 12:00:03 GMT",
                    "modified_time": "Wed, 01 Jun 2016 12:00:03 GMT",
                    "user": "Günther Müßig",
                    "message": "From the ICSD",
                }
            ]
        },
    ),
    (f"nodes/{graph.seven}/contents/comments", {"comments": []}),
    (f"nodes/{graph.seven}/repo/list", {"repo_list": []}),
    (
        f"nodes/{graph.folder}/repo/list",
        {
            "repo_list": [
                {"name": name, "type": "DIRECTORY" if name in {"deep", "hollow", "Ünï"} else "FILE"}
                for name in ("README.txt", "a b+c.txt", "binary.dat", "deep", "empty", "hollow", "large.txt", "Ünï")
            ]
        },
    ),
    (f"nodes/{graph.folder}/repo/list?filename=deep/er/", {"repo_list": [{"name": "est.txt", "type": "FILE"}]}),
    (f"nodes/{graph.folder}/repo/list?filename=%22hollow%22", {"repo_list": []}),
    (
        f"calcjobs/{graph.relax_scf}/input_files",
        [
            {"name": ".aiida", "type": "DIRECTORY"},
            {"name": "_aiidasubmit.sh", "type": "FILE"},
            {"name": "aiida.in", "type": "FILE"},
        ],
    ),
    (f"calcjobs/{graph.relax_scf}/output_files?filename=out", [{"name": "data file.xml", "type": "FILE"}]),
    (
        f"calcjobs/{graph.created}/output_files",
        {"status": 200, "data": "This node does not have retrieved folder"},
    ),
    (
        f"processes/{graph.relax}/report",
        {
            "logs": [
                {
                    "time": "Tue, 03 May 2016 21:01:01 GMT",
                    "loggername": "aiida.orm.nodes.process.WorkChainNode",
                    "levelname": "REPORT",
                    "dbnode_id": ids[graph.relax],
                    "message": "launching PwCalculation",
                }
            ]
        },
    ),
    (
        f"nodes/{graph.cif}/download?download_format=cif&download=False",
        {"download": {"data": None, "filename": None, "status": 200}},
    ),
]


@pytest.mark.parametrize(("url", "expected"), CONTENTS)
def test_contents(client: FlaskClient, url: str, expected: Any) -> None:
    response = client.get(f"/api/v4/{url}")
    data = response.json["data"]
    if "download" in data:
        assert data["download"]["data"].startswith("data_salt")
        assert data["download"]["filename"].endswith(".cif")
        data = {"download": data["download"] | {"data": None, "filename": None}}
    assert data == expected
    assert response.json["id"] == url.split("/")[1]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("quote", ["", '"'])
def test_files(client: FlaskClient, name: str, quote: str) -> None:
    response = client.get(f"/api/v4/nodes/{graph.folder}/repo/contents?filename={quote}{name}{quote}")
    assert (response.status_code, response.content_type) == (200, "application/octet-stream")
    assert response.data == FILES[name]
    assert response.headers["Content-Disposition"].startswith("attachment; filename=")


DOWNLOADS = {
    f"{graph.silicon}/download?download_format=cif": ("cif", b"data_"),
    f"{graph.silicon}/download?download_format=xsf&download=true": ("xsf", b"CRYSTAL"),
    f"{graph.silicon}/download?download_format=chemdoodle": ("chemdoodle", b'{"s":'),
    f"{graph.array}/download?download_format=npz": ("npz", b"PK"),
    f"{graph.bands}/download?download_format=%22json%22": ("json", b"{"),
}


@pytest.mark.parametrize("url", DOWNLOADS)
def test_downloads(client: FlaskClient, url: str) -> None:
    extension, start = DOWNLOADS[url]
    response = client.get(f"/api/v4/nodes/{url}")
    assert response.data.startswith(start)
    assert response.headers["Content-Disposition"] == f'attachment; filename="{url[:36]}.{extension}"'


def test_a_file_keeps_its_name(client: FlaskClient) -> None:
    response = client.get(f"/api/v4/nodes/{graph.upf}/download?download_format=upf")
    filename = client.get(f"/api/v4/nodes/{graph.upf}?attributes=true").json["data"]["nodes"][0]["attributes"][
        "filename"
    ]
    assert response.headers["Content-Disposition"] == f'attachment; filename="{filename}"'


def test_download_formats(archive_client: FlaskClient) -> None:
    formats = archive_client.get("/api/v4/nodes/download_formats").json["data"]
    assert formats["data.core.cif.CifData.|"] == ["cif"]
    one = archive_client.get("/api/v4/nodes/download_formats?full_type=%22data.core.cif.CifData.|%22").json["data"]
    assert one == {"data.core.cif.CifData.|": ["cif"]}
    none = archive_client.get("/api/v4/nodes/download_formats?full_type=data.core.dict.Dict.|").json["data"]
    assert none == {"data.core.dict.Dict.|": []}


def test_statistics(client: FlaskClient) -> None:
    data = client.get("/api/v4/nodes/statistics?user=2").json["data"]
    assert data == {
        "total": 7,
        "types": {"data.core.str.Str.": 6, "process.calculation.calcjob.CalcJobNode.": 1},
        "ctime_by_day": {"2016-04-22": 1, "2016-04-23": 5, "2016-05-04": 1},
    }
    assert client.get("/api/v4/nodes/statistics").json["data"]["total"] == len(ids) - 5 - 7 - 3 - 4


def test_full_types(client: FlaskClient) -> None:
    counted = client.get("/api/v4/nodes/full_types_count?user=4").json["data"]
    assert (counted["namespace"], counted["full_type"], counted["counter"]) == ("node", "node.%|", 2)
    assert [space["full_type"] for space in counted["subspaces"]] == ["data.%|", "process.%|%"]
    types = client.get("/api/v4/nodes/full_types").json["data"]
    assert "counter" not in json.dumps(types)
    assert "Unregistered" in json.dumps(types)


def test_no_types_at_all() -> None:
    assert tree_of_types({}) == {
        "namespace": "node",
        "full_type": "node.%|",
        "label": "node",
        "path": "node",
        "subspaces": [],
    }


def test_server(archive_client: FlaskClient) -> None:
    response = archive_client.get("/api/v4/server")
    assert response.json == envelope(
        {
            "API_major_version": "4",
            "API_minor_version": "1",
            "API_revision_version": "0",
            "API_prefix": "/api/v4",
            "AiiDA_version": "2.9",
            "server": f"aiida-like {__version__}",
        },
        "Info",
        "/api/v4/server",
    )


@pytest.mark.parametrize("path", ["/api/v4", "/api/v4/", "/api/v4/server/endpoints", "/api/v4/server/endpoints/"])
def test_every_endpoint_is_listed_and_answers(archive_client: FlaskClient, path: str) -> None:
    lines = archive_client.get(path).json["data"]["available_endpoints"]
    assert len(lines) == len(set(lines)) == 56
    assert "querybuilder    GET,HEAD,OPTIONS,POST /api/v4/querybuilder/" in lines
    samples = {"nodes": graph.silicon, "processes": graph.relax, "calcjobs": graph.relax_scf}
    samples |= {"computers": computers.fidis, "groups": groups.pseudos, "users": "1"}
    expected = {"/repo/contents/": 400, "/download/": 400, "/querybuilder/": 405, "/ro-crate/": 501}
    for line in lines:
        url = line.split()[-1]
        resource = url.split("/")[3]
        url = url.replace("<id>", samples.get(resource, "")).replace("<int:page>", "1")
        status = next((status for end, status in expected.items() if url.endswith(end)), 200)
        assert (url, archive_client.get(url).status_code) == (url, status)


def test_projectable_properties(archive_client: FlaskClient) -> None:
    data = archive_client.get("/api/v4/computers/projectable_properties").json["data"]
    assert data["ordering"] == ["uuid", "label", "hostname", "description", "scheduler_type", "transport_type"]
    assert data["fields"]["uuid"] == {
        "display_name": "Unique ID",
        "help_text": "Identifier that is the same in all databases",
        "is_display": True,
        "is_foreign_key": False,
        "type": "unicode",
    }
    assert data["fields"]["scheduler_type"]["valid_choices"]["core.slurm"] == {"doc": "Slurm"}
    user_id = archive_client.get("/api/v4/nodes/projectable_properties").json["data"]["fields"]["user_id"]
    assert (user_id["related_resource"], user_id["related_column"], user_id["is_foreign_key"]) == ("users", "id", True)


ERRORS: list[tuple[str, int, str]] = [
    (
        "nodes?labell=5",
        400,
        (
            "nodes have no key 'labell' to filter or order by; did you mean 'label'? There are: id, label, "
            "node_type, process_type, ctime, mtime, uuid, user_id, description, dbcomputer_id, attributes, "
            "extras, pk, user, computer, group, incoming_of, outgoing_of, ancestor_of, descendant_of"
        ),
    ),
    ("nodes?label=5", 400, 'label takes text in double quotes, as in "text", not 5'),
    (
        'nodes?label="x',
        400,
        (
            'syntax error in the query string at column 7: expected a value ("text" in double quotes, 12, -1.5, '
            "true, false, null or a time as 2016-04-23T05:45+03:45), found '\"x'\n  label=\"x\n        ^"
        ),
    ),
    ("nodes?limit=500", 400, "limit=500 is out of range: it goes from 1 to 400"),
    ("nodes?limit=0", 400, "limit=0 is out of range: it goes from 1 to 400"),
    ("nodes?limit=-1", 400, "limit takes an integer without a sign, not '-1'"),
    ("nodes/page/1?perpage=401", 400, "perpage=401 is out of range: it goes from 1 to 400"),
    ("nodes/page/99", 400, "Non existent page requested. The page range is [1 : 5]"),
    ("nodes?perpage=5", 400, "perpage needs a page in the path: append /page/1 to the resource"),
    ("users?email=%22x%22", 400, "the key 'email' of users is withheld: it is personal data"),
    ("users?orderby=-email", 400, "the key 'email' of users is withheld: it is personal data"),
    ("nodes?attributes=yes", 400, "attributes takes true or false, not 'yes'"),
    (
        "nodes?full_type=data",
        400,
        "full_type takes NODE_TYPE|PROCESS_TYPE with one '|', such as data.core.dict.Dict.|, not 'data'",
    ),
    (
        "nodes?full_type=a|b|c",
        400,
        "full_type takes NODE_TYPE|PROCESS_TYPE with one '|', such as data.core.dict.Dict.|, not 'a|b|c'",
    ),
    ("nodes?full_type=da%ta.|", 400, "in full_type a % can stand only at the end of a half, not as in 'da%ta.'"),
    ("nodes?profile=other", 400, "there is no profile 'other' here: 'golden' is served"),
    ("nodes/ffffffff", 404, "there is no object among the nodes whose uuid begins with 'ffffffff'"),
    ("nodes/zz", 404, "'zz' is not the beginning of a uuid, such as 338357f4-f2"),
    ("nodes/338357f4", 400, "the uuid prefix '338357f4' is ambiguous: several nodes begin so; add characters"),
    ("users/99", 404, "there is no object with id 99 among the users"),
    ("users/zoe", 404, "users are asked for by their integer id, as in /users/2, not by 'zoe'"),
    (
        f"processes/{graph.silicon}/report",
        404,
        (
            "there is no object among the processes whose uuid begins with "
            "'d526ca59-e016-4638-8d72-7223e4727ace'; a node of type data.core.structure.StructureData. does"
        ),
    ),
    (
        f"calcjobs/{graph.relax}/input_files",
        404,
        (
            "there is no object among the calcjobs whose uuid begins with "
            "'bcc0cf4d-7037-47db-b8c6-d78f29a3ba5a'; a node of type process.workflow.workchain.WorkChainNode. does"
        ),
    ),
    (f"nodes/{graph.folder}/repo/contents", 400, 'filename is missing: name the file, as in ?filename="aiida.in"'),
    (f"nodes/{graph.folder}/repo/contents?filename=no", 404, "the node has no file 'no'"),
    (
        f"nodes/{graph.folder}/repo/contents?filename=deep",
        404,
        "'deep' is a folder, not a file, in the repository of the node",
    ),
    (
        f"nodes/{graph.folder}/repo/contents?filename=../x",
        400,
        "filename '../x' is not a path inside the node: write it as folder/file, without . and ..",
    ),
    (
        f"nodes/{graph.folder}/repo/list?filename=empty",
        404,
        "'empty' is a file, not a folder, in the repository of the node",
    ),
    (f"nodes/{graph.silicon}/download", 400, "download_format is missing; there are: cif, xsf, xyz, chemdoodle"),
    (f"nodes/{graph.seven}/download", 400, "download_format is missing; there are: none for a node of this type"),
    (
        f"nodes/{graph.silicon}/download?download_format=pdb",
        501,
        "structure nodes cannot be downloaded as 'pdb': available as cif, xsf, xyz, chemdoodle",
    ),
    (f"nodes/{graph.relax}/download?download_format=cif", 501, "processes cannot be downloaded, only data can"),
    (
        f"nodes/{graph.array}/download?download_format=npz&download=false",
        400,
        (
            "4c6d6aa9-08a8-4726-a8e0-ef2ec5e86924.npz is not text, so it can only be downloaded: leave out "
            "download=false"
        ),
    ),
    ("nodes/statistics?user>1", 400, "only the filter user=ID has a meaning here, not one of 'user'"),
    ("nodes/full_types_count?id=1", 400, "only the filter user=ID has a meaning here, not one of 'id'"),
    ("nodes/full_types?id=1", 400, "this resource takes no filters, so 'id' has no meaning here"),
    (
        "computers?attributes=true",
        400,
        (
            "attributes has no meaning for this resource; it takes limit, offset, perpage, orderby, fields, "
            "facet, cursor, format, profile"
        ),
    ),
    ("nothing", 404, "No resource has this URL. GET /api/v4 lists all endpoints."),
    ("nodes/1/nothing", 404, "No resource has this URL. GET /api/v4 lists all endpoints."),
]


@pytest.mark.parametrize(("url", "status", "message"), ERRORS)
def test_errors(archive_client: FlaskClient, url: str, status: int, message: str) -> None:
    response = archive_client.get(f"/api/v4/{url}")
    assert (response.status_code, response.content_type) == (status, "application/json")
    assert response.json["message"] == message
    assert response.headers["Access-Control-Allow-Origin"] == "*"


# The QueryBuilder


def test_querybuilder(client: FlaskClient) -> None:
    asked = {
        "path": [
            {"entity_type": "data.core.structure.StructureData.", "tag": "structure", "orm_base": "node"},
            {"entity_type": "process.calculation.calcjob.CalcJobNode.", "tag": "job", "with_incoming": "structure"},
        ],
        "filters": {"structure": {"id": ids[graph.silicon]}, "job": {"uuid": graph.relax_scf}},
        "project": {
            "structure": ["uuid", "node_type"],
            "job": ["id", "ctime", "attributes.resources", "attributes.sealed", "extras.none"],
            "structure--job": ["label", "type"],
        },
        "order_by": {"job": "id"},
        "limit": 5000,
    }
    response = client.post("/api/v4/querybuilder/", json=asked)
    structure = {
        "uuid": graph.silicon,
        "node_type": "data.core.structure.StructureData.",
        "full_type": "data.core.structure.StructureData.|",
    }
    assert response.json == envelope(
        {
            "structure": [structure],
            "job": [
                {
                    "id": ids[graph.relax_scf],
                    "ctime": "Tue, 03 May 2016 22:00:00 GMT",
                    "attributes.resources": {"num_machines": 1, "num_mpiprocs_per_machine": 36},
                    "attributes.sealed": True,
                    "extras.none": None,
                }
            ],
            "structure--job": [{"label": "structure", "type": "input_calc"}],
        },
        "QueryBuilder",
        "/api/v4/querybuilder/",
        method="POST",
    )
    assert (response.status_code, response.headers["X-Total-Count"]) == (200, "1")


def test_querybuilder_of_every_type(client: FlaskClient) -> None:
    number = {"path": [{"entity_type": "node", "tag": "n"}], "filters": {"n": {"uuid": graph.thirty}}}
    casts = [{"attributes.value": {"cast": cast}} for cast in "f"]
    assert client.post("/api/v4/querybuilder", json=number | {"project": {"n": casts}}).json["data"] == {
        "n": [{"attributes.value": 30.0}]
    }
    yes = {"path": [{"entity_type": "node", "tag": "n"}], "filters": {"n": {"uuid": graph.true}}}
    shown = {cast: {"attributes.value": True} for cast in "bj"} | {"t": {"attributes.value": "true"}}
    for cast, expected in shown.items():
        asked = yes | {"project": {"n": {"attributes.value": {"cast": cast}}}}
        assert client.post("/api/v4/querybuilder", json=asked).json["data"] == {"n": [expected]}
    dated = yes | {"project": {"n": [{"attributes.value": {"cast": "d"}}, {"extras.x": {"cast": "b"}}]}}
    assert client.post("/api/v4/querybuilder", json=dated).json["data"] == {
        "n": [{"attributes.value": None, "extras.x": None}]
    }
    counted = yes | {"project": {"n": {"id": {"func": "count"}}}}
    assert client.post("/api/v4/querybuilder", json=counted).json["data"] == {"n": [{"id": 1}]}


def test_querybuilder_without_rows(client: FlaskClient) -> None:
    response = client.post(
        "/api/v4/querybuilder", json={"path": [{"entity_type": "node", "tag": "n"}], "filters": {"n": {"id": -1}}}
    )
    assert (response.json["data"], response.headers["X-Total-Count"]) == ({}, "0")


def test_querybuilder_takes_json_by_any_name(client: FlaskClient) -> None:
    body = b'{"path": ["user"], "project": {"user_1": "id"}}'
    response = client.post("/api/v4/querybuilder", data=body, content_type="text/plain")
    assert sorted(user["id"] for user in response.json["data"]["user_1"]) == [1, 2, 3, 4]


def test_querybuilder_by_get(archive_client: FlaskClient) -> None:
    response = archive_client.get("/api/v4/querybuilder")
    assert (response.status_code, response.headers["Allow"]) == (405, "OPTIONS, POST")
    assert response.json["data"]["message"].startswith("The QueryBuilder is asked by POST")


WRONG_BODIES: list[tuple[bytes, str]] = [
    (b"", "the body is no JSON: "),
    (b"{", "the body is no JSON: "),
    (b"\xff", "the body is no JSON: "),
    (b"[" * 100_000, "the body is no JSON: "),
    (b"5", "a query is an object in braces, not 5"),
    (
        b'{"path": ["node"], "limit": 10001}',
        "limit is 10001; at most 10000 rows are answered, so ask in parts with offset",
    ),
    (b" " * 1_000_001, "the body has more than 1000000 bytes"),
    (
        b'{"path": ["node"], "filters": {"node_1": {"attributes.\\u0000": 1}}}',
        "the body holds the character NUL, \\u0000, which no text in a database does",
    ),
    (
        b'{"path": ["nodes"]}',
        (
            "path[0]: there is no entity_type 'nodes'; there are node, group, computer, user, comment, log, "
            'types of nodes such as "data.core.dict.Dict." and types of groups such as "group.core"'
        ),
    ),
]


@pytest.mark.parametrize(("body", "message"), WRONG_BODIES)
def test_wrong_bodies(archive_client: FlaskClient, body: bytes, message: str) -> None:
    response = archive_client.post("/api/v4/querybuilder", data=body)
    assert response.status_code == 400
    told = response.json["message"]
    # What is wrong with it is said by the reader of JSON, each version in its words.
    assert told.startswith(message) if message.endswith(": ") else told == message


def test_all_rows_or_an_error(golden: Golden, serve: Callable[..., Flask]) -> None:
    client = serve(find(str(golden.archive)), {"MAX_QUERY_ROWS": 4}).test_client()
    users_ = {"path": ["user"], "project": {"user_1": "id"}}
    assert len(client.post("/api/v4/querybuilder", json=users_).json["data"]["user_1"]) == 4
    response = client.post("/api/v4/querybuilder", json={"path": ["computer"]})
    assert response.status_code == 400
    assert response.json["message"].startswith("the query has more than 4 rows: ask in parts")


def test_a_query_that_takes_too_long(target: dict[str, Any], serve: Callable[..., Flask]) -> None:
    client = serve(find(**target), {"STATEMENT_SECONDS": 0.2}).test_client()
    path: list[Any] = ["node", *(["user", {"entity_type": "node", "with_user": f"user_{n}"}] for n in range(1, 5))]
    path = [path[0], *(item for pair in path[1:] for item in pair)]
    response = client.post(
        "/api/v4/querybuilder", json={"path": path, "project": {"node_1": {"id": {"func": "count"}}}}
    )
    assert response.status_code == 503
    assert response.json["message"].startswith("the query took longer than 0.2 s and was stopped: narrow it")


HOSTILE = [
    "'; DROP TABLE db_dbnode; /*",
    '"',
    "\\",
    "%",
    "%(x)s",
    ":x",
    "{}",
    "?",
    "$1",
    "a]b",
    "'||(SELECT email FROM db_dbuser)||'",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_clients_are_never_sql(client: FlaskClient, text: str) -> None:
    asked = {
        "path": [{"entity_type": "node", "tag": text}],
        "filters": {
            text: {"or": [{"label": text}, {f"attributes.{text}": {"!==": text}}, {"attributes": {"has_key": text}}]}
        },
        "project": {text: ["id", f"extras.{text}"]},
        "order_by": {text: {f"attributes.{text}": {"cast": "t"}}},
        "limit": 1,
    }
    response = client.post("/api/v4/querybuilder", json=asked)
    assert response.status_code == 200, response.text
    assert response.json["data"][text][0].keys() == {"id", f"extras.{text}"}


words = st.sampled_from(
    [
        *("path", "filters", "project", "order_by", "limit", "offset", "distinct", "entity_type", "tag", "edge_tag"),
        *(
            "with_incoming",
            "with_ancestors",
            "with_group",
            "joining_keyword",
            "joining_value",
            "outerjoin",
            "direction",
        ),
        *("edge_filters", "edge_project", "subclassing", "orm_base", "node", "group.core", "user", "n", "node_1", "id"),
        *(
            "label",
            "uuid",
            "ctime",
            "attributes",
            "attributes.value",
            "extras.a.0",
            "process_type",
            "depth",
            "path",
            "**",
        ),
        *(
            "and",
            "or",
            "!or",
            "==",
            "!==",
            ">",
            "in",
            "like",
            "ilike",
            "contains",
            "has_key",
            "of_type",
            "longer",
            "cast",
        ),
        *(
            "func",
            "f",
            "d",
            "count",
            "max",
            "asc",
            "desc",
            "",
            "x",
            "data.core.dict.Dict.",
            "2016-04-23",
            "100%",
            "\\",
            "\0",
        ),
    ]
)
anything = st.recursive(
    st.one_of(
        words, st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=4)),
    max_leaves=12,
)
vertices = st.fixed_dictionaries(
    {"entity_type": words}, optional={"filters": anything, "project": anything, "with_incoming": words}
)
dictionaries = st.fixed_dictionaries(
    {"path": st.one_of(st.lists(st.one_of(vertices, st.just("node"), st.just("user")), max_size=3), anything)},
    optional={
        "filters": st.dictionaries(words, anything),
        "project": anything,
        "order_by": anything,
        "limit": anything,
    },
)


@settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(asked=st.one_of(dictionaries, dictionaries, anything))
def test_no_dictionary_breaks_the_server(archive_client: FlaskClient, asked: Any) -> None:
    response = archive_client.post("/api/v4/querybuilder", data=json.dumps(asked))
    assert response.status_code in {200, 400}, response.text
    if response.status_code == 400:
        assert response.json["message"]


def test_preflight(archive_client: FlaskClient) -> None:
    asked = {"Origin": "https://explorer.example", "Access-Control-Request-Method": "POST"}
    response = archive_client.options("/api/v4/querybuilder/", headers=asked)
    assert response.status_code == 200
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("method", ["put", "patch", "delete", "post"])
def test_nothing_can_be_written(archive_client: FlaskClient, method: str) -> None:
    assert getattr(archive_client, method)("/api/v4/nodes").status_code == 405


THREADED = [
    (f"/api/v4/nodes/{graph.silicon}", "nodes", [ids[graph.silicon]]),
    (f"/api/v4/nodes/{graph.relax_scf}/links/outgoing", "outgoing", [59, 60, 61]),
    ("/api/v4/nodes?orderby=-id&limit=2", "nodes", [81, 80]),
    ('/api/v4/groups?label="pseudos"', "groups", [4, 5]),
]


def test_eight_clients_at_once(target: dict[str, Any], serve: Callable[..., Flask], effort: Effort) -> None:
    app = serve(find(**target), {})
    wrong: list[Any] = []
    until = time.monotonic() + effort.either(1, 3)

    def ask(start: int) -> None:
        client, number = app.test_client(), start
        while time.monotonic() < until:
            url, key, expected = THREADED[number % len(THREADED)]
            response = client.get(url)
            rows = [row["id"] for row in response.json["data"][key]] if response.status_code == 200 else response.text
            query = {
                "path": [{"entity_type": "node", "tag": "n", "filters": {"id": number % 80 + 1}}],
                "project": {"n": "id"},
            }
            posted = client.post("/api/v4/querybuilder", json=query)
            if rows != expected or posted.json["data"] != {"n": [{"id": number % 80 + 1}]}:
                wrong.append((url, rows, posted.text))
            number += 1

    at_once(ask)
    assert wrong == []
