"""Archives that a stranger made: nothing in them breaks an answer, leads to other files, or takes for ever."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import String

from aiida_like import models
from aiida_like.below import NoRegularFile, open_below
from aiida_like.errors import DamagedNode, DamagedObject, TargetError
from aiida_like.models import JSONText, Timestamp, Uuid
from aiida_like.profiles import find
from aiida_like.storage import open_storage
from aiida_like.storage.archives import copies, rebuilding
from aiida_like.storage.archives.rebuilding import rebuild
from aiida_like.storage.archives.sound_values import KINDS, Kind
from aiida_like.zipped import FolderRepository
from tests.conftest import Golden
from tests.golden import graph
from tests.markers import sampled
from tests.writable import rezip

NODE = f"UPDATE db_dbnode SET {{}} WHERE uuid = '{graph.silicon}'"
DIGITS = "9" * 401

ODD = {
    "a time in words": NODE.format("ctime = 'garbage'"),
    "a time without characters": NODE.format("ctime = ''"),
    "a time of bytes": NODE.format("mtime = x'ff00'"),
    "a time that is a number": NODE.format("ctime = 5"),
    "a day that is none": NODE.format("ctime = '2016-02-30 00:00:00'"),
    "a fraction that is none": NODE.format("ctime = '2016-02-28 00:00:00.1.2'"),
    "a label that is no UTF-8": NODE.format("label = CAST(x'41ff' AS TEXT)"),
    "a label of bytes": NODE.format("label = x'41ff'"),
    "a user that is a word": NODE.format("user_id = 'abc'"),
    "a user that is a fraction": NODE.format("user_id = 1.5"),
    "words for numbers in JSON": NODE.format("""attributes = '{"x":NaN,"y":Infinity,"z":[-Infinity]}'"""),
    "half a character": NODE.format(r"""attributes = '{"x":"\ud800"}'"""),
    "an integer of many digits": NODE.format(f"""attributes = '{{"x":{DIGITS}}}'"""),
    "an integer beyond 64 bits": NODE.format("""attributes = '{"x":123456789012345678901}'"""),
    "a number beyond doubles": NODE.format("""attributes = '{"x":1e999}'"""),
    "no JSON at all": NODE.format("attributes = ''"),
    "JSON that breaks out": NODE.format("""attributes = '{"a":1}],"x":['"""),
    "a list instead of an object": NODE.format("attributes = '[1]'"),
    "a number instead of an object": NODE.format("attributes = 5"),
    "deep JSON": NODE.format(f"""attributes = '{'{"x":' * 3000}1{"}" * 3000}'"""),
    "extras that break out": NODE.format("""extras = '{"a":1}],"x":['"""),
    "files in a list": NODE.format("""repository_metadata = '{"o":[1]}'"""),
    "files that are none": NODE.format("""repository_metadata = '{"o":{"a":{"k":5},"b":7,"c":{"o":null}}}'"""),
    "deep files": NODE.format(f"""repository_metadata = '{'{"o":{"d":' * 700}{{"k":"ab"}}{"}}" * 700}'"""),
    "a link to itself": f"INSERT INTO db_dblink(input_id, output_id, label, type) SELECT id, id, 'x', 'create' "
    f"FROM db_dbnode WHERE uuid = '{graph.silicon}'",
    "a link to nothing": f"INSERT INTO db_dblink(input_id, output_id, label, type) SELECT id, 99999, 'x', 'create' "
    f"FROM db_dbnode WHERE uuid = '{graph.silicon}'",
    "labels of links that are bytes": "UPDATE db_dblink SET label = x'ff'",
    "a label with a NUL": NODE.format("label = 'a' || char(0) || 'b'"),
    "a type with a NUL": NODE.format("node_type = 'data.core.structure.StructureData.' || char(0)"),
    "JSON before a NUL": NODE.format("""attributes = '{"a":1}' || char(0) || '}'"""),
    "NUL in JSON": NODE.format(r"""attributes = '{"x":"a\u0000b","k\u0000":1,"y":["\u0000"]}'"""),
    "a key that stands twice": NODE.format("""attributes = '{"x":1,"y":{"z":1,"z":2},"x":2}'"""),
    "escaped keys": NODE.format(r"""attributes = '{"\u0078":5,"\u0079":{"a\/b":1}}'"""),
    "a link of an unknown type": "UPDATE db_dblink SET type = 'unknown'",
    "a time with a shift": NODE.format("ctime = '2020-01-01 00:00:00.000000+05:00'"),
    "JSON that is no UTF-8": NODE.format("""attributes = CAST(x'7b2261223a22ff227d' AS TEXT)"""),
    "JSON of bytes": NODE.format("""attributes = x'7b7d'"""),
    "JSON as deep as orjson reads": NODE.format(f"""attributes = '{'{"x":' * 900}1{"}" * 900}'"""),
    "extras that are null": NODE.format("extras = 'null'"),
    "files that lead elsewhere": NODE.format(
        """repository_metadata = '{"o":{"..":{"k":"ab"},"a/b":{"k":"ab"},"":{}}}'"""
    ),
    "a uuid that is none": NODE.format("uuid = '../../x'"),
    "a user that is nobody": "UPDATE db_dbnode SET user_id = 9223372036854775807",
    "a computer that is none": "UPDATE db_dbnode SET dbcomputer_id = 99",
    "circles of links": "INSERT INTO db_dblink(input_id, output_id, label, type) "
    "SELECT output_id, input_id, 'x', 'create' FROM db_dblink",
    "words for numbers in groups": """UPDATE db_dbgroup SET extras = '{"a":NaN}'""",
    "words for numbers in computers": """UPDATE db_dbcomputer SET metadata = '{"a":Infinity}'""",
}

ASKED = [
    "nodes?limit=100&attributes=true",
    "nodes?fields=uuid,attributes,extras&limit=100",
    "nodes?attributes.x<0",
    "nodes?orderby=attributes.x",
    "nodes?orderby=-ctime",
    "nodes?cursor=&limit=5&orderby=ctime",
    "nodes?facet=attributes.x,type,user",
    'nodes?attributes.x=contains="a"',
    'nodes?label=ilike="A%"&orderby=label',
    "nodes?ctime>2020-01-01",
    "nodes?format=csv",
    "nodes?format=ndjson&fields=uuid,attributes",
    "groups",
    "computers",
    *(
        f"nodes/{graph.silicon}/{resource}"
        for resource in (
            "",
            "contents/attributes",
            "contents/attributes?attributes_filter=x",
            "contents/extras",
            "contents/derived_properties",
            "content/attributes?alist=x",
            "content/visualization",
            "content/download",
            "download?download_format=cif",
            "repo/list",
            "links/incoming",
            "links/outgoing",
            "links/tree",
            "io/tree",
            "ancestors",
            "descendants",
            "graph",
            "prov",
        )
    ),
    f"nodes/{graph.relax_scf}/ro-crate",
    f"nodes/{graph.relax_scf}/links/tree",
]


def odd_archive(golden: Golden, folder: Path, *statements: str) -> Path:
    def changed(name: str, content: bytes) -> bytes:
        return content if name != "db.sqlite3" else with_statements(content, folder, statements)

    return rezip(golden.archive, folder / "odd.aiida", changed)


def with_statements(content: bytes, folder: Path, statements: tuple[str, ...]) -> bytes:
    file = folder / "odd.sqlite"
    file.write_bytes(content)
    with closing(sqlite3.connect(file)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return file.read_bytes()


def checked(answer: Any) -> None:
    """It is no fault of the server, and what says that it is JSON is."""
    assert answer.status_code < 500 or answer.status_code == 501, answer.text
    if answer.is_json:
        json.loads(answer.text, parse_constant=refuse)
    elif "ndjson" in answer.content_type:
        for line in answer.text.splitlines():
            json.loads(line, parse_constant=refuse)


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.parametrize("name", sampled(ODD, 20))
def test_an_odd_value_breaks_no_answer(name: str, golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    target = find(str(odd_archive(golden, tmp_path, ODD[name])))
    client = serve(target, {"CACHE_FOLDER": str(tmp_path / "cache")}).test_client()
    for version in ("v2", "v4"):
        for asked in ASKED:
            checked(client.get(f"/api/{version}/{quote(asked, safe='?&=,.<>-%/+')}", buffered=True))
    assert client.get("/api/v4/nodes?limit=1").json["data"]["nodes"] != []


SHOWN = [
    ("a time in words", "ctime", "Tue, 01 Jan 1980 00:00:00 GMT"),
    ("a time without characters", "ctime", "Tue, 01 Jan 1980 00:00:00 GMT"),
    ("a time with a shift", "ctime", "Tue, 31 Dec 2019 19:00:00 GMT"),
    ("a label that is no UTF-8", "label", "A\N{REPLACEMENT CHARACTER}"),
    ("a label of bytes", "label", "A\N{REPLACEMENT CHARACTER}"),
    ("a label with a NUL", "label", "a\N{REPLACEMENT CHARACTER}b"),
    ("a user that is a word", "user_id", 0),
    ("a user that is nobody", "user_id", 0),
    ("words for numbers in JSON", "attributes", {"x": None, "y": None, "z": [None]}),
    ("half a character", "attributes", {"x": "\N{REPLACEMENT CHARACTER}"}),
    ("an integer of many digits", "attributes", {"x": int(DIGITS)}),
    ("an integer beyond 64 bits", "attributes", {"x": 123456789012345678901}),
    ("JSON before a NUL", "attributes", {}),
    (
        "NUL in JSON",
        "attributes",
        {"x": "a\N{REPLACEMENT CHARACTER}b", "k\N{REPLACEMENT CHARACTER}": 1, "y": ["\N{REPLACEMENT CHARACTER}"]},
    ),
    ("a key that stands twice", "attributes", {"x": 2, "y": {"z": 2}}),
    ("escaped keys", "attributes", {"x": 5, "y": {"a/b": 1}}),
    ("JSON that is no UTF-8", "attributes", {"a": "\N{REPLACEMENT CHARACTER}"}),
    ("no JSON at all", "attributes", {}),
    ("JSON that breaks out", "attributes", {}),
    ("a list instead of an object", "attributes", {}),
    ("deep JSON", "attributes", {}),
    ("JSON as deep as orjson reads", "attributes", {}),
    ("extras that are null", "extras", None),
]


@pytest.mark.parametrize(("name", "key", "value"), SHOWN)
def test_what_an_odd_value_becomes(
    name: str, key: str, value: object, golden: Golden, tmp_path: Path, serve: Callable[..., Flask]
) -> None:
    client = serve(find(str(odd_archive(golden, tmp_path, ODD[name]))), {"CACHE_FOLDER": str(tmp_path)}).test_client()
    (node,) = client.get(f"/api/v4/nodes/{graph.silicon}?attributes=true&extras=true").json["data"]["nodes"]
    assert node[key] == value
    if key == "attributes":
        only = client.get(
            f"/api/v4/nodes/{graph.silicon}/contents/attributes?attributes_filter=x,a,y,z,k%EF%BF%BD"
        ).json
        assert only["data"]["attributes"] == value


FOUND = [
    ("a key that stands twice", "attributes.x=2", "attributes.x=1"),
    ("a key that stands twice", "attributes.y.z=2", "attributes.y.z=1"),
    ("escaped keys", "attributes.x=5", "attributes.x!=5"),
    ("escaped keys", 'attributes.y=has="a/b"', 'attributes.y=has="a"'),
    ("NUL in JSON", 'attributes.x=like="a%b"', 'attributes.x="a"'),
    ("NUL in JSON", 'attributes.x=like="a�_"', 'attributes.x="a\\u0000b"'),
    ("a time with a shift", "ctime<2019-12-31T19:00:01", "ctime>2019-12-31T19:00:01"),
]


@pytest.mark.parametrize(("name", "asked", "other"), FOUND)
def test_what_is_shown_is_found(
    name: str, asked: str, other: str, golden: Golden, tmp_path: Path, serve: Callable[..., Flask]
) -> None:
    """SQLite would take the first of two keys, compare keys as they are written, and end a text at NUL."""
    client = serve(find(str(odd_archive(golden, tmp_path, ODD[name]))), {"CACHE_FOLDER": str(tmp_path)}).test_client()

    def found(condition: str) -> list[str]:
        asked = f'uuid="{graph.silicon}"&{condition}&fields=uuid'
        answer = client.get(f"/api/v4/nodes?{quote(asked, safe='=&')}")
        return [node["uuid"] for node in answer.json["data"]["nodes"]]

    assert (found(asked), found(other)) == ([graph.silicon], [])


@pytest.mark.parametrize("asked", ["prov", "ro-crate", "links/tree", "graph", "ancestors", "links/incoming"])
def test_links_of_unknown_types_are_left_out(
    asked: str, golden: Golden, tmp_path: Path, serve: Callable[..., Flask]
) -> None:
    """Of all answers."""
    archive = find(str(odd_archive(golden, tmp_path, ODD["a link of an unknown type"])))
    client = serve(archive, {"CACHE_FOLDER": str(tmp_path)}).test_client()
    answer = client.get(f"/api/v4/nodes/{graph.relax_scf}/{asked}", buffered=True)
    assert answer.status_code == 200
    assert b"unknown" not in answer.data
    assert client.get("/api/v4/nodes?limit=1").headers["X-Total-Count"] == "81"


TIMES = [
    ("2016-02-28 12:30:00.000001", "2016-02-28 12:30:00.000001"),
    ("2016-02-28 12:30:00", "2016-02-28 12:30:00.000000"),
    ("2016-02-28T12:30:00.5Z", "2016-02-28 12:30:00.500000"),
    ("2016-02-28 12:30:00.123456789", "2016-02-28 12:30:00.123456"),
    ("2016-02-28 12:30:00+00:00", "2016-02-28 12:30:00.000000"),
    ("2016-03-01T00:30:00+0100", "2016-02-29 23:30:00.000000"),
    ("2016-12-31 23:30:00-01", "2017-01-01 00:30:00.000000"),
    ("2020-01-01 00:00:00+05:00", "2019-12-31 19:00:00.000000"),
    ("2020-01-01 00:00:00.000000+05:00", "2019-12-31 19:00:00.000000"),
    ("2020-01-01 00:00:00.000000+00:00", "2020-01-01 00:00:00.000000"),
    ("2020-01-01 00:00:00.000001-12:34", "2020-01-01 12:34:00.000001"),
    ("2016-02-30 00:00:00.000000", None),
    ("2016-02-28 24:00:00.000000", None),
    ("2016-02-28 12:30:00.000000 ", None),
    ("0000-01-01 00:00:00.000000", None),
    ("0001-01-01 00:00:00+01:00", None),
    ("2016-02-28", None),
    (" ", None),
    ("\N{ARABIC-INDIC DIGIT TWO}016-02-28 12:30:00", None),
]


@pytest.mark.parametrize("kind", KINDS.values())
def test_a_usual_value_is_sound(kind: Kind) -> None:
    assert kind.usual is None or kind.is_sound(kind.usual)


@pytest.mark.parametrize(("stored", "time"), TIMES)
def test_times(stored: str, time: str | None) -> None:
    kind = KINDS[Timestamp]
    assert kind.mended(stored.encode()) == time
    assert kind.is_sound(stored.encode()) == (stored == time)


DOCUMENTS = [
    (b"{}", "{}"),
    (b'{"a": [1, "x", null], "b": {}}', '{"a": [1, "x", null], "b": {}}'),
    (b'{"a":123456789012345678901234567890}', '{"a":123456789012345678901234567890}'),
    (b'{"a":' + b"[" * 199 + b"]" * 199 + b"}", '{"a":' + "[" * 199 + "]" * 199 + "}"),
    (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", None),
    (b'{"a":' * 199 + b"{}" + b"}" * 199, '{"a":' * 199 + "{}" + "}" * 199),
    (b'{"a":' * 200 + b"{}" + b"}" * 200, None),
    (b'{"a":[' * 100 + b"]}" * 100, '{"a":[' * 100 + "]}" * 100),
    (b'{"a":[' * 100 + b"{}" + b"]}" * 100, None),
    (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", None),
    (b'{"a":"' + b"[" * 1000 + b'"}', '{"a":"' + "[" * 1000 + '"}'),
    (b'{"a":[' + b"0," * 2_000_000 + b"0]}", None),
    (b'{"a":"' + b"x" * 16_000_000 + b'"}', None),
    (b'{"a":"' + b"x" * 15_999_992 + b'"}', '{"a":"' + "x" * 15_999_992 + '"}'),
    (b'{"a":"' + b"\xff" * 6_000_000 + b'"}', None),
    (b'{"a":"' + b"x" * 5_000_000 + b'"}', '{"a":"' + "x" * 5_000_000 + '"}'),
    (b"null", "null"),
    (b'{"a":1,"a":2}', '{"a":2}'),
    (b'{"a":1,"\\u0061":2}', '{"a":2}'),
    (b'{"\xc3\xa9":1,"\\u00e9":2}', '{"\xe9":2}'),
    (b'{"b":"12:30","a" :1, "a" :2}', '{"b":"12:30","a":2}'),
    (
        b'{"a":[{"b":{"c":1,"d":2,"c":123456789012345678901234567890}}]}',
        '{"a":[{"b":{"c":123456789012345678901234567890,"d":2}}]}',
    ),
    (b'{"\\u0061":1}', '{"a":1}'),
    (b'{"\\/":"\\/"}', '{"/":"/"}'),
    (b'{"\\u00e9\\n\\"\\\\u0000":":"}', '{"\\u00e9\\n\\"\\\\u0000":":"}'),
    (b'{"a\\u0000":"\\u0000\\\\\\u0000"}', '{"a\ufffd":"\ufffd\\\\\ufffd"}'),
    (b'{"a\\u0000":1,"a\\ufffd":2}', '{"a\ufffd":2}'),
    (b'{"a": "x: y", "b": {"c": "\\"d\\": 1"}}', '{"a": "x: y", "b": {"c": "\\"d\\": 1"}}'),
    (b'{"a":NaN}', '{"a":null}'),
    (b'{"a":1e999,"b":-1e999,"c":"\\ud83d"}', '{"a":null,"b":null,"c":"\N{REPLACEMENT CHARACTER}"}'),
    (b'{"a":"\\ud83d\\ude00"}', '{"a":"\\ud83d\\ude00"}'),
    (b'{"a":' + b"9" * 5000 + b"}", '{"a":null}'),
    (b'{"a":1}],"x":[', None),
    (b'"a"', None),
    (b"", None),
    (b"NULL", None),
]


@pytest.mark.parametrize(("stored", "text"), DOCUMENTS)
def test_json(stored: bytes, text: str | None) -> None:
    kind = KINDS[JSONText]
    assert kind.mended(stored) == text
    assert kind.is_sound(stored) == (text is not None and stored == text.encode())


TEXTS = [
    (b"x" * 1_000_000, "x" * 1_000_000),
    (b"x" * 1_000_001, "x" * 1_000_000),
    (b"x" + "\xe9".encode() * 500_000, "x" + "\xe9" * 499_999),
    (b"\xff" * 1_000_000, "\ufffd" * 333_333),
]


@pytest.mark.parametrize(("stored", "text"), TEXTS)
def test_long_texts_are_cut(stored: bytes, text: str) -> None:
    kind = KINDS[String]
    assert kind.mended(stored) == text
    assert kind.is_sound(stored) == (stored == text.encode())
    assert kind.is_sound(text.encode())


def test_long_uuids_are_cut() -> None:
    kind = KINDS[Uuid]
    assert kind.mended(b"a" * 1001) == "a" * 1000
    assert (kind.is_sound(b"a" * 1000), kind.is_sound(b"a" * 1001)) == (True, False)


def rows_of(file: Path) -> dict[str, list[Any]]:
    """All values that are read."""
    with closing(sqlite3.connect(file)) as connection:
        return {
            table.name: connection.execute(
                f"SELECT {', '.join(table.columns.keys())} FROM {table.name} ORDER BY id"
            ).fetchall()
            for table in models.metadata.sorted_tables
        }


def rebuilt(folder: Path, content: bytes, *statements: str) -> Path:
    file = folder / "source.sqlite"
    file.write_bytes(with_statements(content, folder, statements))
    rebuild(file, folder / "rebuilt.sqlite", 60, lambda: None)
    return folder / "rebuilt.sqlite"


@pytest.fixture
def database(golden: Golden) -> bytes:
    with zipfile.ZipFile(golden.archive) as zipped:
        return zipped.read("db.sqlite3")


def test_what_is_sound_comes_over(database: bytes, tmp_path: Path) -> None:
    assert rows_of(rebuilt(tmp_path, database)) == rows_of(tmp_path / "source.sqlite")


LINKS = "SELECT id, input_id, output_id, label, type FROM stored"


def links_as(definition: str, select: str = LINKS) -> tuple[str, ...]:
    return (
        "ALTER TABLE db_dblink RENAME TO stored",
        f"CREATE TABLE db_dblink ({definition}",
        f"INSERT OR IGNORE INTO db_dblink {select}",
        "DROP TABLE stored",
    )


SCHEMAS = {
    "a trigger that lets nothing in": (
        "CREATE TRIGGER t BEFORE INSERT ON db_dblink BEGIN SELECT RAISE(IGNORE); END",
        'CREATE TRIGGER "a ""b" BEFORE UPDATE ON db_dblink BEGIN SELECT RAISE(IGNORE); END',
        "UPDATE db_dbnode SET label = label",
    ),
    "a check": links_as("id INTEGER PRIMARY KEY, input_id, output_id, label, type CHECK (type != 'x'))"),
    "collations": links_as("id INTEGER PRIMARY KEY, input_id, output_id, label COLLATE NOCASE, type COLLATE RTRIM)"),
    "other affinities": links_as("id INTEGER PRIMARY KEY, input_id TEXT, output_id TEXT, label BLOB, type BLOB)"),
    "no rowid": links_as("id INTEGER PRIMARY KEY, input_id, output_id, label, type) WITHOUT ROWID"),
    "other names of the rowid": links_as(
        "rowid, oid, _rowid_, id INTEGER, input_id, output_id, label, type)", LINKS.replace("id", "0, 0, 0, id", 1)
    ),
    "another key": links_as(
        "id INTEGER, input_id, output_id, label, type, n INTEGER PRIMARY KEY)", f"{LINKS[:-12]}, NULL FROM stored"
    ),
    "an id that stands twice": (
        *links_as("id INTEGER, input_id, output_id, label, type)"),
        "INSERT INTO db_dblink SELECT id, input_id, output_id, 'again', type FROM db_dblink",
    ),
    "an id that is none": (
        *links_as("id, input_id, output_id, label, type)"),
        "INSERT INTO db_dblink SELECT 'x', input_id, output_id, 'again', type FROM db_dblink",
    ),
    "an index on an expression": ("CREATE INDEX i ON db_dblink (hex(zeroblob(100000000 * (id < 0))))",),
    "statistics that lie": ("ANALYZE", "UPDATE sqlite_stat1 SET stat = '1 1'"),
    "other tables": (
        "CREATE TABLE x (a)",
        "CREATE VIEW y AS SELECT 1",
        "CREATE VIRTUAL TABLE z USING fts5(a)",
    ),
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_says_nothing(name: str, database: bytes, tmp_path: Path) -> None:
    (tmp_path / "golden").mkdir()
    sound = rebuilt(tmp_path / "golden", database)
    odd = rebuilt(tmp_path, database, *SCHEMAS[name])
    assert rows_of(odd) == rows_of(sound)
    schemas = []
    for file in (odd, sound):
        with closing(sqlite3.connect(file)) as connection:
            schemas.append(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall())
    assert schemas[0] == schemas[1]


LEFT_OUT = [
    ("db_dblink", "INSERT INTO db_dblink(input_id, output_id, label, type) VALUES (1, 99999, 'x', 'create')"),
    ("db_dblink", "INSERT INTO db_dblink(input_id, output_id, label, type) VALUES (99999, 1, 'x', 'create')"),
    ("db_dblink", "INSERT INTO db_dblink(input_id, output_id, label, type) VALUES (1, 2, 'x', 'unknown')"),
    ("db_dblink", "INSERT INTO db_dblink(input_id, output_id, label, type) VALUES (1, 2, 'x', 'CREATE')"),
    ("db_dblink", "INSERT INTO db_dblink(input_id, output_id, label, type) VALUES (1, 2, 'x', 'create' || char(0))"),
    ("db_dblink", "INSERT INTO db_dblink(input_id, output_id, label, type) VALUES (1, 2, 'x', 5)"),
    ("db_dbgroup_dbnodes", "INSERT INTO db_dbgroup_dbnodes(dbgroup_id, dbnode_id) VALUES (1, 99999)"),
    ("db_dbgroup_dbnodes", "INSERT INTO db_dbgroup_dbnodes(dbgroup_id, dbnode_id) VALUES (99999, 1)"),
    ("db_dbcomment", "UPDATE db_dbcomment SET dbnode_id = 99999 WHERE 0"),
]


@pytest.mark.parametrize(("table", "statement"), LEFT_OUT)
def test_what_refers_to_nothing_is_left_out(table: str, statement: str, database: bytes, tmp_path: Path) -> None:
    before = rows_of(rebuilt(tmp_path, database))
    (tmp_path / "rebuilt.sqlite").unlink()
    assert rows_of(rebuilt(tmp_path, database, statement)) == before


def test_links_whose_types_look_the_same(database: bytes, tmp_path: Path) -> None:
    """As the schema has it, and links without an end. Bytes that are a type stand for it."""
    (tmp_path / "golden").mkdir()
    before = rows_of(rebuilt(tmp_path / "golden", database))["db_dblink"]
    table = "id INTEGER PRIMARY KEY, input_id, output_id, label, type COLLATE NOCASE)"
    insert = "INSERT INTO db_dblink VALUES"
    rows = rows_of(
        rebuilt(
            tmp_path,
            database,
            *links_as(table),
            f"{insert} (1001, 1, 2, 'x', 'CREATE'), (1002, 1, NULL, 'x', 'create'), (1003, NULL, 2, 'x', 'create')",
            f"{insert} (1004, 1, 2, 'x', NULL), (1005, 1, 2, 'bytes', CAST('create' AS BLOB))",
        )
    )
    assert rows["db_dblink"] == [*before, (1005, 1, 2, "bytes", "create")]


CIRCLES = [
    ("(5, 5, 'create')", "(5, 5)"),
    ("(1, 7, 'create'), (7, 1, 'input_calc')", "(7, 1)"),
    # Back, but on no circle: before it, behind it, and between two.
    (
        ", ".join(f"({link}, 'create')" for link in ("9, 2", "2, 3", "3, 2", "3, 1", "1, 5", "5, 6", "6, 5", "6, 4")),
        "(3, 2), (3, 1), (6, 5)",
    ),
    ("(1, 7, 'call_calc'), (7, 1, 'return')", ""),
]


@pytest.mark.parametrize(("links", "cut"), CIRCLES)
def test_circles(links: str, cut: str, database: bytes, tmp_path: Path) -> None:
    """Walks come to an end: of a circle of data, the links back are cut."""
    values = "INSERT INTO db_dblink(input_id, output_id, type, label) SELECT column1, column2, column3, '' FROM"
    rows = rows_of(rebuilt(tmp_path, database, "DELETE FROM db_dblink", f"{values} (VALUES {links})"))
    ends = {(input_id, output_id) for _, input_id, output_id, *_ in rows["db_dblink"]}
    asked = {(int(each[0]), int(each[1])) for each in re.findall(r"\((\d+), (\d+)", links)}
    assert asked - ends == {(int(each[0]), int(each[1])) for each in re.findall(r"\((\d+), (\d+)", cut)}


def test_all_ways_along_a_circle(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    """As without the links back."""
    found = []
    back = f"{ODD['circles of links']} WHERE type IN ('input_calc', 'create')"
    for folder, statements in (("golden", ()), ("odd", (back, ODD["a link to itself"]))):
        (tmp_path / folder).mkdir()
        archive = find(str(odd_archive(golden, tmp_path / folder, *statements)))
        client = serve(archive, {"CACHE_FOLDER": str(tmp_path)}).test_client()
        path = [{"entity_type": "node", "tag": "n"}, {"entity_type": "node", "tag": "m", "with_ancestors": "n"}]
        asked = {"path": path, "project": {"n": ["id"], "m": ["id"]}, "limit": 10000}
        rows = client.post("/api/v4/querybuilder", json=asked).json["data"]["m"]
        found.append(sorted(row["id"] for row in rows))
    assert found[0] == found[1] != []


def test_no_computers_at_all(database: bytes, tmp_path: Path) -> None:
    """Nothing is mended: all nodes are sound."""
    statements = ("UPDATE db_dbnode SET dbcomputer_id = NULL", "DELETE FROM db_dbauthinfo", "DELETE FROM db_dbcomputer")
    assert rows_of(rebuilt(tmp_path, database, *statements)) == rows_of(tmp_path / "source.sqlite")


def test_a_computer_that_is_none(database: bytes, tmp_path: Path) -> None:
    rows = rows_of(rebuilt(tmp_path, database, ODD["a computer that is none"]))
    assert {row[-2] for row in rows["db_dbnode"]} == {None}


def test_a_uuid_stands_once(database: bytes, tmp_path: Path) -> None:
    """What refers to the second node is left out with it."""
    unique = "'CONSTRAINT uq_db_dbnode_uuid UNIQUE (uuid)'"
    content = with_statements(
        database,
        tmp_path,
        (
            "PRAGMA writable_schema = ON",
            f"UPDATE sqlite_master SET sql = replace(sql, {unique}, 'CHECK (1)') WHERE name = 'db_dbnode'",
            "DELETE FROM sqlite_master WHERE name = 'sqlite_autoindex_db_dbnode_1'",
        ),
    )
    twice = "UPDATE db_dbnode SET uuid = (SELECT uuid FROM db_dbnode WHERE id = 1) WHERE id = 2"
    rows = rows_of(rebuilt(tmp_path, content, twice))
    assert [row[0] for row in rows["db_dbnode"]][:2] == [1, 3]
    assert all(2 not in (input_id, output_id) for _, input_id, output_id, *_ in rows["db_dblink"])


OUTSIDE = ("/etc/passwd", "../db.sqlite3", "../../secret", "ab" * 16, "AB" * 32, "ab" * 31 + "/a", "", ".")


@pytest.fixture
def unpacked(golden: Golden, tmp_path: Path) -> Path:
    with zipfile.ZipFile(golden.archive) as zipped:
        zipped.extractall(tmp_path / "unpacked")
    (tmp_path / "secret").write_text("of somebody else")
    return tmp_path / "unpacked"


@pytest.mark.parametrize("key", OUTSIDE)
def test_no_key_leads_out_of_a_folder(key: str, unpacked: Path, serve: Callable[..., Flask]) -> None:
    with pytest.raises(DamagedNode, match="is not a key of the repository"):
        FolderRepository(unpacked).read(key)
    tree = json.dumps({"o": {"b": {"k": key}}})
    with closing(sqlite3.connect(unpacked / "db.sqlite3")) as connection:
        connection.execute("UPDATE db_dbnode SET repository_metadata = ? WHERE uuid = ?", (tree, graph.silicon))
        connection.commit()
    client = serve(find(str(unpacked)), {"CACHE_FOLDER": str(unpacked.parent)}).test_client()
    answer = client.get(f"/api/v4/nodes/{graph.silicon}/repo/contents?filename=%22b%22", buffered=True)
    assert answer.status_code == 501
    assert "somebody" not in answer.text


def test_no_link_is_followed(unpacked: Path, tmp_path: Path) -> None:
    key = "ab" * 32
    (unpacked / "repo" / key).symlink_to(tmp_path / "secret")
    with pytest.raises(DamagedObject, match=f"^the object {key} of the repository is no regular file$"):
        FolderRepository(unpacked).read(key)
    (unpacked / "repo" / key).unlink()
    sound = next(path.name for path in (unpacked / "repo").iterdir())
    assert b"".join(FolderRepository(unpacked).read(sound).blocks) == (unpacked / "repo" / sound).read_bytes()
    (unpacked / "repo").rename(tmp_path / "elsewhere")
    (unpacked / "repo").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DamagedObject, match=f"^the object {sound} of the repository is no regular file$"):
        FolderRepository(unpacked).read(sound)


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NoRegularFile, match="no regular file"):
        open_below(tmp_path, "pipe")


@pytest.mark.parametrize("name", ["db.sqlite3", "metadata.json"])
def test_an_archive_is_no_link(name: str, unpacked: Path, tmp_path: Path) -> None:
    """It could lead to the database of another profile."""
    (unpacked / name).rename(tmp_path / name)
    (unpacked / name).symlink_to(tmp_path / name)
    with pytest.raises(TargetError):
        open_storage(find(str(unpacked)), cache_folder=tmp_path / "cache")


def refused(golden: Golden, folder: Path, change: Callable[[str, bytes], bytes | None]) -> str:
    file = rezip(golden.archive, folder / "odd.aiida", change)
    with pytest.raises(TargetError) as raised:
        open_storage(find(str(file)), cache_folder=folder / "cache")
    return str(raised.value)


def test_metadata_is_small(golden: Golden, tmp_path: Path) -> None:
    message = refused(golden, tmp_path, lambda name, content: b" " * (2 << 20) if name == "metadata.json" else content)
    assert message.endswith("is not an AiiDA archive (its metadata.json has more than 1 MB)")


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (
            "main_9999",
            "has the format main_9999, which is later than main_0002: it needs a later version of aiida-like",
        ),
        (
            "0.9",
            "has the old format 0.9, main_0001 or later can be read: run `verdi archive migrate odd.aiida NEW.aiida`",
        ),
        ("main_0000", "has the old format main_0000, main_0001 or later"),
        ("x" * 100, f"has the old format {'x' * 20}, main_0001 or later"),
    ],
)
def test_formats(version: str, message: str, golden: Golden, tmp_path: Path) -> None:
    metadata = json.dumps({"export_version": version}).encode()
    assert message in refused(golden, tmp_path, lambda name, was: metadata if name == "metadata.json" else was)


def test_a_database_that_inflates(golden: Golden, tmp_path: Path) -> None:
    message = refused(golden, tmp_path, lambda name, was: bytes(200 << 20) if name == "db.sqlite3" else was)
    assert re.search(r"says that it is 210 MB, packed into 0\.2 MB: no database of AiiDA is packed like this$", message)


GIGABYTES = 20_000_000_000


@pytest.mark.parametrize("pages", [GIGABYTES // 4096, 7])
def test_a_database_with_holes(pages: int, unpacked: Path, tmp_path: Path) -> None:
    """It is refused before it is read, whatever it says of its size."""
    with (unpacked / "db.sqlite3").open("r+b") as file:
        file.seek(28)
        file.write(pages.to_bytes(4, "big"))
        file.truncate(GIGABYTES)
    began = time.monotonic()
    with pytest.raises(TargetError, match=r"says that it is 20000 MB, packed into 0\.\d MB: no database") as raised:
        open_storage(find(str(unpacked)), cache_folder=tmp_path / "cache")
    assert raised.value.reason == "its file is not an AiiDA archive"
    assert time.monotonic() - began < 2
    assert list((tmp_path / "cache" / "archives").iterdir()) == []


def test_an_archive_with_holes(golden: Golden, tmp_path: Path) -> None:
    """Its database is stored as it is, and ends far behind what was written."""
    file = tmp_path / "holes.aiida"
    with zipfile.ZipFile(golden.archive) as source, zipfile.ZipFile(file, "w") as target:
        target.writestr("metadata.json", source.read("metadata.json"))
        target.writestr("db.sqlite3", source.read("db.sqlite3"))
        member = target.getinfo("db.sqlite3")
        assert target.fp is not None
        target.fp.seek(2_000_000_000)
        target.start_dir = 2_000_000_000
        member.file_size = member.compress_size = 1_900_000_000
        target._didModify = True  # type: ignore[attr-defined] # else the directory is not written
    with pytest.raises(TargetError, match=r"says that it is 1900 MB, packed into \d\.\d MB: no database"):
        open_storage(find(str(file)), cache_folder=tmp_path / "cache")


@pytest.mark.parametrize("change", [4096, -4096])
def test_a_database_of_another_size_than_its_header_says(change: int, unpacked: Path, tmp_path: Path) -> None:
    size = (unpacked / "db.sqlite3").stat().st_size
    os.truncate(unpacked / "db.sqlite3", size + change)
    message = (
        f"the database of {unpacked} is damaged: it has {size + change} bytes, and its header says that they are "
        f"{size // 4096} pages of 4096"
    )
    with pytest.raises(TargetError, match=f"^{re.escape(message)}$") as raised:
        open_storage(find(str(unpacked)), cache_folder=tmp_path / "cache")
    assert raised.value.reason == "its database is damaged"


def test_two_databases_in_one_archive(golden: Golden, tmp_path: Path) -> None:
    file = shutil.copy(golden.archive, tmp_path / "two.aiida")
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(file, "a") as zipped:
        zipped.writestr("db.sqlite3", b"another")
    with pytest.raises(TargetError, match=r"is damaged: it holds db\.sqlite3 2 times$"):
        open_storage(find(str(file)), cache_folder=tmp_path / "cache")


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"
COLUMNS = "id, uuid, dbnode_id, ctime, mtime, user_id, content"
NOT_AIIDAS = {
    "db_dbcomment is a view": ("DROP TABLE db_dbcomment", f"CREATE VIEW db_dbcomment AS {ENDLESS} i AS id FROM n"),
    "there is no table db_dbcomment": (
        "DROP TABLE db_dbcomment",
        f"CREATE VIEW DB_DBCOMMENT AS {ENDLESS} i AS id FROM n",
    ),
    "db_dbcomment is a virtual table": (
        "DROP TABLE db_dbcomment",
        f"CREATE VIRTUAL TABLE db_dbcomment USING fts5({COLUMNS.replace('id, ', '', 1)})",
    ),
    "db_dbcomment.content is computed": (
        "DROP TABLE db_dbcomment",
        f"CREATE TABLE db_dbcomment ({COLUMNS} AS (hex(zeroblob(100000000))))",
    ),
    "db_dbcomment.content is missing": ("ALTER TABLE db_dbcomment RENAME COLUMN content TO other",),
}


@pytest.mark.parametrize("message", NOT_AIIDAS)
def test_what_is_no_table(message: str, golden: Golden, tmp_path: Path) -> None:
    file = odd_archive(golden, tmp_path, *NOT_AIIDAS[message])
    with pytest.raises(TargetError, match=rf" is not a database of AiiDA 2 \({re.escape(message)}\)$"):
        open_storage(find(str(file)), cache_folder=tmp_path / "cache")


def test_a_database_in_utf_16(golden: Golden, database: bytes, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "utf16.sqlite")) as connection:
        connection.execute("PRAGMA encoding = 'UTF-16'")
        for statement in rebuilding.statements():
            connection.execute(statement)
    content = (tmp_path / "utf16.sqlite").read_bytes()
    message = refused(golden, tmp_path, lambda name, was: content if name == "db.sqlite3" else was)
    assert "is not a database of AiiDA 2 (attached databases must use the same text encoding" in message


def test_a_database_that_takes_too_long(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it stays but that it did; no process tries it again soon."""
    with monkeypatch.context() as patched:
        patched.setattr(copies, "_SECONDS", -1e6)
        patched.setattr(rebuilding, "_LOOK", 10)
        # Else it would not be long after a database this small.
        patched.setattr(copies, "_REFUSED_TIMES", 1e6)
        with pytest.raises(TargetError, match=r"takes too long to read: more than -\d+ s$") as raised:
            open_storage(find(str(golden.archive)), cache_folder=tmp_path)
    assert raised.value.reason == "its database takes too long to read"
    assert {path.suffix for path in (tmp_path / "archives").iterdir()} == {".lock", ".refused"}
    with monkeypatch.context() as patched:
        patched.setattr(copies, "_make", None)
        with pytest.raises(TargetError, match=r"golden\.aiida takes too long to read: more than 30 s$") as raised:
            open_storage(find(str(golden.archive)), cache_folder=tmp_path)
    assert raised.value.reason == "its database takes too long to read"
    now = time.time()
    monkeypatch.setattr(copies.time, "time", lambda: now + 1e8)
    open_storage(find(str(golden.archive)), cache_folder=tmp_path).close()
    assert {path.suffix for path in (tmp_path / "archives").iterdir()} == {".json", ".lock", ".sqlite"}


def test_a_database_that_grows(database: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "_NEVER_TOO_LARGE", 40960)
    monkeypatch.setattr(rebuilding, "_GROWTH", 0)
    with pytest.raises(rebuilding.NoRoom):
        rebuilt(tmp_path, database)


def test_a_value_that_is_too_long(database: bytes, tmp_path: Path) -> None:
    with pytest.raises(sqlite3.DataError, match="string or blob too big"):
        rebuilt(tmp_path, database, NODE.format("description = CAST(zeroblob(101000000) AS TEXT)"))


def test_a_damaged_database(golden: Golden, tmp_path: Path) -> None:
    def damaged(name: str, content: bytes) -> bytes:
        half = len(content) // 2
        return content if name != "db.sqlite3" else content[:half] + bytes(len(content) - half)

    assert "odd.aiida is damaged: " in refused(golden, tmp_path, damaged)


def test_many_odd_values(golden: Golden, tmp_path: Path) -> None:
    statement = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) "
        "INSERT INTO db_dblink(input_id, output_id, label, type) SELECT 1, 2, x'ff', 'create' FROM n"
    )
    file = odd_archive(golden, tmp_path, statement)
    with closing(open_storage(find(str(file)), cache_folder=tmp_path / "cache")) as storage:
        count = "SELECT count(*) FROM db_dblink WHERE label = '�' AND typeof(label) = 'text'"
        assert storage.database.rows(count, {}) == [(2500,)]


def test_a_lost_file_is_named(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    statement = f"UPDATE db_dbnode SET repository_metadata = '{{}}' WHERE uuid = '{graph.array}'"
    client: FlaskClient = serve(
        find(str(odd_archive(golden, tmp_path, statement))), {"CACHE_FOLDER": str(tmp_path)}
    ).test_client()
    answer = client.get(f"/api/v4/nodes/{graph.array}/download?download_format=json")
    assert answer.status_code == 501
    assert re.search(rf"^node {graph.array} has lost its file '\w+\.npy'$", answer.json["message"])
