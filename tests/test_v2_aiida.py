"""Every object of the golden graph, as API v2 shows it and as aiida-core sees it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.conftest import Golden

Told = Mapping[str, Any]

KINDS: Mapping[str, Callable[[str], bool]] = {
    "nodes": lambda _: True,
    "processes": lambda kind: kind.startswith("process."),
    "calculations": lambda kind: kind.startswith("process."),
    "workflows": lambda kind: kind.startswith("process.workflow."),
    "data": lambda kind: kind.startswith("data."),
    "codes": lambda kind: kind.startswith("data.core.code."),
    "structures": lambda kind: kind == "data.core.structure.StructureData.",
    "kpoints": lambda kind: kind == "data.core.array.kpoints.KpointsData.",
    "bands": lambda kind: kind == "data.core.array.bands.BandsData.",
    "cifs": lambda kind: kind == "data.core.cif.CifData.",
    "upfs": lambda kind: kind == "data.core.upf.UpfData.",
}


@pytest.fixture(scope="session")
def told(golden: Golden) -> Told:
    """What aiida-core says of the golden graph."""
    oracle = Path(__file__).with_name("oracle.py")
    environment = {**os.environ, "AIIDA_PATH": str(golden.aiida_path)}
    command = [sys.executable, str(oracle), "sqlite"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def data_of(client: FlaskClient, url: str) -> Any:
    response = client.get(url)
    assert (response.status_code, response.content_type) == (200, "application/json"), response.text
    return response.json["data"]


def row(node: Told) -> dict[str, Any]:
    return {
        "ctime": http_date(node["ctime"]),
        "id": node["id"],
        "label": node["label"],
        "mtime": http_date(node["mtime"]),
        "state": state(node),
        "type": node["node_type"],
        "user_id": node["user_id"],
        "uuid": node["uuid"],
    }


def http_date(iso: str) -> str:
    return format_datetime(datetime.fromisoformat(iso).astimezone(timezone.utc), usegmt=True)


def state(node: Told) -> str | None:
    if node["process_state"] is None:
        return None
    return "FAILED" if node["process_state"] == "finished" and node["exit_status"] else node["process_state"].upper()


@pytest.mark.parametrize("resource", KINDS)
def test_lists_of_nodes(client: FlaskClient, told: Told, resource: str) -> None:
    expected = [row(node) for node in told["nodes"] if KINDS[resource](node["node_type"])]
    assert data_of(client, f"/api/v2/{resource}") == {resource: expected}


@pytest.mark.parametrize("resource", KINDS)
def test_single_nodes(client: FlaskClient, told: Told, resource: str) -> None:
    nodes = [node for node in told["nodes"] if KINDS[resource](node["node_type"])]
    answers = [data_of(client, f"/api/v2/{resource}/{node['uuid']}") for node in nodes]
    assert answers == [{resource: [row(node) | {"attributes": node["attributes"]}]} for node in nodes]


def test_contents(client: FlaskClient, told: Told) -> None:
    for node in told["nodes"]:
        url = f"/api/v2/nodes/{node['uuid']}/content"
        assert data_of(client, f"{url}/attributes") == {"attributes": node["attributes"]}
        assert data_of(client, f"{url}/extras") == {"extras": node["extras"]}


@pytest.mark.parametrize(("path", "here", "there"), [("inputs", "target", "source"), ("outputs", "source", "target")])
def test_neighbours(client: FlaskClient, told: Told, path: str, here: str, there: str) -> None:
    rows = {node["id"]: row(node) for node in told["nodes"]}
    for node in told["nodes"]:
        ids = sorted({link[there] for link in told["links"] if link[here] == node["id"]})
        answer = data_of(client, f"/api/v2/nodes/{node['uuid']}/io/{path}")
        assert answer == {path: [rows[number] for number in ids]}


def test_trees(client: FlaskClient, told: Told) -> None:
    uuids = {node["id"]: node["uuid"] for node in told["nodes"]}
    for node in told["nodes"]:
        tree = data_of(client, f"/api/v2/nodes/{node['uuid']}/io/tree")
        drawn = {each["id"]: each["nodeuuid"] for each in tree["nodes"]}
        edges = [(drawn[edge["from"]], drawn[edge["to"]], edge["linktype"]) for edge in tree["edges"]]
        incoming = [link for link in told["links"] if link["target"] == node["id"]]
        outgoing = [link for link in told["links"] if link["source"] == node["id"]]
        expected = [(uuids[link["source"]], uuids[link["target"]], link["type"]) for link in incoming + outgoing]
        assert (drawn[0], sorted(edges)) == (node["uuid"], sorted(expected))
        assert (tree["total_no_of_incomings"], tree["total_no_of_outgoings"]) == (len(incoming), len(outgoing))


def test_files(client: FlaskClient, told: Told) -> None:
    files = {node["id"]: sorted(node["files"]) for node in told["nodes"]}
    for node in told["nodes"]:
        is_job = node["node_type"] == "process.calculation.calcjob.CalcJobNode."
        retrieved = [
            link["target"] for link in told["links"] if (link["source"], link["label"]) == (node["id"], "retrieved")
        ]
        url = f"/api/v2/nodes/{node['uuid']}/io"
        inputs = data_of(client, f"{url}/retrieved_inputs")["retrieved_inputs"]
        outputs = data_of(client, f"{url}/retrieved_outputs")["retrieved_outputs"]
        assert sorted(inputs) == (files[node["id"]] if is_job else [])
        assert sorted(outputs) == (files[retrieved[0]] if is_job and retrieved else [])


def test_computers(client: FlaskClient, told: Told) -> None:
    def expected(computer: Told) -> dict[str, Any]:
        same = ("description", "hostname", "id", "scheduler_type", "transport_type", "uuid")
        return {
            **{key: computer[key] for key in same},
            "enabled": any(computer["authinfos"]) or not computer["authinfos"],
            "name": computer["label"],
            "transport_params": jsonb_text(computer["transport_params"]),
        }

    computers = [expected(computer) for computer in told["computers"]]
    assert data_of(client, "/api/v2/computers") == {"computers": computers}
    for computer in computers:
        assert data_of(client, f"/api/v2/computers/{computer['uuid']}") == {"computers": [computer]}


def jsonb_text(value: dict[str, Any]) -> str:
    return json.dumps({key: value[key] for key in sorted(value, key=lambda key: (len(key), key))})


def test_users(client: FlaskClient, told: Told) -> None:
    users = [user | {"date_joined": None} for user in told["users"]]
    assert data_of(client, "/api/v2/users") == {"users": users}
    for user in users:
        assert data_of(client, f"/api/v2/users/{user['id']}") == {"users": [user]}


def test_groups(client: FlaskClient, told: Told) -> None:
    groups = [
        {
            **{key: group[key] for key in ("description", "id", "user_id", "uuid")},
            "name": group["label"],
            "type": group["type_string"],
        }
        for group in told["groups"]
    ]
    assert data_of(client, "/api/v2/groups") == {"groups": groups}
    for group in groups:
        assert data_of(client, f"/api/v2/groups/{group['uuid']}") == {"groups": [group]}


@pytest.mark.parametrize("user", [None, 1, 2, 99])
def test_statistics(client: FlaskClient, told: Told, user: int | None) -> None:
    nodes = [node for node in told["nodes"] if user in (None, node["user_id"])]
    query = "" if user is None else f"?user={user}"
    assert data_of(client, f"/api/v2/nodes/statistics{query}") == {
        "total": len(nodes),
        "types": Counter(node["node_type"] for node in nodes),
        "ctime_by_day": Counter(utc(node["ctime"]).strftime("%Y-%m-%d") for node in nodes),
    }


def test_types(client: FlaskClient, told: Told) -> None:
    types = sorted({node["node_type"] for node in told["nodes"]})
    codes = [kind for kind in types if kind.startswith("data.core.code.")]
    assert data_of(client, "/api/v2/nodes/types") == {
        "calculation": [kind for kind in types if kind.startswith("process.")],
        "data": [kind for kind in types if kind.startswith("data.") and kind not in codes],
        "code": codes,
    }


def utc(iso: str) -> datetime:
    return datetime.fromisoformat(iso).astimezone(timezone.utc)


def alphabetical(node: Told, key: str) -> tuple[Any, ...]:
    value = node[key]
    return (value is not None, value.lower() if isinstance(value, str) else value, node["id"])


@pytest.mark.parametrize("key", ["id", "label", "ctime", "mtime", "node_type", "process_type", "uuid", "user_id"])
@pytest.mark.parametrize("sign", ["", "+", "-"])
def test_order(client: FlaskClient, told: Told, key: str, sign: str) -> None:
    nodes = sorted(told["nodes"], key=partial(alphabetical, key=key), reverse=sign == "-")
    answer = data_of(client, f"/api/v2/nodes?orderby={sign}{key}")["nodes"]
    assert [found["id"] for found in answer] == [node["id"] for node in nodes]


FILTERS: Mapping[str, Callable[[Told], bool]] = {
    "id>40&id<=42": lambda node: node["id"] in (41, 42),
    "id>=80": lambda node: node["id"] >= 80,
    "pk=7": lambda node: node["id"] == 7,
    "id!=7&id<9": lambda node: node["id"] in (1, 2, 3, 4, 5, 6, 8),
    "id=in=45,56,78": lambda node: node["id"] in (45, 56, 78),
    "id=notin=1,2,3&id<6": lambda node: node["id"] in (4, 5),
    "id=1099511627776": lambda _: False,
    "id>-5&id<3": lambda node: node["id"] < 3,
    'label="aiida"': lambda node: node["label"] == "aiida",
    'label=ilike="AIIDA"': lambda node: node["label"].lower() == "aiida",
    'label=in="aiida","ZETA"': lambda node: node["label"] in ("aiida", "ZETA"),
    'label=notin="","aiida"': lambda node: node["label"] not in ("", "aiida"),
    'label="say ""hi"""': lambda node: node["label"] == 'say "hi"',
    'label>="b"&label<="beta"': lambda node: "b" <= node["label"].lower() <= "beta",
    'label>"z"': lambda node: node["label"].lower() > "z",
    'label<"b"&label!=""': lambda node: "" < node["label"].lower() < "b",
    'label=like="%\\\\%"': lambda node: "\\" in node["label"],
    'label=like="under\\_score"': lambda node: node["label"] == "under_score",
    'label=like="under_score"': lambda node: node["label"] in ("under_score", "underscore"),
    'label=ilike="ÜNÏ%"': lambda node: node["label"].lower().startswith("ünï"),
    'label=like="Ünï%"': lambda node: node["label"].startswith("Ünï"),
    'label=like="a%d_"': lambda node: re.fullmatch("a.*d.?", node["label"]) is not None,
    'label=ilike="a__d_"': lambda node: node["label"].lower() == "aiida",
    'description=like="%two\n%"': lambda node: "two\n" in node["description"],
    'description=like="This calculation is %\\% useful"': lambda node: node["description"].endswith("100% useful"),
    'state="FAILED"': lambda node: state(node) == "FAILED",
    'state!="FINISHED"': lambda node: state(node) not in (None, "FINISHED"),
    'state=in="KILLED","EXCEPTED"': lambda node: state(node) in ("KILLED", "EXCEPTED"),
    'state=like="%ED"&state<"F"': lambda node: state(node) in ("CREATED", "EXCEPTED"),
    'type="data.parameter.ParameterData."': lambda node: node["node_type"] == "data.core.dict.Dict.",
    'type=like="data.array.%"': lambda node: node["node_type"].startswith("data.core.array."),
    'type=ilike="calculation.job.%"': lambda node: node["node_type"].startswith("process.calculation.calcjob."),
    'type=in="code.Code.","data.base.Int."': lambda node: node["node_type"].startswith(
        ("data.core.code.", "data.core.int.")
    ),
    'type!="data.core.dict.Dict."&user_id=4': lambda node: node["user_id"] == 4 and "Dict" not in node["node_type"],
    'node_type=like="process.%.Work%"': lambda node: ".Work" in node["node_type"],
    'process_type=like="%pw"': lambda node: (node["process_type"] or "").endswith("pw"),
    'process_type!=""': lambda node: bool(node["process_type"]),
    'uuid="338357F4-F236-4F9C-8FBE-CD550DC6B858"': lambda node: node["uuid"].startswith("338357f4-f2"),
    'uuid=like="338357f4%"': lambda node: node["uuid"].startswith("338357f4"),
    'uuid=ilike="338357F4-F2%"': lambda node: node["uuid"].startswith("338357f4-f2"),
    'uuid=like="%a"': lambda node: node["uuid"].endswith("a"),
    'uuid=like="_338357f4%"': lambda node: node["uuid"].startswith("338357f4") or node["uuid"][1:9] == "338357f4",
    'uuid=like="zz%"': lambda _: False,
    'uuid>="f"': lambda node: node["uuid"] >= "f",
    'uuid="x"': lambda _: False,
    'uuid=in="x"': lambda _: False,
    'uuid!="x"&id<3': lambda node: node["id"] < 3,
    "ctime=2016-04-23": lambda node: utc(node["ctime"]).strftime("%Y-%m-%d") == "2016-04-23",
    "ctime!=2016-04-23&ctime<2016-04-24": lambda node: utc(node["ctime"]).strftime("%Y-%m-%d") < "2016-04-23",
    "ctime>2016-04-23&ctime<2016-05-02": lambda node: "2016-04-24" <= utc(node["ctime"]).isoformat() < "2016-05-02",
    "ctime<=2016-04-23": lambda node: utc(node["ctime"]).isoformat() < "2016-04-24",
    "ctime=2016-04-23T05:45+03:45": lambda node: utc(node["ctime"]).isoformat()[:16] == "2016-04-23T02:00",
    "ctime>=2016-04-23T05:45+03:45&ctime<2016-04-23T05:45": lambda node: (
        "2016-04-23T02:00" <= utc(node["ctime"]).isoformat() < "2016-04-23T05:45"
    ),
    "ctime=2016-04-23T05:45:00": lambda node: utc(node["ctime"]).isoformat()[:19] == "2016-04-23T05:45:00",
    "ctime=2016-04-23T05:45:00.000001": lambda node: (
        utc(node["ctime"]).isoformat()[:26] == "2016-04-23T05:45:00.000001"
    ),
    "ctime=in=2016-04-22,2016-05-02T03": lambda node: (
        utc(node["ctime"]).isoformat()[:10] == "2016-04-22" or utc(node["ctime"]).isoformat()[:13] == "2016-05-02T03"
    ),
    "ctime=notin=2016-04-23,2016-04-22&ctime<2016-05-02": lambda node: (
        utc(node["ctime"]).isoformat() < "2016-05-02"
        and utc(node["ctime"]).isoformat()[:10] not in ("2016-04-22", "2016-04-23")
    ),
    "mtime<2016-04-23T00:01": lambda node: utc(node["mtime"]).isoformat() < "2016-04-23T00:01",
}


