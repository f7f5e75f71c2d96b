"""Which way to the rows of a page is taken, and that both lead there."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import find
from aiida_like.storage import open_storage
from aiida_like.tuning import Tuning
from querylang.compile import RowsQuery
from querylang.graph import index_scan as graph_index_scan
from querylang.graph.compile import compile_graph
from querylang.graph.index_scan import compile_frequency, type_filters_of
from querylang.graph.read import read
from querylang.index_scan import can_scan_in_order, is_shorter, scan_in_order
from querylang.lowering.lower import lower, order_by
from querylang.options import OrderTerm, Window, split
from querylang.parse import Parser
from restapi.dialects.aiida_v2.entities import NODES
from restapi.dialects.aiida_v2.options import OPTIONS
from restapi.fetching import rows as fetch
from tests.conftest import Golden
from tests.golden import graph
from tests.plans import explained, listed

PARSER = Parser(OPTIONS)


def query_of(text: str, key: str, *, descending: bool = True) -> RowsQuery:
    conditions = lower(split(PARSER.parse(text), OPTIONS, OPTIONS)[1], NODES)
    return RowsQuery(NODES, NODES.shown, conditions, order_by((OrderTerm(key, descending),), NODES))


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ('type=like="data.%"', "ctime", True),
        ('type=like="data.%"', "id", True),
        ("user_id=1", "mtime", True),
        ("user_id=1&ctime>2016-01-01", "uuid", True),
        ('filter=user_id=1 OR label="x"', "ctime", True),
        ('type=like="data.%"', "type", False),  # lower case has no index
        ("user_id=1", "label", False),
        ("user_id=1", "description", False),
        ("ctime>2016-04-01", "ctime", False),
        ("id>5", "id", False),
        ("", "ctime", False),
        ('description="x"', "ctime", False),
        ("attributes.value>1", "ctime", False),
        (f'descendant_of="{graph.silicon}"', "ctime", False),
        (f'user_id=1&descendant_of="{graph.silicon}"', "ctime", False),
        ('group="x"', "ctime", False),
    ],
)
def test_where_it_can_be(text: str, key: str, expected: bool) -> None:
    assert can_scan_in_order(query_of(text, key)) is expected


@pytest.mark.parametrize(
    ("window", "total", "size", "expected"),
    [
        (Window(20), 200_000, 1_000_000, True),
        (Window(400), 200_000, 1_000_000, True),
        (Window(20, 50_000), 200_000, 1_000_000, False),  # too far to go
        (Window(20), 50_000, 1_000_000, False),  # too rare
        (Window(20), 900, 1000, False),  # sorted at once
        (Window(20), 1000, 1000, True),
    ],
)
def test_where_it_is_shorter(window: Window, total: int, size: int, expected: bool) -> None:
    assert is_shorter(window, total, size, 1000) is expected


@pytest.mark.parametrize("key", ["ctime", "mtime", "uuid", "id"])
def test_the_order_is_that_of_the_index(golden: Golden, key: str) -> None:
    with closing(open_storage(find(str(golden.sqlite)))) as storage:
        steps = explained(storage, listed(storage, scan_in_order(query_of('type=like="data.%"&user_id=1', key))))
    index = "rowid" if key == "id" else {"uuid": "sqlite_autoindex"}.get(key, key)
    assert index in steps
    assert [step for step in steps.splitlines() if "node_type" in step or "user_id" in step] == []


@pytest.mark.parametrize(
    "query",
    [
        'type=like="data.%"&orderby=-ctime',
        "user_id=1&orderby=mtime",
        "user_id=1&id>20&orderby=uuid",
        'user_id=1&id>20&description!="x"&orderby=-id',
        'filter=user_id=1 OR label="aiida"&orderby=-id',
        'type=like="process.%"&orderby=-ctime&offset=3',
        'label=in="aiida","","NaCl"&orderby=ctime,label',
    ],
)
def test_both_lead_to_the_same_rows(
    golden: Golden, serve: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    client = serve(find(str(golden.sqlite)), {"CACHE": "no"}, tuning=Tuning(scanned_rows=0)).test_client()
    taken: list[bool] = []
    decided: list[bool] = []

    def decide(window: Window, total: int, size: int, least: int) -> bool:
        assert least == 0 < total <= size
        decided.append(taken[-1])
        return taken[-1]

    monkeypatch.setattr(fetch, "is_shorter", decide)
    answers: list[Any] = []
    for scans in (False, True):
        taken.append(scans)
        url = f"/api/v2/nodes?{quote(query, safe='=&')}"
        answers += [client.get(url + part, buffered=True) for part in ("", "&limit=7")]
    assert decided == [False, False, True, True]
    (whole, first, walked_whole, walked_first) = ((each.data, each.headers["X-Total-Count"]) for each in answers)
    assert (whole, first) == (walked_whole, walked_first)
    assert len(answers[0].json["data"]["nodes"]) > 2


JOB = {"path": [{"entity_type": "process.calculation.calcjob.CalcJobNode.", "tag": "n"}], "limit": 5}
DATA = {"path": [{"entity_type": "data.Data.", "tag": "n"}], "limit": 7}
BY_ID, BY_TIME = ({"order_by": [{"n": [{key: {"order": "desc"}}]}]} for key in ("id", "ctime"))
LABELLED = {"label": "silicon"}


def chain(**more: Any) -> dict[str, Any]:
    """Jobs, and what is joined to them."""
    vertex = {"entity_type": "data.Data.", "tag": "d", "with_incoming": "n"} | more
    return {"path": [*JOB["path"], {key: value for key, value in vertex.items() if value is not None}], "limit": 5}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (JOB | BY_ID, True),
        (DATA | BY_TIME, True),
        (JOB | BY_ID | {"filters": {"n": {"attributes.exit_status": {">": 0}}}}, True),
        (JOB | BY_ID | {"filters": {"n": {"or": [{"id": {">": 3}}, {"description": "x"}]}}}, True),
        (JOB, False),
        (JOB | BY_ID | {"limit": None}, False),
        (JOB | BY_ID | {"distinct": True, "project": {"n": ["id"]}}, False),
        (JOB | BY_ID | {"filters": {"n": LABELLED}}, False),
        (JOB | BY_ID | {"filters": {"n": {"or": [LABELLED, {"description": "x"}]}}}, False),
        (JOB | BY_ID | {"filters": {"n": {"node_type": {"like": "process.%"}}}}, True),
        (JOB | {"order_by": [{"n": [{"attributes.exit_status": {"cast": "i"}}]}]}, False),
        ({"path": [{"entity_type": "node", "tag": "n"}], "limit": 5} | BY_ID, False),
        (JOB | BY_ID | {"filters": {"n": {"!or": [{"node_type": "x"}, {"id": 3}]}}}, False),
        (chain() | BY_ID, True),
        (chain() | {"order_by": [{"d": [{"ctime": {"order": "asc"}}]}]}, True),
        (chain(entity_type="node") | BY_ID, True),
        (chain(entity_type="user", with_incoming=None, with_node="n") | BY_ID, True),
        (chain(outerjoin=True) | BY_ID, False),
        (chain(with_incoming=None, with_ancestors="n") | BY_ID, False),
        (chain(filters={"uuid": graph.silicon}) | BY_ID, False),
        (chain(filters={"or": [{"uuid": graph.silicon}, {"id": 3}]}) | BY_ID, False),
        (chain(edge_filters={"label": "x"}) | BY_ID, False),
        (chain() | {"order_by": [{"n--d": ["label"]}]}, False),
        (chain() | {"order_by": [{"n": ["label"]}]}, False),
        (chain() | {"order_by": [{"n": ["uuid"]}]}, True),
    ],
)
def test_where_a_dictionary_can_be_walked(asked: dict[str, Any], expected: bool) -> None:
    assert bool(type_filters_of(read(asked), has_statistics=False)) is expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (JOB | BY_ID | {"filters": {"n": {"attributes.exit_status": {">": 0}}}}, False),
        (chain() | BY_ID, True),
        (chain(filters={"id": {"<": 50}}) | {"order_by": [{"d": ["id"]}]}, True),
        (chain(filters={"attributes.value": 5}) | BY_ID, False),
        (chain() | BY_ID | {"filters": {"n": {"description": "x"}}}, False),
    ],
)
def test_where_a_database_with_statistics_needs_help(asked: dict[str, Any], expected: bool) -> None:
    assert bool(type_filters_of(read(asked), has_statistics=True)) is expected


def reversed_chain() -> tuple[dict[str, Any], ...]:
    """The order is that of the vertex in the middle of a tree."""
    return (
        {"entity_type": "data.Data.", "tag": "d"},
        {"entity_type": "process.ProcessNode.", "tag": "n", "with_incoming": "d"},
        {"entity_type": "data.Data.", "tag": "f", "with_incoming": "n"},
    )


@pytest.mark.parametrize("order", [BY_ID, BY_TIME], ids=["id", "ctime"])
@pytest.mark.parametrize(
    "asked",
    [
        JOB,
        DATA | {"offset": 3},
        JOB | {"filters": {"n": {"attributes.exit_status": {"!==": 0}}}},
        DATA | {"filters": {"n": {"attributes.value": {">": 0}}}, "project": {"n": ["*"]}},
        chain(),
        chain(with_incoming=None, with_outgoing="n") | {"project": {"n": ["id"], "d": ["id", "label"]}},
        chain(entity_type="node", filters={"attributes.value": {"!==": 0}}) | {"project": {"d": ["id"]}},
        chain(entity_type="user", with_incoming=None, with_node="n") | {"project": {"d": ["first_name"], "n": ["id"]}},
        {"path": [*reversed_chain()], "limit": 9, "project": {"n": ["id"], "d": ["id"], "f": ["id"]}},
    ],
)
def test_both_lead_to_the_same_rows_of_a_dictionary(
    golden: Golden,
    serve: Callable[..., Flask],
    monkeypatch: pytest.MonkeyPatch,
    asked: dict[str, Any],
    order: dict[str, Any],
) -> None:
    client = serve(find(str(golden.sqlite)), {}, tuning=Tuning(scanned_rows=7)).test_client()
    bodies = []
    for scans in (False, True):

        def decide(window: Window, total: int, size: int, least: int, one_in: int, scans: bool = scans) -> bool:
            assert (total <= size, least) == (True, 7)
            return scans

        monkeypatch.setattr(graph_index_scan, "is_shorter", decide)
        response = client.post("/api/v4/querybuilder", json={"project": {"n": ["id", "label"]}, **asked, **order})
        assert response.status_code == 200
        bodies.append(response.json["data"])
    assert bodies[0] == bodies[1] != {}


@pytest.mark.parametrize(("frequency", "is_forced"), [(1000, True), (99, False), (7, False)])
def test_a_dictionary_of_many_rows_goes_along_the_index(*, frequency: int, is_forced: bool) -> None:
    query = read(JOB | BY_ID | {"limit": 5})
    assert graph_index_scan.scan_in_order(query, frequency, 1000, 8).forces_order_index is is_forced


def test_a_dictionary_goes_along_the_index(golden: Golden) -> None:
    with closing(open_storage(find(str(golden.sqlite)))) as storage:
        for order, index in ((BY_ID, "SCAN t0"), (BY_TIME, "ctime")):
            query = replace(
                read(JOB | order | {"filters": {"n": {"attributes.exit_status": 0}}}), forces_order_index=True
            )
            steps = explained(storage, compile_graph(query, 5))
            assert index in steps
            assert "node_type" not in steps


def test_a_dictionary_goes_on_from_vertex_to_vertex(golden: Golden, tmp_path: Path) -> None:
    """With statistics too, for which SQLite would make Bloom filters of whole tables."""
    folder = shutil.copytree(golden.sqlite, tmp_path / "profile")
    with closing(sqlite3.connect(folder / "database.sqlite")) as connection:
        connection.execute("ANALYZE")
        connection.execute(
            "UPDATE sqlite_stat1 SET stat = replace(stat, substr(stat, 1, instr(stat || ' ', ' ') - 1), 9999999)"
        )
        connection.commit()
    query = replace(read({"path": [*reversed_chain()], "limit": 20} | BY_ID), forces_order_index=True)
    for target in (golden.sqlite, folder):
        with closing(open_storage(find(str(target)))) as storage:
            steps = explained(storage, compile_graph(query, 20)).splitlines()
        tables = [word for step in steps for word in re.findall(r"\b[te][0-9]\b", step)]
        assert tables[0] == "t1"
        assert sorted(tables) == ["e0", "e1", "t0", "t1", "t2"]
        assert [step for step in steps if "BLOOM" in step or "AUTOMATIC" in step] == []
        assert "SCAN t1" in steps[0]
        assert all("SEARCH" in step for step in steps[1:5])


KIND_OF_JOBS = "node_type LIKE 'process.calculation.calcjob.%'"


def test_a_count_ends_where_it_is_enough(golden: Golden) -> None:
    with closing(open_storage(find(str(golden.sqlite)))) as storage:
        (kind,) = type_filters_of(read(DATA | BY_ID), has_statistics=False)
        ((number,),) = storage.database.rows("SELECT count(*) FROM db_dbnode WHERE node_type LIKE 'data.%'", {})
        assert number > 50
        assert [storage.read().rows(compile_frequency(kind, most))[0][0] for most in (1, 7, 1000)] == [1, 7, number]


GROUP, MEMBERS = {"entity_type": "group.core", "tag": "g"}, {"entity_type": "node", "tag": "n", "with_group": "g"}
NODE, OUTGOING = {"entity_type": "node", "tag": "a"}, {"entity_type": "node", "tag": "n", "with_incoming": "a"}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    "asked",
    [
        {"path": [GROUP, MEMBERS], "project": {"n": ["id", "label"], "g": ["label"]}},
        {"path": [NODE, OUTGOING], "project": {"n": ["id"], "a": ["id"], "a--n": ["label", "type"]}},
        {"path": [NODE | {"entity_type": "data.Data."}, OUTGOING], "project": {"n": ["*"]}},
        {"path": [NODE, OUTGOING | {"edge_filters": {"type": {"in": ["create", "return"]}}}], "project": {"n": ["id"]}},
        {"path": [NODE | {"filters": {"uuid": graph.silicon}}, OUTGOING], "project": {"n": ["id", "uuid"]}},
        {"path": [NODE, {"entity_type": "node", "tag": "n", "with_outgoing": "a"}], "project": {"n": ["id"]}},
    ],
)
def test_pages_of_edges_are_the_whole(client: FlaskClient, asked: dict[str, Any], descending: bool) -> None:
    """What is found by edges first is what is found without a limit."""
    order = {"order_by": [{"n": [{"id": {"order": "desc" if descending else "asc"}}]}]}
    whole = rows_of(client, asked | order)
    assert len(whole) > 1
    ids = [row["n"]["id"] for row in whole if "id" in row["n"]]
    assert ids == sorted(ids, reverse=descending)
    for size in (1, 3, len(whole) - 1, len(whole), 1000):
        parts = [
            rows_of(client, asked | order | {"limit": size, "offset": start}) for start in range(0, len(whole), size)
        ]
        assert [row for part in parts for row in part] == whole


def rows_of(client: FlaskClient, asked: dict[str, Any]) -> list[dict[str, Any]]:
    response = client.post("/api/v4/querybuilder", json=asked)
    assert response.status_code == 200, response.json
    data = response.json["data"]
    return [dict(zip(data, row, strict=True)) for row in zip(*data.values(), strict=True)]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"limit": None, "offset": 0}, False),
        ({"filters": {"n": {"label": "x"}}}, False),
        ({"filters": {"g": {"label": "x"}}}, True),
        ({"order_by": [{"n": ["ctime"]}]}, False),
        ({"order_by": [{"n": ["id"]}, {"g": ["label"]}]}, False),
        ({"order_by": [{"g": ["id"]}]}, False),
        ({"distinct": True, "project": {"n": ["id"]}}, False),
        ({"project": {"g": [{"id": {"func": "count"}}]}, "order_by": []}, False),
        ({"path": [GROUP, MEMBERS | {"outerjoin": True}]}, False),
        ({"path": [GROUP, MEMBERS, OUTGOING | {"tag": "o", "with_incoming": "n"}]}, False),
        ({"path": [NODE | {"tag": "g"}, {"entity_type": "node", "tag": "n", "with_ancestors": "g"}]}, False),
    ],
)
def test_where_edges_come_first(golden: Golden, changed: dict[str, Any], expected: bool) -> None:
    asked = {"path": [GROUP, MEMBERS], "order_by": [{"n": ["id"]}], "limit": 5, "project": {"n": ["label"]}} | changed
    with closing(open_storage(find(str(golden.sqlite)))) as storage:
        sql = storage.statements.compile(compile_graph(read(asked), 5).build()).sql
    assert ("AS edge_id FROM" in " ".join(sql.split())) is expected
