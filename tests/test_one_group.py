"""Pages of the nodes of a group that is named by its label: one group, and several of one label."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import find
from aiida_like.storage import open_storage
from querylang.graph.compile import compile_graph
from querylang.graph.one_group import compile_groups, of_group
from querylang.graph.read import read
from tests import writable
from tests.conftest import Golden
from tests.plans import explained
from tests.writable import Writable

GROUP = {"entity_type": "group", "tag": "g"}
MEMBERS = {"entity_type": "node", "tag": "n", "with_group": "g"}
ONE, TWINS = [(3, 900)], [(2, 901), (3, 901), (3, 902), (7, 902)]
"""The nodes of the group called "one", and of the two groups called "twins"; a node is in both."""


@pytest.fixture(scope="module")
def grouped(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> Writable:
    copy = writable.sqlite(golden, tmp_path_factory.mktemp("grouped"))
    with copy.committing() as commit:
        for pk, label, kind in ((900, "one", "core"), (901, "twins", "core"), (902, "twins", "core.auto")):
            commit(
                "INSERT INTO db_dbgroup (id, uuid, label, type_string, time, description, extras, user_id) "
                f"VALUES ({pk}, 'uuid of {pk}', '{label}', '{kind}', '2024-01-01 00:00:00.000000', '', '{{}}', 1)"
            )
        for node, group in reversed([*ONE, *TWINS]):
            commit(f"INSERT INTO db_dbgroup_dbnodes (dbnode_id, dbgroup_id) VALUES ({node}, {group})")
    return copy


@pytest.fixture(scope="module")
def client(grouped: Writable, serve: Callable[..., Flask]) -> FlaskClient:
    return serve(find(**grouped.target)).test_client()


def asked(label: str, **changed: Any) -> dict[str, Any]:
    return {
        "path": [GROUP, MEMBERS],
        "filters": {"g": {"label": label}},
        "project": {"n": ["id"], "g": ["id"]},
        "order_by": [{"n": ["id"]}],
        "limit": 10,
        **changed,
    }


@pytest.mark.parametrize(("label", "expected"), [("one", ONE), ("twins", TWINS), ("none", [])])
@pytest.mark.parametrize(("limit", "offset"), [(10, 0), (2, 0), (2, 2), (1, 3)])
def test_its_nodes(client: FlaskClient, label: str, expected: list[tuple[int, int]], limit: int, offset: int) -> None:
    data = client.post("/api/v4/querybuilder", json=asked(label, limit=limit, offset=offset)).json["data"]
    found = [(node["id"], group["id"]) for node, group in zip(data.get("n", []), data.get("g", []), strict=True)]
    assert found == expected[offset : offset + limit]


def test_nothing_but_what_is_shown_is_sorted(grouped: Writable) -> None:
    query = read(asked("one"))
    with closing(open_storage(find(**grouped.target))) as storage:
        by_label, by_id = (explained(storage, compile_graph(each, 10)) for each in (query, of_group(query, 900)))
    assert (by_label.count("TEMP B-TREE"), by_id.count("TEMP B-TREE")) == (2, 1)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"filters": {"g": {"label": "one", "type_string": "core"}}}, True),
        ({"filters": {"g": {"label": {"in": ["one", "twins"]}}}}, False),
        ({"filters": {"g": {"or": [{"label": "one"}, {"label": "twins"}]}}}, False),
        ({"filters": {"g": {"id": 900}}}, False),
        ({"filters": {}}, False),
        ({"order_by": [{"n": ["ctime"]}]}, False),
        ({"path": [GROUP | {"entity_type": "node"}, {"entity_type": "group", "tag": "n", "with_node": "g"}]}, False),
        ({"path": [GROUP], "project": {"g": ["id"]}, "order_by": [{"g": ["id"]}]}, False),
    ],
)
def test_where_a_group_is_looked_up(changed: dict[str, Any], expected: bool) -> None:
    assert (compile_groups(read(asked("one", **changed))) is not None) is expected
