"""API v4: what is sent, and the whole of what comes back."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from gunicorn.http.errors import InvalidChunkSize, NoMoreData
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiida_like import __version__
from aiida_like.profiles import find
from restapi.dialects.aiida_v4.full_types import tree_of_types
from tests.conftest import Effort, Golden, at_once
from tests.exchanges import ERROR, ON_ALL, PREFLIGHT, ROOT, Exchange, check, pages
from tests.golden import FILES, computers, graph, groups, ids, users


def envelope(url: str, data: Any, **others: Any) -> dict[str, Any]:
    """`others` stand in it too, or instead of what usually does."""
    path, _, query = f"/api/v4/{unquote(url)}".partition("?")
    return {
        "data": data,
        "method": "GET",
        "path": path,
        "query_string": query,
        "resource_type": path.split("/")[3],
        "url": f"{ROOT}/api/v4/{unquote(url)}",
        "url_root": f"{ROOT}/",
    } | others


def headers(total: int | None, link: str | None = None) -> dict[str, str | None]:
    shown = None if total is None else str(total)
    return {"Content-Type": "application/json", "X-Total-Count": shown, "Link": link, **ON_ALL}


def answer(url: str, data: Any, *, id_: Any = None, total: int | None = 1, link: str | None = None) -> Exchange:
    return Exchange(f"/api/v4/{url}", 200, headers(total, link), envelope(url, data, id=id_))


def about(url: str, data: Any, **named: Any) -> Exchange:
    """The answer about an object, with the id that the URL has for it."""
    return answer(url, data, id_=url.partition("?")[0].split("/")[1], **named)


def query(asked: Any, data: Any, *, total: int = 1, url: str = "querybuilder", **named: Any) -> Exchange:
    body = envelope(url, data, method="POST", resource_type="QueryBuilder")
    return Exchange(f"/api/v4/{url}", 200, headers(total), body, "POST", asked, **named)


def of_node(uuid: str, projections: Any, row: Any) -> Exchange:
    """The query of one node."""
    path = [{"entity_type": "node", "tag": "n"}]
    return query({"path": path, "filters": {"n": {"uuid": uuid}}, "project": {"n": projections}}, {"n": [row]})


def file(name: str, quote: str) -> Exchange:
    url = f"/api/v4/nodes/{graph.folder}/repo/contents?filename={quote}{name}{quote}"
    shown = {"Content-Disposition": "attachment; filename=" + CHANGED.get(name, f'"{name}"')}
    return Exchange(url, 200, {"Content-Type": "application/octet-stream", **shown, **ON_ALL}, FILES[name])


def listed(*names: str) -> Any:
    """The files and folders of a folder; a folder ends with a slash."""
    return [{"name": each.rstrip("/"), "type": "DIRECTORY" if each.endswith("/") else "FILE"} for each in names]


def refused(url: str, message: str, status: int = 400, **named: Any) -> Exchange:
    return Exchange(f"/api/v4/{url}", status, ERROR, {"message": message}, **named)


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


LINK = {"link_label": "structure", "link_type": "input_calc"}

SALT = {
    "id": ids[graph.salt],
    "uuid": graph.salt,
    "node_type": "data.core.structure.StructureData.",
    "node_label": "NaCl",
    "ctime": "Sun, 01 May 2016 18:00:00 GMT",
    "mtime": "Sun, 01 May 2016 18:01:00 GMT",
    "description": "ClNa",
    **LINK,
}

RESCALE = {
    "id": ids[graph.rescale],
    "uuid": graph.rescale,
    "node_type": "process.calculation.calcfunction.CalcFunctionNode.",
    "node_label": "rescale",
    "ctime": "Wed, 04 May 2016 11:00:00 GMT",
    "mtime": "Wed, 04 May 2016 11:01:00 GMT",
    "description": "",
}

LOGGED = {
    "time": "Tue, 03 May 2016 21:01:01 GMT",
    "loggername": "aiida.orm.nodes.process.WorkChainNode",
    "levelname": "REPORT",
    "dbnode_id": ids[graph.relax],
    "message": "launching PwCalculation",
}

COMMENT = {
    "created_time": "Tue, 31 May 2016 12:00:03 GMT",
    "modified_time": "Wed, 01 Jun 2016 12:00:03 GMT",
    "user": "Günther Müßig",
    "message": "From the ICSD",
}

OBJECTS = {
    f"nodes/{graph.silicon}": SILICON,
    f"nodes/{graph.silicon[:9]}/": SILICON,
    f"nodes/{ids[graph.silicon]}": SILICON,
    f"nodes/{graph.silicon}?attributes=true&attributes_filter=pbc1,,pbc1,": SILICON | {"attributes": {"pbc1": True}},
    f"computers/{computers.fidis[:8].upper()}": FIDIS,
    f"computers/{ids[computers.fidis]}": FIDIS,
    f"groups/{groups.favourites}": FAVOURITES,
}

CONTENTS = {
    f"nodes/{graph.seven}/contents/attributes?attributes_filter=value,absent": {"attributes": {"value": 7}},
    f"nodes/{graph.upf}/contents/attributes?attributes_filter=filename": {"attributes": {"filename": "Si.upf"}},
    f"nodes/{graph.code_pp}/contents/extras?extras_filter=trialBool,trial": {"extras": {"trialBool": True}},
    f"nodes/{graph.seven}/contents/derived_properties": {"derived_properties": {}},
    f"nodes/{graph.water}/contents/derived_properties": {
        "derived_properties": {"dimensionality": {"dim": 0, "label": "", "value": 0}, "formula": "H2O"}
    },
    f"nodes/{graph.silicon}/contents/comments": {"comments": [COMMENT]},
    f"nodes/{graph.seven}/contents/comments": {"comments": []},
    f"nodes/{graph.seven}/repo/list": {"repo_list": []},
    f"nodes/{graph.folder}/repo/list": {
        "repo_list": listed("README.txt", "a b+c.txt", "binary.dat", "deep/", "empty", "hollow/", "large.txt", "Ünï/")
    },
    f"nodes/{graph.folder}/repo/list?filename=deep/er/": {"repo_list": listed("est.txt")},
    f"nodes/{graph.folder}/repo/list?filename=%22hollow%22": {"repo_list": []},
    f"calcjobs/{graph.relax_scf}/input_files": listed(".aiida/", "_aiidasubmit.sh", "aiida.in"),
    f"calcjobs/{graph.relax_scf}/output_files?filename=out": listed("data file.xml"),
    f"calcjobs/{graph.created}/output_files": {"status": 200, "data": "This node does not have retrieved folder"},
    f"processes/{graph.relax}/report": {"logs": [LOGGED]},
}

LINKS = f"nodes/{graph.relax_scf}/links/incoming"
COMPUTERS = "computers/page/%d?perpage=2&orderby=-id&fields=id"

CHANGED = {
    "deep/er/est.txt": '"deep_er_est.txt"',
    "deep/twin.txt": '"deep_twin.txt"',
    "Ünï/çödé ☃.txt": "\"_n____d_ _.txt\"; filename*=UTF-8''%C3%9Cn%C3%AF_%C3%A7%C3%B6d%C3%A9%20%E2%98%83.txt",
}
"""Names under which files are sent that cannot keep theirs."""

FULL_TYPE = "process.calculation.calcjob.CalcJobNode.|aiida.calculations:quantumespresso.pw"

DRAWN = {
    "total_no_of_incomings": 2,
    "sent_no_of_incomings": 1,
    "total_no_of_outgoings": 1,
    "sent_no_of_outgoings": 0,
}

EXCHANGES = {
    "a list": answer('nodes/?label=like="silic%25"&limit=1', {"nodes": [SILICON]}, total=3),
    **{f"an object, {url}": about(url, {url.split("/")[0]: [shown]}) for url, shown in OBJECTS.items()},
    "a user": answer(f"users/{users.zoe}", {"users": [ZOE]}, id_=users.zoe),
    "an object whose id is escaped": answer(
        f"nodes/{graph.silicon[:8]}%2D", {"nodes": [SILICON]}, id_=graph.silicon[:9]
    ),
    **{url: about(url, data) for url, data in CONTENTS.items()},
    "a page": answer(
        COMPUTERS % 2,
        {"computers": [{"id": 3}, {"id": 2}]},
        total=5,
        link=pages(f"/api/v4/{COMPUTERS}", first=1, prev=1, next=3, last=3),
    ),
    "a page of links": about(
        f"{LINKS}/page?perpage=4&fields=id",
        {"incoming": [{"id": ids[each]} for each in (graph.parameters, graph.code_pw, graph.silicon, graph.mesh)]},
        total=6,
        link=pages(f"/api/v4/{LINKS}/page/%d?perpage=4&fields=id", first=1, next=2, last=2),
    ),
    "a link": about(f"{LINKS}?id={ids[graph.silicon]}", {"incoming": [SILICON | LINK]}),
    "a tree": about(
        f"nodes/{graph.rescale}/links/tree?in_limit=1&out_limit=0",
        {
            "nodes": [RESCALE | {"incoming": [SALT], "outgoing": []}],
            "metadata": [DRAWN],
        },
        total=None,
    ),
    "statistics of a user": answer(
        "nodes/statistics?user=2",
        {
            "total": 7,
            "types": {"data.core.str.Str.": 6, "process.calculation.calcjob.CalcJobNode.": 1},
            "ctime_by_day": {"2016-04-22": 1, "2016-04-23": 5, "2016-05-04": 1},
        },
        total=None,
    ),
    **{f"the file {name} in {quote or 'no'} quotes": file(name, quote) for name in FILES for quote in ("", '"')},
    "a query": query(
        {
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
            "limit": 10_000,
        },
        {
            "structure": [{key: SILICON[key] for key in ("uuid", "node_type", "full_type")}],
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
        url="querybuilder/",
    ),
    "a number as such": of_node(graph.thirty, [{"attributes.value": {"cast": "f"}}], {"attributes.value": 30.0}),
    **{
        f"the cast {cast}": of_node(graph.true, {"attributes.value": {"cast": cast}}, {"attributes.value": shown})
        for cast, shown in {"b": True, "j": True, "t": "true"}.items()
    },
    "casts of what is something else": of_node(
        graph.true,
        [{"attributes.value": {"cast": "d"}}, {"extras.x": {"cast": "b"}}],
        {"attributes.value": None, "extras.x": None},
    ),
    "a count": of_node(graph.true, {"id": {"func": "count"}}, {"id": 1}),
    "a query without rows": query(
        {
            "path": [
                {"entity_type": "node", "tag": "n", "project": ["id", "label"]},
                {"entity_type": "log", "tag": "l", "project": ["metadata"], "edge_project": []},
            ],
            "filters": {"n": {"id": -1}},
        },
        {"n": [], "l": []},
        total=0,
    ),
    "the metadata of a log": query(
        {
            "path": [{"entity_type": "log", "tag": "l"}],
            "filters": {"l": {"metadata": {"of_type": "object"}}},
            "project": {"l": ["dbnode_id", "metadata.name"]},
            "order_by": {"l": "id"},
            "limit": 1,
        },
        {"l": [{"dbnode_id": ids[graph.relax], "metadata.name": None}]},
    ),
    "full types alone": answer(
        f'nodes?uuid="{graph.relax_scf}"&fields=full_type,id',
        {"nodes": [{"full_type": FULL_TYPE, "id": ids[graph.relax_scf]}]},
    ),
    "what has a key": answer(
        f'nodes?filter=attributes HAS "cell" AND uuid="{graph.silicon}"&fields=id',
        {"nodes": [{"id": ids[graph.silicon]}]},
    ),
    "JSON by another name": query(
        b'{"path": ["user"], "project": {"user_1": "id"}, "order_by": {"user_1": "id"}}',
        {"user_1": [{"id": number} for number in (1, 2, 3, 4)]},
        total=4,
        sent_headers={"Content-Type": "text/plain"},
    ),
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_exchange(client: FlaskClient, name: str) -> None:
    check(client, EXCHANGES[name])


LISTS: list[tuple[str, tuple[str, ...]]] = [
    ('nodes?label="silicon"', (graph.silicon,)),
    ('nodes?label=like="Aii_A"', (graph.aiida_mixed,)),
    ('nodes?label=like="AiiDA_"', ()),
    ('nodes?label=ilike="aii_a"', (graph.aiida, graph.aiida_mixed)),
    ('nodes?full_type="data.core.structure.StructureData.|"&limit=2', (graph.silicon, graph.salt)),
    ("nodes?full_type=data.core.code.%|&limit=2", (graph.code_pw, graph.code_pp)),
    ("nodes?full_type=%22process.workflow.workchain.%25%7C%25%22", (graph.relax, graph.excepted, graph.running)),
    ("nodes?full_type=%|aiida.calculations:quantumespresso.pw", (graph.relax_scf, graph.relax_final, graph.bands_run)),
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
    # A uuid that begins with digits is found where there is no such id: no computer has one of eight digits.
    ("computers/17016221", (computers.localhost,)),
]  # fmt: skip


@pytest.mark.parametrize(("url", "expected"), LISTS)
def test_lists(client: FlaskClient, url: str, expected: tuple[str, ...]) -> None:
    response = client.get(f"/api/v4/{url}")
    assert response.status_code == 200, response.text
    (rows,) = response.json["data"].values()
    assert [row["id"] for row in rows] == [ids[uuid] for uuid in expected]


def test_content_in_lists(client: FlaskClient) -> None:
    url = f"/api/v4/nodes?id={ids[graph.silicon]}&attributes=true&attributes_filter=pbc1,kinds.0.name,none&extras=True"
    (node,) = client.get(url).json["data"]["nodes"]
    extras = node.pop("extras")
    assert node == SILICON | {"attributes": {"pbc1": True, "kinds.0.name": "Si", "none": None}}
    assert extras.keys() == {"_aiida_hash"}
    (node,) = client.get(f"/api/v4/nodes/{graph.seven}?attributes=true&extras=false").json["data"]["nodes"]
    assert node["attributes"]["value"] == 7
    assert "extras" not in node


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


DOWNLOADS = {
    f"{graph.silicon}/download?download_format=cif": (f"{graph.silicon}.cif", b"data_"),
    f"{graph.silicon}/download?download_format=xsf&download=true": (f"{graph.silicon}.xsf", b"CRYSTAL"),
    f"{graph.silicon}/download?download_format=chemdoodle": (f"{graph.silicon}.chemdoodle", b'{"s":'),
    f"{graph.array}/download?download_format=npz": (f"{graph.array}.npz", b"PK"),
    f"{graph.bands}/download?download_format=%22json%22": (f"{graph.bands}.json", b"{"),
    # As its attribute `filename` says.
    f"{graph.upf}/download?download_format=upf": ("Si.upf", b"<UPF"),
}


@pytest.mark.parametrize("url", DOWNLOADS)
def test_downloads(client: FlaskClient, url: str) -> None:
    name, start = DOWNLOADS[url]
    response = client.get(f"/api/v4/nodes/{url}")
    assert response.data.startswith(start)
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'


def test_a_download_that_is_shown(client: FlaskClient) -> None:
    url = f"nodes/{graph.cif}/download?download_format=cif&download=False"
    shown = client.get(f"/api/v4/{url}").json["data"]["download"]
    assert shown["data"].startswith("data_salt")
    assert shown["filename"].endswith(".cif")
    check(client, about(url, {"download": {"data": shown["data"], "filename": shown["filename"], "status": 200}}))


@pytest.mark.parametrize("query", ["orderby=group", "fields=group,id", "orderby=-incoming_of", "facet=ancestor_of"])
def test_what_can_only_be_filtered_by(archive_client: FlaskClient, query: str) -> None:
    answer = archive_client.get(f"/api/v4/nodes?{query}")
    key = query.partition("=")[2].partition(",")[0].lstrip("-")
    message = f"nodes can be filtered by '{key}', but not in this way: it is a relation, no key"
    assert (answer.status_code, answer.json["message"]) == (400, message)


def test_properties_of_bands(archive_client: FlaskClient) -> None:
    answer = archive_client.get(f"/api/v4/nodes/{graph.bands}/contents/derived_properties")
    (bands,) = answer.json["data"]["derived_properties"].values()
    assert set(bands) == {"label", "path", "paths", "original_uuid"}


def test_statistics(client: FlaskClient) -> None:
    assert client.get("/api/v4/nodes/statistics").json["data"]["total"] == len(ids) - 5 - 7 - 3 - 4


def test_full_types(client: FlaskClient) -> None:
    counted = client.get("/api/v4/nodes/full_types_count?user=4").json["data"]
    assert (counted["namespace"], counted["full_type"], counted["counter"]) == ("node", "node.%|", 2)
    assert [space["full_type"] for space in counted["subspaces"]] == ["data.%|", "process.%|%"]
    types = client.get("/api/v4/nodes/full_types").json["data"]
    assert "counter" not in json.dumps(types)
    assert "Unregistered" in json.dumps(types)


def test_no_types_at_all() -> None:
    nothing = {"full_type": "node.%|", "subspaces": []}
    assert tree_of_types({}) == dict.fromkeys(("namespace", "label", "path"), "node") | nothing


@pytest.mark.parametrize("path", ["/api/v4", "/api/v4/", "/api/v4/server/endpoints", "/api/v4/server/endpoints/"])
def test_every_endpoint_is_listed_and_answers(archive_client: FlaskClient, path: str) -> None:
    lines = archive_client.get(path).json["data"]["available_endpoints"]
    assert len(lines) == len(set(lines)) == 58
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


WRONG = {
    "nodes?labell=5": (
        "nodes have no key 'labell' to filter or order by; did you mean 'label'? There are: id, label, node_type, "
        "process_type, full_type, ctime, mtime, uuid, user_id, description, dbcomputer_id, attributes, extras, pk, "
        "user, computer, group, incoming_of, outgoing_of, ancestor_of, descendant_of"
    ),
    "nodes?label=5": 'label takes text in double quotes, as in "text", not 5',
    'nodes?label="x': (
        'syntax error in the query string at column 7: expected a value ("text" in double quotes, 12, -1.5, true, '
        "false, null or a time as 2016-04-23T05:45+03:45), found '\"x'\n  label=\"x\n        ^"
    ),
    "nodes?limit=500": "limit=500 is out of range: it goes from 1 to 400",
    "nodes?limit=0": "limit=0 is out of range: it goes from 1 to 400",
    "nodes?limit=-1": "limit takes an integer without a sign, not '-1'",
    "nodes/page/1?perpage=401": "perpage=401 is out of range: it goes from 1 to 400",
    "nodes/page/99": "Non existent page requested. The page range is [1 : 5]",
    "nodes?perpage=5": "perpage needs a page in the path: append /page/1 to the resource",
    "users?email=%22x%22": "the key 'email' of users is withheld: it is personal data",
    "users?orderby=-email": "the key 'email' of users is withheld: it is personal data",
    "nodes?attributes=yes": "attributes takes true or false, not 'yes'",
    "nodes?full_type=data": (
        "full_type takes NODE_TYPE|PROCESS_TYPE with one '|', such as data.core.dict.Dict.|, not 'data'"
    ),
    "nodes?full_type=a|b|c": (
        "full_type takes NODE_TYPE|PROCESS_TYPE with one '|', such as data.core.dict.Dict.|, not 'a|b|c'"
    ),
    "nodes?full_type=da%ta.|": "in full_type a % can stand only at the end of a half, not as in 'da%ta.'",
    "nodes?full_type=data%.|": "in full_type a % can stand only at the end of a half, not as in 'data%.'",
    "nodes?profile=other": "there is no profile 'other' here: 'golden' is served",
    "nodes/338357f4": (
        "the uuid prefix '338357f4' is ambiguous: several nodes begin so; add characters. There are "
        f"{graph.twin}, {graph.relax_scf}"
    ),
    f"nodes/{graph.folder}/repo/contents": 'filename is missing: name the file, as in ?filename="aiida.in"',
    f"nodes/{graph.folder}/repo/contents?filename=../x": (
        "filename '../x' is not a path inside the node: write it as folder/file, without . and .."
    ),
    f"nodes/{graph.silicon}/download": "download_format is missing; there are: cif, xsf, xyz, chemdoodle",
    f"nodes/{graph.seven}/download": "download_format is missing; there are: none for such a node",
    f"nodes/{graph.array}/download?download_format=npz&download=false": (
        f"{graph.array}.npz is not text, so it can only be downloaded: leave out download=false"
    ),
    "nodes/statistics?user>1": "only the filter user=ID has a meaning here, not one of 'user'",
    "nodes/full_types_count?id=1": "only the filter user=ID has a meaning here, not one of 'id'",
    "nodes/full_types?id=1": "this resource takes no filters, so 'id' has no meaning here",
    "computers?attributes=true": (
        "attributes has no meaning for this resource; it takes limit, offset, perpage, orderby, fields, facet, "
        "cursor, format, profile"
    ),
}

MISSING = {
    "nodes/ffffffff": "there is no object among the nodes whose uuid begins with 'ffffffff'",
    "nodes/999999": "there is no object among the nodes whose uuid begins with '999999', and none with the id 999999",
    "nodes/zz": "'zz' is not the beginning of a uuid, such as 338357f4-f2",
    "users/99": "there is no object with id 99 among the users",
    "users/zoe": "users are asked for by their integer id, as in /users/2, not by 'zoe'",
    f"processes/{graph.silicon}/report": (
        f"there is no object among the processes whose uuid begins with {graph.silicon!r}; a node of type "
        "data.core.structure.StructureData. does"
    ),
    f"calcjobs/{graph.relax}/input_files": (
        f"there is no object among the calcjobs whose uuid begins with {graph.relax!r}; a node of type "
        "process.workflow.workchain.WorkChainNode. does"
    ),
    f"nodes/{graph.folder}/repo/contents?filename=no": "the node has no file 'no'",
    f"nodes/{graph.folder}/repo/contents?filename=deep": (
        "'deep' is a folder, not a file, in the repository of the node"
    ),
    f"nodes/{graph.folder}/repo/list?filename=empty": "'empty' is a file, not a folder, in the repository of the node",
    "nothing": "No resource has this URL. GET /api/v4 lists all endpoints.",
    "nodes/1/nothing": "No resource has this URL. GET /api/v4 lists all endpoints.",
}

HELP = (
    "The QueryBuilder is asked by POST, with a JSON object as QueryBuilder.as_dict() of AiiDA gives it, such as "
    '{"path": [{"entity_type": "data.core.dict.Dict.", "tag": "dict"}], "project": {"dict": ["uuid", "attributes"]}}'
)

WRONG_BODIES = {
    b"5": "a query is an object in braces, not 5",
    b'{"path": ["node"], "limit": 10001}': (
        "limit is 10001; at most 10000 rows are answered, so ask in parts with offset"
    ),
    b" " * 1_000_001: "the body has more than 1000000 bytes",
    b'{"path": ["node"], "filters": {"node_1": {"attributes.\\u0000": 1}}}': (
        "the body holds the character NUL, \\u0000, which no text in a database does"
    ),
    b'{"path": ["nodes"]}': (
        "path[0]: there is no entity_type 'nodes'; there are node, group, computer, user, comment, log, "
        'types of nodes such as "data.core.dict.Dict." and types of groups such as "group.core"'
    ),
}

CIF = "data.core.cif.CifData.|"
DICT = "data.core.dict.Dict.|"
VERSIONS = {
    "API_major_version": "4",
    "API_minor_version": "1",
    "API_revision_version": "0",
    "API_prefix": "/api/v4",
    "AiiDA_version": "2.9",
    "server": f"aiida-like {__version__}",
}

ON_ANY_STORAGE = {
    **{url: refused(url, message) for url, message in WRONG.items()},
    **{url: refused(url, message, 404) for url, message in MISSING.items()},
    "a format that there is not": refused(
        f"nodes/{graph.silicon}/download?download_format=pdb",
        "structure nodes cannot be downloaded as 'pdb': available as cif, xsf, xyz, chemdoodle",
        501,
    ),
    "a process has no format": refused(
        f"nodes/{graph.relax}/download?download_format=cif", "processes cannot be downloaded, only data can", 501
    ),
    **{
        f"the body {body[:40]!r}": refused("querybuilder", message, method="POST", sent=body)
        for body, message in WRONG_BODIES.items()
    },
    "the formats of a type": answer(f"nodes/download_formats?full_type=%22{CIF}%22", {CIF: ["cif"]}, total=None),
    "the formats of a type without one": answer(f"nodes/download_formats?full_type={DICT}", {DICT: []}, total=None),
    "the server": Exchange("/api/v4/server", 200, headers(1), envelope("server", VERSIONS, resource_type="Info")),
    "the QueryBuilder by GET": Exchange(
        "/api/v4/querybuilder",
        405,
        headers(1) | {"Allow": "OPTIONS, POST"},
        envelope("querybuilder", {"message": HELP}, resource_type="QueryBuilder"),
    ),
    "a preflight": Exchange(
        "/api/v4/querybuilder/",
        200,
        PREFLIGHT,
        "",
        method="OPTIONS",
        sent_headers={"Origin": "https://explorer.example", "Access-Control-Request-Method": "POST"},
    ),
    **{
        f"nothing can be written by {method}": Exchange(
            "/api/v4/nodes",
            405,
            ERROR | {"Allow": "GET, HEAD, OPTIONS"},
            {"message": "The method is not allowed for the requested URL."},
            method,
        )
        for method in ("PUT", "PATCH", "DELETE", "POST")
    },
}


@pytest.mark.parametrize("name", ON_ANY_STORAGE)
def test_on_any_storage(archive_client: FlaskClient, name: str) -> None:
    check(archive_client, ON_ANY_STORAGE[name])


def test_download_formats(archive_client: FlaskClient) -> None:
    assert archive_client.get("/api/v4/nodes/download_formats").json["data"][CIF] == ["cif"]


# The QueryBuilder


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_bodies_that_are_no_json(archive_client: FlaskClient, body: bytes) -> None:
    """What is wrong with it is said by the reader of JSON, each version in its words."""
    response = archive_client.post("/api/v4/querybuilder", data=body)
    assert response.status_code == 400
    assert response.json["message"].startswith("the body is no JSON: ")


class _Broken(io.RawIOBase):
    """The input of a server whose client went away, or sent what is no chunk."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def readable(self) -> bool:
        return True

    def readinto(self, _: Any) -> int:
        raise self.error


