"""Ancestors, descendants, and the graph around a node."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.links import (
    INCOMING,
    KINDS_OF_LINKS,
    OUTGOING,
    Direction,
    LinkFilter,
    links_between,
    nearest,
)
from aiida_like.models import LINK_TYPES
from aiida_like.profiles import find
from aiida_like.storage import Row, Snapshot, Statement, Storage, open_storage
from querylang.compile import RowsQuery, compile_rows
from querylang.options import Window
from restapi.dialects.aiida_v4.entities import NODES
from restapi.fetching.lineage import DIRECTIONS, relation_to
from restapi.fetching.rows import fetch_page
from tests.conftest import Effort, Golden, GoldenPostgreSQL, at_once, oracle
from tests.exchanges import with_id
from tests.golden import graph, ids
from tests.links_graph import (
    CHAIN,
    CHANCE,
    CIRCLE,
    DATA,
    HUB,
    LAYERS,
    LINKS,
    LOOP,
    PAIR,
    SPOKES,
    TYPES,
    Link,
    closure,
    distances,
    grow_postgresql,
    grow_sqlite,
    neighbours,
)
from tests.servers import PostgreSQL

ID = NODES.fields["id"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def grown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The golden graph and that of `links_graph.py`, as arguments of `profiles.find`."""
    if request.param == "sqlite":
        return {"target": grow_sqlite(request.getfixturevalue("golden"), tmp_path_factory.mktemp("grown"))}
    stored: GoldenPostgreSQL = request.getfixturevalue("golden_postgresql")
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return {"target": grow_postgresql(server, stored), "repository": str(stored.repository)}


@pytest.fixture(scope="module")
def storage(grown: dict[str, Any]) -> Iterator[Storage]:
    opened = open_storage(find(**grown))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def grown_client(grown: dict[str, Any], serve: Callable[..., Flask]) -> FlaskClient:
    return serve(find(**grown), {}).test_client()


@pytest.fixture(scope="module")
def golden_links(golden: Golden) -> list[Link]:
    return read_links(golden.sqlite)


def read_links(folder: Path) -> list[Link]:
    connection = sqlite3.connect(f"file:{folder / 'database.sqlite'}?mode=ro", uri=True)
    rows = connection.execute("SELECT id, input_id, output_id, type FROM db_dblink ORDER BY id").fetchall()
    connection.close()
    return [Link(*row) for row in rows]


# Lists

JOBS = {graph.relax_scf, graph.relax_final}
FIRST_JOB = {graph.relax_scf, graph.scf_remote, graph.scf_retrieved, graph.scf_results}
SECOND_JOB = {graph.relax_final, graph.final_remote, graph.final_retrieved, graph.final_structure}
PP = {graph.failed, graph.failed_retrieved, graph.killed, graph.waiting}
BANDS = {graph.bands_run, graph.bands_remote, graph.bands_retrieved, graph.bands_result}
INPUTS = {graph.code_pw, graph.silicon, graph.mesh, graph.parameters, graph.upf}
OF_RELAX = {graph.silicon, graph.mesh, graph.parameters, graph.upf}

