"""PROV and RO-Crate of one small run, whole: all that a node, a link or a user can have, and those without it."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from aiida_like.provenance.prov import prov_json
from aiida_like.provenance.ro_crate import Sources, crate
from aiida_like.provenance.subgraph import Link, Node, Run, Subgraph, User
from aiida_like.repository import StoredFile

BEGAN, ENDED = "2016-04-29T19:24:12.500000+00:00", "2016-04-29T19:30:00+00:00"
WORKCHAIN, JOB, FUNCTION = (
    f"process.{name}."
    for name in ("workflow.workchain.WorkChainNode", "calculation.calcjob.CalcJobNode", "calculation.X.FunctionNode")
)
CODE, DICT, STRUCTURE = (
    f"data.core.{name}." for name in ("code.installed.InstalledCode", "dict.Dict", "structure.StructureData")
)


def uuid(pk: int) -> str:
    return f"00000000-0000-4000-8000-{pk:012}"


def node(pk: int, node_type: str, user: int = 1, **known: str) -> Node:
    times = ("2016-04-29 19:24:12.5", "2016-04-29 19:30:00+00")
    texts = (known.get("label", ""), known.get("description", ""))
    optional = ("state", "exit_status", "exit_message", "process_label")
    return Node(
        pk, uuid(pk), *texts, node_type, known.get("process_type"), *times, user, *(known.get(key) for key in optional)
    )


NODES = [
    node(
        1,
        WORKCHAIN,
        description="All of it",
        process_type="aiida.workflows:x",
        process_label="XWorkChain",
        state="finished",
        exit_status="0",
    ),
    node(2, JOB, 2, label="scf", state="finished", exit_status="401", exit_message="It failed"),
    node(3, FUNCTION, 9, state="running"),
    node(4, CODE, label="pw"),
    node(5, DICT, description="Input"),
    node(6, STRUCTURE, 2),
]
LINKS = [
    Link(5, 1, "input_work", "parameters"),
    Link(1, 2, "call_calc", "scf"),
    Link(1, 3, "call_work", "f"),
    Link(4, 2, "input_calc", "code"),
    Link(5, 2, "input_calc", "parameters"),
    Link(5, 2, "input_calc", "again"),
    Link(2, 6, "create", "out"),
    Link(1, 6, "return", "out"),
]
USERS = {1: User(1, "Ada", "Lovelace", "Analytical"), 2: User(2, "", "", "")}
SUBGRAPH = Subgraph(NODES, LINKS, USERS, is_truncated=True)


def name(pk: int) -> str:
    return f"uuid:{uuid(pk)}"


def told(pk: int, label: str, node_type: str, **others: Any) -> dict[str, Any]:
    named = {f"aiida:{key}": value for key, value in others.items()}
    return {"prov:label": label, "prov:type": node_type, "aiida:id": str(pk), **named, "aiida:ctime": BEGAN}


def plain(value: Any) -> Any:
    """Without types: each version of the library names them in its own way."""
    if not isinstance(value, dict):
        return value
    return str(value["$"]) if "$" in value else {key: plain(each) for key, each in value.items()}


def numbered(first: int, *relations: dict[str, Any]) -> dict[str, Any]:
    return {f"_:id{number}": relation for number, relation in enumerate(relations, first)}


def used(process: int, data: int, label: str, link_type: str) -> dict[str, Any]:
    ends = {"prov:activity": name(process), "prov:entity": name(data)}
    return {**ends, "prov:role": label, "aiida:link_type": link_type}


START, END = {"prov:startTime": BEGAN}, {"prov:endTime": ENDED}
ITSELF = f"api:nodes/{uuid(1)}/prov"

PROV = {
    "prefix": {"uuid": "urn:uuid:", "aiida": "urn:aiida:", "api": "http://host/api/v4/"},
    "agent": {
        "api:users/1": {"prov:type": "prov:Person", "prov:label": "Ada Lovelace"},
        "api:users/2": {"prov:type": "prov:Person", "prov:label": "user 2"},
    },
    "entity": {
        name(4): told(4, "pw", CODE),
        name(5): told(5, "Dict", DICT, description="Input"),
        name(6): told(6, "StructureData", STRUCTURE),
        ITSELF: {
            "prov:label": "Provenance of XWorkChain",
            "prov:type": "aiida:export",
            "aiida:truncated": True,
            "aiida:nodes": "6",
        },
    },
    "activity": {
        name(1): {
            **(START | END),
            **told(
                1,
                "XWorkChain",
                WORKCHAIN,
                description="All of it",
                process_type="aiida.workflows:x",
                process_state="finished",
                exit_status="0",
            ),
        },
        name(2): {
            **(START | END),
            **told(2, "scf", JOB, process_state="finished", exit_status="401", exit_message="It failed"),
        },
        name(3): START | told(3, "FunctionNode", FUNCTION, process_state="running"),
    },
    "wasAttributedTo": numbered(
        1,
        *({"prov:entity": name(pk), "prov:agent": f"api:users/{user}"} for pk, user in ((4, 1), (5, 1), (6, 2))),
    ),
    "wasAssociatedWith": numbered(
        4, *({"prov:activity": name(pk), "prov:agent": f"api:users/{user}"} for pk, user in ((1, 1), (2, 2)))
    ),
    "used": numbered(
        6,
        used(1, 5, "parameters", "input_work"),
        used(2, 4, "code", "input_calc"),
        used(2, 5, "parameters", "input_calc"),
        used(2, 5, "again", "input_calc"),
    ),
    "wasGeneratedBy": numbered(10, {**used(2, 6, "out", "create"), "prov:time": BEGAN}),
    "wasInformedBy": numbered(
        11,
        *(
            {
                "prov:informed": name(pk),
                "prov:informant": name(1),
                "prov:type": f"aiida:{link_type}",
                "prov:label": label,
            }
            for pk, link_type, label in ((2, "call_calc", "scf"), (3, "call_work", "f"))
        ),
    ),
    "wasInfluencedBy": numbered(
        13,
        {
            "prov:influencee": name(6),
            "prov:influencer": name(1),
            "prov:type": "aiida:return",
            "prov:label": "out",
        },
        {"prov:influencee": ITSELF, "prov:influencer": name(1)},
    ),
}


@pytest.mark.parametrize("api", ["http://host/api/v4", "http://host/api/v4/"])
def test_prov(api: str) -> None:
    assert plain(json.loads(b"".join(prov_json(SUBGRAPH, api, 100)))) == PROV


# RO-Crate

TREES = {
    2: {"o": {"aiida.in": {"k": "1" * 64}}},
    5: {"o": {"sub": {"o": {"b": {"k": "3" * 64}}}, "a.txt": {"k": "2" * 64}, "nowhere": {"k": "../secret"}}},
}
FILES = {
    f"nodes/{uuid(2)}/files/aiida.in": b"11!",
    f"nodes/{uuid(4)}/attributes.json": b'{"id":4}',
    f"nodes/{uuid(5)}/attributes.json": b'{"id":5}',
    f"nodes/{uuid(5)}/files/a.txt": b"22!",
    f"nodes/{uuid(5)}/files/sub/b": b"33!",
    f"nodes/{uuid(6)}/attributes.json": b'{"id":6}',
}


def references(*names: str) -> list[dict[str, str]]:
    return [{"@id": each} for each in names]


def folder(pk: int, node_type: str, label: str, *files: str, **others: Any) -> dict[str, Any]:
    return {
        "@type": "Dataset",
        "identifier": f"urn:uuid:{uuid(pk)}",
        "additionalType": node_type,
        "dateCreated": BEGAN,
        "name": label,
        "hasPart": references(*(f"nodes/{uuid(pk)}/{file}" for file in files)),
        **others,
    }


def action(pk: int, node_type: str, label: str, status: str, **others: Any) -> dict[str, Any]:
    return {
        "@type": "CreateAction",
        "name": label,
        "identifier": f"urn:uuid:{uuid(pk)}",
        "additionalType": node_type,
        "startTime": BEGAN,
        "actionStatus": f"http://schema.org/{status}ActionStatus",
        **others,
    }


def program(label: str) -> dict[str, Any]:
    return {"@type": "SoftwareApplication", "name": label}


ATTRIBUTES = {"@type": "File", "name": "attributes.json", "encodingFormat": "application/json"}
FOLDERS = {pk: f"nodes/{uuid(pk)}/" for pk in range(1, 7)}
MADE_AND_USED = {"object": references(FOLDERS[5]), "result": references(FOLDERS[6]), "endTime": ENDED}

CRATE = {
    "ro-crate-metadata.json": {
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    },
    "./": {
        "@type": "Dataset",
        "name": "XWorkChain",
        "description": "All of it (truncated: it called more processes than are here)",
        "datePublished": ENDED,
        "license": "No licence is stated",
        "conformsTo": {"@id": "https://w3id.org/ro/wfrun/process/0.5"},
        "hasPart": references(
            *(FOLDERS[4], f"{FOLDERS[4]}attributes.json", FOLDERS[5], f"{FOLDERS[5]}attributes.json"),
            *(f"{FOLDERS[5]}files/a.txt", f"{FOLDERS[5]}files/sub/b", FOLDERS[6], f"{FOLDERS[6]}attributes.json"),
            *(FOLDERS[2], f"{FOLDERS[2]}files/aiida.in"),
        ),
        "mentions": references(*(f"#{uuid(pk)}" for pk in (1, 2, 3))),
    },
    "https://w3id.org/ro/wfrun/process/0.5": {
        "@type": "CreativeWork",
        "name": "Process Run Crate",
        "version": "0.5",
    },
    "#user-1": {"@type": "Person", "name": "Ada Lovelace"},
    "#user-2": {"@type": "Person", "name": "user 2"},
    FOLDERS[4]: folder(4, CODE, "pw", "attributes.json") | {"@type": ["Dataset", "SoftwareApplication"]},
    FOLDERS[5]: folder(5, DICT, "Dict", "attributes.json", "files/a.txt", "files/sub/b", description="Input"),
    FOLDERS[6]: folder(6, STRUCTURE, "StructureData", "attributes.json"),
    **{f"{FOLDERS[pk]}attributes.json": ATTRIBUTES for pk in (4, 5, 6)},
    f"{FOLDERS[5]}files/a.txt": {"@type": "File", "name": "a.txt"},
    f"{FOLDERS[5]}files/sub/b": {"@type": "File", "name": "sub/b"},
    f"#{uuid(1)}": action(
        1,
        WORKCHAIN,
        "XWorkChain",
        "Completed",
        instrument=references("#aiida.workflows:x"),
        agent={"@id": "#user-1"},
        **MADE_AND_USED,
    ),
    "#aiida.workflows:x": program("XWorkChain"),
    f"#{uuid(2)}": action(
        2,
        JOB,
        "scf",
        "Failed",
        error="It failed",
        instrument=references(FOLDERS[4]),
        agent={"@id": "#user-2"},
        subjectOf={"@id": FOLDERS[2]},
        **MADE_AND_USED,
    ),
    FOLDERS[2]: folder(2, JOB, "Files of scf", "files/aiida.in", about={"@id": f"#{uuid(2)}"}),
    f"{FOLDERS[2]}files/aiida.in": {"@type": "File", "name": "aiida.in"},
    f"#{uuid(3)}": action(
        3, FUNCTION, "FunctionNode", "Active", instrument=references(f"#{FUNCTION}"), object=[], result=[]
    ),
    f"#{FUNCTION}": program(FUNCTION),
}


def test_a_crate() -> None:
    def read(key: str) -> StoredFile:
        return StoredFile.of(key[:2].encode() + b"!")

    blocks = crate(Run(SUBGRAPH, TREES), Sources(lambda pk: b'{"id":%d}' % pk, read))
    with zipfile.ZipFile(io.BytesIO(b"".join(blocks))) as zipped:
        members = zipped.infolist()
        content = {member.filename: zipped.read(member) for member in members}
    metadata = json.loads(content.pop("ro-crate-metadata.json"))
    assert metadata["@context"] == "https://w3id.org/ro/crate/1.1/context"
    described = {entity.pop("@id"): entity for entity in metadata["@graph"]}
    assert described == CRATE
    assert list(content.items()) == list(FILES.items())
    # Of the process itself, without fractions of a second.
    assert {(each.date_time, each.compress_type) for each in members} == {
        ((2016, 4, 29, 19, 24, 12), zipfile.ZIP_DEFLATED)
    }


DESCRIBED = {
    ("", "finished", None, "Completed", None),
    ("", "finished", "0", "Completed", None),
    ("", "finished", "1", "Failed", "finished, exit status 1"),
    ("Why", "finished", "1", "Failed", "Why"),
    ("", "excepted", None, "Failed", "excepted, exit status None"),
    ("", "killed", "0", "Failed", "killed, exit status 0"),
    ("", "waiting", None, "Active", None),
    ("", None, None, "Active", None),
}


@pytest.mark.parametrize(("message", "state", "exit_status", "status", "error"), sorted(DESCRIBED, key=str))
def test_how_it_ended(message: str, state: str | None, exit_status: str | None, status: str, error: str | None) -> None:
    known = {"state": state, "exit_status": exit_status, "exit_message": message or None}
    process = node(1, JOB, label="scf", **{key: value for key, value in known.items() if value is not None})
    blocks = crate(
        Run(Subgraph([process], [], {}, is_truncated=False), {}),
        Sources(lambda _: b"", lambda _: StoredFile.of(b"")),
    )
    with zipfile.ZipFile(io.BytesIO(b"".join(blocks))) as zipped:
        (metadata,) = (json.loads(zipped.read(each)) for each in zipped.namelist())
    described = {entity["@id"]: entity for entity in metadata["@graph"]}
    ended = described[f"#{uuid(1)}"]
    assert (ended["actionStatus"], ended.get("error")) == (f"http://schema.org/{status}ActionStatus", error)
    assert (described["./"]["datePublished"], "agent" in ended) == (BEGAN if status == "Active" else ENDED, False)
    assert described["./"]["description"] == "What scf did, with its data"


NAMES = {
    ("mine", "Process"): "mine",
    ("", "Process"): "Process",
    ("", None): "CalcJobNode",
}


@pytest.mark.parametrize(("label", "process_label"), NAMES)
def test_what_people_call_a_node(label: str, process_label: str | None) -> None:
    known = {"process_label": process_label} if process_label else {}
    assert node(1, JOB, label=label, **known).name == NAMES[label, process_label]
    assert [node(1, node_type).name for node_type in ("Plain", "Plain.", "", "a.b")] == ["Plain", "Plain", "", "b"]


USERS_CALLED = {
    ("Ada", "Lovelace"): "Ada Lovelace",
    ("Ada", ""): "Ada",
    ("", "Lovelace"): "Lovelace",
    ("", ""): "user 7",
}


@pytest.mark.parametrize("names", USERS_CALLED)
def test_what_people_call_a_user(names: tuple[str, str]) -> None:
    assert User(7, *names, "").name == USERS_CALLED[names]