@pytest.mark.parametrize("error", [OSError("gone"), InvalidChunkSize(b"zz"), NoMoreData()])
def test_a_body_that_breaks_off(archive_client: FlaskClient, error: Exception) -> None:
    environ = {"wsgi.input": _Broken(error), "wsgi.input_terminated": True}
    response = archive_client.post("/api/v4/querybuilder", environ_overrides=environ)
    assert response.status_code == 400
    assert response.json == {"message": "the body breaks off, or its chunks are not as HTTP has them"}


@pytest.mark.parametrize("settings", [{"MAX_LIMIT": 10}, {"MAX_LIMIT": 10, "PAGE_SIZE": 500}])
def test_a_page_is_no_longer_than_a_list(golden: Golden, serve: Callable[..., Flask], settings: dict[str, int]) -> None:
    client = serve(find(str(golden.archive)), settings).test_client()
    answer = client.get("/api/v4/nodes/page/1")
    assert (answer.status_code, len(answer.json["data"]["nodes"])) == (200, 10)
    assert "at most 10, 10 by default" in client.get("/api/v4/openapi.json").text


def test_all_rows_or_an_error(golden: Golden, serve: Callable[..., Flask]) -> None:
    client = serve(find(str(golden.archive)), {"MAX_QUERY_ROWS": 4}).test_client()
    users_ = {"path": ["user"], "project": {"user_1": "id"}}
    assert len(client.post("/api/v4/querybuilder", json=users_).json["data"]["user_1"]) == 4
    message = "the query has more than 4 rows: ask in parts with limit, offset and order_by"
    check(client, refused("querybuilder", message, method="POST", sent={"path": ["computer"]}))