LISTS: list[tuple[str, set[str]]] = [
    (f"nodes/{graph.silicon}/ancestors", set()),
    (f"nodes/{graph.silicon}/descendants", FIRST_JOB | SECOND_JOB | PP | BANDS),
    (f"nodes/{graph.silicon}/descendants?depth=1", JOBS),
    (f"nodes/{graph.silicon}/descendants?depth=2", FIRST_JOB | SECOND_JOB),
    (f"nodes/{graph.silicon}/descendants?depth=9223372036854775807", FIRST_JOB | SECOND_JOB | PP | BANDS),
    (f"nodes/{graph.silicon}/descendants?link_type=data", FIRST_JOB | SECOND_JOB | PP | BANDS),
    (f"nodes/{graph.silicon}/descendants?link_type=input_calc,create", FIRST_JOB | SECOND_JOB | PP | BANDS),
    (f"nodes/{graph.silicon}/descendants?link_type=input_calc", JOBS),
    (f"nodes/{graph.silicon}/descendants?link_type=create", set()),
    (f'nodes/{graph.silicon}/descendants?link_type="input_work","call_work"', {graph.relax, graph.pick}),
    (f"nodes/{graph.bands_result}/ancestors?depth=1", {graph.bands_run}),
    (
        f"nodes/{graph.bands_result}/ancestors?depth=2",
        {graph.bands_run, graph.code_pw, graph.path, graph.final_remote},
    ),
    (
        f"nodes/{graph.bands_result}/ancestors",
        INPUTS | JOBS | {graph.bands_run, graph.path, graph.final_remote, graph.scf_remote},
    ),
    (f"nodes/{graph.bands_result}/ancestors?link_type=logic", set()),
    # The work chain gave salt to a function, which returned it: a circle.
    (f"nodes/{graph.salt}/ancestors", set()),
    (f"nodes/{graph.salt}/ancestors?link_type=logic", OF_RELAX | {graph.relax, graph.pick, graph.salt}),
    (f"nodes/{graph.salt}/ancestors?link_type=logic&depth=1", {graph.pick}),
    (f"nodes/{graph.salt}/ancestors?link_type=logic&depth=2", {graph.pick, graph.relax, graph.silicon, graph.salt}),
    (f"nodes/{graph.salt}/descendants?link_type=all", {graph.pick, graph.salt, graph.rescale, graph.rescaled}),
    (f"nodes/{graph.inherited}/ancestors", {graph.inherit}),
    (f"nodes/{graph.inherited}/ancestors?link_type=return", {graph.inherit}),
    (f"nodes/{graph.scf_results}/ancestors?link_type=return,call_work", {graph.relax}),
    (f"nodes/{graph.scf_results}/ancestors?link_type=all", INPUTS | {graph.relax, graph.relax_scf}),
    (f'nodes/{graph.silicon}/descendants?label="relaxed silicon"', {graph.final_structure}),
    (f"nodes/{graph.silicon}/descendants?depth=2&id<{ids[graph.scf_remote]}", {graph.relax_scf}),
    (f'nodes/{graph.silicon}/descendants?uuid=in="{graph.relax_final}","{graph.salt}"', {graph.relax_final}),
]


@pytest.mark.parametrize("version", ["v2", "v4"])
@pytest.mark.parametrize(("url", "expected"), LISTS)
def test_lists(client: FlaskClient, version: str, url: str, expected: set[str]) -> None:
    response = client.get(f"/api/{version}/{url}")
    assert response.status_code == 200, response.text
    (rows,) = response.json["data"].values()
    assert {row["uuid"] for row in rows} == expected
    assert len(rows) == len(expected)
    assert response.headers["X-Total-Count"] == str(len(expected))


@pytest.mark.parametrize(("version", "kind"), [("v2", "nodes"), ("v2", "structures"), ("v4", "nodes")])
@pytest.mark.parametrize("relation", ["ancestors", "descendants"])
def test_rows_look_as_in_other_lists(client: FlaskClient, version: str, kind: str, relation: str) -> None:
    path = f"/api/{version}/{kind}/{graph.final_structure[:8]}/{relation}"
    body = client.get(f"{path}?limit=2").json
    found = body["data"][relation]
    rows = [client.get(f"/api/{version}/nodes?id={row['id']}").json["data"]["nodes"][0] for row in found]
    assert found == rows
    assert (body["path"], body["id"], body["resource_type"]) == (path, graph.final_structure[:8], kind)
    assert body.get("pk", ids[graph.final_structure]) == ids[graph.final_structure]


