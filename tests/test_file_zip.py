"""All files of a node as one zip file."""

from __future__ import annotations

import io
import sqlite3
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.errors import DamagedObject
from aiida_like.profiles import find
from aiida_like.repository import Blocks, StoredFile
from aiida_like.zip_stream import Member, zip_blocks
from restapi.answering import file_zip
from tests.conftest import Golden
from tests.exchanges import ON_ALL, check
from tests.golden import FILES, graph, ids
from tests.test_v4 import refused
from tests.writable import Writable, rezip

ZIP = f"/api/v4/nodes/{graph.folder}/repo/zip"
TIME = datetime(2016, 5, 1, 12, 30, 10, tzinfo=timezone.utc)


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        assert zipped.testzip() is None
        return {info.filename: zipped.read(info) for info in zipped.infolist()}


def test_all_files(client: FlaskClient) -> None:
    answer = client.get(ZIP, buffered=True)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{graph.folder}.zip"'
    assert {name: answer.headers[name] for name in ON_ALL} == ON_ALL
    expected = {f"{graph.folder}/{path}": content for path, content in FILES.items()}
    assert members(answer.data) == expected | {f"{graph.folder}/hollow/": b""}


def test_a_folder(client: FlaskClient) -> None:
    for written in ("deep", "deep/", '"deep"'):
        found = members(client.get(f"{ZIP}?filename={written}", buffered=True).data)
        assert found == {f"{graph.folder}/deep/{name}": b"three levels down\n" for name in ("er/est.txt", "twin.txt")}
    assert members(client.get(f"{ZIP}?filename=hollow", buffered=True).data) == {}


def test_a_node_without_files(client: FlaskClient) -> None:
    assert members(client.get(f"/api/v4/nodes/{graph.seven}/repo/zip", buffered=True).data) == {}


def test_it_is_unpacked_as_files_of_today(client: FlaskClient, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(client.get(ZIP, buffered=True).data)) as zipped:
        modes = {info.filename: info.external_attr >> 16 for info in zipped.infolist()}
        times = {info.date_time for info in zipped.infolist()}
        zipped.extractall(tmp_path)
    assert (tmp_path / graph.folder / "deep" / "er" / "est.txt").read_bytes() == FILES["deep/er/est.txt"]
    assert modes[f"{graph.folder}/empty"] == 0o644
    assert modes[f"{graph.folder}/hollow/"] == 0o40755
    assert len(times) == 1


def test_the_same_bytes_and_the_same_tag(client: FlaskClient) -> None:
    first, second = (client.get(ZIP, buffered=True) for _ in range(2))
    assert first.data == second.data
    tag = first.headers["ETag"]
    assert second.headers["ETag"] == tag
    assert client.get(f"{ZIP}?filename=deep", buffered=True).headers["ETag"] != tag
    same = client.get(ZIP, headers={"If-None-Match": tag}, buffered=True)
    assert (same.status_code, same.data) == (304, b"")
    head = client.head(ZIP)
    assert (head.status_code, head.headers["ETag"], head.data) == (200, tag, b"")


def test_it_stays_the_same_when_others_commit(changing: Writable, serve: Callable[..., Flask]) -> None:
    client = serve(find(**changing.target), {}).test_client()
    before = client.get(ZIP, buffered=True)
    with changing.committing() as commit:
        commit("UPDATE db_dbnode SET label = 'other' WHERE id = 5")
    after = client.get(ZIP, buffered=True)
    assert (after.headers["ETag"], after.data) == (before.headers["ETag"], before.data)


FAULTS = {
    "filename=../x": (400, "filename '../x' is not a path inside the node: write it as folder/file, without . and .."),
    "filename=empty": (404, "'empty' is a file, not a folder, in the repository of the node"),
    "filename=nothing": (404, "the node has no file 'nothing'"),
    "sizes=true": (400, "this resource takes no filters, so 'sizes' has no meaning here"),
    "limit=5": (400, "limit has no meaning for this resource; it takes filename, profile"),
}


@pytest.mark.parametrize("asked", FAULTS)
def test_faults(archive_client: FlaskClient, asked: str) -> None:
    status, message = FAULTS[asked]
    answer = archive_client.get(f"{ZIP}?{asked}")
    assert (answer.status_code, answer.json) == (status, {"message": message})


