"""Lists of files: with sizes and kinds, and of folders below."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.file_kind import FileKind, kind_of
from aiida_like.profiles import find
from aiida_like.repository import Entry, StoredFile, entries
from aiida_like.storage import open_storage
from restapi.answering import files
from tests.conftest import Golden
from tests.exchanges import check
from tests.golden import FILES, SUBMITTED, graph
from tests.test_v4 import about, listed, refused
from tests.writable import rezip

LIST = f"nodes/{graph.folder}/repo/list"


def measured(*names: str, of: Any = FILES, above: str = "") -> Any:
    """As `listed`, with the sizes and kinds of files."""
    shown = listed(*names)
    for each in shown:
        if each["type"] == "FILE":
            content = of[above + each["name"]]
            each |= {"size": len(content), "kind": "binary" if each["name"] == "binary.dat" else "text"}
    return shown


TOP = ("README.txt", "a b+c.txt", "binary.dat", "deep/", "empty", "hollow/", "large.txt", "Ünï/")
ALL = (
    *("README.txt", "a b+c.txt", "binary.dat", "deep/", "deep/er/", "deep/er/est.txt", "deep/twin.txt", "empty"),
    *("hollow/", "large.txt", "Ünï/", "Ünï/çödé ☃.txt"),
)

LISTS = {
    f"{LIST}?sizes=true": measured(*TOP),
    f"{LIST}?sizes=false": listed(*TOP),
    f"{LIST}?recursive=true": listed(*ALL),
    f"{LIST}?recursive=false&sizes=true": measured(*TOP),
    f"{LIST}?recursive=true&sizes=true": measured(*ALL),
    f"{LIST}?filename=deep&recursive=true": listed("er/", "er/est.txt", "twin.txt"),
    f"{LIST}?filename=deep/er&sizes=true": measured("est.txt", above="deep/er/"),
    f"{LIST}?filename=hollow&recursive=true&sizes=true": [],
    f"nodes/{graph.seven}/repo/list?recursive=true&sizes=true": [],
}


@pytest.mark.parametrize("url", LISTS)
def test_lists(client: FlaskClient, url: str) -> None:
    check(client, about(url, {"repo_list": LISTS[url]}))


def test_files_of_jobs(client: FlaskClient) -> None:
    url = f"calcjobs/{graph.relax_scf}/input_files?recursive=true&sizes=true"
    names = (".aiida/", ".aiida/calcinfo.json", ".aiida/job_tmpl.json", "_aiidasubmit.sh", "aiida.in")
    check(client, about(url, measured(*names, of=SUBMITTED)))
    url = f"calcjobs/{graph.relax_scf}/output_files?filename=out&sizes=true"
    (found,) = client.get(f"/api/v4/{url}").json["data"]
    assert (found["name"], found["kind"], found["size"] > 0) == ("data file.xml", "text", True)


def test_faults(archive_client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    check(archive_client, refused(f"{LIST}?sizes=yes", "sizes takes true or false, not 'yes'"))
    monkeypatch.setattr(files, "_MOST_SIZES", 5)
    assert archive_client.get(f"/api/v4/{LIST}?sizes=true").status_code == 200
    message = (
        "these are 8 files, and sizes are told of at most 5 at once: leave out sizes or recursive, or name a folder "
        "with fewer files by filename"
    )
    check(archive_client, refused(f"{LIST}?sizes=true&recursive=true", message))
    assert archive_client.get(f"/api/v4/{LIST}?recursive=true").status_code == 200


def test_a_lost_file_has_no_size(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    archive = rezip(
        golden.archive, tmp_path / "less.aiida", lambda _, stored: None if stored == FILES["binary.dat"] else stored
    )
    client = serve(find(str(archive)), {}).test_client()
    lost = [each if each["name"] != "binary.dat" else each | {"size": None, "kind": None} for each in measured(*TOP)]
    check(client, about(f"{LIST}?sizes=true", {"repo_list": lost}))


KINDS = {
    b"": "text",
    b"plain\r\n\ttext\f\x1b[1mbold\x08": "text",
    "grüezi ☃".encode(): "text",
    "grüezi".encode("latin-1"): "text",
    b"a" * 4096 + b"\0": "text",
    b"a" * 4095 + b"\0": "binary",
    b"\x93NUMPY\x01\0": "binary",
    b"\x89PNG\r\n\x1a\n": "binary",
    "text".encode("utf-16"): "binary",
    b"bell\x07": "binary",
    b"\x7f": "binary",
}


@pytest.mark.parametrize("content", KINDS)
def test_kinds(content: bytes) -> None:
    assert kind_of(StoredFile.of(content)) is FileKind(KINDS[content])


def test_little_is_inflated_of_a_large_file(target: dict[str, Any]) -> None:
    key = sha256(FILES["large.txt"]).hexdigest()
    with closing(open_storage(find(**target))) as storage:
        blocks = storage.repository.read(key).blocks
        is_compressed, first = blocks.in_file is None, next(blocks)
        blocks.close()
        assert FILES["large.txt"].startswith(first)
        assert len(first) == (4096 if is_compressed else min(262_144, len(FILES["large.txt"])))
        assert kind_of(storage.repository.read(key)) is FileKind.TEXT


def test_names_that_lead_elsewhere_are_not_there() -> None:
    key = {"k": "ab"}
    tree = {"o": {"a": key, "..": key, ".": {"o": {}}, "x/y": key, "c\\d": key, "": key, "z\0": key, "\ud800": key}}
    deep = {"o": {"d": tree, "e": {"o": 5}, "f": 7}}
    assert entries(tree, "", recursive=True) == [Entry("a", "ab")]
    assert [(each.name, each.is_folder) for each in entries(deep, "", recursive=True)] == [
        ("d", True), ("d/a", False), ("e", True), ("f", True),
    ]  # fmt: skip


def test_a_tree_of_any_depth() -> None:
    tree: dict[str, Any] = {"k": "ab"}
    for _ in range(3000):
        tree = {"o": {"x": tree}}
    assert len(entries(tree, "", recursive=True)) == 3000