def test_content_is_shown_in_version_4(client: FlaskClient) -> None:
    url = f"/api/v4/nodes/{graph.rescaled}/ancestors"
    (half,) = client.get(f"{url}?attributes=true&extras=true&id={ids[graph.half]}").json["data"]["ancestors"]
    assert (half["attributes"]["value"], set(half)) == (0.5, set(half) | {"extras", "full_type"})
    typed = client.get(f"{url}?full_type=process.%|%").json["data"]["ancestors"]
    assert [row["uuid"] for row in typed] == [graph.rescale]


@pytest.mark.parametrize("version", ["v2", "v4"])
@pytest.mark.parametrize("more", ["", "&depth=30"])
def test_windows_and_pages(client: FlaskClient, version: str, more: str) -> None:
    path = f"/api/{version}/nodes/{graph.silicon}/descendants"
    uuids = FIRST_JOB | SECOND_JOB | PP | BANDS
    newest = sorted((ids[uuid] for uuid in uuids), reverse=True)

    def found(url: str) -> tuple[list[int], str, bool]:
        response = client.get(path + url + more)
        rows = response.json["data"]["descendants"]
        return [row["id"] for row in rows], response.headers["X-Total-Count"], "Link" in response.headers

    assert found("?orderby=-ctime&limit=3") == (newest[:3], "16", False)
    assert found("?orderby=-id&limit=3&offset=10") == (newest[10:13], "16", False)
    assert found("?orderby=-id&offset=16") == ([], "16", False)
    assert found("/page/2?orderby=-id&perpage=5") == (newest[5:10], "16", True)
    assert found("/page?orderby=+id") == (newest[::-1], "16", True)
    response = client.get(f"{path}/page/5?perpage=5{more}")
    assert (response.status_code, response.json["message"]) == (
        400,
        "Non existent page requested. The page range is [1 : 4]",
    )


class Noting(Snapshot):
    """A snapshot that notes how many rows each statement has brought."""

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage)
        self.seen: list[int] = []

    def rows(self, statement: Statement, most: int | None = None) -> list[Row]:
        found = super().rows(statement, most)
        self.seen.append(len(found))
        return found


def reached(
    snapshot: Snapshot, direction: Direction, start: int, types: Sequence[str], depth: int | None = None
) -> set[int]:
    given = {"link_type": types} | ({} if depth is None else {"depth": depth})
    condition = relation_to(snapshot, direction, ID, start, given)
    found = snapshot.rows(compile_rows(RowsQuery(NODES, (ID,), (condition,)), Window(100_000)))
    assert len(found) == len({row[0] for row in found})
    return {row[0] for row in found}


NAMES = {"in": INCOMING, "out": OUTGOING}


@pytest.mark.parametrize("direction", NAMES)
@pytest.mark.parametrize("kind", KINDS_OF_LINKS)
def test_every_golden_node(
    storage: Storage, golden_links: list[Link], direction: str, kind: str, effort: Effort
) -> None:
    near = neighbours(golden_links, KINDS_OF_LINKS[kind], [direction])
    for start in effort.of(range(1, ids[graph.created] + 1), 30):
        for depth in (None, 1, 2, 3):
            expected = closure(near, start, depth)
            assert reached(storage.read(), NAMES[direction], start, KINDS_OF_LINKS[kind], depth) == expected, (
                start,
                depth,
            )


@pytest.mark.parametrize("direction", NAMES)
@pytest.mark.parametrize("types", [DATA, TYPES, ("return",), ("create", "call_work", "input_work")])
@pytest.mark.parametrize("depth", [None, 1, 2, 5, 10**18])
def test_links_of_chance(storage: Storage, direction: str, types: Sequence[str], depth: int | None) -> None:
    near = neighbours(LINKS, types, [direction])
    for start in CHANCE:
        assert reached(storage.read(), NAMES[direction], start, types, depth) == closure(near, start, depth), start


