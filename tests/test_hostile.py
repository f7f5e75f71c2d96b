"""Archives that a stranger made: nothing in them breaks an answer, leads to other files, or takes for ever."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.below import open_below
from aiida_like.errors import DamagedNode, StorageError, TargetError
from aiida_like.profiles import find
from aiida_like.storage import open_storage
from aiida_like.storage.repair import NO_TIME, repair
from aiida_like.zipped import FolderRepository
from tests.conftest import Golden
from tests.golden import graph
from tests.writable import rezip

NODE = f"UPDATE db_dbnode SET {{}} WHERE uuid = '{graph.silicon}'"
DIGITS = "9" * 401

ODD = {
    "a time in words": NODE.format("ctime = 'garbage'"),
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


@pytest.mark.parametrize("name", ODD)
def test_an_odd_value_breaks_no_answer(name: str, golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    target = find(str(odd_archive(golden, tmp_path, ODD[name])))
    client = serve(target, {"CACHE_FOLDER": str(tmp_path / "cache")}).test_client()
    for version in ("v2", "v4"):
        for asked in ASKED:
            checked(client.get(f"/api/{version}/{quote(asked, safe='?&=,.<>-%/+')}", buffered=True))
    assert client.get("/api/v4/nodes?limit=1").json["data"]["nodes"] != []


SHOWN = [
    ("a time in words", "ctime", "Tue, 01 Jan 1980 00:00:00 GMT"),
    ("a label that is no UTF-8", "label", "A\N{REPLACEMENT CHARACTER}"),
    ("a label of bytes", "label", "A\N{REPLACEMENT CHARACTER}"),
    ("a user that is a word", "user_id", 0),
    ("words for numbers in JSON", "attributes", {"x": None, "y": None, "z": [None]}),
    ("half a character", "attributes", {"x": "\N{REPLACEMENT CHARACTER}"}),
    ("an integer of many digits", "attributes", {"x": int(DIGITS)}),
    ("no JSON at all", "attributes", {}),
    ("JSON that breaks out", "attributes", {}),
    ("a list instead of an object", "attributes", {}),
]


@pytest.mark.parametrize(("name", "key", "value"), SHOWN)
def test_what_an_odd_value_becomes(
    name: str, key: str, value: object, golden: Golden, tmp_path: Path, serve: Callable[..., Flask]
) -> None:
    client = serve(find(str(odd_archive(golden, tmp_path, ODD[name]))), {"CACHE_FOLDER": str(tmp_path)}).test_client()
    (node,) = client.get(f"/api/v4/nodes/{graph.silicon}?attributes=true").json["data"]["nodes"]
    assert node[key] == value


def test_what_is_sound_is_left_alone(golden: Golden, tmp_path: Path) -> None:
    with zipfile.ZipFile(golden.archive) as zipped:
        (tmp_path / "sound.sqlite").write_bytes(zipped.read("db.sqlite3"))
    with closing(sqlite3.connect(tmp_path / "sound.sqlite")) as connection:
        before = list(connection.iterdump())
        assert repair(connection) == 0
        assert list(connection.iterdump()) == before
    assert NO_TIME.startswith("1980")


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
    with pytest.raises(StorageError, match=f"the object {key} of the repository cannot be read"):
        FolderRepository(unpacked).read(key)
    (unpacked / "repo").rename(tmp_path / "elsewhere")
    (unpacked / "repo").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="cannot be read"):
        FolderRepository(unpacked).read(next(path.name for path in (tmp_path / "elsewhere").iterdir()))


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no regular file"):
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


def test_two_databases_in_one_archive(golden: Golden, tmp_path: Path) -> None:
    file = shutil.copy(golden.archive, tmp_path / "two.aiida")
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(file, "a") as zipped:
        zipped.writestr("db.sqlite3", b"another")
    with pytest.raises(TargetError, match=r"is damaged: it holds db\.sqlite3 2 times$"):
        open_storage(find(str(file)), cache_folder=tmp_path / "cache")


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"
COLUMNS = "id, uuid, dbnode_id, ctime, mtime, user_id, content"
NO_TABLES = {
    "db_dbcomment is a view": ("DROP TABLE db_dbcomment", f"CREATE VIEW db_dbcomment AS {ENDLESS} i AS id FROM n"),
    "DB_DBCOMMENT is a view": ("DROP TABLE db_dbcomment", f"CREATE VIEW DB_DBCOMMENT AS {ENDLESS} i AS id FROM n"),
    "db_dbcomment has keys in an index": (
        "DROP TABLE db_dbcomment",
        "CREATE TABLE db_dbcomment (id INTEGER PRIMARY KEY, uuid, dbnode_id, ctime, mtime, user_id, content) WITHOUT ROWID",
    ),
    "db_dbcomment has other keys than integers called id": (
        "DROP TABLE db_dbcomment",
        f"CREATE TABLE db_dbcomment ({COLUMNS.replace('uuid', 'uuid INTEGER PRIMARY KEY')})",
    ),
    "db_dbcomment.oid is no column of AiiDA": ("ALTER TABLE db_dbcomment ADD COLUMN oid",),
    "db_dbcomment is a virtual table": (
        "DROP TABLE db_dbcomment",
        f"CREATE VIRTUAL TABLE db_dbcomment USING fts5({COLUMNS.replace('id, ', '', 1)})",
    ),
    "db_dbcomment.content is computed": (
        "DROP TABLE db_dbcomment",
        f"CREATE TABLE db_dbcomment ({COLUMNS.replace('id', 'id INTEGER PRIMARY KEY', 1)} AS (hex(zeroblob(100000000))))",
    ),
}


@pytest.mark.parametrize("message", NO_TABLES)
def test_what_is_no_table(message: str, golden: Golden, tmp_path: Path) -> None:
    file = odd_archive(golden, tmp_path, *NO_TABLES[message])
    with pytest.raises(TargetError, match=rf" is no database of AiiDA \({re.escape(message)}\)$"):
        open_storage(find(str(file)), cache_folder=tmp_path / "cache")


def test_triggers_do_not_run(golden: Golden, tmp_path: Path) -> None:
    trigger = (
        'CREATE TRIGGER "a ""b" AFTER UPDATE ON db_dbnode BEGIN '
        "DELETE FROM db_dbnode; UPDATE db_dbnode SET label = ''; END"
    )
    file = odd_archive(golden, tmp_path, ODD["no JSON at all"], trigger)
    with closing(open_storage(find(str(file)), cache_folder=tmp_path / "cache")) as storage:
        assert storage.database.rows("SELECT count(*) FROM db_dbnode", {}) == [(81,)]


def test_a_damaged_database(golden: Golden, tmp_path: Path) -> None:
    def damaged(name: str, content: bytes) -> bytes:
        return content if name != "db.sqlite3" else content[:20480] + bytes(len(content) - 20480)

    assert "the database of an archive is damaged: " in refused(golden, tmp_path, damaged)


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
