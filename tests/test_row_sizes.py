"""Rows that are few and large: what is refused, what comes in smaller parts, and what is cut short."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.errors import RowsTooLarge, StatementTimeout
from aiida_like.profiles import find
from aiida_like.storage import Limits, open_storage
from aiida_like.storage.databases.database import Database
from aiida_like.storage.databases.row_sizes import LargeColumns
from aiida_like.tuning import Tuning
from tests import writable
from tests.conftest import Golden
from tests.test_cursor import next_url, parts
from tests.writable import Writable

NUMBER, SIZE = 40, 20_000
MOST = 100_000
REFUSAL = (
    "the rows have more than 100000 characters of text and JSON: ask for fewer rows with limit, for fewer keys with "
    "fields or project, or for parts of the JSON"
)
IDS = [*range(1000, 1000 + NUMBER)]


@pytest.fixture(scope="module")
def large(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> Writable:
    """With nodes whose attributes and labels are long, each label another."""
    copy = writable.sqlite(golden, tmp_path_factory.mktemp("large"))
    writable.add_large(copy, NUMBER, SIZE)
    with copy.committing() as commit:
        commit(
            f"UPDATE db_dbnode SET label = hex(zeroblob({SIZE // 2})) || id, "
            "attributes = json_set(attributes, '$.b', id) WHERE id >= 1000"
        )
    return copy


@pytest.fixture(scope="module")
def client(large: Writable, serve: Callable[..., Flask]) -> FlaskClient:
    """All rows together are refused, and single ones are more than are written at once."""
    tuning = Tuning(characters_at_once=SIZE // 2)
    return serve(find(**large.target), {"MAX_ROW_CHARACTERS": MOST, "CACHE": "no"}, tuning=tuning).test_client()


@pytest.mark.parametrize(
    "url",
    [
        "nodes?id>=1000&fields=id,label",
        "nodes?id>=1000&facet=label&fields=id&limit=1",
        "nodes?id>=1000&orderby=-label&fields=id&cursor=",
    ],
)
def test_many_large_rows_are_refused(client: FlaskClient, url: str) -> None:
    answer = client.get(f"/api/v4/{url}")
    assert (answer.status_code, answer.json) == (400, {"message": REFUSAL})


def test_the_way_out_leads_out(client: FlaskClient) -> None:
    rows = client.get("/api/v4/nodes?id>=1000&fields=id,label&limit=4").json["data"]["nodes"]
    assert [(row["id"], len(row["label"])) for row in rows] == [(pk, SIZE + 4) for pk in IDS[:4]]
    assert len(client.get("/api/v4/nodes?id>=1000&fields=id,uuid").json["data"]["nodes"]) == NUMBER


def asked(limit: int | None, *columns: str) -> dict[str, Any]:
    return {
        "path": [{"entity_type": "node", "tag": "n"}],
        "filters": {"n": {"id": {">=": 1000}}},
        "project": {"n": list(columns)},
        "order_by": {"n": ["id"]},
        "limit": limit,
    }


@pytest.mark.parametrize("column", ["attributes", "attributes.a", "label"])
def test_a_query_of_the_querybuilder(client: FlaskClient, column: str) -> None:
    answer = client.post("/api/v4/querybuilder", json=asked(None, column))
    assert (answer.status_code, answer.json) == (400, {"message": REFUSAL})
    found = client.post("/api/v4/querybuilder", json=asked(2, "id", column), buffered=True).json["data"]["n"]
    assert [row["id"] for row in found] == IDS[:2]
    assert all(len(str(row)) > SIZE for row in found)


def test_one_row_can_have_any_size(large: Writable, serve: Callable[..., Flask]) -> None:
    client = serve(find(**large.target), {"MAX_ROW_CHARACTERS": 100}).test_client()
    (row,) = client.post("/api/v4/querybuilder", json=asked(1, "attributes")).json["data"]["n"]
    assert len(row["attributes"]["a"]) == SIZE
    assert len(client.get("/api/v4/nodes/1000?attributes=true").json["data"]["nodes"][0]["attributes"]["a"]) == SIZE


@pytest.mark.parametrize("order", ["id", "-id", "label", "-label"])
def test_files_and_lists_with_json_come_in_smaller_parts(client: FlaskClient, order: str) -> None:
    """Even where the keys that order the rows are more than may be read at once."""
    url = f"/api/v4/nodes?id>=1000&orderby={order}&fields=id,label,attributes"
    expected = IDS[::-1] if order.startswith("-") else IDS
    csv.field_size_limit(sys.maxsize)
    rows = [*csv.reader(client.get(f"{url}&format=csv", buffered=True).text.splitlines())][1:]
    of_csv = [(int(row[0]), len(row[1]), orjson.loads(row[2])["b"]) for row in rows]
    lines = client.get(f"{url}&format=ndjson", buffered=True).data.splitlines()
    listed = client.get(url, buffered=True).json["data"]["nodes"]
    of_json = [
        [(row["id"], len(row["label"]), row["attributes"]["b"]) for row in objects]
        for objects in ([orjson.loads(each) for each in lines], listed)
    ]
    assert [of_csv, *of_json] == [[(pk, SIZE + 4, pk) for pk in expected]] * 3


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, 'xxxxxxxxxx', NULL FROM n"
ANY = "SELECT 1, 2.5, x'3132333435', '12345' UNION ALL SELECT 1, 2.5, x'3132333435', '12345'"
"""In any column SQLite takes values of any type."""


@pytest.fixture
def database(golden: Golden, tmp_path: Path) -> Iterator[Database]:
    storage = open_storage(find(str(golden.archive)), cache_folder=tmp_path)
    yield storage.database
    storage.close()


@pytest.mark.parametrize("have_json", [True, False])
def test_it_stops_at_the_first_part_that_is_too_much(database: Database, *, have_json: bool) -> None:
    """Characters are counted, however they are estimated first."""
    columns = LargeColumns(lambda row: row[1:], 4, have_json)
    for number, rows in ((9, ENDLESS), (9, ENDLESS.replace("x", "ж"))):
        assert len(database.fetch(f"{rows} LIMIT {number}", {}, columns, 10 * number)[0]) == number
        with pytest.raises(RowsTooLarge):
            database.fetch(f"{rows} LIMIT {number}", {}, columns, 10 * number - 1)
        with pytest.raises(RowsTooLarge):
            database.fetch(rows, {}, columns, 30)


@pytest.mark.parametrize("have_json", [True, False])
def test_values_of_other_types_are_counted(database: Database, *, have_json: bool) -> None:
    columns = LargeColumns(lambda row: row, 4, have_json)
    assert database.fetch(ANY, {}, columns, 20)[0] == [(1, 2.5, "12345", "12345")] * 2
    with pytest.raises(RowsTooLarge):
        database.fetch(ANY, {}, columns, 19)


@pytest.mark.parametrize("condition", ["LIKE '%' || printf('%.900c', 'a') || 'b%'", "= '' OR instr(t, 'ab')"])
def test_a_long_search_in_long_texts_ends(golden: Golden, condition: str) -> None:
    """A thousand texts, of which a pattern takes up to seconds each: SQLite looks at no clock for so long."""
    sql = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000), "
        "m(t) AS MATERIALIZED (SELECT replace(hex(zeroblob(500000)), '0', 'a')) "
        f"SELECT count(*) FROM m, n WHERE t {condition} OR i < 0"
    )
    with closing(open_storage(find(str(golden.sqlite)), limits=Limits(statement_seconds=0.2))) as storage:
        began = monotonic()
        with pytest.raises(StatementTimeout):
            storage.database.rows(sql, {})
        assert monotonic() - began < 20
        assert storage.database.rows("SELECT 1", {}) == [(1,)]


CHAIN, FIRST = 1100, 5000


def test_a_path_that_is_shown_has_a_thousand_nodes(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    copy = writable.sqlite(golden, tmp_path)
    with closing(copy.connect()) as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n LIMIT :number) "
            "INSERT INTO db_dbnode (id, uuid, node_type, label, description, ctime, mtime, attributes, extras, "
            "repository_metadata, user_id) "
            "SELECT i, printf('00000000-0000-4000-8000-%012d', i), 'data.core.dict.Dict.', '', '', ctime, mtime, '{}', "
            "'{}', '{}', user_id FROM n, db_dbnode WHERE db_dbnode.id = 1",
            {"first": FIRST, "number": CHAIN},
        )
        connection.executemany(
            "INSERT INTO db_dblink (input_id, output_id, label, type) VALUES (?, ?, 'x', 'create')",
            [(pk, pk + 1) for pk in range(FIRST, FIRST + CHAIN - 1)],
        )
        connection.commit()
    client = serve(find(**copy.target), {"MAX_QUERY_ROWS": 5000}).test_client()
    walk = {
        "path": [
            {"entity_type": "node", "tag": "n"},
            {"entity_type": "node", "tag": "m", "with_ancestors": "n", "edge_tag": "e"},
        ],
        "filters": {"n": {"id": FIRST}},
    }
    shown = client.post("/api/v4/querybuilder", json=walk | {"project": {"m": ["id"], "e": ["path"]}}).json["data"]
    found = {row["id"]: path["path"] for row, path in zip(shown["m"], shown["e"], strict=True)}
    assert sorted(found) == [*range(FIRST + 1, FIRST + 1000)]
    assert found[FIRST + 999] == [*range(FIRST, FIRST + 1000)]
    counted = client.post("/api/v4/querybuilder", json=walk | {"project": {"m": ["id"], "e": ["depth"]}}).json["data"]
    assert len(counted["m"]) == CHAIN - 1


@pytest.fixture(params=[500, 5_900, 50_000])
def described(request: pytest.FixtureRequest, golden: Golden, tmp_path: Path) -> Writable:
    copy = writable.sqlite(golden, tmp_path)
    with copy.committing() as commit:
        commit(f"UPDATE db_dbnode SET description = hex(zeroblob({request.param // 2})) || (id / 3) WHERE id < 20")
    return copy


@pytest.mark.parametrize("order", ["description", "-description", "description,-label"])
def test_cursors_stay_short(described: Writable, serve: Callable[..., Flask], order: str) -> None:
    client = serve(find(**described.target), {}).test_client()
    url = f"/api/v4/nodes?orderby={order}&fields=id"
    whole = client.get(url).json["data"]["nodes"]
    assert [row for part in parts(client, f"{url}&cursor=&limit=1") for row in part] == whole
    answer = client.get(f"{url}&cursor=&limit=1&id<20")
    assert len(next_url(answer) or "") in range(50, 1300)


def test_a_cursor_at_a_row_that_is_gone(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    copy = writable.sqlite(golden, tmp_path)
    writable.add_large(copy, 2, 10)
    client = serve(find(**copy.target), {}).test_client()
    with copy.committing() as commit:
        commit("UPDATE db_dbnode SET description = hex(zeroblob(5000)) || id WHERE id >= 1000")
        url = next_url(client.get("/api/v4/nodes?orderby=description&id>=1000&fields=id&cursor=&limit=1"))
        assert url is not None
        assert client.get(url).json["data"]["nodes"] == [{"id": 1001}]
        commit("DELETE FROM db_dbnode WHERE id = 1000")
        answer = client.get(url)
    message = "the row that the cursor names is not there any more: begin with an empty cursor="
    assert (answer.status_code, answer.json) == (400, {"message": message})


def test_no_link_is_refused(golden: Golden, serve: Callable[..., Flask]) -> None:
    client = serve(find(str(golden.sqlite)), {}).test_client()
    most = 8000 - len('cursor=&limit=1&label!=""')
    answer = client.get(f'/api/v4/nodes?cursor=&limit=1&label!="{"x" * most}"')
    assert answer.status_code == 400
    assert answer.json["message"].startswith("the link to the next rows would have a query string of 80")
    url = next_url(client.get(f'/api/v4/nodes?cursor=&limit=1&label!="{"x" * (most - 200)}"'))
    assert url is not None
    assert client.get(url).status_code == 200
