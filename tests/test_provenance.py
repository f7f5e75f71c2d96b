"""Provenance as PROV-JSON and as RO-Crate, read again by the libraries of those formats."""

from __future__ import annotations

import gc
import io
import json
import sys
import zipfile
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prov.model import (
    ProvActivity,
    ProvAgent,
    ProvAssociation,
    ProvAttribution,
    ProvCommunication,
    ProvDocument,
    ProvEntity,
    ProvGeneration,
    ProvInfluence,
    ProvUsage,
)
from rocrate.rocrate import ROCrate

from aiida_like.models import LINK_TYPES
from aiida_like.profiles import find
from aiida_like.provenance import prov
from aiida_like.provenance.prov import RELATIONS
from aiida_like.provenance.ro_crate import Sources, crate
from aiida_like.provenance.subgraph import Link, Node, Run, Subgraph, User
from aiida_like.repository import Blocks, StoredFile
from aiida_like.timestamps import instant
from aiida_like.tuning import Tuning
from tests.conftest import Effort, Golden
from tests.golden import RETRIEVED, SUBMITTED, ctime_of, graph, ids, mtime_of
from tests.memory import peak_of

# PROV


def read_prov(client: FlaskClient, path: str) -> ProvDocument:
    response = client.get(f"/api/v4/nodes/{path}")
    assert (response.status_code, response.content_type) == (200, "application/json")
    document = ProvDocument.deserialize(content=response.text, format="json")
    assert ProvDocument.deserialize(content=document.serialize(format="json"), format="json") == document
    return document


def ends_of(document: ProvDocument, kind: type) -> set[tuple[str, str]]:
    """The uuids, or the ids of users, that relations of a kind join."""
    found = set()
    for record in document.get_records(kind):
        first, second = (
            str(value).rpartition(":")[2].removeprefix("users/") for _, value in record.formal_attributes[:2]
        )
        found.add((first, second))
    return found


def names_of(document: ProvDocument, kind: type) -> set[str]:
    return {str(record.identifier) for record in document.get_records(kind)}


def test_where_bands_come_from(client: FlaskClient) -> None:
    document = read_prov(client, f"{graph.bands_result}/prov?link_type=data")
    jobs = {graph.bands_run, graph.relax_final, graph.relax_scf}
    inputs = {graph.code_pw, graph.silicon, graph.mesh, graph.parameters, graph.upf}
    made = {(graph.bands_result, graph.bands_run)}
    made |= {(graph.final_remote, graph.relax_final), (graph.scf_remote, graph.relax_scf)}
    data = inputs | {graph.path} | {entity for entity, _ in made}
    assert names_of(document, ProvActivity) == {f"uuid:{uuid}" for uuid in jobs}
    assert names_of(document, ProvEntity) == {f"uuid:{uuid}" for uuid in data} | {
        f"api:nodes/{graph.bands_result}/prov"
    }
    assert names_of(document, ProvAgent) == {"api:users/1"}
    assert ends_of(document, ProvGeneration) == made
    assert ends_of(document, ProvUsage) == {
        *((job, uuid) for job in (graph.relax_scf, graph.relax_final) for uuid in inputs),
        (graph.relax_final, graph.scf_remote),
        *((graph.bands_run, uuid) for uuid in (graph.code_pw, graph.path, graph.final_remote)),
    }
    assert ends_of(document, ProvCommunication) == set()
    assert ends_of(document, ProvAssociation) == {(job, "1") for job in jobs}
    assert ends_of(document, ProvAttribution) == {(uuid, "1") for uuid in data}


def test_what_calls_is_an_informant(client: FlaskClient) -> None:
    document = read_prov(client, f"{graph.salt}/prov")
    assert ends_of(document, ProvCommunication) == {(graph.pick, graph.relax)}
    assert (graph.pick, graph.salt) in ends_of(document, ProvUsage)
    # What a workflow returns was there before.
    assert ends_of(document, ProvGeneration) == set()
    assert (graph.salt, graph.pick) in ends_of(document, ProvInfluence)