LARGE = {
    "layers": (LAYERS[0][0], [number for layer in LAYERS[1:] for number in layer]),
    "a circle": (CIRCLE[0], CIRCLE),
    "a loop": (LOOP, [LOOP]),
    "a chain": (CHAIN[0], CHAIN[1:]),
    "a hub": (HUB, SPOKES),
    "a pair": (PAIR[0], PAIR[1:]),
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("depth", [None, 1000])
def test_walks_come_to_an_end(storage: Storage, name: str, depth: int | None) -> None:
    start, expected = LARGE[name]
    assert reached(storage.read(), OUTGOING, start, LINK_TYPES, depth) == set(expected)


def test_each_link_is_read_once(storage: Storage) -> None:
    """However many ways there are: 19 layers of 100 links, each walked over in one statement."""
    snapshot = Noting(storage)
    reached(snapshot, OUTGOING, LAYERS[0][0], LINK_TYPES, 1000)
    assert snapshot.seen[:-1] == [10] + [100] * 18 + [0]


def test_the_walk_is_made_once(storage: Storage) -> None:
    """Not again for the number of rows."""
    condition = relation_to(storage.read(), OUTGOING, ID, HUB, {})
    query = RowsQuery(NODES, (ID,), (condition,), with_total=True)
    for keys_first in (True, False):
        statement = compile_rows(query, Window(5), keys_first=keys_first)
        assert storage.statements.compile(statement.build()).sql.count("RECURSIVE") == 1
    page = fetch_page(storage.read(), query, Window(5))
    assert (len(page.rows), page.total) == (5, len(SPOKES))


# aiida-core


def ways_between(start: int, keyword: str) -> dict[str, Any]:
    """A dictionary of the QueryBuilder: a row for each way to what stands in a relation to a node."""
    node = {"entity_type": "", "orm_base": "node", "outerjoin": False}
    joined = {"joining_keyword": keyword, "joining_value": "main", "edge_tag": "way"}
    return {
        "path": [{**node, "tag": "main"}, {**node, **joined, "tag": "n"}],
        "filters": {"main": {"id": start}},
        "project": {"n": ["id"]},
    }


def test_the_querybuilder_of_aiida_core_finds_the_same(golden_postgresql: GoldenPostgreSQL, effort: Effort) -> None:
    starts = effort.of(range(1, ids[graph.created] + 1), 30)
    opened = closing(open_storage(find(golden_postgresql.url, str(golden_postgresql.repository))))
    with opened as storage, oracle("tests.querybuilder_oracle", golden_postgresql) as ask:
        for start in starts:
            for keyword, direction in (("with_ancestors", OUTGOING), ("with_descendants", INCOMING)):
                found = {row[0] for row in ask(ways_between(start, keyword))}
                assert reached(storage.read(), direction, start, KINDS_OF_LINKS["data"]) == found, (start, keyword)


def test_the_traversal_of_aiida_core_finds_the_same(golden_postgresql: GoldenPostgreSQL, effort: Effort) -> None:
    starts = effort.of(range(1, ids[graph.created] + 1), 6)
    opened = closing(open_storage(find(golden_postgresql.url, str(golden_postgresql.repository))))
    with opened as storage, oracle("tests.traversal_oracle", golden_postgresql) as ask:
        for start in starts:
            for kind, types in KINDS_OF_LINKS.items():
                for depth in (None, 2):
                    asked = {"start": start, "depth": depth}
                    incoming = reached(storage.read(), INCOMING, start, types, depth)
                    outgoing = reached(storage.read(), OUTGOING, start, types, depth)
                    # There the start is always a part of it.
                    assert incoming | {start} == set(ask({**asked, "forward": [], "backward": types})), (start, kind)
                    assert outgoing | {start} == set(ask({**asked, "forward": types, "backward": []})), (start, kind)
                    part = nearest(storage.read(), LinkFilter((INCOMING, OUTGOING), types), start, depth, 1000)
                    assert set(part.distances) == set(ask({**asked, "forward": types, "backward": types})), (
                        start,
                        kind,
                    )


# The graph

NO_PROCESS = dict.fromkeys(("process_label", "process_state", "exit_status"))

RESCALE = {
    "nodes": [
        {
            "id": ids[graph.rescale],
            "uuid": graph.rescale,
            "label": "rescale",
            "node_type": "process.calculation.calcfunction.CalcFunctionNode.",
            "process_type": "__main__.rescale",
            "ctime": "Wed, 04 May 2016 11:00:00 GMT",
            "process_label": "rescale",
            "process_state": "finished",
            "exit_status": 0,
            "incoming": 2,
            "outgoing": 1,
            "distance": 0,
        },
        {
            "id": ids[graph.salt],
            "uuid": graph.salt,
            "label": "NaCl",
            "node_type": "data.core.structure.StructureData.",
            "process_type": None,
            "ctime": "Sun, 01 May 2016 18:00:00 GMT",
            **NO_PROCESS,
            "incoming": 1,
            "outgoing": 2,
            "distance": 1,
        },
        {
            "id": ids[graph.half],
            "uuid": graph.half,
            "label": "",
            "node_type": "data.core.float.Float.",
            "process_type": None,
            "ctime": "Mon, 02 May 2016 16:00:00 GMT",
            **NO_PROCESS,
            "incoming": 0,
            "outgoing": 1,
            "distance": 1,
        },
        {
            "id": ids[graph.rescaled],
            "uuid": graph.rescaled,
            "label": "rescaled",
            "node_type": "data.core.structure.StructureData.",
            "process_type": None,
            "ctime": "Wed, 04 May 2016 12:00:00 GMT",
            **NO_PROCESS,
            "incoming": 1,
            "outgoing": 0,
            "distance": 1,
        },
    ],
    "links": [
        {
            "input_id": ids[graph.salt],
            "output_id": ids[graph.rescale],
            "type": "input_calc",
            "label": "structure",
        },
        {"input_id": ids[graph.half], "output_id": ids[graph.rescale], "type": "input_calc", "label": "scale"},
        {"input_id": ids[graph.rescale], "output_id": ids[graph.rescaled], "type": "create", "label": "result"},
    ],
    "truncated": False,
}


def test_the_whole_of_a_graph(client: FlaskClient) -> None:
    path = f"/nodes/{graph.rescale}/graph"
    body = {
        "data": RESCALE,
        "id": graph.rescale,
        "method": "GET",
        "query_string": "depth=1",
        "resource_type": "nodes",
        "url_root": "http://localhost/",
    }
    for version, pk in (("v2", {"pk": ids[graph.rescale]}), ("v4", {})):
        response = client.get(f"/api/{version}{path}?depth=1")
        named = {"path": f"/api/{version}{path}", "url": f"http://localhost/api/{version}{path}?depth=1"}
        assert response.json == body | named | pk
        assert response.headers["X-Total-Count"] == "4"


GRAPHS: list[tuple[str, dict[int, set[str]], bool]] = [
    (f"nodes/{graph.silicon}/graph?direction=in", {0: {graph.silicon}}, False),
    (
        f"nodes/{graph.rescale}/graph?direction=in",
        {
            0: {graph.rescale},
            1: {graph.salt, graph.half},
            2: {graph.pick},
            3: {graph.relax, graph.silicon},
            4: OF_RELAX - {graph.silicon},
        },
        False,
    ),
    (f"nodes/{graph.rescale}/graph?direction=in&depth=1", {0: {graph.rescale}, 1: {graph.salt, graph.half}}, False),
    (
        f"nodes/{graph.rescale}/graph?direction=in&link_type=data",
        {0: {graph.rescale}, 1: {graph.salt, graph.half}},
        False,
    ),
    (
        f"nodes/{graph.rescale}/graph?direction=in&link_type=data&limit=3",
        {0: {graph.rescale}, 1: {graph.salt, graph.half}},
        False,
    ),
    (f"nodes/{graph.rescale}/graph?limit=1", {0: {graph.rescale}}, True),
    (f"nodes/{graph.rescale}/graph?direction=out", {0: {graph.rescale}, 1: {graph.rescaled}}, False),
    (f"nodes/{graph.salt}/graph?direction=out&link_type=logic", {0: {graph.salt}, 1: {graph.pick}}, False),
    (f"nodes/{graph.relax}/graph?depth=1&link_type=call_calc", {0: {graph.relax}, 1: JOBS}, False),
    (f"nodes/{graph.oddities}/graph", {0: {graph.oddities}}, False),
]


@pytest.mark.parametrize("version", ["v2", "v4"])
@pytest.mark.parametrize(("url", "expected", "is_truncated"), GRAPHS)
def test_graphs(
    client: FlaskClient,
    golden_links: list[Link],
    version: str,
    url: str,
    expected: dict[int, set[str]],
    is_truncated: bool,
) -> None:
    data = client.get(f"/api/{version}/{url}").json["data"]
    found: dict[int, set[str]] = {}
    for each in data["nodes"]:
        found.setdefault(each["distance"], set()).add(each["uuid"])
    assert (found, data["truncated"]) == (expected, is_truncated)


def test_a_circle_is_drawn(client: FlaskClient) -> None:
    data = client.get(f"/api/v4/nodes/{graph.pick}/graph?depth=1&link_type=logic&direction=out").json["data"]
    ends = {(link["input_id"], link["output_id"], link["type"]) for link in data["links"]}
    salt, pick = ids[graph.salt], ids[graph.pick]
    assert ends == {(salt, pick, "input_work"), (pick, salt, "return")}


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("types", [TYPES, DATA])
@pytest.mark.parametrize("depth", [None, 1, 2, 10**18])
def test_the_nearest_nodes(
    storage: Storage, direction: str, types: Sequence[str], depth: int | None, effort: Effort
) -> None:
    link_filter = LinkFilter(DIRECTIONS[direction], tuple(types))
    near = neighbours(LINKS, types, ["in", "out"] if direction == "both" else [direction])
    for start in effort.of(CHANCE[::3], 2):
        all_of_them = distances(near, start)
        wanted = sorted(far for far in all_of_them.values() if depth is None or far <= depth)
        for limit in (1, 2, 5, 13, 39, 40, 1000):
            found = nearest(storage.read(), link_filter, start, depth, limit)
            assert sorted(found.distances.values()) == wanted[:limit]
            assert found.distances == {each: all_of_them[each] for each in found.distances}
            assert found.is_truncated is (len(wanted) > limit)
            between = {
                (link.input_id, link.output_id, link.type)
                for link in LINKS
                if {link.input_id, link.output_id} <= set(found.distances) and link.type in types
            }
            assert {tuple(row[:3]) for row in links_between(storage.read(), found.distances, types)} == between


def test_the_first_of_equally_far_nodes_come_first(storage: Storage) -> None:
    found = nearest(storage.read(), LinkFilter((OUTGOING,)), HUB, None, 2500)
    assert list(found.distances) == [HUB, *SPOKES[:2499]]
    assert found.is_truncated
    found = nearest(storage.read(), LinkFilter((OUTGOING,)), LAYERS[0][3], None, 16)
    assert list(found.distances) == [LAYERS[0][3], *LAYERS[1], *LAYERS[2][:5]]


@pytest.mark.parametrize("limit", [1, 1000, len(SPOKES), len(SPOKES) + 1])
def test_a_hub(storage: Storage, limit: int) -> None:
    found = nearest(storage.read(), LinkFilter((OUTGOING,)), HUB, 1, limit)
    assert (len(found.distances), found.is_truncated) == (limit, limit <= len(SPOKES))
    spokes = nearest(storage.read(), LinkFilter((INCOMING, OUTGOING)), SPOKES[7], None, limit)
    assert (len(spokes.distances), spokes.is_truncated) == (limit, limit <= len(SPOKES))


def test_no_more_links_are_read_than_are_needed(storage: Storage) -> None:
    snapshot = storage.read()
    nearest(snapshot, LinkFilter((OUTGOING,)), HUB, None, 100)
    assert (snapshot.effort.rows, snapshot.effort.statements) == (1000, 1)


@pytest.mark.parametrize("name", LARGE)
def test_graphs_of_large_neighbourhoods(grown_client: FlaskClient, name: str) -> None:
    start, expected = LARGE[name]
    data = grown_client.get(f"/api/v4/nodes/{start}/graph?direction=out&limit=10000").json["data"]
    assert {each["id"] for each in data["nodes"]} == {start, *expected}
    assert data["truncated"] is False
    ends = {(link["input_id"], link["output_id"]) for link in data["links"]}
    near = {start, *expected}
    assert ends == {(link.input_id, link.output_id) for link in LINKS if link.input_id in near}


# Faults

TYPES_TAKEN = "data, logic, all, input_calc, create, input_work, return, call_calc, call_work"
ONLY_EQUAL = "syntax error in the query string at column 10: expected '=', the only operator of this key"

FAULTS = [
    ("ancestors?depth=0", "depth counts links, from 1; without it there is no limit"),
    ("ancestors?depth=-1", "depth takes an integer without a sign, not '-1'"),
    ("descendants?depth=two", "depth takes an integer without a sign, not 'two'"),
    ("descendants?depth=1&depth=2", "depth is given twice; it can stand only once in a query string"),
    (
        "ancestors?link_type=data,friend",
        f"link_type takes types of links, separated by commas ({TYPES_TAKEN}), not 'friend'",
    ),
    ("ancestors?link_type=", f"link_type takes types of links, separated by commas ({TYPES_TAKEN}), not ''"),
    ("ancestors?limit=401", "limit=401 is out of range: it goes from 1 to 400"),
    ("graph?direction=up", "direction takes one of in, out, both, not 'up'"),
    ("graph?direction=in,out", "direction takes one of in, out, both, not 'in,out'"),
    ("graph?limit=0", "limit=0 is out of range: it goes from 1 to 10000"),
    ("graph?limit=10001", "limit=10001 is out of range: it goes from 1 to 10000"),
    ("graph?depth=0", "depth counts links, from 1; without it there is no limit"),
    ("graph?id=5", "this resource takes no filters, so 'id' has no meaning here"),
    ("graph?link_type>5", f"{ONLY_EQUAL}, found '>5'\n  link_type>5\n           ^"),
]


@pytest.mark.parametrize("version", ["v2", "v4"])
@pytest.mark.parametrize(("url", "message"), FAULTS)
def test_faults(archive_client: FlaskClient, version: str, url: str, message: str) -> None:
    response = archive_client.get(f"/api/{version}/nodes/{graph.silicon}/{url}")
    assert (response.status_code, response.json) == (400, {"message": message})


OTHERS = {
    "v2": (
        "",
        "",
        (
            "ctime, id, label, mtime, state, type, user_id, uuid, node_type, process_type, description, attributes, "
            "extras, pk, group, user, computer"
        ),
    ),
    "v4": (
        "full_type, attributes, attributes_filter, extras, extras_filter, profile, ",
        "profile, ",
        (
            "id, label, node_type, process_type, full_type, ctime, mtime, uuid, user_id, description, dbcomputer_id, "
            "attributes, extras, pk, user, computer, group"
        ),
    ),
}
"""What else lists and graphs of a version take, and keys of its nodes."""


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_options_of_the_other_resource(archive_client: FlaskClient, version: str) -> None:
    of_list, of_graph, keys = OTHERS[version]
    for url, message in {
        f"/{graph.silicon}/ancestors?direction=in": (
            "direction has no meaning for this resource; it takes limit, offset, perpage, orderby, fields, facet, "
            f"cursor, format, {of_list}depth, link_type"
        ),
        f"/{graph.silicon}/graph?offset=1": (
            f"offset has no meaning for this resource; it takes limit, {of_graph}depth, link_type, direction, per_type"
        ),
        "?depth=1": (
            f"nodes have no key 'depth' to filter or order by. There are: {keys}, incoming_of, outgoing_of, "
            "ancestor_of, descendant_of"
        ),
    }.items():
        assert archive_client.get(f"/api/{version}/nodes{url}").json["message"] == message


@pytest.mark.parametrize(("version", "status"), [("v2", 400), ("v4", 404)])
@pytest.mark.parametrize("resource", ["ancestors", "descendants", "graph"])
def test_no_such_node(archive_client: FlaskClient, version: str, status: int, resource: str) -> None:
    assert archive_client.get(f"/api/{version}/nodes/ffffffff/{resource}").status_code == status


def test_the_kind_of_a_node_counts_in_version_2(archive_client: FlaskClient) -> None:
    path = f"/{graph.relax}/graph?depth=1"
    assert archive_client.get(f"/api/v2/workflows{path}").status_code == 200
    assert archive_client.get(f"/api/v2/data{path}").status_code == 400


def test_link_type_is_still_a_key_of_links(archive_client: FlaskClient) -> None:
    response = archive_client.get(f'/api/v4/nodes/{graph.relax}/links/outgoing?link_type="call_work"')
    assert [row["uuid"] for row in response.json["data"]["outgoing"]] == [graph.pick]


def test_settings_bound_the_graph(golden: Golden, serve: Callable[..., Flask]) -> None:
    path = f"/api/v4/nodes/{graph.silicon}/graph"
    client = serve(find(str(golden.archive)), {"GRAPH_NODES": 5, "MAX_GRAPH_NODES": 8}).test_client()
    assert len(client.get(path).json["data"]["nodes"]) == 5
    assert len(client.get(f"{path}?limit=8").json["data"]["nodes"]) == 8
    assert client.get(f"{path}?limit=9").status_code == 400
    client = serve(find(str(golden.archive)), {"MAX_GRAPH_NODES": 8}).test_client()
    assert len(client.get(path).json["data"]["nodes"]) == 8


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_what_takes_too_long_says_what_to_narrow(golden: Golden, serve: Callable[..., Flask], version: str) -> None:
    client = serve(find(str(golden.archive)), {"STATEMENT_SECONDS": 1e-9}).test_client()
    path = f"/api/{version}/nodes/{graph.silicon}"
    for resource, fewer in {
        "ancestors?depth=2": "a smaller depth, fewer types in link_type, or more filters",
        "graph": "a smaller limit or depth, fewer types in link_type, or one direction",
    }.items():
        response = client.get(f"{path}/{resource}")
        message = f"the query took longer than 1e-09 s and was stopped: narrow it with {fewer}"
        assert (response.status_code, response.json) == (503, with_id(response, {"message": message}))


THREADED = [
    (
        f"nodes/{graph.salt}/ancestors?link_type=logic",
        {ids[each] for each in (*OF_RELAX, graph.relax, graph.pick, graph.salt)},
    ),
    (f"nodes/{graph.bands_result}/ancestors?depth=1", {ids[graph.bands_run]}),
    (f"nodes/{LAYERS[0][0]}/descendants?limit=400", {number for layer in LAYERS[1:] for number in layer}),
    (f"nodes/{LAYERS[9][0]}/graph?limit=11&direction=in", {LAYERS[9][0], *LAYERS[8]}),
    (f"nodes/{HUB}/graph?limit=1000", {HUB, *SPOKES[:999]}),
]


def test_eight_clients_at_once(grown: dict[str, Any], serve: Callable[..., Flask]) -> None:
    app = serve(find(**grown), {})
    wrong: list[Any] = []

    def ask(start: int) -> None:
        client = app.test_client()
        for number in range(start, start + 25):
            url, expected = THREADED[number % len(THREADED)]
            data = client.get(f"/api/v4/{url}").json["data"]
            found = {row["id"] for row in next(iter(data.values()))}
            if found != expected:
                wrong.append((url, found))

    at_once(ask)
    assert wrong == []
