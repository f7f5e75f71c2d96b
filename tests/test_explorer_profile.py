"""The page of a profile: its numbers are the API's, and each is a link to what it counts."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import demo
from restapi import create_app
from tests.conftest import Golden

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    made = create_app(demo(), {})
    yield made
    made.extensions["aiida_like_storage"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def total(client: FlaskClient, page: str) -> int:
    """The number of rows at the API's URL of a page."""
    return int(client.get(f"/api/v4{unescape(page)}").headers["X-Total-Count"])


def test_counts_lead_to_what_they_count(client: FlaskClient) -> None:
    page = client.get("/", headers=HTML).text
    statistics = client.get("/api/v4/nodes/statistics").json["data"]
    assert f'with <a href="/nodes">{statistics["total"]} nodes</a>' in page
    counted = re.findall(r'<li><a href="(/nodes\?[^"]*)">[^<]*</a> <span class="number">(\d+)</span>', page)
    assert len(counted) >= 5
    types = re.findall(
        r'href="(/nodes\?node_type[^"]*)"><span[^>]*>[^<]*</span></a></td>\s*<td class="number">(\d+)', page
    )
    assert len(types) == len(statistics["types"])
    months = re.findall(r'<a href="(/nodes\?ctime[^"]*)" aria-label="[^:]*: ([\d,]+)"', page)
    assert len(months) == 7
    for link, number in (*counted, *types, *months):
        assert total(client, link) == int(number), link


def test_states_have_failures_first(client: FlaskClient) -> None:
    page = client.get("/parts/states").text
    found = re.findall(r'class="state (\w+)" href="/processes\?([^"]*)">([^<]*)</a> <span class="number">(\d+)', page)
    assert [(tone, text, int(count)) for tone, _, text, count in found] == [
        ("bad", "finished [300]", 1),
        ("bad", "finished [305]", 1),
        ("bad", "finished [400]", 1),
        ("bad", "excepted", 1),
        ("bad", "killed", 1),
        ("good", "finished", 20),
    ]
    for _, query, _, count in found:
        assert total(client, f'/nodes?node_type=like="process.%25"&{query}') == int(count)


def test_the_youngest_have_times_as_tables_have(client: FlaskClient) -> None:
    page = client.get("/", headers=HTML).text.partition("<h2>Youngest</h2>")[2]
    shown = re.findall(r'<time [^>]*title="([^"]*)">([^<]*)</time>', page)
    assert shown[0] == ("Wed, 22 Jan 2025 14:00:00 GMT", "2025-01-22 14:00")
    assert len(shown) == 6


def test_who_made_it_stands_on_top(client: FlaskClient) -> None:
    """The title, the authors, the licence and the README of the demo."""
    page = client.get("/", headers=HTML).text
    main = page.partition('<main class="page" id="content">')[2].partition('<div class="cards">')[0]
    assert "<h1>Silicon, its bands, and what went wrong</h1>" in main
    assert "<p>Ada Lindqvist, Bruno O&#39;Keller, Zoë Müller-Łukasik</p>" in main
    assert "· CC0-1.0</p>" in main
    paragraphs = re.findall(r"<p>(.*?)</p>", main.partition('<div class="readme prose">')[2], re.DOTALL)
    assert [re.split(r"\.| that", each)[0] for each in paragraphs] == [
        "A small made-up provenance graph to try things on",
        "It holds the relaxation and the band structure of silicon, an equation of state, and some calculations",
    ]
    assert "doi" not in main


