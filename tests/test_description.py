"""What an operator says of a profile in a file beside it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import make_url

from aiida_like.description import Description, describe, files_beside
from aiida_like.errors import TargetError
from aiida_like.profiles import Backend, Profile, demo, find
from restapi import create_app
from tests.conftest import Golden

WHOLE = """
title = "Silicon"
authors = ["A. Author", "B. Zoë"]
doi = "10.24435/materialscloud:az-b2"
license = "CC-BY-4.0"
readme = "Two\\n\\nparagraphs"
"""


@pytest.fixture
def archive(golden: Golden, tmp_path: Path) -> Path:
    return Path(shutil.copy(golden.archive, tmp_path / "mine.aiida"))


def test_all_of_it(archive: Path) -> None:
    (archive.parent / "mine.toml").write_text(WHOLE)
    assert describe(find(str(archive))) == Description(
        "Silicon", ("A. Author", "B. Zoë"), "10.24435/materialscloud:az-b2", "CC-BY-4.0", "Two\n\nparagraphs"
    )


def test_no_file_says_nothing(archive: Path) -> None:
    assert describe(find(str(archive))) == Description()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("titel = 'x'", "has 'titel'; known are title, authors, doi, license, readme"),
        ("title = 5", "title is a text"),
        ("authors = 'A. Author'", "authors is a list of texts"),
        ("authors = [1]", "authors is a list of texts"),
        ("doi = 'https://doi.org/10.1/x'", "doi is a text that begins with 10."),
        ("title = ", "is no TOML"),
        ("readme = '" + "x" * 200_000 + "'", "has more than 200000 bytes"),
    ],
)
def test_what_is_wrong_is_told(archive: Path, text: str, message: str) -> None:
    (archive.parent / "mine.toml").write_text(text)
    with pytest.raises(TargetError, match=message):
        describe(find(str(archive)))


def test_a_server_goes_on_without_a_wrong_one(archive: Path) -> None:
    (archive.parent / "mine.toml").write_text("titel = 'x'")
    app = create_app(str(archive), {})
    client = app.test_client()
    assert client.get("/").json["about"] == {}
    page = client.get("/", headers={"Accept": "text/html"})
    assert (page.status_code, "<h1>mine.aiida</h1>" in page.text) == (200, True)
    app.extensions["aiida_like_storage"].close()


def test_where_it_lies(golden: Golden, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert [each.name for each in files_beside(demo())] == ["demo.toml"]
    assert describe(demo()).title
    monkeypatch.setenv("AIIDA_PATH", str(tmp_path))
    configured = tmp_path / ".aiida"
    folder = shutil.copytree(golden.sqlite, tmp_path / "sqlite_dos_0123")
    profile = replace(find(str(folder)), name="mine")
    assert list(files_beside(profile)) == [tmp_path / "sqlite_dos_0123.toml", configured / "mine.toml"]
    configured.mkdir()
    (configured / "mine.toml").write_text("title = 'As verdi calls it'")
    assert describe(profile).title == "As verdi calls it"
    (tmp_path / "sqlite_dos_0123.toml").write_text("title = 'Beside the folder'")
    assert describe(profile).title == "Beside the folder"
    unpacked = Profile("x", Backend.SQLITE_ZIP, tmp_path / "an.archive", None)
    assert list(files_beside(unpacked)) == [tmp_path / "an.archive.toml"]
    far = Profile("far", Backend.PSQL_DOS, make_url("postgresql://host/far"), tmp_path)
    assert list(files_beside(far)) == [configured / "far.toml"]
