"""Graphs with at most so many neighbours of each type, beside a plain walk. And what is told of each of their nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like import links_by_type
from aiida_like.links import LinkFilter
from aiida_like.links_by_type import LinkGroup, nearest_by_type
from aiida_like.models import LINK_TYPES
from aiida_like.profiles import find
from aiida_like.storage import Storage, open_storage
from restapi.fetching.lineage import DIRECTIONS
from tests.conftest import Effort, GoldenPostgreSQL
from tests.golden import graph, ids
from tests.links_graph import CHANCE, CIRCLE, DATA, HUB, LINKS, PAIR, SPOKES, TYPES, grow_postgresql, grow_sqlite
from tests.servers import PostgreSQL


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def grown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The golden graph and that of `links_graph.py`, as arguments of `profiles.find`."""
    folder = tmp_path_factory.mktemp("by_type")
    if request.param == "sqlite":
        return {"target": grow_sqlite(request.getfixturevalue("golden"), folder)}
    stored: GoldenPostgreSQL = request.getfixturevalue("golden_postgresql")
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return {"target": grow_postgresql(server, stored, folder.name), "repository": str(stored.repository)}


@pytest.fixture(scope="module")
def grown_client(grown: dict[str, Any], serve: Callable[..., Flask]) -> FlaskClient:
    return serve(find(**grown), {}).test_client()


@pytest.fixture(scope="module")
def storage(grown: dict[str, Any]) -> Iterator[Storage]:
    opened = open_storage(find(**grown))
    yield opened
    opened.close()


OF_ALL = "data.core.dict.Dict."


def walk(
    start: int, directions: Sequence[str], types: Sequence[str], depth: int | None, per_type: int
) -> tuple[dict[int, int], Counter[tuple[int, str, str]]]:
    """The distances of nodes, and how many links there are of each type, of the nodes whose links were followed."""
    found, frontier, groups = {start: 0}, [start], Counter[tuple[int, str, str]]()
    while frontier and (depth is None or found[frontier[0]] < depth):
        here_now, frontier = sorted(frontier), []
        for direction in directions:
            for here in here_now:
                for link in LINKS:
                    ends = (link.output_id, link.input_id) if direction == "in" else (link.input_id, link.output_id)
                    if ends[0] != here or link.type not in types:
                        continue
                    groups[here, direction, link.type] += 1
                    if groups[here, direction, link.type] <= per_type and ends[1] not in found:
                        found[ends[1]] = found[here] + 1
                        frontier.append(ends[1])
    return found, groups


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("types", [TYPES, DATA])
@pytest.mark.parametrize("depth", [None, 1, 2])
@pytest.mark.parametrize("per_type", [1, 2])
def test_walks(
    storage: Storage,
    direction: str,
    types: Sequence[str],
    depth: int | None,
    per_type: int,
    effort: Effort,
) -> None:
    link_filter = LinkFilter(DIRECTIONS[direction], tuple(types))
    names = ["in", "out"] if direction == "both" else [direction]
    for start in effort.of(CHANCE, 3):
        distances, groups = walk(start, names, types, depth, per_type)
        found, number = nearest_by_type(storage.read(), link_filter, start, depth, 1000, per_type)
        assert list(found.distances.items()) == list(distances.items())
        assert found.is_truncated is False
        assert number == {
            LinkGroup(node, {"in": "incoming", "out": "outgoing"}[way], type_, OF_ALL): count
            for (node, way, type_), count in groups.items()
        }
        part, _ = nearest_by_type(storage.read(), link_filter, start, depth, 3, per_type)
        assert list(part.distances) == list(distances)[:3]
        assert part.is_truncated is (len(distances) > 3)


def asked(client: FlaskClient, url: str) -> dict[str, Any]:
    response = client.get(f"/api/v4/nodes/{url}")
    assert response.status_code == 200, response.text
    return dict(response.json["data"])


def group(node: int, direction: str, link_type: str | None, node_type: str | None, count: int) -> dict[str, Any]:
    return {
        "node_id": node,
        "direction": direction,
        "link_type": link_type,
        "node_type": node_type,
        "count": count,
    }


def test_a_hub(grown_client: FlaskClient) -> None:
    found = asked(grown_client, f"{HUB}/graph?depth=1&per_type=12")
    assert [each["id"] for each in found["nodes"]] == [HUB, *SPOKES[:12]]
    assert [(each["incoming"], each["outgoing"]) for each in found["nodes"]] == [(0, len(SPOKES)), *[(1, 0)] * 12]
    assert len(found["links"]) == 12
    assert (found["truncated"], found["left_out"]) == (
        False,
        [group(HUB, "outgoing", "input_calc", OF_ALL, len(SPOKES) - 12)],
    )
    assert asked(grown_client, f"{HUB}/graph?depth=1&per_type=12&link_type=create")["nodes"][0]["outgoing"] == 0