@pytest.mark.parametrize("query", FILTERS)
def test_filters(client: FlaskClient, told: Told, query: str) -> None:
    expected = [node["id"] for node in told["nodes"] if FILTERS[query](node)]
    answer = client.get("/api/v2/nodes", query_string=query)
    assert answer.status_code == 200, answer.text
    assert [node["id"] for node in answer.json["data"]["nodes"]] == expected
    assert answer.headers["X-Total-Counts"] == str(len(expected))


OTHER_FILTERS = {
    "computers?enabled=true": [1, 2, 3, 5],
    "computers?enabled=false": [4],
    "computers?enabled!=true": [4],
    'computers?transport_params="{}"': [1, 3, 4, 5],
    'computers?transport_params=like="%port%"': [2],
    'computers?scheduler_type=in="slurm","core.slurm"&orderby=-name': [5, 3, 2],
    'computers?hostname=ilike="%EPFL.CH"': [3, 4],
    'computers?uuid=like="9b5c%"': [2],
    'computers?pk>=2&name>"d"&name<="deneb"': [2, 4],
    "users?date_joined>2000-01-01": [],
    "users?orderby=last_name": [3, 4, 1, 2],
    'users?last_name<="m"': [1, 3, 4],
    'users?institution!=""': [2, 4],
    'groups?type="core"&name=like="%pseudos%"': [5],
    "groups?user_id=2": [4, 7],
    "groups?orderby=-user_id&limit=1": [7],
}


@pytest.mark.parametrize("url", OTHER_FILTERS)
def test_other_filters(client: FlaskClient, url: str) -> None:
    path, _, query = url.partition("?")
    answer = client.get(f"/api/v2/{path}", query_string=query)
    assert answer.status_code == 200, answer.text
    assert [found["id"] for found in answer.json["data"][path]] == OTHER_FILTERS[url]