def test_times_labels_and_types(client: FlaskClient) -> None:
    document = read_prov(client, f"{graph.rescaled}/prov?link_type=data")
    (activity,) = document.get_records(ProvActivity)
    assert (activity.get_startTime(), activity.get_endTime()) == (ctime_of(graph.rescale), mtime_of(graph.rescale))
    assert str(activity.label) == "rescale"
    told = {str(name): value for name, value in activity.extra_attributes}
    assert told["prov:type"] == "process.calculation.calcfunction.CalcFunctionNode."
    assert (told["aiida:process_state"], told["aiida:exit_status"]) == ("finished", 0)
    (generation,) = document.get_records(ProvGeneration)
    assert {str(name): value for name, value in generation.attributes}["prov:time"] == ctime_of(graph.rescaled)
    assert {str(value) for usage in document.get_records(ProvUsage) for value in usage.get_attribute("prov:role")} == {
        "structure",
        "scale",
    }
    agents = {str(agent.identifier): str(agent.label) for agent in document.get_records(ProvAgent)}
    assert agents == {"api:users/1": "AiiDA Daemon", "api:users/4": "Zoë adams"}


def test_what_runs_has_no_end(client: FlaskClient) -> None:
    (activity,) = read_prov(client, f"{graph.running}/prov?depth=1").get_records(ProvActivity)
    assert (activity.get_startTime(), activity.get_endTime()) == (ctime_of(graph.running), None)


@pytest.mark.parametrize(
    ("options", "is_truncated"), [("", "false"), ("?limit=3", "true"), ("?limit=3&depth=1", "false")]
)
def test_the_document_says_whether_it_is_all(archive_client: FlaskClient, options: str, is_truncated: str) -> None:
    document = read_prov(archive_client, f"{graph.final_structure}/prov{options}")
    (itself,) = document.get_record(f"api:nodes/{graph.final_structure}/prov")
    assert {str(value).lower() for value in itself.get_attribute("aiida:truncated")} == {is_truncated}


def test_two_nodes_have_the_link_between_them(archive_client: FlaskClient) -> None:
    document = archive_client.get(f"/api/v4/nodes/{graph.relax_scf}/prov?limit=2").json
    relations = {name for name in document if name in ("used", "wasGeneratedBy", "wasInformedBy", "wasStartedBy")}
    assert len(document["activity"]) + len(document["entity"]) == 3  # with the document itself
    assert relations


def test_every_node_can_be_read_again(archive_client: FlaskClient) -> None:
    for pk in range(1, ids[graph.created] + 1):
        read_prov(archive_client, f"{pk}/prov")
        read_prov(archive_client, f"{pk}/prov?direction=out&depth=2")


def test_every_type_of_links_has_a_relation() -> None:
    assert set(RELATIONS) == set(LINK_TYPES)


def test_version_2_says_the_same(archive_client: FlaskClient) -> None:
    texts = [archive_client.get(f"/api/{version}/nodes/{graph.rescaled}/prov").text for version in ("v2", "v4")]
    assert texts[0].replace("/api/v2/", "/api/v4/") == texts[1]


@pytest.mark.parametrize(("at_once", "pieces"), [(1, 128), (7, 34)])
def test_a_document_in_pieces(golden: Golden, serve: Callable[..., Flask], at_once: int, pieces: int) -> None:
    profile = find(str(golden.archive))
    client = serve(profile, {"CACHE": False}).test_client()
    url = f"/api/v4/nodes/{graph.bands_result}/prov?direction=both"
    whole = client.get(url)
    assert "Content-Length" in whole.headers
    tuning = Tuning(streamed_bytes=0, records_at_once=at_once)
    client = serve(profile, {"CACHE": False}, tuning=tuning).test_client()
    assert len([*client.get(url).iter_encoded()]) == pieces
    response = client.get(url)
    assert "Content-Length" not in response.headers
    assert response.json == whole.json
    read_prov(client, f"{graph.bands_result}/prov?direction=both")