def test_a_description_beside_the_archive(golden: Golden, tmp_path: Path) -> None:
    """Its DOI is a link, and an address in its README; what is HTML there is text."""
    archive = Path(shutil.copy(golden.archive, tmp_path / "mine.aiida"))
    archive.with_suffix(".toml").write_text(
        """
        title = "Mine & <yours>"
        authors = ["A. <Author>", "B. Other"]
        doi = "10.1000/182"
        license = "CC-BY-4.0"
        readme = "See https://example.org/paper for <b>more</b>.\\n\\nThe second paragraph."
        """
    )
    app = create_app(str(archive), {})
    main = app.test_client().get("/", headers=HTML).text.partition("<main")[2].partition('<div class="cards">')[0]
    assert "<h1>Mine &amp; &lt;yours&gt;</h1>" in main
    assert "<p>A. &lt;Author&gt;, B. Other</p>" in main
    assert '· CC-BY-4.0 · <a href="https://doi.org/10.1000/182">doi:10.1000/182</a></p>' in main
    first, second = re.findall(r"<p>(.*?)</p>", main.partition("readme prose")[2], re.DOTALL)
    assert re.fullmatch(
        r'See <a href="https://example.org/paper" rel="[^"]*nofollow[^"]*">https://example.org/paper</a> '
        r"for &lt;b&gt;more&lt;/b&gt;\.",
        first,
    )
    assert second == "The second paragraph."
    app.extensions["aiida_like_storage"].close()


def test_users_without_a_name_are_called_by_their_id(golden: Golden, tmp_path: Path) -> None:
    folder = shutil.copytree(golden.sqlite, tmp_path / "unnamed")
    with closing(sqlite3.connect(folder / "database.sqlite")) as connection, connection:
        connection.execute("UPDATE db_dbuser SET first_name = '', last_name = ''")
    app = create_app(str(folder), {})
    page = app.test_client().get("/", headers=HTML).text
    assert re.search(r'<a href="/nodes\?user=1">user 1</a>', page)
    node = app.test_client().get("/nodes/1", headers=HTML).text
    assert re.search(r'<dt>user</dt> <dd><a href="/nodes\?user=1">user 1</a>', node)
    app.extensions["aiida_like_storage"].close()


def test_the_archive_as_it_is(client: FlaskClient) -> None:
    archive = client.get("/archive", buffered=True)
    database = demo().database
    assert isinstance(database, Path)
    assert archive.data == database.read_bytes()
    assert archive.headers["Content-Disposition"] == 'attachment; filename="demo.aiida"'
    part = client.get("/archive", headers={"Range": "bytes=0-3"}, buffered=True)
    assert (part.status_code, part.data) == (206, b"PK\x03\x04")
    assert client.get("/archive", headers={"If-Match": '"other"'}).status_code == 412
    again = client.get("/archive", headers={"If-None-Match": archive.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get("/archive", headers={"If-None-Match": '"other"'}, buffered=True).data == archive.data
    assert client.post("/archive").status_code == 405


def test_what_is_no_file_has_none(golden: Golden) -> None:
    app = create_app(str(golden.sqlite), {})
    answer = app.test_client().get("/archive")
    assert answer.status_code == 404
    assert "this profile is no archive file" in answer.text
    assert "/archive" not in app.test_client().get("/", headers=HTML).text
    app.extensions["aiida_like_storage"].close()


def test_an_empty_profile(golden: Golden, tmp_path: Path) -> None:
    folder = shutil.copytree(golden.sqlite, tmp_path / "empty")
    with closing(sqlite3.connect(folder / "database.sqlite")) as connection, connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'db_dbnode%'").fetchall():
            connection.execute(f"DELETE FROM {table}")
    app = create_app(str(folder), {})
    page = app.test_client().get("/", headers=HTML)
    assert page.status_code == 200
    assert "This profile has no nodes yet" in page.text
    assert "No process says" in app.test_client().get("/parts/states").text
    app.extensions["aiida_like_storage"].close()


def test_a_profile_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "broken.aiida").write_bytes(b"no archive")
    app = create_app(str(tmp_path / "broken.aiida"), {})
    page = app.test_client().get("/", headers=HTML)
    assert page.status_code == 503
    assert page.headers["Retry-After"] == "10"
    assert "This cannot be answered now" in page.text
    assert str(tmp_path) not in page.text
