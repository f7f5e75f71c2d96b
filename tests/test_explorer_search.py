"""The search of the explorer: what has one meaning leads there, the rest is listed."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlencode, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import demo
from restapi import create_app
from restapi.explorer.search.formula import elements_in
from tests.conftest import Golden


@pytest.fixture(scope="module")
def client(serve: Callable[..., Flask]) -> FlaskClient:
    made = serve(demo(), {}).test_client()
    made.get("/api/v4/server")
    return made


def search(client: FlaskClient, asked: str) -> str:
    answer = client.get("/search?" + urlencode({"q": asked}))
    assert answer.status_code == 200
    return answer.text


def titles(page: str) -> list[str]:
    return [unescape(each) for each in re.findall(r"<h2>([^<]*)</h2>", page)]


def labels(page: str) -> list[str]:
    """Of all tables in the page."""
    rows = re.findall(r'<tr><td class="number">.*?</td><td><a href="[^"]*">(.*?)</a></td>', page)
    return [unescape(each) for each in rows]


@pytest.mark.parametrize("characters", [6, 8, 13, 36])
def test_a_uuid_or_the_beginning_of_one_leads_to_the_node(client: FlaskClient, characters: int) -> None:
    uuid = client.get("/api/v4/nodes/8").json["data"]["nodes"][0]["uuid"]
    for asked in (uuid[:characters], f"  {uuid[:characters].upper()} "):
        answer = client.get("/search?" + urlencode({"q": asked}))
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/nodes/{uuid}")


def test_an_id_leads_to_the_node(client: FlaskClient) -> None:
    uuid = client.get("/api/v4/nodes/8").json["data"]["nodes"][0]["uuid"]
    answer = client.get("/search?q=8", environ_overrides={"SCRIPT_NAME": "/a b"})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/a%20b/nodes/{uuid}")


def test_the_uuid_of_a_group_leads_to_the_group(client: FlaskClient) -> None:
    uuid = client.get("/api/v4/groups/3").json["data"]["groups"][0]["uuid"]
    assert client.get(f"/search?q={uuid[:9]}").headers["Location"] == f"/groups/{uuid}"


def test_beginnings_of_several_uuids_are_listed(client: FlaskClient) -> None:
    nodes = client.get("/api/v4/nodes").json["data"]["nodes"]
    first = nodes[0]["uuid"][:1]
    page = search(client, first.upper())
    assert titles(page)[0] == "Uuids that begin so"
    several = [each["uuid"] for each in nodes if each["uuid"].startswith(first)]
    assert len(several) > 1
    shown = set(re.findall(r'<tr><td class="number"><a href="/nodes/([^"]*)"', page.partition("</section>")[0]))
    assert shown <= set(several)
    assert len(shown) == min(10, len(several))


def test_labels_types_and_processes(client: FlaskClient) -> None:
    page = search(client, "silicon")
    assert titles(page) == ["Labels of nodes", "Labels of groups", "Processes called so"]
    assert {"silicon", "silicon, relaxed 1", "papers/2025/Zoë's silicon"} <= set(labels(page))
    page = search(client, "structuredata")
    found = re.search(
        r'<a class="data" href="([^"]*)" title="[^"]*">StructureData</a> <span class="number">(\d+)', page
    )
    assert found is not None
    assert unquote(urlsplit(unescape(found[1])).query) == 'node_type="data.core.structure.StructureData."'
    assert found[2] == "15"


def part_of(client: FlaskClient, page: str, name: str) -> tuple[str, str]:
    """What a part of the page shows once it is loaded, and the page that it leads to without JavaScript."""
    found = re.search(
        rf'data-load="([^"]*in={name}[^"]*)" data-whole="section"><a href="([^"]*)">Look for them</a>', page
    )
    assert found is not None
    answer = client.get(unescape(found[1]))
    assert answer.status_code == 200
    assert "<html" not in answer.text
    return answer.text, client.get(unescape(found[2])).text


def test_process_labels(client: FlaskClient) -> None:
    part, table = part_of(client, search(client, "pwbase"), "process")
    assert set(re.findall(r">(PwBaseWorkChain|Copper[^<]*)</a>", part)) == {"Copper: gives up"}
    assert "<b>1</b> process" in table
    part, _ = part_of(client, search(client, "nothing runs so"), "process")
    assert part.strip() == ""


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("Na Cl", {"NaCl"}),
        ("NaCl", {"NaCl"}),
        ("Cu Au", {"CuAu alloy"}),
        ("H2O", {"water"}),
        ("Si O", set()),
        ("Cu", {"copper", "CuAu alloy"}),
    ],
)
def test_structures_with_elements(client: FlaskClient, asked: str, found: set[str]) -> None:
    part, table = part_of(client, search(client, asked), "elements")
    assert set(labels(part)) == found
    assert ("No node fulfils all of these." in table) == (not found)


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("Si O", ("Si", "O")),
        ("Si, O", ("Si", "O")),
        ("Si-O", ("Si", "O")),
        ("SiO2", ("Si", "O")),
        ("O O2", ("O",)),
        ("si", ()),
        ("Xx", ()),
        ("silicon", ()),
        ("Si oxide", ()),
        ("", ()),
        ("H He Li Be B C N", ()),
    ],
)
def test_elements_in_a_text(text: str, elements: tuple[str, ...]) -> None:
    assert tuple(elements_in(text)) == elements


def test_what_a_profile_has_not_is_not_looked_for(golden: Golden, tmp_path: Path) -> None:
    folder = shutil.copytree(golden.sqlite, tmp_path / "data-alone")
    with closing(sqlite3.connect(folder / "database.sqlite")) as connection, connection:
        connection.execute("UPDATE db_dbnode SET node_type = 'data.core.dict.Dict.'")
    app = create_app(str(folder), {})
    assert "data-load" not in search(app.test_client(), "Si O")
    app.extensions["aiida_like_storage"].close()


def test_nothing(client: FlaskClient) -> None:
    for asked in ("no such thing", "100% \"quoted\" <b> & 'more'", "99999", "ffffffffff", "\\", "é" * 300):
        page = search(client, asked)
        assert "Nothing has this id, uuid or label." in page
        assert "<b>" not in page
    page = search(client, "  ")
    assert "Nothing has" not in page
    assert 'name="q" value=""' in page
    assert client.get("/search").status_code == 200
    assert client.get("/search/parts/found").text.strip() == ""


def test_patterns_are_looked_for_as_they_are(client: FlaskClient) -> None:
    assert "Nothing has this" in search(client, "s_licon")
    assert "Nothing has this" in search(client, "si%on")


def test_odd_requests(client: FlaskClient) -> None:
    for query in ("a=1&" * 301, "q=%00"):
        answer = client.get(f"/search?{query}")
        assert answer.status_code == 400
        assert "This cannot be asked so" in answer.text
    for query in ("q=%FF", "q=%22%27%3C", "q=\U0001f9ea"):
        assert client.get(f"/search?{query}").status_code == 200