def test_a_document_is_never_whole_in_memory(effort: Effort) -> None:
    number = effort.either(1000, 3000)
    subgraph, peaks = chain_of(number), []
    # Documents of the library refer to themselves, so they go when the collector runs: by itself it does so the less
    # often, the more there is in the process.
    gc.freeze()

    def written(at_once: int) -> int:
        size = 0
        for piece in prov.prov_json(subgraph, "http://localhost/api/v4", at_once):
            size += len(piece)
            gc.collect()
        return size

    for at_once in (Tuning().records_at_once, 10**9):
        size, peak = peak_of(partial(written, at_once))
        peaks.append(peak)
        assert size > 350 * number
    assert peaks[0] < peaks[1] / 3


def chain_of(number: int) -> Subgraph:
    """Calculations, each of which made what the next one uses."""
    kinds = ("data.core.dict.Dict.", "process.calculation.calcjob.CalcJobNode.")
    times = ("2016-04-29 19:24:12.123456",) * 2
    nodes = [
        Node(pk, f"00000000-0000-4000-8000-{pk:012d}", "", "", kinds[pk % 2], None, *times, 1, None, None, None, None)
        for pk in range(number)
    ]
    links = [Link(pk, pk + 1, "create" if pk % 2 else "input_calc", "link") for pk in range(number - 1)]
    return Subgraph(nodes, links, {1: User(1, "Ada", "Lovelace", "")}, is_truncated=False)


STORED = {
    "2016-04-29 19:24:12.123456": (2016, 4, 29, 19, 24, 12, 123456),
    "2016-04-29 19:24:12.12+00": (2016, 4, 29, 19, 24, 12, 120000),
    "2016-04-29 19:24:12+00": (2016, 4, 29, 19, 24, 12, 0),
}


@pytest.mark.parametrize("stored", STORED)
def test_times(stored: str) -> None:
    assert instant(stored) == datetime(*STORED[stored], tzinfo=timezone.utc)


# RO-Crate


@pytest.fixture
def read_crate(tmp_path: Path) -> Callable[[FlaskClient, str], ROCrate]:
    def read(client: FlaskClient, path: str) -> ROCrate:
        response = client.get(path)
        assert (response.status_code, response.content_type) == (200, "application/zip"), response.text
        (tmp_path / "crate.zip").write_bytes(response.data)
        with zipfile.ZipFile(tmp_path / "crate.zip") as zipped:
            assert zipped.testzip() is None
            zipped.extractall(tmp_path / "crate")
        read_crate = ROCrate(tmp_path / "crate.zip")
        for entity in read_crate.get_entities():
            if entity.type == "File":
                assert (tmp_path / "crate" / unquote(entity.id)).is_file(), entity.id
        return read_crate

    return read


def uuids(entities: Any) -> set[str]:
    return {
        each.id.removeprefix("nodes/").strip("#/") for each in (entities if isinstance(entities, list) else [entities])
    }


