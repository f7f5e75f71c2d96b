"""Odd values in databases that AiiDA writes to: no answer breaks, and what can be compared is found."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from sqlalchemy import String

from aiida_like import models
from aiida_like.profiles import find
from tests import writable
from tests.golden import graph
from tests.markers import sampled
from tests.test_hostile import ASKED, DIGITS, NODE, ODD, checked, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
    "nodes?facet=label,state,group",
    "nodes?format=csv&fields=uuid,attributes.x",
    f"nodes/{graph.relax_scf}/prov",
    f"nodes/{graph.relax}/ro-crate",
    f"processes/{graph.relax_scf}/report",
    *(f"nodes?cursor=&limit=5&orderby={key}" for key in ("label", "-uuid", "node_type", "process_type")),
)
ODD_ONES = 'description="odd"'


PROCESS = f"UPDATE db_dbnode SET {{}} WHERE uuid = '{graph.relax_scf}'"
DICTIONARIES: tuple[dict[str, Any], ...] = (
    {"project": {"n": ["*"]}},
    {"project": {"n": ["attributes.x", "attributes.y.z"]}},
    {"project": {"n": ["uuid"]}, "order_by": [{"n": [{"attributes.x": {"order": "asc", "cast": "t"}}]}]},
)


def _nested(levels: int) -> str:
    return f"""{'{"x":' * levels}1{"}" * levels}"""


def _bytes_everywhere() -> Iterator[tuple[str, str]]:
    """A statement for each column of texts and times, which puts bytes into one row."""
    for table in models.metadata.sorted_tables:
        for column in table.c:
            if isinstance(column.type, String | models.Uuid | models.Timestamp):
                one = f"uuid = '{graph.silicon}'" if table is models.node else f"id = (SELECT min(id) FROM {table})"
                yield f"bytes for {column}", f"UPDATE {table} SET {column.name} = x'41ff42' WHERE {one}"


ODD_AND_LIVE = {
    **ODD,
    **dict(_bytes_everywhere()),
    "bytes for types of a process": PROCESS.format(
        "node_type = CAST(node_type AS BLOB), process_type = CAST(process_type AS BLOB)"
    ),
    "bytes for an end of a link": "UPDATE db_dblink SET input_id = x'41ff' WHERE id = 1",
    "links of unknown types": "UPDATE db_dblink SET type = 'cites'",
    "a type of 2000 parts": NODE.format(f"node_type = 'data.{'a.' * 2000}'"),
    "a process type of 2000 parts": PROCESS.format(f"process_type = 'aiida.calculations:{'a.' * 2000}a'"),
    "a uuid with a NUL": NODE.format("uuid = 'a' || char(0) || ' <b>'"),
    "a type of dots": NODE.format("node_type = '...'"),
    "an exit status of words": PROCESS.format("attributes = json_set(attributes, '$.exit_status', 'abc')"),
    "an exit status of many digits": PROCESS.format(f"attributes = json_set(attributes, '$.exit_status', '{DIGITS}')"),
    "half a character in capitals": NODE.format(r"""attributes = '{"x":"a\uDCE9"}'"""),
    "half a character in a key": NODE.format(r"""attributes = '{"x":{"\uD800":1}}'"""),
    **{f"JSON of {levels} levels": NODE.format(f"attributes = '{_nested(levels)}'") for levels in (260, 400, 900)},
    **{
        f"a list of {levels} levels": NODE.format(f"""attributes = '{{"x":{"[" * levels}{"]" * levels}}}'""")
        for levels in (600, 900)
    },
    "extras of 900 levels": NODE.format(f"extras = '{_nested(900)}'"),
}


@pytest.mark.parametrize("name", sampled(ODD_AND_LIVE, 32))
def test_an_odd_value_breaks_no_answer(name: str, golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    profile = writable.sqlite(golden, tmp_path)
    with profile.committing() as commit:
        commit(ODD_AND_LIVE[name])
    client = serve(find(**profile.target), {}).test_client()
    for version in ("v2", "v4"):
        for asked in EVERYTHING:
            checked(client.get(f"/api/{version}/{quote(asked, safe='?&=,.<>-%/+')}", buffered=True))
    for dictionary in DICTIONARIES:
        asked_for = {"path": [{"entity_type": "node", "tag": "n"}], **dictionary}
        assert client.post(f"{API}/querybuilder", json=asked_for).status_code == 200


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
    "capitals": r'{"v":"\uDCE9","w":1}',
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
    ("attributes.v!=2", "one text huge minus tiny long", "nan infinite half capitals"),
    ("attributes.v=in=1,2", "one two", ""),
    ('attributes.v=contains="a"', "text", ""),
    ('attributes.v=ilike="A%"', "text", ""),
    ("attributes.w=1", " ".join(ON_BOTH), "nan infinite half capitals"),
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
    "capitals": ({"v": "\N{REPLACEMENT CHARACTER}", "w": 1},),
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
    assert {cells[label] for label in ("half", "capitals") if is_sqlite} <= {"\N{REPLACEMENT CHARACTER}"}
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
    ({"attributes": {"has_key": "w"}}, " ".join(ON_BOTH), "nan infinite half capitals"),
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
    for order in ("ctime", "-ctime"):
        assert len(set(walked(client, f"orderby={order}"))) == total
    for asked in EVERYTHING:
        for version in ("v2", "v4"):
            checked(client.get(f"/api/{version}/{quote(asked, safe='?&=,.<>-%/+')}", buffered=True))
    assert client.get(f"{API}/nodes/statistics").json["data"]["total"] == total


LAST = "9999-12-31 23:59:59.999999"


def test_the_end_of_the_calendar(changing: Writable, serve: Callable[..., Flask]) -> None:
    with changing.committing() as commit:
        commit(f"UPDATE db_dbnode SET ctime = '{LAST}' WHERE uuid = '{graph.silicon}'")
    client = serve(find(**changing.target), {}).test_client()
    for asked in ("ctime=9999", "ctime=9999-12", "ctime=9999-12-31T23:59:59.999999", "ctime>9999-11", "ctime>=9999-12"):
        (node,) = client.get(f"{API}/nodes?{asked}").json["data"]["nodes"]
        assert node["uuid"] == graph.silicon
    for asked in ("ctime>9999-12", "ctime>9999", "ctime=9999-11"):
        assert client.get(f"{API}/nodes?{asked}").json["data"]["nodes"] == []


EXIT_STATUSES: dict[str, Any] = {
    "0": {"$": "0", "type": "xsd:int"},
    "-3": {"$": "-3", "type": "xsd:int"},
    "1.5": "1.5",
    '"abc"': "abc",
    f'"{DIGITS}"': DIGITS,
}


@pytest.mark.parametrize("written", EXIT_STATUSES)
def test_exit_statuses(written: str, changing: Writable, serve: Callable[..., Flask]) -> None:
    """One that is no integer of 64 bits is told as the text it is."""
    with changing.committing() as commit:
        commit(PROCESS.format(f"""attributes = '{{"process_state":"finished","exit_status":{written}}}'"""))
    client = serve(find(**changing.target), {}).test_client()
    told = client.get(f"{API}/nodes/{graph.relax_scf}/prov").json["activity"][f"uuid:{graph.relax_scf}"]
    assert told["aiida:exit_status"] == EXIT_STATUSES[written]
    assert client.get(f"{API}/nodes/{graph.relax_scf}/ro-crate", buffered=True).status_code == 200
    (node,) = client.get(f"{API}/nodes/{graph.relax_scf}/graph?limit=1").json["data"]["nodes"]
    assert node["exit_status"] == (int(written) if written in ("0", "-3") else EXIT_STATUSES[written][:200])
    # Pictures and pages of nodes say the same of it.
    chip = r'<span class="state (\w+)">(finished[^<]*)</span>'
    said = re.findall(chip, client.get(f"/nodes/{graph.relax_scf}").text)[:1]
    rows = client.get(f"/nodes/{graph.relax_scf}/lineage").text.split("<tr>")
    is_own = re.compile(rf'\s*<td class="number">\d+</td>\s*<td><a href="/nodes/{graph.relax_scf}">').match
    (row,) = filter(is_own, rows)
    assert re.findall(chip, row) == said
    assert (said[0] == ("good", "finished")) == (written == "0")


def test_links_of_unknown_types(changing: Writable, serve: Callable[..., Flask]) -> None:
    """Graphs show them as they are; exports, whose formats have no word for them, pass over them."""
    ends = f"(SELECT id FROM db_dbnode WHERE uuid = '{graph.relax_scf}')"
    with changing.committing() as commit:
        commit(f"UPDATE db_dblink SET type = 'cites' WHERE output_id = {ends}")
    client = serve(find(**changing.target), {}).test_client()
    links = client.get(f"{API}/nodes/{graph.relax_scf}/graph?depth=1").json["data"]["links"]
    assert {each["type"] for each in links} >= {"cites", "create"}
    document = client.get(f"{API}/nodes/{graph.relax_scf}/prov?depth=1&direction=both").json
    me = f"uuid:{graph.relax_scf}"
    assert [each for each in document.get("used", {}).values() if each["prov:activity"] == me] == []
    assert [each for each in document["wasGeneratedBy"].values() if each["prov:activity"] == me] != []
    assert client.get(f"{API}/nodes/{graph.relax_scf}/ro-crate", buffered=True).status_code == 200


def test_a_type_of_many_parts(changing: Writable, serve: Callable[..., Flask]) -> None:
    """Parts that no JSON could be nested for stand in one name at the end."""
    node_type = f"data.{'.'.join(map(str, range(80)))}."
    with changing.committing() as commit:
        commit(NODE.format(f"node_type = '{node_type}'"))
    client = serve(find(**changing.target), {}).test_client()
    below = client.get(f"{API}/nodes/full_types_count").json["data"]
    for part in ("data", *map(str, range(62)), ".".join(map(str, range(62, 79)))):
        (below,) = (each for each in below["subspaces"] if each["path"].endswith(f".{part}"))
    assert (below["label"], below["full_type"], below["counter"]) == ("79", f"{node_type}|", 1)


def test_bytes_are_text(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    """Wherever they are shown, and lists end though they are ordered by them."""
    profile, text = writable.sqlite(golden, tmp_path), "A\N{REPLACEMENT CHARACTER}B"
    with profile.committing() as commit:
        commit(NODE.format("label = x'41ff42', node_type = x'41ff42', description = 'odd'"))
        commit(PROCESS.format("process_type = x'41ff42'"))
        commit(f"UPDATE db_dblink SET label = x'41ff42' WHERE input_id = {_id(graph.silicon)}")
    client = serve(find(**profile.target), {}).test_client()
    (node,) = nodes(client, "")
    assert (node["label"], node["node_type"], node["full_type"]) == (text, text, f"{text}|")
    assert client.get(f"{API}/nodes/statistics").json["data"]["types"][text] == 1
    facets = client.get(f"{API}/nodes?facet=label,node_type").json["data"]["facets"]
    for key in ("label", "node_type"):
        assert {"value": text, "count": 1} in facets[key]["values"]
    document = client.get(f"{API}/nodes/{graph.silicon}/prov?direction=both").json
    assert document["entity"][f"uuid:{graph.silicon}"]["prov:type"] == text
    assert text in {each["prov:role"] for each in document["used"].values()}
    total = int(client.get(f"{API}/nodes?limit=1").headers["X-Total-Count"])
    for order in ("label", "-label", "node_type", "-node_type", "process_type", "-process_type"):
        assert len(set(walked(client, f"orderby={order}"))) == len(walked(client, f"orderby={order}")) == total, order


def _id(uuid: str) -> str:
    return f"(SELECT id FROM db_dbnode WHERE uuid = '{uuid}')"


def walked(client: FlaskClient, asked: str) -> list[int]:
    """The ids of a list, row by row."""
    found: list[int] = []
    url: str | None = f"{API}/nodes?{asked}&limit=1&cursor="
    while url is not None and len(found) < 200:
        answer = client.get(url)
        found += [each["id"] for each in answer.json["data"]["nodes"]]
        url = answer.headers["Link"].partition("<")[2].partition(">")[0] if "Link" in answer.headers else None
    return found


DEEP = 900


def test_deep_json(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    """It is shown as it is; what would have to be written anew, and cannot, is null. Other statements stay compiled."""
    profile = writable.sqlite(golden, tmp_path)
    with profile.committing() as commit:
        commit(NODE.format(f"attributes = '{_nested(DEEP)}', description = 'odd'"))
    app = serve(find(**profile.target), {})
    client, storage = app.test_client(), app.extensions["aiida_like_storage"]()
    (node,) = nodes(client, "attributes=true")
    levels, value = 0, node["attributes"]
    while isinstance(value, dict):
        levels, value = levels + 1, value["x"]
    assert (levels, value) == (DEEP, 1)
    assert nodes(client, 'attributes.x.x=has="x"') != []
    assert nodes(client, 'attributes.x=contains="a"') == []
    kept = set(storage.statements)
    path = {"path": [{"entity_type": "node", "tag": "n"}], "filters": {"n": {"description": "odd"}}}
    asked = {**path, "project": {"n": [{"attributes.x": {"cast": "t"}}]}}
    assert client.post(f"{API}/querybuilder", json=asked).json["data"]["n"] == [{"attributes.x": None}]
    assert kept < set(storage.statements)
    assert not storage.database.is_careful


def test_statements_are_kept(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    """They are compiled anew after the first odd value, and never again."""
    profile = writable.sqlite(golden, tmp_path)
    with profile.committing() as commit:
        commit(NODE.format("""attributes = '{"x":NaN}'"""))
    app = serve(find(**profile.target), {})
    client, storage = app.test_client(), app.extensions["aiida_like_storage"]()
    assert client.get(f"{API}/nodes?attributes.x=1").status_code == 200
    assert storage.database.is_careful
    assert client.get(f"{API}/users").status_code == 200
    kept = {key: id(prepared) for key, prepared in storage.statements.items()}
    storage.be_careful()
    assert {key: id(prepared) for key, prepared in storage.statements.items()} == kept != {}


NUL_IN = [
    'nodes?label="a%00b"',
    'nodes?label=like="a%00%25"',
    'nodes?label>"a%00"',
    'nodes?attributes.x="a%00"',
    'nodes?attributes."a%00"=isnull=true',
    'nodes?orderby=attributes."a%00"',
    'nodes?facet=attributes."a%00"',
    'nodes?filter=label LIKE "a%00%25"',
    "groups/a%00",
]
NUL_WITHIN: list[dict[str, Any]] = [
    {"filters": {"n": {"label": {"like": "a\0%"}}}},
    {"filters": {"n": {"attributes.x": {"contains": ["\0"]}}}},
    {"filters": {"n": {"attributes.a\0": 1}}},
    {"order_by": [{"n": [{"attributes.a\0": {"order": "asc", "cast": "t"}}]}]},
]


def test_no_query_holds_a_nul(changing: Writable, serve: Callable[..., Flask]) -> None:
    """No text of PostgreSQL can, so it is refused everywhere; a backslash before `u0000` is another text."""
    client = serve(find(**changing.target), {}).test_client()
    for version in ("v2", "v4"):
        for asked in NUL_IN:
            assert client.get(f"/api/{version}/{asked}").status_code in {400, 404}, asked
    path = {"path": [{"entity_type": "node", "tag": "n"}], "project": {"n": ["label"]}}
    for more in NUL_WITHIN:
        answer = client.post(f"{API}/querybuilder", json={**path, **more})
        assert (answer.status_code, "the character NUL" in answer.json["message"]) == (400, True), more
    with changing.committing() as commit:
        commit(NODE.format(r"label = 'a\u0000'"))
    asked_for = {**path, "filters": {"n": {"label": r"a\u0000"}}}
    assert client.post(f"{API}/querybuilder", json=asked_for).json["data"]["n"] == [{"label": r"a\u0000"}]