def test_too_many_files(archive_client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_zip, "MOST_FILES", 9)
    assert len(members(archive_client.get(ZIP, buffered=True).data)) == 9
    monkeypatch.setattr(file_zip, "MOST_FILES", 8)
    message = (
        "these are 9 files and empty folders, and a zip file has at most 8: name a folder by filename, or ask for the "
        "files one by one"
    )
    check(archive_client, refused(f"nodes/{graph.folder}/repo/zip", message))


def test_a_lost_file_is_told_before_anything_is_sent(
    golden: Golden, tmp_path: Path, serve: Callable[..., Flask]
) -> None:
    content = FILES["binary.dat"]
    archive = rezip(golden.archive, tmp_path / "less.aiida", lambda _, each: None if each == content else each)
    answer = serve(find(str(archive)), {}).test_client().get(ZIP)
    assert answer.status_code == 501
    assert answer.json["message"].endswith(" of the repository is lost")


def renamed(names: dict[str, Any]) -> Callable[[str, bytes], bytes]:
    """The members of an archive in which the golden folder has other files, for `rezip`."""

    def change(name: str, content: bytes) -> bytes:
        if name != "db.sqlite3":
            return content
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(content)
            where = f"WHERE id = {ids[graph.folder]}"
            (stored,) = connection.execute(f"SELECT repository_metadata FROM db_dbnode {where}").fetchone()
            key = orjson.loads(stored)["o"]["README.txt"]
            tree = orjson.dumps({"o": dict.fromkeys(names, key)}).decode()
            connection.execute(f"UPDATE db_dbnode SET repository_metadata = ? {where}", (tree,))
            connection.commit()
            return connection.serialize()

    return change


@pytest.fixture
def with_names(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> Callable[..., FlaskClient]:
    def made(*names: str) -> FlaskClient:
        archive = rezip(golden.archive, tmp_path / "names.aiida", renamed(dict.fromkeys(names)))
        return serve(find(str(archive)), {}).test_client()

    return made


def test_no_name_leads_out_of_the_folder(with_names: Callable[..., FlaskClient]) -> None:
    names = ("..", ".", "../up", "/etc/passwd", "a/../../b", "c:\\d", "..\\e", "", "fine", "C:drive", "a\nb")
    found = members(with_names(*names).get(ZIP, buffered=True).data)
    assert set(found) == {f"{graph.folder}/{name}" for name in ("fine", "C:drive", "a\nb")}


def test_a_name_that_is_too_long(with_names: Callable[..., FlaskClient]) -> None:
    answer = with_names("x" * 65_000).get(ZIP)
    assert answer.status_code == 501
    assert answer.json["message"].startswith("a path in the repository of the node is too long for a zip file: ")


# The stream


def large(size: int, closed: list[str] | None = None) -> StoredFile:
    def blocks() -> Iterator[bytes]:
        block = bytes(range(256)) * 1024
        for _ in range(size // len(block)):
            yield block

    class Noted(io.BytesIO):
        def close(self) -> None:
            if closed is not None:
                closed.append("closed")
            super().close()

    return StoredFile(size, Blocks("ab", Noted(), blocks(), size))


def test_no_file_is_in_memory_as_a_whole() -> None:
    size = 64 * 262_144
    made = zip_blocks([Member("a", lambda: large(size)), Member("b", lambda: large(size))], TIME)
    tracemalloc.start()
    total = sum(map(len, made))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0 < total < 2 * size
    assert peak < 3_000_000


def test_a_file_of_more_than_4_gigabytes() -> None:
    """Only its header is looked at: the sizes of such a member have 8 bytes each, as the version it needs says."""
    made = zip_blocks([Member("a", lambda: large(5 * 2**30))], TIME)
    begin = next(made)
    made.close()
    assert (begin[:4], int.from_bytes(begin[4:6], "little")) == (b"PK\x03\x04", 45)


def test_who_stops_early_leaves_no_file_open() -> None:
    closed: list[str] = []
    made = zip_blocks([Member("a", lambda: large(10 * 262_144, closed))], TIME)
    next(made)
    made.close()
    assert "closed" in closed


def test_a_file_that_ends_early_breaks_the_stream() -> None:
    short = StoredFile(10, Blocks("ab", io.BytesIO(), iter([b"abc"]), 10))
    with pytest.raises(DamagedObject, match="ends early"):
        list(zip_blocks([Member("a", lambda: short)], TIME))


@pytest.mark.parametrize("year", [1, 1979, 2108, 9999])
def test_a_year_that_a_zip_has_not(year: int) -> None:
    content = b"".join(zip_blocks([Member("a", lambda: StoredFile.of(b"x"))], TIME.replace(year=year)))
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        assert zipped.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)
