"""Which indexes serve a query: a plan that reads the whole table is the slowness of tomorrow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from aiida_like import links
from aiida_like.links import INCOMING, OUTGOING, Direction
from aiida_like.profiles import find
from aiida_like.storage import Storage, open_storage
from querylang.compile import RowsQuery, Statement
from querylang.condition import Condition
from querylang.graph import index_scan as graph_index_scan
from querylang.graph.ast import GraphQuery
from querylang.graph.compile import compile_graph
from querylang.graph.read import read
from querylang.keyset import rows_after, total_order
from querylang.lowering.columns import uuid_prefix
from querylang.lowering.lower import lower, order_by, type_prefix_conditions
from querylang.lowering.predicates import Predicate
from querylang.options import OrderTerm, Window, split
from querylang.parse import Parser
from querylang.schema import Entity
from restapi.dialects.aiida_v2.entities import NODE_ENTITIES, NODES
from restapi.dialects.aiida_v2.options import OPTIONS
from restapi.dialects.aiida_v4 import entities as v4
from restapi.dialects.aiida_v4.rows import order_of
from restapi.fetching.querybuilder import fetch_graph
from tests.golden import graph
from tests.plans import explained, listed

PARSER = Parser(OPTIONS)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest) -> Iterator[Storage]:
    if request.param == "sqlite":
        opened = open_storage(find(str(request.getfixturevalue("golden").sqlite)))
    else:
        stored = request.getfixturevalue("golden_postgresql")
        opened = open_storage(find(stored.url, str(stored.repository)))
    yield opened
    opened.close()


def plan(storage: Storage, conditions: tuple[Condition, ...], order: tuple[OrderTerm, ...] = ()) -> str:
    query = RowsQuery(NODES, (NODES.fields["id"],), conditions, order_by(order, NODES))
    return explained(storage, listed(storage, query))


def conditions_of(text: str) -> tuple[Condition, ...]:
    return lower(split(PARSER.parse(text), OPTIONS, OPTIONS)[1], NODES)


UUID = uuid_prefix(NODES.fields["uuid"], "338357f4-f2")
assert UUID is not None

INDEXED = {
    "a uuid prefix": ((UUID,), "uuid"),
    "a uuid": (conditions_of('uuid="338357f4-f236-4f9c-8fbe-cd550dc6b858"'), "uuid"),
    "a uuid pattern": (conditions_of('uuid=like="3383%"'), "uuid"),
    "a uuid as a pattern": (conditions_of('uuid=like="338357f4-f236-4f9c-8fbe-cd550dc6b858"'), "uuid"),
    "a uuid as a pattern without case": (conditions_of('uuid=ilike="338357F4-F236-4F9C-8FBE-CD550DC6B858"'), "uuid"),
    "a kind": (type_prefix_conditions(NODE_ENTITIES["structures"]), "node_type"),
    "a pattern that begins with text": (conditions_of('type=like="data.core.array.%"'), "node_type"),
    "a pattern with _": (conditions_of('label=like="under_score"'), "label"),
    "a label": (conditions_of('label="aiida"'), "label"),
    "a day": (conditions_of("ctime=2016-04-23"), "ctime"),
    "a user": (conditions_of("user_id=2"), "user_id"),
}


@pytest.mark.parametrize("name", INDEXED)
def test_an_index_serves(storage: Storage, name: str) -> None:
    conditions, column = INDEXED[name]
    steps = plan(storage, conditions)
    assert column in steps.replace("db_dbnode_", " ") or column in steps
    assert "Seq Scan" not in steps
    assert "SCAN db_dbnode\n" not in steps + "\n"


@pytest.mark.parametrize("relation", ["incoming of", "outgoing of"])
def test_neighbours_come_from_the_index_of_links(storage: Storage, relation: str) -> None:
    steps = plan(storage, (Condition(Predicate(relation), NODES.fields["id"], (7,)),))
    assert ("output_id" if relation == "incoming of" else "input_id") in steps
    assert "Seq Scan" not in steps
    assert "SCAN db_dblink" not in steps


PLACES = {
    "id": ((40,), r"rowid>|id > '40'"),
    "ctime": (("2016-05-01 00:00:00", 40), r"ctime>\?|ctime >= '2016"),
    "uuid": ((graph.silicon, 40), r"uuid>\?|uuid >= '"),
}


@pytest.mark.parametrize("key", PLACES)
def test_a_cursor_is_a_range_of_an_index(storage: Storage, key: str) -> None:
    """Nothing before it is read, and nothing is sorted but rows of equal value."""
    place, condition = PLACES[key]
    order = total_order(order_by((OrderTerm(key, descending=False),), NODES), NODES)
    query = RowsQuery(NODES, (NODES.fields["id"],), (), order, (rows_after(order, place),))
    steps = explained(storage, listed(storage, query))
    found = [step for step in steps.splitlines() if re.search(condition, step)]
    assert any("SEARCH db_dbnode" in step or "Index Cond" in step for step in found), steps
    assert "Seq Scan" not in steps


LINEAGE = {
    "ancestors of": ("output_id", (7, "create", "input_calc")),
    "descendants of": ("input_id", (7, "return")),
    "in json array": ("rowid", ("[7,8]",)),
}
ON_TYPE = re.compile(r"\(type=|Cond: \(+(\w+\.)?type")
"""The index on types of links, which finds far too many."""
NARROWED = ("", "id>3", 'type=like="data.%"', "ctime>2016-04-23", 'label="aiida"', "user_id=1")


@pytest.mark.parametrize("test", LINEAGE)
@pytest.mark.parametrize("key", ["id", "ctime"])
@pytest.mark.parametrize("text", NARROWED)
def test_ancestors_come_from_the_index_of_links(storage: Storage, test: str, key: str, text: str) -> None:
    column, values = LINEAGE[test]
    relation = Condition(Predicate(test), NODES.fields["id"], values)
    order = order_by((OrderTerm(key, descending=True),), NODES)
    query = RowsQuery(NODES, NODES.shown, (relation, *conditions_of(text)), order, with_total=True)
    steps = explained(storage, listed(storage, query))
    assert (column in steps) or test == "in json array"
    assert ON_TYPE.search(steps) is None
    assert "Seq Scan" not in steps
    assert [step for step in steps.splitlines() if step.startswith("SCAN db_")] == []
    # The walk, which two parts need, is made once.
    assert steps.count("RECURSIVE STEP") + steps.count("Recursive Union") == (test != "in json array")


@pytest.mark.parametrize("direction", [INCOMING, OUTGOING], ids=lambda direction: direction.name)
@pytest.mark.parametrize("types", [0, 1, 2])
def test_a_walk_by_levels_comes_from_the_index_of_links(storage: Storage, direction: Direction, types: int) -> None:
    named = {f"type_{number}": "create" for number in range(types)}
    values = {"ids": "[7,8]", "near": 7, "after": 3, "limit": 5, **named}
    steps = explained(storage, Statement("", lambda: links._select_links(direction, types), values))
    assert ("output_id" if direction is INCOMING else "input_id") in steps
    assert "Seq Scan" not in steps
    assert "SCAN db_" not in steps
    assert ON_TYPE.search(steps) is None
    assert "TEMP B-TREE" not in steps  # so that no more is read than is asked for


@pytest.mark.parametrize("direction", [INCOMING, OUTGOING], ids=lambda direction: direction.name)
def test_data_of_processes_come_from_the_index_of_links(storage: Storage, direction: Direction) -> None:
    values = {"ids": "[7,8]", "limit": 5, "type_0": "create", "type_1": "return"}
    steps = explained(storage, Statement("", lambda: links._select_at(direction, 2), values))
    assert ("output_id" if direction is INCOMING else "input_id") in steps
    assert ON_TYPE.search(steps) is None
    assert "SCAN db_" not in steps


@pytest.mark.parametrize("types", [0, 1, 2])
def test_links_between_nodes_come_from_their_outputs(storage: Storage, types: int) -> None:
    """Few links lead to a node; there are codes that a million come from."""
    values = {"ids": "[7,8]", **{f"type_{number}": "create" for number in range(types)}}
    steps = explained(storage, Statement("", lambda: links._select_between(types), values))
    assert "output_id" in steps
    assert "input_id=?" not in steps
    # PostgreSQL compares with each of an array, unless the array is a hash table.
    assert not storage.database.has_statistics or "hashed SubPlan" in steps
    assert ON_TYPE.search(steps) is None
    assert "Seq Scan" not in steps
    assert "SCAN db_" not in steps


@pytest.mark.parametrize("key", ["ctime", "mtime", "id"])
def test_order_comes_from_an_index(storage: Storage, key: str) -> None:
    """The rows of one page may be sorted, once; the table is not."""
    steps = plan(storage, (), (OrderTerm(key, descending=True),))
    sorts = steps.count("USE TEMP B-TREE FOR ORDER BY") + steps.replace("Incremental Sort", "").count("Sort  (")
    assert (sorts <= 1, "Seq Scan" in steps) == (True, False), steps


def test_version_4_orders_by_id_last(storage: Storage) -> None:
    """Within one time only, so the index on times is of use."""
    entity = v4.NODES
    query = RowsQuery(entity, (entity.fields["id"],), (), order_of((OrderTerm("ctime", descending=True),), entity))
    steps = explained(storage, listed(storage, query))
    assert "ctime" in steps
    assert "Seq Scan" not in steps
    assert steps.count("USE TEMP B-TREE FOR ORDER BY") <= 1, steps  # that of the one page


@pytest.mark.parametrize("entity", [v4.INCOMING, v4.OUTGOING], ids=lambda entity: entity.name)
def test_links_of_version_4_come_from_the_index_of_links(storage: Storage, entity: Entity) -> None:
    main = Condition(Predicate.EQUAL, entity.fields["main"], (7,))
    steps = explained(storage, listed(storage, RowsQuery(entity, entity.shown, (main,))))
    assert ("output_id" if entity is v4.INCOMING else "input_id") in steps
    assert "Seq Scan" not in steps
    assert "SCAN db_" not in steps


ONE: dict[str, Any] = {"entity_type": "node", "tag": "n", "filters": {"uuid": graph.relax}}
ANY: dict[str, Any] = {"entity_type": "node", "tag": "m", "project": "id"}
PATHS = {
    "incoming": [ONE, ANY | {"with_outgoing": "n"}],
    "outgoing": [ONE, ANY | {"with_incoming": "n"}],
    "from the end": [ANY, ONE | {"with_incoming": "m"}],
    "ancestors": [ONE, ANY | {"with_descendants": "n"}],
    "ancestors, from the end": [ANY, ONE | {"with_ancestors": "m"}],
    "descendants": [ONE, ANY | {"with_ancestors": "n"}],
    "groups": [ONE, {"entity_type": "group.core", "with_node": "n"}],
}


@pytest.mark.parametrize("name", PATHS)
def test_a_path_from_one_node_reads_no_table(storage: Storage, name: str) -> None:
    steps = explained(storage, compile_graph(read({"path": PATHS[name]}), 10))
    assert "Seq Scan" not in steps
    assert [step for step in steps.splitlines() if re.match(r"SCAN (t|e|l|o|m)\d", step)] == []


def test_a_scan_would_be_seen(storage: Storage) -> None:
    """Without a text at its beginning no index helps a pattern."""
    steps = plan(storage, conditions_of('label=like="%x"'))
    assert "label_" not in steps.partition("Index Cond: (label")[2]
    assert "SEARCH db_dbnode USING INDEX ix_db_dbnode_db_dbnode_label" not in steps


JOBS = {"entity_type": "process.calculation.calcjob.CalcJobNode.", "tag": "job"}
OUTPUTS = {"entity_type": "data.Data.", "tag": "output", "with_incoming": "job"}
LOGS = {"entity_type": "log", "tag": "log", "with_node": "node"}


def latest(tag: str, *path: Mapping[str, Any], **filters: Any) -> GraphQuery:
    order = [{tag: [{"id": {"order": "desc"}}]}]
    return read({"path": [*path], "filters": filters, "order_by": order, "project": {tag: ["id"]}, "limit": 3})


def test_joined_vertices_are_scanned_in_their_order(storage: Storage) -> None:
    """The links of a row are searched from it on, not merged with all links."""
    query = replace(latest("output", JOBS, OUTPUTS), forces_order_index=True)
    steps = explained(storage, compile_graph(query, 3))
    assert re.search(r"\(output_id(=\?| = \(t1.id \+ 0\))\)", steps)
    assert "node_type>" not in steps
    assert "node_type)::text ~>=~" not in steps


@pytest.mark.parametrize(
    "query",
    [
        latest("output", JOBS, OUTPUTS),
        latest("output", JOBS, OUTPUTS, output={"id": {"<": 60}}),
        latest("output", JOBS, OUTPUTS, output={"attributes.value": {"!==": 5}, "ctime": {">": "2016-04-23"}}),
        latest("log", {"entity_type": "node", "tag": "node"}, LOGS, log={"time": {">=": "2016-04-23T05:45:00.5"}}),
        latest("log", {"entity_type": "node", "tag": "node"}, LOGS, log={"time": {"!in": ["2016-04-23T05:45"]}}),
    ],
)
def test_a_scan_in_order_finds_the_same(storage: Storage, query: GraphQuery) -> None:
    forced = replace(query, forces_order_index=True)
    rows = storage.read().rows(compile_graph(query, 3))
    assert rows == storage.read().rows(compile_graph(forced, 3))
    assert rows


@pytest.mark.parametrize(("path", "decisions"), [((JOBS,), 0), ((JOBS, OUTPUTS), 1)])
def test_where_postgresql_is_helped(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, path: tuple[Mapping[str, Any], ...], decisions: int
) -> None:
    decided = []

    def decide(_: Window, frequency: int, *__: int) -> bool:
        decided.append(frequency)
        return True

    monkeypatch.setattr(graph_index_scan, "is_shorter", decide)
    assert len(fetch_graph(storage.read(), latest(str(path[-1]["tag"]), *path), 3)) == 3
    assert len(decided) == (decisions if storage.database.has_statistics else 1)
    assert all(decided)