def test_the_querybuilder_can_be_switched_off(golden: Golden, serve: Callable[..., Flask]) -> None:
    client = serve(find(str(golden.archive)), {"QUERYBUILDER": False}).test_client()
    message = "the QueryBuilder is switched off here: ask by GET, as in /nodes?orderby=-ctime"
    check(client, refused("querybuilder", message, 501, method="POST", sent={"path": ["computer"]}))
    check(client, refused("querybuilder", message, 501))
    on = serve(find(str(golden.archive)), {}).test_client()
    for asked in ("openapi.json", "server/endpoints"):
        assert "/querybuilder" in on.get(f"/api/v4/{asked}").text
        assert "/querybuilder" not in client.get(f"/api/v4/{asked}").text
    assert "querybuilder" not in {tag["name"] for tag in client.get("/api/v4/openapi.json").json["tags"]}


def test_a_query_that_takes_too_long(target: dict[str, Any], serve: Callable[..., Flask]) -> None:
    client = serve(find(**target), {"STATEMENT_SECONDS": 0.2}).test_client()
    pairs: list[Any] = [["user", {"entity_type": "node", "with_user": f"user_{n}"}] for n in range(1, 5)]
    asked = {"path": sum(pairs, ["node"]), "project": {"node_1": {"id": {"func": "count"}}}}
    message = (
        "the query took longer than 0.2 s and was stopped: narrow it with more filters, "
        "or order by an indexed key (id, uuid, ctime, mtime)"
    )
    check(client, refused("querybuilder", message, 503, method="POST", sent=asked))


