"""Lists as JSON whose rows can be large: the same bytes, whether they come at once or a few rows at a time."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from flask import Flask
from werkzeug.test import Client

from aiida_like.errors import StatementTimeout
from aiida_like.profiles import find
from aiida_like.storage import Snapshot, Statement
from aiida_like.tuning import Tuning
from restapi.answering import lists
from restapi.http import encoding
from tests import writable
from tests.conftest import COMMAND, NOTHING_IS_SLOW, Golden, headers_of
from tests.golden import graph
from tests.memory import peak_of, sizes_of_pieces
from tests.servers import free_port, serving

WIDE = [
    "v4/nodes?attributes=true",
    "v4/nodes?attributes=true&extras=true&orderby=-ctime&limit=7&offset=3",
    "v4/nodes/page/2?perpage=5&extras=true&orderby=label",
    "v4/nodes?attributes=true&attributes_filter=value,kinds&limit=30",
    "v4/nodes?fields=id,attributes.cell&facet=user&limit=9",
    "v4/nodes?fields=attributes&cursor=&limit=4",
    'v4/nodes?attributes=true&label="no such"',
    f"v4/nodes/{graph.silicon}/links/outgoing?fields=id,link_label,attributes",
    f"v4/nodes/{graph.silicon}/links/incoming?fields=extras",
    "v2/nodes?fields=id,attributes&orderby=-id&limit=11",
]


@pytest.mark.parametrize("url", WIDE)
def test_parts_are_the_whole(
    target: dict[str, Any], serve: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    path = f"/api/{quote(url, safe='/?=&')}"
    with monkeypatch.context() as patch:
        patch.setattr(lists, "is_wide", lambda *_: False)
        client = serve(find(**target), {"CACHE": "no"}, tuning=NOTHING_IS_SLOW).test_client()
        expected = client.get(path, buffered=True)
    for size, large in ((20, 1 << 16), (3, 1 << 16), (3, 0)):
        tuning = replace(NOTHING_IS_SLOW, wide_rows_at_once=size, streamed_bytes=large)
        client = serve(find(**target), {"CACHE": "no"}, tuning=tuning).test_client()
        found = client.get(path, buffered=True)
        head = client.head(path, buffered=True)
        assert (found.status_code, found.data) == (200, expected.data)
        assert (head.status_code, head.data, headers_of(head)) == (200, b"", headers_of(found))
        lengths = {"Content-Length": str(len(expected.data))} if large else {}
        assert headers_of(found) == {k: v for k, v in headers_of(expected).items() if k != "Content-Length"} | lengths
        again = client.get(path, headers={"If-None-Match": found.headers["ETag"]}, buffered=True)
        assert (again.status_code, again.data) == (304, b"")


@pytest.fixture
def large_rows(golden: Golden, tmp_path: Path) -> writable.Writable:
    """With 80 nodes of more than 200 kB each."""
    copy = writable.sqlite(golden, tmp_path)
    writable.add_large(copy, 80, 200_000)
    return copy


LARGE = "/api/v4/nodes?id>=1000&attributes=true"


def test_a_large_value_of_a_facet_stands_beside_large_rows(
    large_rows: writable.Writable, serve: Callable[..., Flask]
) -> None:
    client = serve(find(**large_rows.target), {}).test_client()
    found = client.get(f"{LARGE}&facet=attributes.a&limit=1", buffered=True).json["data"]
    (value,) = found["facets"]["attributes.a"]["values"]
    assert (len(value["value"]), value["count"]) == (200_000, 80)
    assert found["nodes"][0]["attributes"] == {"a": value["value"]}


def test_memory_is_flat(large_rows: writable.Writable, serve: Callable[..., Flask]) -> None:
    """For eight times the rows it takes no more."""
    client = serve(find(**large_rows.target), {}, tuning=Tuning(wide_rows_at_once=5)).test_client()
    peaks = {}
    for number in (10, 80):
        sizes, peaks[number] = peak_of(partial(sizes_of_pieces, client, f"{LARGE}&limit={number}"))
        assert sum(sizes) > 200_000 * number
    assert peaks[80] < 1.5 * peaks[10]


LONG = 20_000_000
UUID = "00000000-0000-4000-8000-000000001000"


@pytest.fixture(scope="module")
def large_node(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> writable.Writable:
    copy = writable.sqlite(golden, tmp_path_factory.mktemp("large"))
    writable.add_large(copy, 1, LONG)
    return copy


@pytest.mark.parametrize(
    "path",
    [
        f"v4/nodes/{UUID}?attributes=true",
        f"v4/nodes/{UUID}?attributes=true&extras=true&attributes_filter=a",
        f"v4/nodes/{UUID}/contents/attributes",
        f"v2/nodes/{UUID}/content/attributes",
    ],
)
def test_one_large_value(large_node: writable.Writable, serve: Callable[..., Flask], path: str) -> None:
    """It is there once, as the database has it."""
    client = serve(find(**large_node.target), {}).test_client()
    sizes, peak = peak_of(lambda: sizes_of_pieces(client, f"/api/{path}"))
    assert sum(sizes) > LONG
    assert max(sizes) <= encoding.LARGE
    assert peak < 1.2 * LONG


def test_large_values_are_whole(large_node: writable.Writable, serve: Callable[..., Flask]) -> None:
    client = serve(find(**large_node.target), {}).test_client()
    value = {"a": "0" * LONG}

    def answer(path: str) -> Any:
        found = client.get(f"/api/v4/{path}", buffered=True)
        assert found.status_code == 200
        return found

    (node,) = answer(f"nodes/{UUID}?attributes=true&extras=true").json["data"]["nodes"]
    assert (node["attributes"], node["extras"], node["id"], node["label"]) == (value, {}, 1000, "large")
    assert answer(f"nodes/{UUID}/contents/attributes").json["data"] == {"attributes": value}
    listed = answer("nodes?id=1000&fields=id,attributes,label&format=json").json["data"]["nodes"]
    assert listed == [{"id": 1000, "attributes": value, "label": "large"}]
    assert json.loads(answer("nodes?id=1000&fields=attributes&format=ndjson").data) == {"attributes": value}
    csv.field_size_limit(2 * LONG)
    _, (cell,) = csv.reader(answer("nodes?id=1000&fields=attributes&format=csv").text.splitlines())
    assert json.loads(cell) == value


def test_large_values_have_a_tag(large_node: writable.Writable, serve: Callable[..., Flask]) -> None:
    client = serve(find(**large_node.target), {}).test_client()
    url = f"/api/v4/nodes/{UUID}/contents/attributes"
    tag = client.get(url, buffered=True).headers["ETag"]
    again = client.get(url, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    assert client.head(url).headers["ETag"] == tag


def test_what_fails_at_once_has_a_status(
    golden: Golden, serve: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = serve(find(str(golden.sqlite)), {"CACHE": "no"})
    asked = Snapshot.rows

    def fails_later(self: Snapshot, statement: Statement, most: int | None = None) -> Any:
        if statement.cache_key[0] == "some":  # type: ignore[index]
            raise StatementTimeout(30.0)
        return asked(self, statement, most)

    monkeypatch.setattr(Snapshot, "rows", fails_later)
    response = app.test_client().get("/api/v4/nodes?attributes=true")
    assert response.status_code == 503
    assert "30" in response.json["message"]


def test_a_large_list_comes_in_chunks(large_rows: writable.Writable) -> None:
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    with serving([*COMMAND, "serve", large_rows.target["target"], "-P", str(port), "-w", "1"], root):
        for path, chunked in ((LARGE, "chunked"), ("/api/v4/nodes?id>=1000", None)):
            with urlopen(root + path) as response:
                assert (response.status, response.headers["Transfer-Encoding"]) == (200, chunked)
                assert response.headers["X-Total-Count"] == "80"
                assert (len(response.read()) > 16_000_000) is (chunked is not None)


QUERY = {
    "path": [{"entity_type": "node", "tag": "n"}, {"entity_type": "user", "tag": "u", "with_node": "n"}],
    "project": {"n": ["id", "attributes", "node_type", "ctime"], "u": ["first_name"]},
    "order_by": [{"n": ["id"]}],
}


def test_rows_of_a_dictionary(target: dict[str, Any], serve: Callable[..., Flask]) -> None:
    def answer(client: Client, large: int, **more: Any) -> bytes:
        found = client.post("/api/v4/querybuilder", json={**QUERY, **more})
        assert found.status_code == 200
        assert int(found.headers["X-Total-Count"]) == len(found.json["data"].get("n", ()))
        is_whole = "Content-Length" in found.headers
        assert is_whole == (large > 0)
        return found.data

    dictionaries: list[dict[str, Any]] = [{}, {"limit": 7}, {"filters": {"n": {"id": -1}}}]
    client = serve(find(**target), {}).test_client()
    expected = [answer(client, 1 << 16, **each) for each in dictionaries]
    assert len(set(expected)) == 3
    for size, large in ((3, 1 << 16), (3, 0), (1, 0)):
        tuning = Tuning(streamed_bytes=large, query_rows_at_once=size)
        client = serve(find(**target), {}, tuning=tuning).test_client()
        assert [answer(client, large, **each) for each in dictionaries] == expected
        pieces = [*client.post("/api/v4/querybuilder", json=QUERY).iter_encoded()]
        assert len(pieces) == (1 if large else 7 + 2 * (81 // size))  # 81 rows, under two tags
