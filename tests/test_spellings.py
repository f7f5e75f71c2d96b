"""Types of nodes as some archives hold them: without `core.`, and those of subclasses that plug-ins define."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import find
from tests.golden import graph
from tests.writable import Writable

OLD = {graph.gamma, graph.path, graph.silicon, graph.bands, graph.upf, graph.cif, graph.code_pw}
"""Nodes that get the old spelling, beside others of their types that keep today's."""

KPOINTS = {graph.gamma, graph.path, graph.mesh}
STRUCTURES = {graph.silicon, graph.salt, graph.water, graph.alloy, graph.graphene, graph.polymer}

FOUND = {
    '/api/v2/nodes?type="data.core.array.kpoints.KpointsData."': KPOINTS,
    '/api/v2/nodes?type="data.array.kpoints.KpointsData."': KPOINTS,
    '/api/v2/nodes?node_type="data.array.kpoints.KpointsData."': KPOINTS,
    '/api/v2/nodes?type=startswith="data.array.kpoints."': KPOINTS,
    '/api/v2/nodes?type=like="data.core.array.kpoints.%"': KPOINTS,
    '/api/v2/nodes?filter=NOT type!="data.array.kpoints.KpointsData."': KPOINTS,
    "/api/v2/kpoints": KPOINTS,
    "/api/v2/bands": {graph.bands, graph.spin_bands, graph.bands_result},
    "/api/v2/upfs": {graph.upf},
    "/api/v2/cifs": {graph.cif},
    "/api/v2/codes": {graph.code_pw, graph.code_pp, graph.code_script},
    '/api/v2/nodes?type="code.Code."': {graph.code_pw, graph.code_pp, graph.code_script},
    f"/api/v2/kpoints/{graph.gamma}": {graph.gamma},
    '/api/v4/nodes?node_type="data.core.array.kpoints.KpointsData."': KPOINTS,
    '/api/v4/nodes?node_type="data.array.kpoints.KpointsData."': KPOINTS,
    '/api/v4/nodes?node_type=startswith="data.core.array.kpoints."': KPOINTS,
    '/api/v4/nodes?full_type="data.array.kpoints.KpointsData.|"': KPOINTS,
    '/api/v4/nodes?full_type="data.core.array.kpoints.%|"': KPOINTS,
    '/api/v4/nodes?node_type=in="data.array.kpoints.KpointsData.","data.core.upf.UpfData."': {*KPOINTS, graph.upf},
}


def found(client: FlaskClient, url: str) -> set[str]:
    (rows,) = client.get(url).json["data"].values()
    return {row["uuid"] for row in rows}


def test_either_spelling_finds_both(changing: Writable, serve: Callable[..., Flask]) -> None:
    """Also those that come while they are served."""
    client = serve(find(**changing.target), {}).test_client()
    assert {url: found(client, url) for url in FOUND} == FOUND
    with changing.committing() as commit:
        names = ", ".join(f"'{uuid}'" for uuid in OLD)
        commit(f"UPDATE db_dbnode SET node_type = replace(node_type, 'data.core.', 'data.') WHERE uuid IN ({names})")
        commit("UPDATE db_dbcomputer SET transport_type = 'ssh' WHERE label = 'daint'")
    assert {url: found(client, url) for url in FOUND} == FOUND
    assert found(client, "/api/v2/structures") >= STRUCTURES
    (row,) = client.get(f"/api/v2/nodes/{graph.gamma}").json["data"]["nodes"]
    assert row["type"] == "data.array.kpoints.KpointsData."  # as it is stored
    for version, spelled in ((2, "ssh"), (2, "core.ssh"), (4, "ssh"), (4, "core.ssh")):
        asked = client.get(f'/api/v{version}/computers?transport_type="{spelled}"').json["data"]["computers"]
        assert {row["transport_type"] for row in asked} == {"ssh", "core.ssh"}
    counts = client.get("/api/v4/nodes/full_types_count").json["data"]
    leaf = counts
    for name in ("data", "core", "array", "kpoints"):
        (leaf,) = (each for each in leaf["subspaces"] if each["namespace"] == name)
    assert (leaf["full_type"], leaf["counter"]) == ("data.core.array.kpoints.KpointsData.|", len(KPOINTS))


RECOGNISED = {
    graph.silicon: ("cif", "data.quantumespresso.hubbard_structure.HubbardStructureData.", "structures"),
    graph.alloy: ("cif", "data.structure.StructureData.", "structures"),
    graph.bands: ("json", "data.wannier.bands.WannierBandsData.", "bands"),
    graph.path: ("json", "data.myplugin.kpoints.MyKpointsData.", "kpoints"),
    graph.mesh: ("json", "data.array.kpoints.KpointsData.", "kpoints"),
    graph.array: ("npz", "data.phonopy.raw.RawData.", None),
    graph.trajectory: ("npz", "data.array.trajectory.TrajectoryData.", None),
    graph.upf: ("upf", "data.pseudo.upf.UpfData.", "upfs"),
    graph.cif: ("cif", "data.codtools.cif.MyCifData.", "cifs"),
}
"""By node: a format, another type, and the kind whose pictures v2 has."""


def contents(client: FlaskClient, uuid: str) -> list[object]:
    """All that follows from the content of a node."""
    form, _, kind = RECOGNISED[uuid]
    urls = [
        f"/api/v4/nodes/{uuid}/download?download_format={form}",
        f"/api/v4/nodes/{uuid}/contents/derived_properties",
        f"/api/v2/nodes/{uuid}/content/download",
        *([f"/api/v2/nodes/{uuid}/content/visualization"] if kind else []),
    ]
    answers = [client.get(url) for url in urls]
    assert [answer.status_code for answer in answers] == [200] * len(urls)
    return [answer.json["data"] if answer.is_json else answer.data for answer in answers]


def test_what_a_plugin_calls_otherwise_is_read_as_what_it_holds(
    changing: Writable, serve: Callable[..., Flask]
) -> None:
    client = serve(find(**changing.target), {"CACHE": False}).test_client()
    expected = {uuid: contents(client, uuid) for uuid in RECOGNISED}
    with changing.committing() as commit:
        for uuid, (_, node_type, _) in RECOGNISED.items():
            commit(f"UPDATE db_dbnode SET node_type = '{node_type}' WHERE uuid = '{uuid}'")
    for uuid in RECOGNISED:
        assert contents(client, uuid) == expected[uuid]


@pytest.mark.parametrize("uuid", [graph.oddities, graph.folder, graph.singlefile])
def test_what_holds_nothing_of_the_kind_has_no_format(
    changing: Writable, serve: Callable[..., Flask], uuid: str
) -> None:
    with changing.committing() as commit:
        commit(f"UPDATE db_dbnode SET node_type = 'data.myplugin.thing.Thing.' WHERE uuid = '{uuid}'")
    client = serve(find(**changing.target), {}).test_client()
    answer = client.get(f"/api/v4/nodes/{uuid}/download?download_format=json")
    assert (answer.status_code, answer.json["message"]) == (
        501,
        "Thing nodes cannot be downloaded as 'json': there is no format for them",
    )