INJECTED = ["'; DROP TABLE db_dbnode; /*", "'||(SELECT email FROM db_dbuser)||'"]
SIGNS = ['"', "\\", "%", "%(x)s", ":x", "{}", "?", "$1", "a]b"]


@pytest.mark.parametrize("text", INJECTED + SIGNS)
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


WORDS = """
    path filters project order_by limit offset distinct entity_type tag edge_tag with_incoming with_ancestors with_group
    joining_keyword joining_value outerjoin direction edge_filters edge_project subclassing orm_base node group.core
    user n node_1 id label uuid ctime attributes attributes.value extras.a.0 process_type depth path ** and or !or ==
    !== > in like ilike contains has_key of_type longer cast func f d count max asc desc x data.core.dict.Dict.
    2016-04-23 100%
"""
words = st.sampled_from([*WORDS.split(), "", "\\", "\0"])
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
    optional=dict.fromkeys(("project", "order_by", "limit"), anything) | {"filters": st.dictionaries(words, anything)},
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
            vertex = {"entity_type": "node", "tag": "n", "filters": {"id": number % 80 + 1}}
            posted = client.post("/api/v4/querybuilder", json={"path": [vertex], "project": {"n": "id"}})
            if rows != expected or posted.json["data"] != {"n": [{"id": number % 80 + 1}]}:
                wrong.append((url, rows, posted.text))
            number += 1

    at_once(ask)
    assert wrong == []
