"""Each limit of a request: what lies at it is answered, and one past it is refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import find
from tests import writable
from tests.conftest import Golden
from tests.golden import graph

END = 2**63
PATTERN = 'label=like="a%b"'
SAFE = '?&=/<>+"'


def path(keys: int) -> str:
    return ".".join(["attributes", *["x"] * keys])


def keys(number: int) -> str:
    return ",".join(f"attributes.a{each}" for each in range(number))


def ones(number: int) -> str:
    return ",".join(["1"] * number)


def syntax_error(column: int, expected: str, found: str) -> str:
    return f"syntax error in the query string at column {column}: expected {expected}, found '{found}'"


TIMES = 'filters.n: ctime is compared with times such as "2016-04-23T05:45:00+03:45"'

QUERIES: dict[str, tuple[str, str, str]] = {
    "keys in a path of a filter": (
        f"nodes?{path(32)}=1",
        f"nodes?{path(33)}=1",
        "the path of attributes has 33 keys; at most 32 are allowed",
    ),
    "keys in a path of fields": (
        f"nodes?fields={path(32)}",
        f"nodes?fields={path(33)}",
        "the path of attributes has 33 keys; at most 32 are allowed",
    ),
    "keys in a path of a facet": (
        f"nodes?facet={path(32)}",
        f"nodes?facet={path(33)}",
        "the path of attributes has 33 keys; at most 32 are allowed",
    ),
    "fields": (
        f"nodes?fields={keys(100)}",
        f"nodes?fields={keys(101)}",
        "fields has 101 keys; at most 100 are allowed",
    ),
    "facets": (f"nodes?facet={keys(10)}", f"nodes?facet={keys(11)}", "facet has 11 keys; at most 10 are allowed"),
    "comparisons": (
        f"nodes?{'&'.join(['id>0'] * 200)}",
        f"nodes?{'&'.join(['id>0'] * 201)}",
        "the query has 201 comparisons; at most 200 are allowed",
    ),
    "comparisons in a filter": (
        f"nodes?id>0&filter={' OR '.join(['id>0'] * 199)}",
        f"nodes?id>0&filter={' OR '.join(['id>0'] * 200)}",
        "the query has 201 comparisons; at most 200 are allowed",
    ),
    "parentheses": (
        f"nodes?filter={'(' * 32}id>0{')' * 32}",
        f"nodes?filter={'(' * 33}id>0{')' * 33}",
        syntax_error(40, "at most 32 nested parentheses", "(id>0)))))))))))))))"),
    ),
    "comparisons that nobody reads": (
        f"nodes?{'&' * 2000}attributes.x=1",
        f"nodes?{'&'.join(['a.b=1'] * 300)}",
        "the query has 300 comparisons; at most 200 are allowed",
    ),
    "comparisons with JSON": (
        f"nodes?{'&'.join(['attributes.x=1'] * 50)}",
        f"nodes?{'&'.join(['attributes.x=1'] * 51)}",
        "the query has 51 comparisons with values in JSON; at most 50 are allowed",
    ),
    "comparisons with values of several types": (
        f"nodes?{'&'.join(['attributes.x=in=1,true'] * 25)}",
        f"nodes?{'&'.join(['attributes.x=in=1,true'] * 26)}",
        "the query has 52 comparisons with values in JSON; at most 50 are allowed",
    ),
    "related rows": (
        f"nodes?{'&'.join(['group!=1'] * 10 + ['incoming_of=1'] * 10)}",
        f"nodes?{'&'.join(['group!=1'] * 10 + ['incoming_of=1'] * 11)}",
        "the query has 21 comparisons with related rows; at most 20 are allowed",
    ),
    "walks": (
        f"nodes?{'&'.join(['ancestor_of=1'] * 3 + ['descendant_of=1'] * 2)}",
        f"nodes?{'&'.join(['ancestor_of=1'] * 3 + ['descendant_of=1'] * 3)}",
        "the query has 6 comparisons by ancestor_of or descendant_of; at most 5 are allowed",
    ),
    "patterns": (
        f"nodes?{'&'.join([PATTERN] * 50)}",
        f"nodes?{'&'.join([PATTERN] * 51)}",
        "the query has 51 patterns; at most 50 are allowed",
    ),
    "wildcards": (
        f'nodes?label=like="{"a%" * 256}"',
        f'nodes?label=like="{"a%" * 257}"',
        "the pattern has wildcards in 257 places; at most 256 are allowed",
    ),
    "times": (
        f"nodes?ctime=in={','.join(['2016-04-23'] * 100)}",
        f"nodes?ctime=in={','.join(['2016-04-23'] * 101)}",
        "the query has 101 times in lists; at most 100 are allowed",
    ),
    "values in all": (
        f"nodes?id=in={ones(500)}&id=notin={ones(500)}",
        f"nodes?id=in={ones(500)}&id=notin={ones(501)}",
        "the query has 1001 values; at most 1000 are allowed",
    ),
    "values that are not even parsed": (
        f"nodes?filter=id IN ({ones(1000)})",
        f"nodes?filter=id IN ({ones(1502)})",
        "the query has 1502 values; at most 1000 are allowed",
    ),
    "terms of an order": (
        f"nodes?orderby={','.join(['label'] * 20)}",
        f"nodes?orderby={','.join(['label'] * 21)}",
        "orderby has 21 keys; at most 20 are allowed",
    ),
    "keys in a path of an order": (
        f"nodes?orderby={path(32)}",
        f"nodes?orderby={path(33)}",
        "the path of attributes has 33 keys; at most 32 are allowed",
    ),
    "values of a column": (
        f"nodes?id=in={ones(1000)}",
        f"nodes?id=in={ones(1001)}",
        "id=in= has 1001 values; at most 1000 are allowed",
    ),
    "values of a path": (
        f"nodes?attributes.x=in={ones(1000)}",
        f"nodes?attributes.x=in={ones(1001)}",
        "attributes.x=in= has 1001 values; at most 1000 are allowed",
    ),
    "values of a relation": (
        f"nodes?group=in={ones(1000)}",
        f"nodes?group=in={ones(1001)}",
        "group=in= has 1001 values; at most 1000 are allowed",
    ),
    "characters of a pattern": (
        f'nodes?label=like="{"a" * 1000}"',
        f'nodes?label=like="{"a" * 1001}"',
        "the pattern has 1001 characters; at most 1000 are allowed",
    ),
    "a text to look for": (
        f'nodes?label=contains="{"%" * 300}"',
        f'nodes?label=contains="{"a" * 1001}"',
        "the text to look for has 1001 characters; at most 1000 are allowed",
    ),
    "a text to look for in JSON": (
        f'nodes?attributes.x=contains="{"a" * 1000}"',
        f'nodes?attributes.x=contains="{"a" * 1001}"',
        "the text to look for has 1001 characters; at most 1000 are allowed",
    ),
    "the query string": (
        f'nodes?label="{"a" * 7992}"',
        f'nodes?label="{"a" * 7993}"',
        "the query string has 8001 characters; at most 8000 are allowed",
    ),
    "the first time": (
        "nodes?ctime>=0001-01-01T05:00+05:00",
        "nodes?ctime>=0001-01-01T04:59+05:00",
        syntax_error(8, "a time of the calendar (date value out of range)", "0001-01-01T04:59+05:"),
    ),
    "the last time": (
        "nodes?ctime<=9999-12-31T18:59-05:00",
        "nodes?ctime<=9999-12-31T19:00-05:00",
        syntax_error(8, "a time of the calendar (date value out of range)", "9999-12-31T19:00-05:"),
    ),
    "nodes of a graph": (
        f"nodes/{graph.relax}/graph?limit=10000",
        f"nodes/{graph.relax}/graph?limit=10001",
        "limit=10001 is out of range: it goes from 1 to 10000",
    ),
}


@pytest.mark.parametrize("version", ["v2", "v4"])
@pytest.mark.parametrize("limit", QUERIES)
def test_queries(archive_client: FlaskClient, version: str, limit: str) -> None:
    at, past, message = QUERIES[limit]
    response = archive_client.get(f"/api/{version}/{quote(at, SAFE)}")
    assert response.status_code == 200, response.text
    response = archive_client.get(f"/api/{version}/{quote(past, SAFE)}")
    # Of a syntax error the first line: below it stands the query, with a mark.
    assert (response.status_code, response.json["message"].partition("\n")[0]) == (400, message)


def nodes(**asked: Any) -> dict[str, Any]:
    return {"path": [{"entity_type": "node", "tag": "n"}], **asked}


def filtered(filters: Any) -> dict[str, Any]:
    return nodes(filters={"n": filters}, project={"n": ["id"]})


def nested(depth: int) -> dict[str, Any]:
    return {"id": {">": 0}} if depth == 1 else {"and": [nested(depth - 1)]}


def steps(number: int) -> dict[str, Any]:
    """Nodes and users in turns, each joined to the one before."""
    vertices = [{"entity_type": ("node", "user")[each % 2], "tag": f"t{each}"} for each in range(number)]
    joins = [{("with_user", "with_node")[each % 2]: f"t{each - 1}"} for each in range(number)]
    return {
        "path": [vertices[0], *(vertex | join for vertex, join in zip(vertices[1:], joins[1:], strict=True))],
        "filters": {f"t{each}": {"id": 1} for each in range(0, number, 2)},
        "project": {"t0": ["id"]},
        "limit": 1,
    }


def walks(number: int) -> dict[str, Any]:
    """A node, and its ancestors over so many edges."""
    ancestors = [
        {"entity_type": "node", "tag": f"t{each + 1}", "with_descendants": f"t{each}"} for each in range(number)
    ]
    return {"path": [{"entity_type": "node", "tag": "t0", "filters": {"id": 1}}, *ancestors], "project": {"t0": ["id"]}}


def operators(depth: int) -> dict[str, Any]:
    return {">": 0} if depth == 0 else {"and": [operators(depth - 1)]}


DICTIONARIES: dict[str, tuple[Any, Any, str]] = {
    "vertices": (steps(16), steps(17), "the path has 17 vertices; at most 16 are allowed"),
    "depth": (filtered(nested(32)), filtered(nested(33)), "filters.n: filters are nested more than 32 deep"),
    "walks": (walks(5), walks(6), "the path has 6 edges of any number of links; at most 5 are allowed"),
    "objects": (
        filtered({"or": [{}] * 1995}),
        filtered({"or": [{}] * 1996}),
        "the query has 2001 objects in braces; at most 2000 are allowed",
    ),
    "comparisons with JSON": (
        filtered({"or": [{"attributes.x": 1}] * 50}),
        filtered({"or": [{"attributes.x": 1}] * 51}),
        "the query has 51 comparisons with values in JSON; at most 50 are allowed",
    ),
    "patterns": (
        filtered({"or": [{"label": {"like": "a%b"}}] * 50}),
        filtered({"or": [{"label": {"like": "a%b"}}] * 51}),
        "the query has 51 patterns; at most 50 are allowed",
    ),
    "a pattern": (
        filtered({"label": {"like": "a" * 1000}}),
        filtered({"label": {"like": "a" * 1001}}),
        "filters.n: the pattern has 1001 characters; at most 1000 are allowed",
    ),
    "terms of an order": (
        nodes(order_by=[{"n": ["id"] * 10}] * 2),
        nodes(order_by=[{"n": ["id"] * 10}, {"n": ["id"] * 11}]),
        "order_by has 21 keys; at most 20 are allowed",
    ),
    "keys in a path of a filter": (
        filtered({path(32): 1}),
        filtered({path(33): 1}),
        "filters.n: the path of attributes has 33 keys; at most 32 are allowed",
    ),
    "keys in a path of a projection": (
        nodes(project={"n": [path(32)]}),
        nodes(project={"n": [path(33)]}),
        "project.n: the path of attributes has 33 keys; at most 32 are allowed",
    ),
    "depth of operators": (
        filtered({"id": operators(31)}),
        filtered({"id": operators(32)}),
        "filters.n: filters are nested more than 32 deep",
    ),
    "comparisons": (
        filtered({"or": [{"id": {">": 0}}] * 500}),
        filtered({"or": [{"id": {">": 0}}] * 501}),
        "the query has 501 comparisons; at most 500 are allowed",
    ),
    "values": (
        filtered({"id": {"in": [1] * 1000}}),
        filtered({"id": {"in": [1] * 1001}}),
        "filters.n: 'in' has 1001 values; at most 1000 are allowed",
    ),
    "values in all": (
        filtered({"or": [{"id": {"in": [1] * 1000}}] * 3}),
        filtered({"or": [{"id": 1}, *[{"id": {"in": [1] * 1000}}] * 3]}),
        "the query has 3001 values; at most 3000 are allowed",
    ),
    "projections": (
        nodes(project={"n": [f"extras.{each}" for each in range(200)]}),
        nodes(project={"n": [f"extras.{each}" for each in range(201)]}),
        "the query has 201 projections; at most 200 are allowed",
    ),
    "rows": (
        nodes(limit=10_000),
        nodes(limit=10_001),
        "limit is 10001; at most 10000 rows are answered, so ask in parts with offset",
    ),
    "offset": (nodes(offset=END - 1), nodes(offset=END), f"offset is a number of rows, not {END}"),
    "the smallest integer": (
        filtered({"id": {">": -END}}),
        filtered({"id": {">": -END - 1}}),
        "filters.n: id is compared with integers, not with -9.223372036854776e+18",
    ),
    "the largest integer": (
        filtered({"id": {"<": END - 1}}),
        filtered({"id": {"<": END}}),
        "filters.n: id is compared with integers, not with 9223372036854775808",
    ),
    "the first time": (
        filtered({"ctime": {">": "0001-01-01T05:00:00+05:00"}}),
        filtered({"ctime": {">": "0001-01-01T04:59:59+05:00"}}),
        f'{TIMES}, not with "0001-01-01T04:59:59+05:00"',
    ),
    "the last time": (
        filtered({"ctime": {"<": "9999-12-31T18:59:59-05:00"}}),
        filtered({"ctime": {"<": "9999-12-31T19:00:00-05:00"}}),
        f'{TIMES}, not with "9999-12-31T19:00:00-05:00"',
    ),
}


@pytest.mark.parametrize("limit", DICTIONARIES)
def test_dictionaries(archive_client: FlaskClient, limit: str) -> None:
    at, past, message = DICTIONARIES[limit]
    response = archive_client.post("/api/v4/querybuilder", json=at)
    assert response.status_code == 200, response.text
    response = archive_client.post("/api/v4/querybuilder", json=past)
    assert (response.status_code, response.json["message"]) == (400, message)


@pytest.fixture(scope="module")
def narrow(golden: Golden, serve: Callable[..., Flask]) -> FlaskClient:
    """Of a server whose limits are those of the graph that it serves, which has 81 nodes."""
    settings = {"MAX_QUERY_ROWS": 81, "MAX_BODY_LENGTH": 100}
    return serve(find(str(golden.archive)), settings).test_client()


def test_rows_of_a_dictionary(narrow: FlaskClient, golden: Golden, serve: Callable[..., Flask]) -> None:
    response = narrow.post("/api/v4/querybuilder", json=nodes(project={"n": ["id"]}))
    assert (response.status_code, len(response.json["data"]["n"])) == (200, 81)
    one_less = serve(find(str(golden.archive)), {"MAX_QUERY_ROWS": 80}).test_client()
    response = one_less.post("/api/v4/querybuilder", json=nodes(project={"n": ["id"]}))
    assert (response.status_code, response.json["message"].partition(":")[0]) == (
        400,
        "the query has more than 80 rows",
    )


def test_bytes_of_a_body(narrow: FlaskClient) -> None:
    body = b'{"path": ["node"], "limit": 1}'
    for size, status in ((100, 200), (101, 400)):
        response = narrow.post("/api/v4/querybuilder", data=body.ljust(size), content_type="application/json")
        assert response.status_code == status, response.text
    assert response.json["message"] == "the body has more than 100 bytes"


def test_values_of_a_facet(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    """The most frequent hundred, and how many there are in all."""
    copy = writable.sqlite(golden, tmp_path)
    writable.add_large(copy, 101, 10)
    client = serve(find(**copy.target), {"CACHE": False}).test_client()
    for values in (100, 101):
        with copy.committing() as commit:
            commit(f"UPDATE db_dbnode SET label = min(id, {999 + values}) WHERE id >= 1000")
        facet = client.get("/api/v4/nodes?id>=1000&facet=label&limit=1").json["data"]["facets"]["label"]
        assert (len(facet["values"]), facet["distinct"]) == (100, values)