def test_a_run_of_a_job(client: FlaskClient, read_crate: Callable[..., ROCrate], tmp_path: Path) -> None:
    opened = read_crate(client, f"/api/v4/nodes/{graph.bands_run}/ro-crate")
    root = opened.root_dataset
    assert root["conformsTo"].id == "https://w3id.org/ro/wfrun/process/0.5"
    assert (opened.name, opened.metadata["conformsTo"]) == ("bands", "https://w3id.org/ro/crate/1.1")
    action = root["mentions"] if not isinstance(root["mentions"], list) else root["mentions"][0]
    assert (action.type, uuids(action)) == ("CreateAction", {graph.bands_run})
    assert uuids(action["instrument"]) == {graph.code_pw}
    assert uuids(action["object"]) == {graph.path, graph.final_remote}
    assert uuids(action["result"]) == {graph.bands_remote, graph.bands_retrieved, graph.bands_result}
    agent = action["agent"]
    assert (agent["name"] if not isinstance(agent, list) else agent[0]["name"]) == "AiiDA Daemon"
    assert datetime.fromisoformat(action["startTime"]) == ctime_of(graph.bands_run)
    assert datetime.fromisoformat(action["endTime"]) == mtime_of(graph.bands_run)
    assert action["actionStatus"].rpartition("/")[2] == "CompletedActionStatus"
    for uuid, files in ((graph.bands_run, SUBMITTED), (graph.bands_retrieved, RETRIEVED)):
        for path, content in files.items():
            assert (tmp_path / "crate" / "nodes" / uuid / "files" / path).read_bytes() == content
    attributes = client.get(f"/api/v4/nodes/{graph.path}/contents/attributes").json["data"]["attributes"]
    assert json.loads((tmp_path / "crate" / "nodes" / graph.path / "attributes.json").read_text()) == attributes


def test_a_run_of_a_workflow_has_what_it_called(client: FlaskClient, read_crate: Callable[..., ROCrate]) -> None:
    opened = read_crate(client, f"/api/v2/workflows/{graph.relax}/ro-crate")
    actions = {action.id.strip("#"): action for action in opened.root_dataset["mentions"]}
    assert set(actions) == {graph.relax, graph.relax_scf, graph.relax_final, graph.pick}
    assert uuids(actions[graph.relax]["result"]) == {graph.final_structure, graph.scf_results}
    (program,) = actions[graph.relax]["instrument"]
    assert (program["name"], program.type) == ("PwRelaxWorkChain", "SoftwareApplication")
    assert uuids(actions[graph.pick]["object"]) == {graph.silicon, graph.salt}


STATUSES = {
    graph.failed: ("FailedActionStatus", "Neither stdout nor XML could be read."),
    graph.killed: ("FailedActionStatus", "killed, exit status None"),
    graph.running: ("ActiveActionStatus", None),
}


@pytest.mark.parametrize("uuid", STATUSES)
def test_how_it_ended(archive_client: FlaskClient, read_crate: Callable[..., ROCrate], uuid: str) -> None:
    action = read_crate(archive_client, f"/api/v4/nodes/{uuid}/ro-crate").get(f"#{uuid}")
    assert (action["actionStatus"].rpartition("/")[2], action.get("error")) == STATUSES[uuid]
    assert (action.get("endTime") is None) is (uuid == graph.running)


def test_a_crate_says_whether_it_is_all(archive_client: FlaskClient, read_crate: Callable[..., ROCrate]) -> None:
    path = f"/api/v4/nodes/{graph.relax}/ro-crate"
    assert "truncated" not in read_crate(archive_client, path).description
    opened = read_crate(archive_client, f"{path}?limit=2")
    assert "truncated" in opened.description
    assert len(opened.root_dataset["mentions"]) == 2


def test_what_cannot_have_a_crate(archive_client: FlaskClient) -> None:
    response = archive_client.get(f"/api/v4/nodes/{graph.silicon}/ro-crate")
    assert (response.status_code, response.json["message"]) == (
        501,
        "only a process has a crate, and this node is data.core.structure.StructureData.",
    )


def test_how_many_links_a_crate_may_have(golden: Golden, serve: Callable[..., Flask]) -> None:
    """Five to what was used and three to what was made; that it was called is none."""
    for most, status in ((8, 200), (7, 400)):
        few = serve(find(str(golden.archive)), {"MAX_GRAPH_NODES": most}).test_client()
        response = few.get(f"/api/v4/nodes/{graph.relax_scf}/ro-crate")
        assert response.status_code == status
    assert response.json["message"] == (
        "these processes have more than 7 links: take fewer with a smaller limit or depth"
    )


