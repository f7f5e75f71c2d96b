"""Files of all kinds as pages: coloured, as pictures, tables and bytes, and never as what could do something."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape

from aiida_like.profiles import find
from restapi.explorer.ask import FilePart
from restapi.explorer.files.coloured import coloured_lines, language_of
from restapi.explorer.files.views import file_view, hex_rows
from tests.conftest import Golden
from tests.golden import graph
from tests.html_reader import Element, read

PNG = b"\x89PNG\r\n\x1a\n" + bytes(50)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script><img src=x onerror=alert(1)>"


def view(name: str, content: bytes, size: int | None = None, *, as_text: bool = False) -> Any:
    return file_view(name, FilePart(content, len(content) if size is None else size), as_text=as_text)


FORMS = {
    "a.png": (PNG, "picture"),
    "a.txt": (PNG, "picture"),
    "a.jpg": (b"\xff\xd8\xff\xe0" + bytes(20), "picture"),
    "a.gif": (b"GIF89a" + bytes(20), "picture"),
    "a.webp": (b"RIFF\x10\0\0\0WEBPVP8 " + bytes(20), "picture"),
    "no.png": (b"<script>alert(1)</script>", "text"),
    "a.svg": (SVG, "text"),
    "a.html": (HTML, "text"),
    "a.csv": (b"a,b\n1,2\n", "table"),
    "a.tsv": (b"a\tb\n1\t2\n", "table"),
    "one.csv": (b"a\nb\n", "text"),
    "bad.csv": (b'a,b\n"' + b"x" * 140_000, "text"),
    "empty": (b"", "empty"),
    "a.npy": (b"\x93NUMPY\x01\0" + bytes(80), "bytes"),
    "a.pdf": (b"%PDF-1.4\n\0\0", "bytes"),
}


@pytest.mark.parametrize("name", FORMS)
def test_how_a_file_is_shown(name: str) -> None:
    content, form = FORMS[name]
    assert view(name, content).form == form


def test_what_could_do_something_is_text() -> None:
    for name, content in (("a.svg", SVG), ("a.html", HTML), ("a.txt", HTML)):
        found = str(view(name, content).lines)
        assert "<script" not in found
        assert "<img" not in found
        lines = read(found)
        assert "".join(each.text for each in lines.children if each.name == "span") == content.decode()


def test_lines_have_numbers_that_lead_to_them() -> None:
    found = read(str(view("a.py", b"def f():\n    return '\x0c\xe2\x80\xa8'\n\n# end").lines))
    assert [(each.attributes["id"], each.attributes["href"], each.text) for each in found.all("a")] == [
        (f"L{number}", f"#L{number}", str(number)) for number in range(1, 5)
    ]
    assert next(each.text for each in found.children if each.name == "span") == "def f():"
    assert next(found.all("span", "k")).text == "def"


def test_text_of_any_encoding() -> None:
    assert "é" in str(view("a", "é".encode("latin-1") + b" \x93").lines)
    assert view("a", b"\xe9").note == "This is no UTF-8, so it is read as Latin-1."
    cut = view("a", ("x" + "ü" * 100).encode()[:-1], 500)
    assert (cut.note, str(cut.lines).count("ü")) == ("", 99)
    assert "a\nb\nc" in read(str(view("a", b"a\r\nb\rc").lines)).text.replace("1a", "a").replace("2b", "b").replace(
        "3c", "c"
    )


LANGUAGES: Mapping[tuple[str, str], str | None] = {
    ("aiida.in", "&CONTROL\n calculation='scf'\n/\n"): "namelist",
    ("_aiidasubmit.sh", "#!/bin/bash\n"): "bash",
    ("run", "#!/usr/bin/env python3\n"): "python",
    ("run", "#!/bin/sh\n"): "bash",
    ("a.UPF", "<UPF>"): "xml",
    ("a.json", "{}"): "json",
    ("notes.txt", "words"): None,
}


@pytest.mark.parametrize(("name", "text"), LANGUAGES)
def test_languages(name: str, text: str) -> None:
    assert language_of(name, text) == LANGUAGES[name, text]
    assert read(str(coloured_lines(name, text))).text.replace("1", "", 1).startswith(text.partition("\n")[0])


def test_namelists_are_coloured() -> None:
    found = read(
        str(coloured_lines("pw.in", "&CONTROL\n  ecutwfc(1) = 50.0 ! Ry\n  t = .true.\n/\nK_POINTS automatic\n"))
    )
    by_class = {name: [each.text for each in found.all("span", name)] for name in ("k", "na", "m", "kc", "c1")}
    assert by_class == {
        "k": ["&CONTROL", "/", "K_POINTS"],
        "na": ["ecutwfc", "t"],
        "m": ["50.0"],
        "kc": [".true."],
        "c1": ["! Ry"],
    }


@pytest.mark.parametrize(
    "name", ["a.py", "a.json", "a.sh", "a.xml", "a.in", "a.md", "a.tex", "a.sql", "a.yaml", "a.f90"]
)
@pytest.mark.parametrize("piece", ["(", "'", '"', "<", "&a", "\\", "a=", "`", "  ", "${", "/*", "#", "1e", "- "])
def test_colours_take_no_time_on_purpose(name: str, piece: str) -> None:
    """A regular expression that goes back and forth would take for ever."""
    text = "&A\n" + piece * (50_000 // len(piece))
    began = time.process_time()
    file_view(name, FilePart(text.encode(), len(text)), as_text=False)
    assert time.process_time() - began < 10


def test_long_texts_are_not_coloured() -> None:
    assert "<span class" not in str(view("a.py", b"def f(): pass\n" * 5000).lines)


@pytest.mark.parametrize(
    ("name", "content", "note"),
    [
        ("out", b"12345 \n" * 25_000, "The first 2,223 lines of 25,000 that were read."),
        ("a.py", b"f(1)\n" * 9_000, "The first 958 lines of 9,000 that were read."),
        ("a.json", b"[" * 49_000, ""),
        ("one", b'"' * 200_000, ""),
        ("short", b"1\n" * 1000, ""),
        ("a.csv", b",".join([b'<"">' * 50] * 40) + b"\n", ""),
        ("a.csv", (b",".join([b"<" * 200] * 40) + b"\n") * 24, "The first 4 rows of 24 lines that were read."),
    ],
)
def test_no_text_makes_a_large_page(name: str, content: bytes, note: str) -> None:
    found = view(name, content)
    drawn = str(found.lines) + "".join(f"<td>{escape(cell)}</td>" for row in found.rows for cell in row)
    assert (found.note, len(drawn) < 200_000) == (note, True)


def test_the_end_of_a_long_line_is_told() -> None:
    assert read(str(view("one", b"x" * 20_001).lines)).text == f"1{'x' * 20_000}… (20,001 characters)"


def test_bytes_as_numbers() -> None:
    assert hex_rows(bytes(range(60, 80))) == [
        ("00000000", "3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b", "<=>?@ABCDEFGHIJK"),
        ("00000010", "4c 4d 4e 4f", "LMNO"),
    ]


def test_tables_are_bounded() -> None:
    rows = view("a.csv", b"\n".join(b",".join([b"x" * 500] * 60) for _ in range(500))).rows
    assert (len(rows), len(rows[0]), len(rows[0][0])) == (18, 40, 200)
    assert len(view("a.csv", b"a,b\n" * 500).rows) == 201


# The pages


NAMES: Mapping[str, bytes] = {
    "a b/c+d.txt": b"plus and blank",
    "50%/100%25.txt": b"per cent",
    "what?#.txt": b"marks",
    "two\nlines.txt": b"a line in a name",
    "<b>bold</b>.txt": b"<b>bold</b>",
    "\"quoted\", 'too'&amp;.txt": b"quotes",
    "Größe/図 \u202etxt.exe": b"any script",
    "deep/" * 30 + "end": b"deep",
    **{name: content for name, (content, _) in FORMS.items()},
    "large.txt": b"0123456789abcdef\n" * 20_000,
}


@pytest.fixture(scope="module")
def client(golden: Golden, tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., Flask]) -> FlaskClient:
    """A profile whose node `folder` has these files."""
    folder = tmp_path_factory.mktemp("files")
    tree: dict[str, Any] = {"o": {"gone.txt": {"k": "ab" * 32}, "empty folder": {}}}
    for name, content in NAMES.items():
        *folders, last = name.split("/")
        place = tree
        for each in folders:
            place = place.setdefault("o", {}).setdefault(each, {})
        place.setdefault("o", {})[last] = {"k": hashlib.sha256(content).hexdigest()}
    unpack(golden, folder / "unpacked", tree, *NAMES.values())
    return serve(find(str(folder / "unpacked")), {"CACHE_FOLDER": str(folder / "cache")}).test_client()


def unpack(golden: Golden, folder: Path, tree: Any, *contents: bytes) -> None:
    """Unpacks the archive, and puts files into it, of which `folder` has this tree."""
    with zipfile.ZipFile(golden.archive) as zipped:
        zipped.extractall(folder)
    for content in contents:
        (folder / "repo" / hashlib.sha256(content).hexdigest()).write_bytes(content)
    with closing(sqlite3.connect(folder / "db.sqlite3")) as connection:
        connection.execute(
            "UPDATE db_dbnode SET repository_metadata = ? WHERE uuid = ?", (json.dumps(tree), graph.folder)
        )
        connection.commit()


ROOT = f"/nodes/{graph.folder}/files"


def page(client: FlaskClient, url: str, status: int = 200) -> Element:
    answer = client.get(url, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.content_type) == (status, "text/html; charset=utf-8"), answer.text
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    return read(answer.text).one("main")


@pytest.mark.parametrize("name", NAMES)
def test_each_file_has_a_page_and_a_download(client: FlaskClient, name: str) -> None:
    found = page(client, f"{ROOT}/{quote(name)}")
    assert found.one("h1").text == name.rpartition("/")[2]
    assert not list(found.all("script"))
    downloads = {each.attributes["href"] for each in found.all("a", download="")}
    (download,) = downloads
    with client.get(download) as answer:
        assert answer.data == NAMES[name]
        assert answer.headers["Content-Disposition"].startswith("attachment")
    if name in FORMS:
        forms = {"picture": "img", "table": "table", "bytes": "pre", "text": "pre", "empty": "p"}
        assert next(found.all(forms[FORMS[name][1]]))


def test_pictures_come_from_the_api(client: FlaskClient) -> None:
    picture = page(client, f"{ROOT}/a.png").one("img")
    with client.get(picture.attributes["src"]) as answer:
        assert answer.data == PNG
    assert not list(page(client, f"{ROOT}/a.svg").all("img"))


def test_a_table_as_text(client: FlaskClient) -> None:
    found = page(client, f"{ROOT}/a.csv")
    (link,) = (each.attributes["href"] for each in found.all("a") if each.text == "as text")
    assert page(client, link).one("pre").text == "1a,b\n21,2"


def test_a_large_file_is_cut(client: FlaskClient) -> None:
    found = page(client, f"{ROOT}/large.txt")
    lines = len(list(found.one("pre").all("a")))
    assert 1500 < lines < 2500
    assert [each.words for each in found.all("p", "note")] == [
        f"The first {lines:,} lines of {200_000 // 17 + 1:,} that were read.",
        "Only its first 200 kB were read: download it for the whole.",
    ]
    assert found.one("p", "file-head").words.startswith("340 kB")


def test_long_names_make_no_large_page(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    """Of fewer files with long names; each link leads to its file, and what is not shown is counted."""
    content = b"x"
    key = {"k": hashlib.sha256(content).hexdigest()}
    tree: dict[str, Any] = {"o": {f"{number:03}{'x' * 2997}": key for number in range(300)}}
    deep: dict[str, Any] = {"o": {"end.txt": key}}
    for _ in range(60):
        deep = {"o": {"folder": deep}}
    tree["o"] |= deep["o"]
    unpack(golden, tmp_path / "unpacked", tree, content)
    client = serve(find(str(tmp_path / "unpacked")), {"CACHE_FOLDER": str(tmp_path / "cache")}).test_client()
    for path, most in (
        (ROOT, 300_000),
        (ROOT.removesuffix("/files"), 60_000),
        (f"{ROOT}{'/folder' * 60}/end.txt", 30_000),
    ):
        answer = client.get(path)
        assert (answer.status_code, len(answer.data) < most) == (200, True), len(answer.data)
    found = page(client, ROOT)
    links = [each.attributes["href"] for each in found.all("a", "file")]
    assert len(links) == 40
    assert client.get(links[-1]).status_code == 200
    assert {len(each.text) for each in found.all("a", "file")} == {200}
    assert found.one("p", "note").words == f"The first {len(links)} are shown. The API lists all."
    assert found.one("p", "file-head").words.startswith("301 entries")


def test_the_foot_says_which_requests_were_refused(client: FlaskClient) -> None:
    """A path is looked for as a file first: that request is one behind the page, but answers an error."""
    foot = read(client.get(f"{ROOT}/50%25").text).one("footer")
    links = [each.one("code").one("a") for each in foot.all("li")]
    assert len(links) > 2
    for link, item in zip(links, foot.all("li"), strict=True):
        status = client.get(link.attributes["href"], buffered=True).status_code
        assert ("answers 404" in item.text) == (status == 404) == (link.attributes.get("rel") == "nofollow")
        assert status in (200, 404)
    assert sum("answers" in each.text for each in foot.all("li")) == 1


def test_folders(client: FlaskClient) -> None:
    """Each link of each folder leads to a page, from the top down to all files."""
    unseen, seen, files = [ROOT], set(), set()
    while unseen:
        url = unseen.pop()
        seen.add(url)
        found = page(client, url)
        unseen += [each.attributes["href"] for each in found.all("a", "folder")]
        files |= {each.attributes["href"] for each in found.all("a", "file")}
    assert {each.removeprefix(f"{ROOT}/") for each in files} == {*map(quoted_path, NAMES), "gone.txt"}
    assert len(seen) == 1 + 30 + len({"a b", "50%", "Größe", "<b>bold<", "empty folder"})


def quoted_path(name: str) -> str:
    return quote(name, safe="!$&'()*+,-./:;=@_~")


def test_the_list_tells_sizes_and_kinds(client: FlaskClient) -> None:
    found = page(client, ROOT)
    rows = {row.children[0].text.strip(): [cell.text for cell in row.children[1:]] for row in found.all("tr")}
    assert rows["a.html"] == [f"{len(HTML)} bytes", "text"]
    assert rows["a.png"] == [f"{len(PNG)} bytes", "binary"]
    assert rows["gone.txt"] == ["", ""]
    assert rows["empty folder/"] == ["", "folder"]
    assert page(client, f"{ROOT}/empty%20folder").one("p", "empty").text == "There is nothing in it."


REFUSED = {
    "nothing.txt": 404,
    "a.txt/below": 404,
    "gone.txt": 501,
    "../a.txt": 400,
    "..": 400,
    "a%20b/../a.txt": 400,
    "./a.txt": 400,
    "a%00b": 404,
    "a%2Fb": 404,
    "%FF": 404,
    "a%5Cb": 404,
}


@pytest.mark.parametrize("path", REFUSED)
def test_what_is_no_file(client: FlaskClient, path: str) -> None:
    found = page(client, f"{ROOT}/{path}", REFUSED[path])
    assert found.one("pre").text


def test_a_path_with_an_empty_part_leads_nowhere(client: FlaskClient) -> None:
    page(client, f"{ROOT}/a%20b//c", 404)