def test_further_links_of_a_hub(grown_client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their types are not looked at, but they are counted."""
    monkeypatch.setattr(links_by_type, "MOST_TYPED", 1000)
    found = asked(grown_client, f"{HUB}/graph?depth=1&per_type=5")
    assert [each["id"] for each in found["nodes"]] == [HUB, *SPOKES[:5]]
    assert found["left_out"] == [
        group(HUB, "outgoing", "input_calc", OF_ALL, 995),
        group(HUB, "outgoing", None, None, len(SPOKES) - 1000),
    ]
    found = asked(grown_client, f"{HUB}/graph?depth=1&per_type=5&limit=3")
    assert ([each["id"] for each in found["nodes"]], found["truncated"]) == ([HUB, *SPOKES[:2]], True)
    assert [each["count"] for each in found["left_out"]] == [998, len(SPOKES) - 1000]
    # From a spoke the hub is one of two nodes of the first step, all of them looked at one after the other.
    found = asked(grown_client, f"{SPOKES[2000]}/graph?depth=2&per_type=5")
    assert [each["id"] for each in found["nodes"]] == [SPOKES[2000], HUB, *SPOKES[:5]]
    assert sum(each["count"] for each in found["left_out"]) == len(SPOKES) - 6


def test_links_beside_one_another(grown_client: FlaskClient) -> None:
    """All links between the nodes of a graph are shown, so no more than that are left out."""
    found = asked(grown_client, f"{PAIR[0]}/graph?per_type=1")
    assert ([each["id"] for each in found["nodes"]], len(found["links"])) == ([*PAIR], 2500)
    assert found["left_out"] == []


def test_no_more_links_are_read_than_are_needed(storage: Storage) -> None:
    snapshot = storage.read()
    nearest_by_type(snapshot, LinkFilter(DIRECTIONS["out"]), HUB, 1, 100, 5)
    assert (snapshot.effort.rows, snapshot.effort.statements) == (1 + len(SPOKES), 2)


def test_each_type_in_each_direction(client: FlaskClient) -> None:
    """Around a job with five inputs of four types, one caller and three outputs."""
    whole = asked(client, f"{graph.relax_scf}/graph?depth=1")
    assert "left_out" not in whole
    found = asked(client, f"{graph.relax_scf}/graph?depth=1&per_type=1")
    kinds = [(each["type"], each["input_id"] == ids[graph.relax_scf]) for each in whole["links"]]
    types = {each["id"]: each["node_type"] for each in whole["nodes"]}
    main = ids[graph.relax_scf]
    groups = {
        (each["type"], types[each["input_id"] if each["output_id"] == main else each["output_id"]])
        for each in whole["links"]
        if main in (each["input_id"], each["output_id"])
    }
    assert len(kinds) == len(whole["links"])
    assert len(found["nodes"]) == 1 + len(groups) < len(whole["nodes"]) + 1
    job = found["nodes"][0]
    assert (job["process_label"], job["process_state"], job["exit_status"]) == ("PwCalculation", "finished", 0)
    shown = Counter(
        each["output_id"] == main for each in whole["links"] if main in (each["input_id"], each["output_id"])
    )
    assert (job["incoming"], job["outgoing"]) == (shown[True], shown[False])
    assert sum(each["count"] for each in found["left_out"]) == len(whole["nodes"]) - len(found["nodes"])


STATES = {
    graph.failed: ("finished", 305),
    graph.killed: ("killed", None),
    graph.excepted: ("excepted", None),
    graph.waiting: ("waiting", None),
    graph.seven: (None, None),
}


@pytest.mark.parametrize("uuid", STATES)
def test_states(client: FlaskClient, uuid: str) -> None:
    for version in ("v2", "v4"):
        (found,) = client.get(f"/api/{version}/nodes/{uuid}/graph?limit=1").json["data"]["nodes"]
        assert (found["process_state"], found["exit_status"]) == STATES[uuid]


FAULTS = {
    "per_type=0": "per_type=0 is out of range: it goes from 1",
    "per_type=-1": "per_type takes an integer without a sign, not '-1'",
    "per_type=": "per_type takes an integer without a sign, not ''",
}


@pytest.mark.parametrize("version", ["v2", "v4"])
@pytest.mark.parametrize("query", FAULTS)
def test_faults(archive_client: FlaskClient, version: str, query: str) -> None:
    response = archive_client.get(f"/api/{version}/nodes/{graph.silicon}/graph?{query}")
    assert (response.status_code, response.json) == (400, {"message": FAULTS[query]})
    other = archive_client.get(f"/api/{version}/nodes/{graph.silicon}/prov?per_type=1")
    assert other.status_code == 400


def test_the_first_uuids_with_a_prefix(grown_client: FlaskClient) -> None:
    uuids = [
        str(UUID(int=number))
        for number in sorted({*CHANCE, *(end for each in LINKS for end in (each.input_id, each.output_id))})
    ]
    few = uuids[uuids.index(str(UUID(int=CIRCLE[0])))][:-1]
    for version in ("v2", "v4"):
        response = grown_client.get(f"/api/{version}/nodes/00000000-0000")
        message = (
            "the uuid prefix '00000000-0000' is ambiguous: several nodes begin so; add characters. There are "
            + ", ".join([*uuids[:10], "..."])
        )
        assert (response.status_code, response.json) == (400, {"message": message})
        found = grown_client.get(f"/api/{version}/nodes/{few}").json["message"]
        assert found.partition("There are ")[2] == ", ".join(uuid for uuid in uuids if uuid.startswith(few))


def test_all_link_types_are_known() -> None:
    assert set(TYPES) == set(LINK_TYPES)
