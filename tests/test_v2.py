"""API v2: what is sent, and the whole of what comes back."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like import __version__
from aiida_like.profiles import find
from restapi.http.encoding import attachment
from tests.conftest import Effort, Golden, at_once, headers_of
from tests.exchanges import ERROR, ON_ALL, PREFLIGHT, ROOT, Exchange, check, pages, with_id
from tests.golden import RETRIEVED, SUBMITTED, computers, graph, groups, ids
from tests.manual import GROUPS_SCHEMA


def answer(url: str, data: Any, **named: Any) -> Exchange:
    """The data in their envelope; `named` are the other headers, and what else than usual stands in the envelope."""
    path, _, query = f"/api/v2{url}".partition("?")
    body = {
        "data": data,
        "id": None,
        "method": "GET",
        "path": path,
        "pk": None,
        "query_string": query,
        "resource_type": path.split("/")[3],
        "url": f"{ROOT}/api/v2{url}",
        "url_root": f"{ROOT}/",
    }
    others = {key: named[key] for key in body.keys() & named}
    headers = {key.replace("_", "-"): value for key, value in named.items() if key not in body}
    return Exchange(f"/api/v2{url}", 200, {"Content-Type": "application/json", **ON_ALL, **headers}, body | others)


def file(url: str, name: str, content: bytes) -> Exchange:
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(len(content)),
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Exchange(f"/api/v2/{url}", 200, ON_ALL | headers, content)


def refused(url: str, message: str, status: int = 400) -> Exchange:
    return Exchange(f"/api/v2/{url}", status, ERROR, {"message": message})


SILICON = {
    "ctime": "Sun, 01 May 2016 17:00:00 GMT",
    "id": ids[graph.silicon],
    "label": "silicon",
    "mtime": "Sun, 01 May 2016 17:01:00 GMT",
    "state": None,
    "type": "data.core.structure.StructureData.",
    "user_id": 1,
    "uuid": graph.silicon,
}

FIDIS = {
    "description": "Beta Computer",
    "enabled": True,
    "hostname": "fidis.epfl.ch",
    "id": ids[computers.fidis],
    "name": "Fidis",
    "scheduler_type": "core.slurm",
    "transport_params": "{}",
    "transport_type": "core.ssh",
    "uuid": computers.fidis,
}


NODE = f"nodes/{graph.silicon}"
JOB = f"calculations/{graph.relax_scf}"
INPUTS = f"/calculations/{graph.bands_run}/io/inputs/page/1"
PSEUDOS = {
    "description": "GBRV US pseudos, version 1.2",
    "id": ids[groups.pseudos],
    "name": "pseudos",
    "type": "core.upf",
    "user_id": 2,
    "uuid": groups.pseudos,
}
FIVE = {"computers": [{"id": number} for number in (1, 2, 3, 4, 5)]}

EXCHANGES = {
    "a list": answer(
        '/structures/?label=like="silic%"&limit=1', {"structures": [SILICON]}, X_Total_Counts="1", X_Total_Count="1"
    ),
    "an object": answer(
        "/computers/5d490d77-638d", {"computers": [FIDIS]}, pk=3, id="5d490d77-638d", X_Total_Counts="1"
    ),
    **{
        f"a group by {uuid}": answer(f"/groups/{uuid}", {"groups": [PSEUDOS]}, pk=ids[groups.pseudos], id=uuid)
        for uuid in ("a6e5b", "A6E5B", groups.pseudos)
    },
    "neighbours of a kind": answer(
        f'{INPUTS}?type="data.array.kpoints.KpointsData."&perpage=1&fields=uuid',
        {"inputs": [{"uuid": graph.path}]},
        pk=ids[graph.bands_run],
        id=graph.bands_run,
        Link=pages(
            f"/api/v2{INPUTS}?type=%22data.array.kpoints.KpointsData.%22&perpage=1&fields=uuid", first=1, last=1
        ),
    ),
    "a page": answer(
        "/computers/page/2?perpage=2&orderby=-id&fields=id",
        {"computers": [{"id": 3}, {"id": 2}]},
        X_Total_Counts="5",
        Link=pages("/api/v2/computers/page/%d?perpage=2&orderby=-id&fields=id", first=1, prev=1, next=3, last=3),
    ),
    **{
        f"the first page at {path}": answer(
            f"{path}?fields=id", FIVE, Link=pages("/api/v2/computers/page/1?fields=id", first=1, last=1)
        )
        for path in ("/computers/page", "/computers/page/", "/computers/page/1")
    },
    "an empty list has one page": answer(
        "/nodes/page/1?id<0",
        {"nodes": []},
        X_Total_Counts="0",
        Link=pages("/api/v2/nodes/page/1?id%3C0", first=1, last=1),
    ),
    "an offset after the last row": answer("/computers?offset=7", {"computers": []}, X_Total_Counts="5"),
    "a file": file(f"{JOB}/io/retrieved_inputs?filename=aiida.in", "aiida.in", SUBMITTED["aiida.in"]),
    "a file in a folder": file(
        f'{JOB}/io/retrieved_inputs?filename=".aiida/calcinfo.json"',
        ".aiida_calcinfo.json",
        SUBMITTED[".aiida/calcinfo.json"],
    ),
    "a file to download": file(
        f'{JOB}/io/retrieved_outputs?filename="aiida.out"&rtype=download', "aiida.out", RETRIEVED["aiida.out"]
    ),
    "a file with a blank": file(
        f"{JOB}/io/retrieved_outputs?filename=out/data%20file.xml", "out_data file.xml", b"<xml/>\n"
    ),
    "a file with a plus": file(
        f'{JOB}/io/retrieved_outputs?filename="out/data+file.xml"', "out_data file.xml", b"<xml/>\n"
    ),
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_exchange(client: FlaskClient, name: str) -> None:
    check(client, EXCHANGES[name])


def test_each_type_is_in_one_group(client: FlaskClient) -> None:
    types = client.get("/api/v2/nodes/types").json["data"]
    starts = {"calculation": "process.", "data": "data.", "code": "data.core.code."}
    assert {
        name: all(each.startswith(starts[name]) for each in found) for name, found in types.items()
    } == dict.fromkeys(starts, True)
    assert not any(each.startswith("data.core.code.") for each in types["data"])


def types_in(client: FlaskClient, resource: str) -> set[str]:
    return {row["type"] for row in client.get(f"/api/v2/{resource}?fields=type").json["data"][resource]}


def test_types_agree_with_lists(client: FlaskClient) -> None:
    types = client.get("/api/v2/nodes/types").json["data"]
    assert set(types["calculation"]) == types_in(client, "calculations") >= types_in(client, "workflows")
    assert {*types["data"], *types["code"]} == types_in(client, "data")
    assert set(types["code"]) == types_in(client, "codes")


RESOURCES = {"CALCULATION": "calculations", "DATA": "data", "CODE": "codes"}
TEMPLATES = {
    graph.silicon: "data.structure.StructureData.",
    graph.bands: "data.array.bands.BandsData.",
    graph.path: "data.array.kpoints.KpointsData.",
    graph.upf: "data.upf.UpfData.",
    graph.cif: "data.cif.CifData.",
    graph.rescale: "calculation.inline.InlineCalculation.",
    graph.relax: "calculation.work.WorkCalculation.",
    graph.relax_scf: "calculation.job.JobCalculation.",
    graph.code_script: "code.Code.",
    graph.parameters: "data.parameter.ParameterData.",
}
"""The types by which Materials Cloud Explore of 2019 chooses a page, where it does not take the one of all jobs."""


def test_what_the_explore_of_2019_asks(target: dict[str, Any], serve: Callable[..., Flask]) -> None:
    """It makes the resource of the first word of a type, in capitals, and knows no `PROCESS`."""
    client = serve(find(**target), {"OLD_TYPE_NAMES": True}).test_client()

    def data(url: str) -> Any:
        answer = client.get(f"/api/v2{url}")
        assert answer.status_code == 200, url
        return answer.json["data"]

    types = data("/nodes/types")
    assert {word: {each.partition(".")[0] for each in names} for word, names in types.items()} == {
        "calculation": {"calculation"},
        "data": {"data"},
        "code": {"code"},
    }
    for group, names in types.items():
        for name in names:
            resource = RESOURCES[group.upper()]
            (rows,) = data(f'/{resource}/page/1?perpage=10&type=like="{name}%25"&orderby=-ctime').values()
            assert {row["type"] for row in rows} == {name}
    assert sum(data("/nodes/statistics")["types"].values()) == data("/nodes/statistics")["total"]
    assert set(data("/nodes/statistics")["types"]) == {*types["calculation"], *types["data"], *types["code"]}
    for uuid, node_type in TEMPLATES.items():
        resource = RESOURCES[node_type.partition(".")[0].upper()]
        (row,) = data(f"/{resource}/{uuid}")[resource]
        assert (row["type"], "attributes" in row) == (node_type, True)
        tree = data(f"/{resource}/{uuid}/io/tree?in_limit=10&out_limit=10")
        assert tree["nodes"][0]["nodetype"] == node_type
        assert tree["nodes"][0]["displaytype"] == node_type.split(".")[-2]
        shapes = {"calculation": "square", "code": "triangle", "data": "dot"}
        assert all(drawn["shape"] == shapes[drawn["nodetype"].partition(".")[0]] for drawn in tree["nodes"])
    assert data(f"/calculations/{graph.relax_scf}/io/retrieved_inputs")["retrieved_inputs"]
    assert data(f"/calculations/{graph.relax_scf}/io/retrieved_outputs")["retrieved_outputs"]
    (row,) = data(f"/nodes?uuid=%22{graph.relax}%22&fields=type,node_type")["nodes"]
    assert row == {"type": TEMPLATES[graph.relax], "node_type": "process.workflow.workchain.WorkChainNode."}


@pytest.mark.parametrize("form", ["", "&format=csv", "&cursor="])
def test_an_order_by_what_no_row_has(client: FlaskClient, form: str) -> None:
    answer = client.get(f"/api/v2/users?orderby=date_joined,-id{form}")
    assert answer.status_code == 200
    if not form:
        assert [user["id"] for user in answer.json["data"]["users"]] == [4, 3, 2, 1]


def test_the_headers_of_a_list(archive_client: FlaskClient) -> None:
    """What the conditional ones are, test_conditional.py says."""
    names = {*archive_client.get("/api/v2/users").headers.keys()}
    conditional = {"ETag", "Cache-Control", "Vary", "Server-Timing"}
    assert names - conditional == {
        "Content-Type",
        "Content-Length",
        "X-Total-Counts",
        "X-Total-Count",
        "X-Request-ID",
        *ON_ALL,
    }
    assert conditional <= names


@pytest.mark.parametrize("resource", ["nodes", "structures"])
def test_schema_of_nodes(archive_client: FlaskClient, resource: str) -> None:
    data = archive_client.get(f"/api/v2/{resource}/schema").json["data"]
    types = {name: field["type"] for name, field in data["fields"].items()}
    time = "datetime.datetime"
    assert types == {
        "ctime": time,
        "id": "int",
        "label": "str",
        "mtime": time,
        "state": "str",
        "type": "str",
        "user_id": "int",
        "uuid": "str",
        "attributes": "dict",
    }


@pytest.mark.parametrize("path", ["/api/v2", "/api/v2/", "/api/v2/server/endpoints", "/api/v2/server/endpoints/"])
def test_every_endpoint_is_listed_and_answers(archive_client: FlaskClient, path: str) -> None:
    endpoints = archive_client.get(path).json["data"]["available_endpoints"]
    assert len(endpoints) == len(set(endpoints)) == 318
    samples = {"bands": graph.bands, "codes": graph.code_pw, "data": graph.text, "kpoints": graph.path}
    samples |= {"nodes": graph.silicon, "structures": graph.silicon, "cifs": graph.cif, "upfs": graph.upf}
    samples |= {"calculations": graph.relax_scf, "processes": graph.relax_scf, "workflows": graph.relax}
    samples |= {"computers": computers.fidis, "groups": groups.pseudos, "users": "1"}
    for endpoint in endpoints:
        resource = endpoint.split("/")[3]
        url = endpoint.replace("<id>", samples.get(resource, "")).replace("<page>", "1")
        has_no_picture = resource in {"codes", "data", "calculations", "processes", "workflows"}
        is_process = resource in {"calculations", "processes", "workflows"}
        is_missing = (url.endswith(("/visualization", "/download")) and has_no_picture) or (
            url.endswith("/ro-crate") and not is_process
        )
        expected = 501 if is_missing else 200
        assert (url, archive_client.get(url).status_code) == (url, expected)


CONTENTS = {
    f"codes/{graph.code_pp}/content/attributes?alist=append_text,prepend_text": (
        "attributes",
        "append_text prepend_text",
    ),
    f"codes/{graph.code_pp}/content/extras?elist=trialBool,trialInt,absent": ("extras", "trialBool trialInt"),
    f"codes/{graph.code_pp}/content/extras?nelist=trialBool,trialInt,_aiida_hash": (
        "extras",
        "hidden trialFloat trialStr",
    ),
}


@pytest.mark.parametrize("url", CONTENTS)
def test_chosen_contents(client: FlaskClient, url: str) -> None:
    kind, keys = CONTENTS[url]
    everything = client.get("/api/v2/" + url.partition("?")[0]).json["data"][kind]
    chosen = {key: everything[key] for key in keys.split()}
    assert client.get("/api/v2/" + url).json["data"] == {kind: chosen}


def test_nalist(client: FlaskClient) -> None:
    url = f"/api/v2/nodes/{graph.silicon}/content/attributes"
    everything = client.get(url).json["data"]["attributes"]
    assert client.get(f"{url}?nalist=cell,sites").json["data"] == {
        "attributes": {key: everything[key] for key in ("pbc1", "pbc2", "pbc3", "kinds")}
    }


DOWNLOADS = {
    f"structures/{graph.silicon}/content/download": ("cif", b"data_"),
    f"structures/{graph.silicon}/content/download?format=xsf": ("xsf", b"CRYSTAL"),
    f"structures/{graph.silicon}/content/download?format=xyz": ("xyz", b"2\n"),
    f"cifs/{graph.cif}/content/download": ("cif", b"data_"),
    f"upfs/{graph.upf}/content/download?format=upf": ("upf", b"<UPF"),
    f"kpoints/{graph.path}/content/download": ("json", b"{"),
    f"bands/{graph.bands}/content/download?format=json": ("json", b"{"),
    f"data/{graph.array}/content/download?format=npz": ("npz", b"PK"),
}


@pytest.mark.parametrize("url", DOWNLOADS)
def test_downloads(client: FlaskClient, url: str) -> None:
    extension, start = DOWNLOADS[url]
    response = client.get("/api/v2/" + url)
    assert response.data.startswith(start)
    uuid = url.split("/")[1]
    assert response.headers["Content-Disposition"] == f'attachment; filename="{uuid}.{extension}"'
    assert response.content_type == "application/octet-stream"


def test_the_name_of_a_file_is_safe() -> None:
    response = attachment(b"x", 1, 'ü "a"\\b\n.txt')
    assert dict(response.headers) == {
        "Content-Type": "application/octet-stream",
        "Content-Length": "1",
        "Accept-Ranges": "bytes",
        "Content-Disposition": ("attachment; filename=\"_ _a__b_.txt\"; filename*=UTF-8''%C3%BC%20%22a%22%5Cb%0A.txt"),
    }


def test_numbers_survive_a_download(client: FlaskClient) -> None:
    content = client.get(f"/api/v2/data/{graph.array}/content/download?format=npz").data
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        assert {name: arrays[name].dtype.kind for name in arrays.files} == {"integers": "i", "floats": "f"}
        assert np.isnan(arrays["floats"]).any()


def test_visualization(client: FlaskClient) -> None:
    path = f"/api/v2/structures/{graph.water}/content/visualization"
    data = client.get(path).json["data"]["visualization"]
    assert (data["formula"], data["pbc"], data["dimensionality"]["dim"]) == ("H2O", [False] * 3, 0)
    assert [atom["l"] for atom in data["str_viz_info"]["data"]["m"][0]["a"]] == ["O", "H", "H"]


def test_tree_with_limits(client: FlaskClient) -> None:
    path = f"/api/v2/nodes/{graph.rescale}/io/tree"
    data = client.get(f"{path}?in_limit=1&out_limit=0").json["data"]
    assert data["nodes"][0] == {
        "id": 0,
        "nodeid": ids[graph.rescale],
        "nodeuuid": graph.rescale,
        "nodetype": "process.calculation.calcfunction.CalcFunctionNode.",
        "displaytype": "CalcFunctionNode",
        "nodelabel": data["nodes"][0]["nodelabel"],
        "group": "mainNode",
        "description": "CalcFunctionNode",
        "shape": "square",
    }
    assert data["nodes"][1]["group"] == "inputs"
    assert data["edges"] == [
        {"from": 1, "to": 0, "arrows": "to", "color": {"inherit": "from"}, "linktype": "input_calc"},
    ]
    assert (data["sent_no_of_incomings"], data["sent_no_of_outgoings"], data["total_no_of_outgoings"]) == (1, 0, 1)


def test_two_links_join_one_pair(client: FlaskClient) -> None:
    data = client.get(f"/api/v2/nodes/{graph.inherit}/io/tree").json["data"]
    assert [node["nodeuuid"] for node in data["nodes"] if node["group"] == "outputs"] == [graph.inherited]
    assert sorted(edge["linktype"] for edge in data["edges"] if edge["from"] == 0) == ["create", "return"]


def test_what_the_recorded_client_asks(client: FlaskClient) -> None:
    """Materials Cloud Explore encodes quotes and percent signs, and reads `X-Total-Count`, singular."""
    response = client.get(
        "/api/v2/data/page/1?perpage=10&type=like=%22data.structure.StructureData.%25%22&orderby=-ctime"
    )
    labels = [node["uuid"] for node in response.json["data"]["data"]]
    assert labels[-2:] == [graph.salt, graph.silicon]
    assert response.headers["X-Total-Count"] == "8"
    response = client.get("/api/v2/computers/page/1?perpage=10&hostname=like=%22%25epfl.ch%22&_=1541592000")
    assert [computer["name"] for computer in response.json["data"]["computers"]] == ["Fidis", "deneb"]


ERRORS = {
    "nodes?foo=1": (
        "nodes have no key 'foo' to filter or order by. There are: ctime, id, label, mtime, state, type, user_id, "
        "uuid, node_type, process_type, description, attributes, extras, pk, group, user, computer, incoming_of, "
        "outgoing_of, ancestor_of, descendant_of"
    ),
    'users?email="a"': "the key 'email' of users is withheld: it is personal data",
    "users?is_active=true": "the key 'is_active' of users is withheld: it is personal data",
    "users?orderby=last_login": "the key 'last_login' of users is withheld: it is personal data",
    'nodes?id="5"': 'id takes an integer, not "5"',
    "nodes?label=5": 'label takes text in double quotes, as in "text", not 5',
    "computers?enabled=1": "enabled takes true or false, not 1",
    "nodes?ctime=5": "ctime takes a time such as 2016, 2016-04, 2016-04-23 or 2016-04-23T05:45+03:45, not 5",
    'nodes?id=like="5"': (
        "the operator =like= does not go with id, which is of type integer; it takes = != > < >= <= =in= =notin= "
        "=isnull="
    ),
    "nodes?limit=5&limit=6": "limit is given twice; it can stand only once in a query string",
    "nodes?limit=401": "limit=401 is out of range: it goes from 1 to 400",
    "nodes/page/1?limit=5": "requesting a specific page is incompatible with limit and offset",
    "nodes?perpage=5&limit=5": "perpage key is incompatible with limit and offset",
    "nodes?perpage=5": "perpage needs a page in the path: append /page/1 to the resource",
    "computers/page/2": "Non existent page requested. The page range is [1 : 1]",
    "computers/page/2?id<0": "Non existent page requested. The page range is [1 : 1]",
    "computers/page/0": "pages are counted from 1",
    "nodes?label=a": (
        'syntax error in the query string at column 7: expected a value ("text" in double quotes, 12, -1.5, true, '
        "false, null or a time as 2016-04-23T05:45+03:45), found 'a'\n  label=a\n        ^"
    ),
    "nodes?alist=a": "alist has no meaning for this resource; it takes limit, offset, perpage, orderby, fields, facet, "
    "cursor, format",
    "nodes/schema?id>1": "this resource takes no filters, so 'id' has no meaning here",
    "nodes/schema?limit=1": "limit has no meaning for this resource; it takes no options",
    f"{NODE}/content/attributes?alist=a&nalist=b": "alist is incompatible with nalist: give one of them",
    "nodes/338357f4": (
        "the uuid prefix '338357f4' is ambiguous: several nodes begin so; add characters. There are "
        f"{graph.twin}, {graph.relax_scf}"
    ),
    "nodes/ffffffff": "there is no object among the nodes whose uuid begins with 'ffffffff'",
    "nodes/xyz": "'xyz' is not the beginning of a uuid, such as 338357f4-f2",
    "nodes/338357f4f236": "'338357f4f236' is not the beginning of a uuid, such as 338357f4-f2",
    f"calculations/{graph.silicon}": (
        f"there is no object among the calculations whose uuid begins with {graph.silicon!r}; "
        "a node of type data.core.structure.StructureData. does"
    ),
    "users/99": "there is no object with id 99 among the users",
    "users/ada": "users are asked for by their integer id, as in /users/2, not by 'ada'",
    f"{JOB}/io/retrieved_inputs?filename=../x": (
        "filename '../x' is not a path inside the node: write it as folder/file, without . and .."
    ),
    f"{JOB}/io/retrieved_inputs?filename=/etc/passwd": (
        "filename '/etc/passwd' is not a path inside the node: write it as folder/file, without . and .."
    ),
    f"{JOB}/io/retrieved_inputs?filename=.aiida": "'.aiida' is a folder, not a file, in the repository of the node",
    f"{JOB}/io/retrieved_inputs?filename=no+file": "the node has no file 'no file'",
    f"{JOB}/io/retrieved_inputs?filename=nothing": "the node has no file 'nothing'",
    f"{JOB}/io/retrieved_inputs?filename=aiida.in&rtype=show": "rtype can only be download, not 'show'",
    f"{JOB}/io/retrieved_inputs?rtype=download": "rtype goes with filename: name the file to download",
    f'nodes?label=like="{"_" * 129}"': (
        "the pattern has 129 wildcards '_'; at most 128 are allowed "
        "(write \\_ for the character itself, or % for any sequence)"
    ),
    f'nodes?label="{"a" * 8000}"': "the query string has 8008 characters; at most 8000 are allowed",
}


NO_ROUTE = "No resource has this URL. GET /api/v2 lists all endpoints.\n"

ON_ANY_STORAGE = {
    **{url: refused(url, message) for url, message in ERRORS.items()},
    "what a node cannot give": refused(
        f"data/{graph.text}/content/visualization", "Str nodes cannot be visualized: there is no format for them", 501
    ),
    **{
        f"no route at {url}": Exchange(url, 404, {"Content-Type": "text/plain; charset=utf-8", **ON_ALL}, NO_ROUTE)
        for url in ("/api/v2/c=+id", "/api/v2/foo", "/nothing", "/api/v2/users/1/io/inputs")
    },
    "a preflight": Exchange("/api/v2/nodes", 200, PREFLIGHT, "", method="OPTIONS"),
    # Or a page could not read that there is none.
    "a preflight of a URL without a route": Exchange(
        "/api/v2/c=+id",
        200,
        PREFLIGHT,
        NO_ROUTE,
        method="OPTIONS",
        sent_headers={"Access-Control-Request-Method": "GET"},
    ),
    "the schema of groups": answer("/groups/schema", GROUPS_SCHEMA),
    "the server": answer(
        "/server",
        ["REST API version: v2", "REST API Prefix: /api/v2", "AiiDA==2", f"aiida-like=={__version__}"],
    ),
}


@pytest.mark.parametrize("name", ON_ANY_STORAGE)
def test_on_any_storage(archive_client: FlaskClient, name: str) -> None:
    check(archive_client, ON_ANY_STORAGE[name])


def test_nothing_can_be_written(archive_client: FlaskClient) -> None:
    response = archive_client.post("/api/v2/nodes")
    message = "The method is not allowed for the requested URL."
    assert (response.status_code, response.json) == (405, {"message": message})
    assert sorted(response.headers["Allow"].split(", ")) == ["GET", "HEAD", "OPTIONS"]
    assert {name: response.headers[name] for name in ON_ALL} == ON_ALL


@pytest.mark.parametrize(
    ("environ", "path", "query"),
    [
        ({"RAW_URI": "/api/v2/users%2F?limit=1"}, "/api/v2/users%2F", ""),
        ({"RAW_URI": "", "REQUEST_URI": "/api/v2/users/"}, "/api/v2/users/", ""),
        ({"RAW_URI": "*"}, "/api/v2/users", ""),
        ({"RAW_URI": "/lab/api/v2/users", "SCRIPT_NAME": "/lab"}, "/api/v2/users", ""),
        ({"QUERY_STRING": "limit=1&_=\xe9"}, "/api/v2/users", "limit=1&_=é"),
        ({"QUERY_STRING": "limit=1&_=\xc3\xa9"}, "/api/v2/users", "limit=1&_=é"),
    ],
)
def test_what_was_sent(archive_client: FlaskClient, environ: dict[str, str], path: str, query: str) -> None:
    """Servers tell the raw path in different ways, and bytes that are no ASCII as Latin-1."""
    answer = archive_client.get("/api/v2/users", environ_overrides=environ).json
    assert (answer["path"], answer["query_string"]) == (path, query)
    mount = environ.get("SCRIPT_NAME", "")
    assert answer["url"] == f"{ROOT}{mount}{path}" + (f"?{query}" if query else "")


def test_head(archive_client: FlaskClient) -> None:
    head, get = archive_client.head("/api/v2/users"), archive_client.get("/api/v2/users")
    assert (head.status_code, head.data, headers_of(head)) == (200, b"", headers_of(get))


def test_an_archive_that_goes_away(
    golden: Golden, caplog: pytest.LogCaptureFixture, tmp_path: Any, serve: Callable[..., Flask]
) -> None:
    """Behind the back of the server: the client learns that, the log where it was."""
    archive = tmp_path / "gone.aiida"
    archive.write_bytes(golden.archive.read_bytes())
    client = serve(find(str(archive)), {}).test_client()
    archive.unlink()
    response = client.get("/api/v2/nodes")
    message = "this profile cannot be served now: its archive is missing"
    assert (response.status_code, response.json) == (503, with_id(response, {"message": message}))
    assert response.headers["Retry-After"] == "10"
    assert str(archive) in caplog.text


@pytest.mark.parametrize("is_caught", [True, False])
def test_a_bug_says_nothing(
    golden: Golden, caplog: pytest.LogCaptureFixture, serve: Callable[..., Flask], is_caught: bool
) -> None:
    """To the client; the log has the traceback, or one line."""
    app = serve(find(str(golden.archive)), {}, catch_internal_server=is_caught)

    def buggy() -> str:
        raise ZeroDivisionError("secret")

    app.add_url_rule("/buggy", view_func=buggy)
    response = app.test_client().get("/buggy")
    message = "Internal server error: the cause is in the log of the server"
    assert (response.status_code, response.json) == (500, with_id(response, {"message": message}))
    assert {name: response.headers[name] for name in ON_ALL} == ON_ALL
    assert f"{response.headers['X-Request-ID']}: GET /buggy: ZeroDivisionError: secret" in caplog.text
    assert ("Traceback" in caplog.text) is is_caught


def test_a_slow_statement_is_stopped(golden: Golden, serve: Callable[..., Flask]) -> None:
    app = serve(find(str(golden.sqlite)), {"STATEMENT_SECONDS": 1e-9})
    storage = app.extensions["aiida_like_storage"]()
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    app.add_url_rule("/slow", view_func=lambda: storage.database.rows(slow, {}))
    response = app.test_client().get("/slow")
    assert (response.status_code, response.json) == (
        503,
        with_id(
            response,
            {
                "message": "the query took longer than 1e-09 s and was stopped: narrow it with more filters, "
                "or order by an indexed key (id, uuid, ctime, mtime)"
            },
        ),
    )


PARALLEL = [
    "nodes?orderby=-ctime&limit=20",
    "nodes/page/2?perpage=7",
    'nodes?label=ilike="a%d_"',
    'calculations?state="FAILED"',
    "computers",
    "nodes/statistics",
    f"nodes/{graph.relax}",
    f"nodes/{graph.relax_scf}/io/inputs",
    f"nodes/{graph.relax_scf}/io/tree",
    f"{NODE}/content/attributes",
    f"{NODE}/content/visualization",
    f"{JOB}/io/retrieved_inputs?filename=aiida.in",
    f"data/{graph.array}/content/download?format=npz",
    "nodes?foo=1",
    "nodes/page/999",
]


@pytest.mark.parametrize("target", ["archive", "sqlite", "postgresql"], indirect=True)
def test_eight_clients_at_once(target: dict[str, Any], serve: Callable[..., Flask], effort: Effort) -> None:
    """From the first request on, every body is the one that a single client gets."""
    app = serve(find(**target), {})
    alone = serve(find(**target), {}).test_client()
    expected = {url: _answer(alone, url) for url in PARALLEL}
    until = time.monotonic() + effort.either(2, 10)
    wrong: list[Any] = []
    answered = [0] * 8

    def ask(number: int) -> None:
        client = app.test_client()
        while (time.monotonic() < until or answered[number] < len(PARALLEL)) and not wrong:
            url = PARALLEL[(answered[number] + 2 * number) % len(PARALLEL)]
            answer = _answer(client, url)
            if answer != expected[url]:
                wrong.append((url, answer))
            answered[number] += 1

    at_once(ask)
    assert wrong == []


def _answer(client: FlaskClient, url: str) -> tuple[int, bytes]:
    response = client.get("/api/v2/" + url)
    return response.status_code, response.data
