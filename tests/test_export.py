"""Lists as CSV and NDJSON: the rows of the JSON, all of them, in a memory that does not grow."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from http.client import IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.http import http_date
from werkzeug.test import TestResponse

from aiida_like.profiles import find
from aiida_like.tuning import Tuning
from restapi.answering.csv_cells import safe_cell
from restapi.http.encoding import iso_time
from tests import writable
from tests.conftest import COMMAND, Golden, headers_of
from tests.golden import ctime_of, graph, ids
from tests.memory import peak_of, sizes_of_pieces
from tests.servers import free_port, serving, wait_until
from tests.writable import Writable

SMALL_PARTS = Tuning(keys_at_once=7, rows_at_once=3)
"""Rows come in many statements."""


@pytest.fixture(scope="module")
def in_small_parts(target: dict[str, Any], serve: Callable[..., Flask]) -> FlaskClient:
    return serve(find(**target), {}, tuning=SMALL_PARTS).test_client()


def asked(client: FlaskClient, url: str, **headers: str) -> TestResponse:
    response = client.get(f"/api/{quote(url, safe='/?=&')}", headers=headers, buffered=True)
    assert response.status_code == 200, response.text
    return response


def rows_of(client: FlaskClient, url: str) -> list[dict[str, Any]]:
    (rows,) = (value for value in asked(client, url).json["data"].values() if isinstance(value, list))
    return list(rows)


def lines(response: TestResponse) -> list[dict[str, Any]]:
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert response.data.endswith(b"\n") or not response.data
    return [json.loads(line) for line in response.data.splitlines()]


def table(response: TestResponse) -> tuple[Sequence[str], list[dict[str, str]]]:
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    reader = csv.DictReader(io.StringIO(response.data.decode(), newline=""), strict=True)
    rows = list(reader)
    return reader.fieldnames or (), rows


def compact(cell: str) -> str:
    """Databases store JSON with blanks or without."""
    return safe_cell(json.loads(cell)) if cell.startswith(("{", "[")) else cell


URLS = [
    "v2/nodes?",
    "v4/nodes?",
    "v4/nodes?attributes=true&extras=true&id>20",
    "v4/nodes?attributes=true&attributes_filter=value,cell&orderby=-ctime",
    "v4/nodes?fields=uuid,attributes.value,attributes.cell,extras.nested,process_type",
    "v2/nodes?fields=state,label,attributes.value&orderby=-state,label",
    'v2/nodes?type=like="process.%"&orderby=label&limit=4&offset=3',
    'v2/nodes?filter=attributes.value>0 OR label=""&orderby=attributes.value',
    "v2/computers?orderby=-enabled",
    "v2/users?",
    "v4/groups?orderby=-time",
    "v4/users?limit=1",
    f"v4/nodes/{graph.relax}/links/outgoing?orderby=link_label",
    f"v4/nodes/{graph.silicon}/descendants?",
    f"v2/nodes/{graph.relax}/io/outputs?orderby=-label",
    "v4/nodes/page/2?perpage=13",
    "v4/nodes?id=0",
]


def as_in_json(row: dict[str, Any]) -> dict[str, Any]:
    """The row of a file with times as JSON has them, to the second."""
    times = {name: row[name] for name in ("ctime", "mtime", "time", "last_login") if row.get(name)}
    assert all(re.fullmatch(r"[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z", time) for time in times.values())
    return {**row, **{name: http_date(datetime.fromisoformat(f"{time[:19]}+00:00")) for name, time in times.items()}}


@pytest.mark.parametrize("url", URLS)
def test_the_rows_of_the_json(in_small_parts: FlaskClient, url: str) -> None:
    client = in_small_parts
    rows = rows_of(client, url)
    response = asked(client, f"{url}&format=ndjson")
    assert list(map(as_in_json, lines(response))) == rows
    assert [list(row) for row in lines(response)] == [list(row) for row in rows]
    names, cells = table(asked(client, f"{url}&format=csv"))
    assert [list(map(compact, as_in_json(row).values())) for row in cells] == [
        [compact(safe_cell(value)) for value in row.values()] for row in rows
    ]
    assert (list(names) == list(rows[0])) if rows else ("uuid" in names)
    total = asked(client, url).headers["X-Total-Count"]
    assert response.headers["X-Total-Count"] == response.headers["X-Total-Counts"] == total


def test_times_of_a_file(client: FlaskClient) -> None:
    """To the microsecond on each storage, so that filters find the row again."""
    for version in ("v2", "v4"):
        _, rows = table(asked(client, f"{version}/nodes?fields=uuid,ctime&format=csv"))
        assert [row["ctime"] for row in rows] == [
            ctime_of(row["uuid"]).strftime("%Y-%m-%dT%H:%M:%S.%fZ") for row in rows
        ]
    for uuid in (graph.second_early, graph.second_late):
        (row,) = lines(asked(client, f'v4/nodes?uuid="{uuid}"&format=ndjson'))
        assert [each["uuid"] for each in rows_of(client, f"v4/nodes?ctime={row['ctime']}")] == [uuid]
    assert iso_time(None) is None


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/csv", "text/csv; charset=utf-8; header=present"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("Text/CSV", "text/csv; charset=utf-8; header=present"),
        ("text/csv;q=0.5, application/x-ndjson", "application/x-ndjson"),
        ("application/json;q=0.5, text/csv", "text/csv; charset=utf-8; header=present"),
        ("application/json, text/csv", "application/json"),
        ("text/csv, */*;q=0.1", "text/csv; charset=utf-8; header=present"),
        ("text/csv;q=0", "application/json"),
        ("text/csvs", "application/json"),
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("text/html", "application/json"),
        ("", "application/json"),
    ],
)
def test_accept(archive_client: FlaskClient, accept: str, media_type: str) -> None:
    response = asked(archive_client, "v4/nodes?limit=3", Accept=accept)
    assert response.headers["Content-Type"] == media_type
    assert response.headers["Vary"] == "Accept, Prefer"


def test_the_url_comes_before_accept(archive_client: FlaskClient) -> None:
    assert asked(archive_client, "v4/nodes?limit=3&format=json", Accept="text/csv").is_json
    assert len(lines(asked(archive_client, "v4/nodes?limit=3&format=ndjson", Accept="text/csv"))) == 3


def test_other_resources_are_json(archive_client: FlaskClient) -> None:
    for url in (f"v4/nodes/{graph.silicon}", "v4/nodes/statistics", f"v4/nodes/{graph.silicon}/graph"):
        assert asked(archive_client, url, Accept="text/csv").is_json


def test_a_browser_stores_it(archive_client: FlaskClient) -> None:
    for url, name in (("v4/nodes?format=csv", "nodes.csv"), ("v2/users?format=ndjson", "users.ndjson")):
        headers = asked(archive_client, url).headers
        assert headers["Content-Disposition"] == f'attachment; filename="{name}"'
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_head(archive_client: FlaskClient) -> None:
    got = asked(archive_client, "v4/nodes?format=csv")
    head = archive_client.head("/api/v4/nodes?format=csv", buffered=True)
    assert (head.status_code, head.data, headers_of(head)) == (200, b"", headers_of(got))


def test_each_representation_has_its_own_tag(client: FlaskClient) -> None:
    """One that a client has of another never stands for this one."""
    wanted = [{}, {"Accept": "text/csv"}, {"Accept": "application/x-ndjson"}, {"Prefer": "count=none"}]
    tags = [asked(client, "v4/nodes?limit=3", **headers).headers["ETag"] for headers in wanted]
    assert len(set(tags)) == len(tags)
    for headers, tag in zip(wanted, tags, strict=True):
        for other in tags:
            response = client.get("/api/v4/nodes?limit=3", headers={**headers, "If-None-Match": other}, buffered=True)
            assert response.status_code == (304 if other == tag else 200)
            assert response.headers["Vary"] == "Accept, Prefer"


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"]


def test_no_cell_is_a_formula(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    """Text gets an apostrophe in front; numbers stay numbers, also negative ones."""
    copy = writable.sqlite(golden, tmp_path)
    with closing(copy.connect()) as connection:
        for number, text in enumerate(FORMULAS, 1):
            attributes = json.dumps({"text": text, "number": -1.5, "object": {"x": text}, "null": None})
            connection.execute(
                "UPDATE db_dbnode SET label = ?, attributes = ? WHERE id = ?", (text, attributes, number)
            )
        connection.commit()
    client = serve(find(**copy.target), {}).test_client()
    keys = "label,attributes.text,attributes.number,attributes.object,attributes.null"
    _, cells = table(asked(client, f"v4/nodes?id<={len(FORMULAS)}&fields={keys}&format=csv"))
    assert [list(row.values()) for row in cells] == [
        [f"'{text}", f"'{text}", "-1.5", json.dumps({"x": text}, separators=(",", ":")), ""] for text in FORMULAS
    ]


def test_how_many_rows_a_file_may_have(golden: Golden, serve: Callable[..., Flask]) -> None:
    client = serve(find(str(golden.archive)), {"MAX_EXPORT_ROWS": 50, "MAX_LIMIT": 30}).test_client()
    assert len(lines(asked(client, "v4/nodes?id<=50&format=ndjson"))) == 50
    assert len(lines(asked(client, "v4/nodes?limit=50&format=ndjson"))) == 50
    assert [row["id"] for row in lines(asked(client, "v4/nodes?limit=50&offset=50&format=ndjson"))] == [*range(51, 82)]
    for url, message in {
        "v4/nodes?format=csv": (
            "these are 81 rows, and a file has at most 50: narrow them with filters, or ask for parts with limit=50 "
            "and offset="
        ),
        "v4/nodes?format=csv&limit=51": "limit=51 is out of range: it goes from 1 to 50",
        "v4/nodes/page/1?format=csv&perpage=31": "perpage=31 is out of range: it goes from 1 to 30",
        "v4/nodes/page/9?format=csv": "Non existent page requested. The page range is [1 : 5]",
    }.items():
        response = client.get(f"/api/{url}")
        assert (response.status_code, response.json) == (400, {"message": message})


ERRORS = {
    "format=xml": "format takes one of json, csv, ndjson, not 'xml'",
    "format=": "format takes one of json, csv, ndjson, not ''",
    "format=csv&cursor=": "cursor is for JSON; a file of format csv or ndjson has all rows, or limit= of them",
    "format=csv&facet=label": "facet is for JSON; a file of format csv or ndjson has all rows, or limit= of them",
    "format=csv&foo=1": (
        "nodes have no key 'foo' to filter or order by. There are: id, label, node_type, process_type, "
        "full_type, ctime, mtime, uuid, user_id, description, dbcomputer_id, attributes, extras, pk, user, computer, "
        "group, incoming_of, outgoing_of, ancestor_of, descendant_of"
    ),
}


@pytest.mark.parametrize("query", ERRORS)
def test_errors(archive_client: FlaskClient, query: str) -> None:
    """They are JSON, with a status."""
    response = archive_client.get(f"/api/v4/nodes?{query}")
    assert (response.status_code, response.is_json) == (400, True)
    assert response.json["message"] == ERRORS[query]


def test_aiida_can_commit_meanwhile(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    """Whoever reads slowly holds no lock; and each row that is there all the time comes once."""
    copy = writable.sqlite(golden, tmp_path)
    client = serve(find(**copy.target), {}, tuning=SMALL_PARTS).test_client()
    response = client.get("/api/v4/nodes?format=ndjson&orderby=-ctime")
    parts: Iterator[bytes] = response.iter_encoded()
    read = next(parts)
    with closing(writable.connect_to_sqlite(tmp_path / "profile" / "database.sqlite")) as connection:
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("UPDATE db_dbnode SET label = 'changed'")
        connection.execute("DELETE FROM db_dbcomment")
        connection.execute("DELETE FROM db_dbgroup_dbnodes")
        connection.execute("DELETE FROM db_dblink")
        connection.execute("DELETE FROM db_dbnode WHERE id = ?", (ids[graph.water],))
        connection.commit()
    rows = [json.loads(line) for line in (read + b"".join(parts)).splitlines()]
    response.close()
    assert sorted(row["id"] for row in rows) == [number for number in range(1, 82) if number != ids[graph.water]]
    assert [row["label"] == "changed" for row in rows] == [False] * 3 + [True] * (len(rows) - 3)


@pytest.fixture
def long_list(golden: Golden, tmp_path: Path) -> Writable:
    """With 16 000 nodes from id 1000 on, of more than 1000 bytes each."""
    copy = writable.sqlite(golden, tmp_path)
    writable.add_large(copy, 16_000, 1_000)
    return copy


MANY = "/api/v4/nodes?id>=1000&attributes=true&format=csv"


def test_memory_is_flat(long_list: Writable, serve: Callable[..., Flask]) -> None:
    """For eight times the rows it takes no more."""
    client = serve(find(**long_list.target), {}, tuning=Tuning(keys_at_once=1000)).test_client()
    peaks = {}
    for rows in (2_000, 16_000):
        sizes, peaks[rows] = peak_of(partial(sizes_of_pieces, client, f"{MANY}&limit={rows}"))
        assert sum(sizes) > 1000 * rows
    assert peaks[16_000] < 1.5 * peaks[2_000]


def test_a_file_that_breaks_off_is_seen(long_list: Writable) -> None:
    """The status is sent when a later part fails; so the client must see that the end is missing."""
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    command = [*COMMAND, "serve", long_list.target["target"], "-P", str(port), "-w", "1"]
    with serving(command, root) as server:
        with urlopen(root + MANY) as response:
            assert (response.status, response.headers["Transfer-Encoding"]) == (200, "chunked")
            assert len(response.read()) > 16_000_000
        with urlopen(root + MANY) as response:
            response.read(1000)
            with long_list.committing() as commit:
                commit("ALTER TABLE db_dbnode RENAME TO gone")
            with pytest.raises(IncompleteRead):
                response.read()
        wait_until(lambda: "GET /api/v4/nodes: StorageError: no such table: db_dbnode" in server.stderr)
