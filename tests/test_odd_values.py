"""Odd values in databases that AiiDA writes to: no answer breaks, and what can be compared is found."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from aiida_like.profiles import find
from tests import writable
from tests.golden import graph
from tests.test_hostile import ASKED, ODD, checked, refuse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient

    from tests.conftest import Golden
    from tests.writable import Writable

API = "/api/v4"
EVERYTHING = (
    *ASKED,
    "nodes/statistics",
    "nodes/full_types",
    "nodes/full_types_count",
    "nodes/types",
    "users",
    "comments",
)
ODD_ONES = 'description="odd"'


@pytest.mark.parametrize("name", ODD)
def test_an_odd_value_breaks_no_answer(name: str, golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    profile = writable.sqlite(golden, tmp_path)
    with profile.committing() as commit:
        commit(ODD[name])
    client = serve(find(**profile.target), {}).test_client()
    for version in ("v2", "v4"):
        for asked in EVERYTHING:
            checked(client.get(f"/api/{version}/{quote(asked, safe='?&=,.<>-%/+')}", buffered=True))


HUGE, LONG = 10**400, 123456789012345678901234567890

ON_BOTH = {
    "one": '{"v":1,"w":1}',
    "two": '{"v":2,"w":1}',
    "text": '{"v":"a","w":1}',
    "huge": f'{{"v":{HUGE},"w":1}}',
    "minus": f'{{"v":-{HUGE},"w":1}}',
    "tiny": '{"v":1e-400,"w":1}',
    "long": f'{{"v":{LONG},"w":1,"x":{{"y":[{LONG}]}}}}',
}
ON_SQLITE = {
    "nan": '{"v":NaN,"w":1}',
    "infinite": '{"v":-Infinity,"w":1}',
    "half": r'{"v":"\udce9","w":1}',
    "empty": "",
    "open": '{"v":1}],"x":[',
    "bytes": b'{"v":1}\xff',
}
"""Attributes of nodes by their labels. PostgreSQL takes no others for JSON."""


@pytest.fixture
def odd(changing: Writable, serve: Callable[..., Flask]) -> tuple[FlaskClient, bool]:
    """A profile with these nodes, and whether it is in SQLite."""
    with closing(changing.connect()) as connection:
        is_sqlite = isinstance(connection, sqlite3.Connection)
        rows = {**ON_BOTH, **(ON_SQLITE if is_sqlite else {})}
        mark = "?" if is_sqlite else "%s"
        for number, (label, attributes) in enumerate(rows.items(), 1000):
            connection.execute(
                "INSERT INTO db_dbnode (id, uuid, node_type, label, description, ctime, mtime, attributes, extras, "
                f"repository_metadata, user_id) SELECT {number}, {mark}, 'data.core.dict.Dict.', {mark}, 'odd', ctime, "
                f"mtime, {mark}, '{{}}', '{{}}', user_id FROM db_dbnode WHERE uuid = '{graph.silicon}'",
                (f"00000000-0000-4000-8000-00000000{number}", label, attributes),
            )
        connection.commit()
    return serve(find(**changing.target), {}).test_client(), is_sqlite


FOUND = [
    ("attributes.v>0", "one two huge long", ""),
    ("attributes.v<0", "minus", ""),
    ("attributes.v=2", "two", ""),
    ("attributes.v=0", "tiny", ""),
    ("attributes.v!=2", "one text huge minus tiny long", "nan infinite half"),
    ("attributes.v=in=1,2", "one two", ""),
    ('attributes.v=contains="a"', "text", ""),
    ('attributes.v=ilike="A%"', "text", ""),
    ("attributes.w=1", " ".join(ON_BOTH), "nan infinite half"),
    ("attributes.v=isnull=true", "", "nan infinite empty open bytes"),
    ('attributes.x=has="y"', "long", ""),
    ("attributes.v>=-1&orderby=-attributes.v", "huge long two one tiny", ""),
]


@pytest.mark.parametrize(("asked", "on_both", "on_sqlite"), FOUND)
def test_what_is_found(odd: tuple[FlaskClient, bool], asked: str, on_both: str, on_sqlite: str) -> None:
    client, is_sqlite = odd
    order = "" if "orderby" in asked else "&orderby=id"
    found = nodes(client, f"{quote(asked, safe='=&-')}{order}")
    assert [node["label"] for node in found] == f"{on_both} {on_sqlite if is_sqlite else ''}".split()


def nodes(client: FlaskClient, asked: str) -> list[dict[str, Any]]:
    answer = client.get(f"{API}/nodes?{ODD_ONES}&{asked}", buffered=True)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = strictly(answer.text)["data"]["nodes"]
    return found


def strictly(text: str) -> Any:
    """The value, in which no integer is rounded."""
    return json.loads(text, parse_constant=refuse)


SHOWN: dict[str, tuple[dict[str, Any], ...]] = {
    "one": ({"v": 1, "w": 1},),
    "text": ({"v": "a", "w": 1},),
    "huge": ({"v": HUGE, "w": 1},),
    "minus": ({"v": -HUGE, "w": 1},),
    "long": ({"v": LONG, "w": 1, "x": {"y": [LONG]}},),
    "nan": ({"v": None, "w": 1},),
    "infinite": ({"v": None, "w": 1},),
    "half": ({"v": "\N{REPLACEMENT CHARACTER}", "w": 1},),
    "empty": ({}, None),
    "open": ({}, None),
    "bytes": ({}, None),
}
"""What is shown of each; {} or null of what says nothing."""


def test_what_is_shown(odd: tuple[FlaskClient, bool]) -> None:
    client, is_sqlite = odd
    shown = {label: SHOWN[label] for label in (*ON_BOTH, *(ON_SQLITE if is_sqlite else ())) if label in SHOWN}
    dictionary = {"path": [{"entity_type": "node", "tag": "n"}], "filters": {"n": {"description": "odd"}}}
    asked = {
        "list": nodes(client, "attributes=true"),
        "wide": nodes(client, "fields=label,attributes"),
        "cursor": nodes(client, "attributes=true&cursor="),
        "ndjson": [
            strictly(line)
            for line in client.get(f"{API}/nodes?{ODD_ONES}&format=ndjson&fields=label,attributes").text.splitlines()
        ],
        "dictionary": strictly(
            client.post(f"{API}/querybuilder", json={**dictionary, "project": {"n": ["label", "attributes"]}}).text
        )["data"]["n"],
    }
    for way, rows in asked.items():
        found = {row["label"]: row["attributes"] for row in rows}
        assert {label for label in shown if found[label] not in shown[label]} == set(), way
    for number, label in enumerate({**ON_BOTH, **(ON_SQLITE if is_sqlite else {})}, 1000):
        if label in shown:
            uuid = f"00000000-0000-4000-8000-00000000{number}"
            (whole, *_) = shown[label]
            for url, value in (
                (f"{API}/nodes/{uuid}/contents/attributes", whole),
                (f"{API}/nodes/{uuid}/contents/attributes?attributes_filter=v", _only("v", whole)),
                (f"/api/v2/nodes/{uuid}/content/attributes", whole),
                (f"/api/v2/nodes/{uuid}/content/attributes?alist=x", _only("x", whole)),
            ):
                assert strictly(client.get(url).text)["data"]["attributes"] == value, url


def _only(key: str, value: dict[str, Any]) -> dict[str, Any]:
    return {key: value[key]} if key in value else {}


def test_parts_that_are_shown(odd: tuple[FlaskClient, bool]) -> None:
    client, is_sqlite = odd
    values = {label: whole.get("v") for label, (whole, *_) in SHOWN.items()}
    rows = nodes(client, "fields=label,attributes.v,attributes.x")
    assert {row["label"]: row["attributes.v"] for row in rows if row["label"] in SHOWN} == {
        label: value for label, value in values.items() if is_sqlite or label in ON_BOTH
    }
    assert [row["attributes.x"] for row in rows if row["label"] == "long"] == [{"y": [LONG]}]
    table = csv.DictReader(io.StringIO(client.get(f"{API}/nodes?{ODD_ONES}&format=csv&fields=label,attributes.v").text))
    cells = {row["label"]: row["attributes.v"] for row in table}
    assert (cells["huge"], cells["text"], cells["long"]) == (str(HUGE), "a", str(LONG))
    facet = strictly(client.get(f"{API}/nodes?{ODD_ONES}&facet=attributes.v").text)["data"]["facets"]["attributes.v"]
    counts = {str(each["value"]): each["count"] for each in facet["values"]}
    assert (counts["1"], counts[str(HUGE)], counts[str(LONG)]) == (1, 1, 1)
    assert counts.get("None") == (5 if is_sqlite else None)


CASTS = [
    ({"attributes.v": {">": 0}}, "one two huge long", ""),
    ({"attributes.x": {"contains": {"y": []}}}, "long", ""),
    ({"attributes.v": {"contains": {"a": 1}}}, "", ""),
    ({"attributes.v": {"==": 2}}, "two", ""),
    ({"attributes.v": {"of_type": "number"}}, "one two huge minus tiny long", ""),
    ({"attributes": {"has_key": "w"}}, " ".join(ON_BOTH), "nan infinite half"),
]


@pytest.mark.parametrize(("filters", "on_both", "on_sqlite"), CASTS)
@pytest.mark.parametrize("cast", ["f", "i", "t", "b", "d"])
def test_dictionaries(
    odd: tuple[FlaskClient, bool], filters: dict[str, Any], on_both: str, on_sqlite: str, cast: str
) -> None:
    client, is_sqlite = odd
    asked = {
        "path": [{"entity_type": "data.core.dict.Dict.", "tag": "n"}],
        "filters": {"n": {"and": [{"description": "odd"}, filters]}},
        "project": {"n": ["label", {"attributes.v": {"cast": cast}}]},
        "order_by": [{"n": [{"attributes.w": {"order": "asc", "cast": cast}}, {"id": {"order": "asc"}}]}],
    }
    answer = client.post(f"{API}/querybuilder", json=asked)
    assert answer.status_code == 200, answer.text
    found = strictly(answer.text)["data"].get("n", [])
    assert {row["label"] for row in found} == set(f"{on_both} {on_sqlite if is_sqlite else ''}".split())


def test_a_label_that_is_no_text(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    """It is shown, searched and sorted with U+FFFD."""
    profile = writable.sqlite(golden, tmp_path)
    with profile.committing() as commit:
        commit(
            f"UPDATE db_dbnode SET label = CAST(x'C5FF' AS TEXT), description = 'odd' WHERE uuid = '{graph.silicon}'"
        )
    client = serve(find(**profile.target), {}).test_client()
    for asked in ("", 'label=like="%25\ufffd"', "orderby=label", 'label=ilike="%25\ufffd%25"'):
        (node,) = nodes(client, asked.replace("\ufffd", "%EF%BF%BD"))
        assert node["label"] == "\ufffd\ufffd"


def test_times_without_end(changing: Writable, serve: Callable[..., Flask]) -> None:
    with changing.committing() as commit:
        commit(f"UPDATE db_dbnode SET ctime = 'infinity', description = 'odd' WHERE uuid = '{graph.silicon}'")
        commit(f"UPDATE db_dbnode SET mtime = '-infinity' WHERE uuid = '{graph.silicon}'")
    client = serve(find(**changing.target), {}).test_client()
    (node,) = nodes(client, "")
    assert (node["ctime"], node["mtime"]) == (None, None)
    total = len(client.get(f"{API}/nodes?limit=400&orderby=ctime").json["data"]["nodes"])
    found = 0
    url: str | None = f"{API}/nodes?limit=7&orderby=-ctime&cursor="
    while url is not None:
        answer = client.get(url)
        found += len(answer.json["data"]["nodes"])
        url = answer.headers["Link"].partition("<")[2].partition(">")[0] if "Link" in answer.headers else None
    assert found == total
    for asked in EVERYTHING:
        for version in ("v2", "v4"):
            checked(client.get(f"/api/{version}/{quote(asked, safe='?&=,.<>-%/+')}", buffered=True))
    assert client.get(f"{API}/nodes/statistics").json["data"]["total"] == total