def test_head_of_a_crate(archive_client: FlaskClient) -> None:
    response = archive_client.head(f"/api/v4/nodes/{graph.relax}/ro-crate")
    assert (response.status_code, response.data) == (200, b"")
    assert f'filename="{graph.relax}.crate.zip"' in response.headers["Content-Disposition"]


def run_with(tree: dict[str, Any]) -> Run:
    time = "2016-04-29 19:24:12"
    node = Node(1, graph.relax, "", "", "process.workflow.", None, time, time, 9, "finished", "0", None, None)
    return Run(Subgraph([node], [], {}, is_truncated=False), {1: tree})


def test_memory_stays_flat() -> None:
    """Of 200 MB only a block is held."""
    block = bytes(range(256)) * 4096

    def read(_: str) -> StoredFile:
        size = 200 * len(block)
        return StoredFile(size, Blocks("", io.BytesIO(), (block for _ in range(200)), size))

    run = run_with({"o": {"large.dat": {"k": "ab" * 32}}})
    size, peak = peak_of(lambda: sum(map(len, crate(run, Sources(lambda _: b"", read)))))
    assert size > 100_000
    assert peak < 20_000_000


def test_no_file_leads_out_of_a_crate() -> None:
    key = {"k": "ab" * 32}
    tree = {"o": {"..": {"o": {"evil": key}}, "a/b": key, "a\\b": key, "\0": key, ".": key, "": key, "good": key}}
    blocks = crate(run_with(tree), Sources(lambda _: b"", lambda _: StoredFile.of(b"")))
    with zipfile.ZipFile(io.BytesIO(b"".join(blocks))) as zipped:
        files = [name.rpartition("files/")[2] for name in zipped.namelist() if "files/" in name]
    assert files == ["good"]


# Both


@pytest.mark.parametrize(
    ("library", "resource", "name"), [("prov", "prov", "PROV"), ("rocrate", "ro-crate", "RO-Crate")]
)
def test_the_libraries_are_optional(
    archive_client: FlaskClient, monkeypatch: pytest.MonkeyPatch, library: str, resource: str, name: str
) -> None:
    for loaded in [loaded for loaded in sys.modules if loaded.partition(".")[0] == library]:
        monkeypatch.setitem(sys.modules, loaded, None)
    response = archive_client.get(f"/api/v4/nodes/{graph.relax}/{resource}")
    assert response.status_code == 501
    assert response.json["message"] == (
        f"{name} needs the optional part 'provenance' on the server: pip install 'aiida-like[provenance]'"
    )


@pytest.mark.parametrize("version", ["v2", "v4"])
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("prov?limit=0", "limit=0 is out of range: it goes from 1 to 10000"),
        ("prov?direction=up", "direction takes one of in, out, both, not 'up'"),
        ("prov?id=1", "this resource takes no filters, so 'id' has no meaning here"),
        ("ro-crate?limit=10001", "limit=10001 is out of range: it goes from 1 to 10000"),
        ("ro-crate?direction=in", "direction has no meaning for this resource; it takes limit, depth"),
    ],
)
def test_faults(archive_client: FlaskClient, version: str, url: str, message: str) -> None:
    response = archive_client.get(f"/api/{version}/nodes/{graph.relax}/{url}")
    assert response.status_code == 400
    # Version 4 takes `profile` everywhere, as aiida-core does.
    assert response.json["message"].replace(" profile,", "") == message


def test_what_takes_too_long_says_what_to_narrow(golden: Golden, serve: Callable[..., Flask]) -> None:
    client = serve(find(str(golden.archive)), {"STATEMENT_SECONDS": 1e-9}).test_client()
    for resource in ("prov", "ro-crate"):
        response = client.get(f"/api/v4/nodes/{graph.relax}/{resource}")
        assert (response.status_code, "limit or depth" in response.json["message"]) == (503, True)
