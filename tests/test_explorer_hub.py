"""A node with more neighbours than anybody counts, in SQLite: pages say so, and none of them reads all."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import find
from tests import writable
from tests.conftest import Golden
from tests.golden import graph, ids
from tests.html_reader import page

NODES = 10_050

_HUB = f"(SELECT id FROM db_dbnode WHERE uuid = '{graph.code_pw}')"

HUB = (
    f"""
    INSERT INTO db_dbnode (id, uuid, node_type, process_type, label, description, ctime, mtime, attributes, extras,
        repository_metadata, user_id)
    WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < {999 + NODES})
    SELECT i, printf('00000000-0000-4000-8000-%012d', i), node_type, process_type, 'job ' || i, '', ctime, mtime,
        '{{}}', '{{}}', '{{}}', user_id
    FROM n, db_dbnode WHERE uuid = '{graph.relax_scf}'
    """,
    f"""
    INSERT INTO db_dblink (input_id, output_id, label, type)
    SELECT {_HUB}, id, 'code', 'input_calc' FROM db_dbnode WHERE id >= 1000
    """,
)


@pytest.fixture(scope="module")
def client(golden: Golden, tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., Flask]) -> FlaskClient:
    profile = writable.sqlite(golden, tmp_path_factory.mktemp("hub"))
    with profile.committing() as commit:
        for statement in HUB:
            commit(statement)
    return serve(find(**profile.target), {}).test_client()


def test_its_page_counts_to_ten_thousand(client: FlaskClient) -> None:
    """Types of links are looked at of so many; the table of all, which SQLite counts, is a click away."""
    main = page(client, f"/nodes/{graph.code_pw}").one("main")
    total = int(client.get(f"/api/v4/nodes?outgoing_of={ids[graph.code_pw]}&limit=1").headers["X-Total-Count"])
    assert total > NODES
    assert f"Outputs and use {total:,}" in [each.words for each in main.all("h2")]
    (group,) = (each for each in main.all("div", "links") if "Input of calculations" in each.words)
    assert group.one("h3").words == "Input of calculations 10,000+"
    assert len(list(group.all("li"))) == 12
    (link,) = (each for each in group.all("a") if each.words.startswith("All"))
    table = client.get(link.attributes["href"])
    assert re.findall(r"<p><b>([^<]*)</b> nodes</p>", table.text) == [f"{total:,}"]
    assert len(table.data) < 60_000


def test_its_lineage_counts_all(client: FlaskClient) -> None:
    """What is shown, what lies in stacks of one type, and what was not looked at."""
    answer = client.get(f"/nodes/{graph.code_pw}/lineage")
    stacks = [int(each.replace(",", "")) for each in re.findall(r'class="name"[^>]*>([\d,]+) (?:×|more)', answer.text)]
    shown = len(set(re.findall(r'class="node[^"]*" data-name="(\d+)"', answer.text))) - 1
    total = int(client.get(f"/api/v4/nodes?outgoing_of={ids[graph.code_pw]}&limit=1").headers["X-Total-Count"])
    assert sum(stacks) + shown == total
    assert len(answer.data) < 60_000
