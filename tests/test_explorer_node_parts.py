"""What a page of a node has besides its head and its tree: downloads, what is derived of it, and comments."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import demo
from restapi.layout import SAFE_IN_URLS
from tests.html_reader import Element, page
from tests.test_explorer_node import data, trees

ALL = ("API", "PROV")
"""What each node has."""

DOWNLOADS = {
    "structure": (12, ("cif", "xsf", "xyz", "chemdoodle")),
    "cif": (15, ("cif",)),
    "trajectory": (69, ("json", "npz")),
    "bands": (85, ("json", "npz")),
    "curves": (112, ("json", "npz")),
    "arrays": (111, ("json", "npz")),
    "k-points": (80, ("json", "npz")),
    "pseudopotential": (7, ("upf", "json")),
    "code": (1, ()),
    "remote folder": (23, ()),
    "file": (114, ()),
    "folder": (113, ()),
    "dictionary": (104, ()),
    "calculation": (64, ("RO-Crate",)),
    "workflow": (61, ("RO-Crate",)),
    "failed workflow": (88, ("RO-Crate",)),
}
"""Nodes of each kind, with the buttons of its own that its page has."""

REFUSED = {("pseudopotential", "json")}
"""The made-up file of the demo has not all that JSON has of one; the message says what there is instead."""

BEGINNINGS = {
    "cif": b"data_",
    "xsf": b"",
    "xyz": b"",
    "chemdoodle": b"{",
    "json": b"{",
    "npz": b"PK",
    "upf": b"",
    "API": b"{",
    "PROV": b"{",
    "RO-Crate": b"PK",
}


@pytest.fixture(scope="module")
def client(serve: Callable[..., Flask]) -> FlaskClient:
    return serve(demo(), {}).test_client()


def main_of(client: FlaskClient, node: int) -> Element:
    return page(client, f"/nodes/{node}").one("main")


@pytest.mark.parametrize("kind", DOWNLOADS)
def test_downloads(client: FlaskClient, kind: str) -> None:
    """Each format that the API has for the type, and where the node comes from; all of them answer."""
    node, own = DOWNLOADS[kind]
    buttons = {each.words: each.attributes["href"] for each in main_of(client, node).one("div", "actions").all("a")}
    (row,) = data(client, f"/nodes?id={node}&fields=full_type")["nodes"]
    full_type = quote(f'"{row["full_type"]}"', safe=SAFE_IN_URLS)
    formats = data(client, f"/nodes/download_formats?full_type={full_type}")
    assert set(next(iter(formats.values()), ())) == {*own} - {"RO-Crate"}
    assert set(buttons) == {"Lineage", "Compare with…", *ALL, *own}
    for name in (*ALL, *own):
        answer = client.get(buttons[name], buffered=True)
        if (kind, name) in REFUSED:
            assert (answer.status_code, answer.json["message"].endswith(": ask for upf")) == (501, True)
            continue
        assert answer.status_code == 200, answer.text
        assert answer.data.lstrip().startswith(BEGINNINGS[name]), answer.data[:100]
        assert len(answer.data) > 50


def test_exports_of_provenance(client: FlaskClient) -> None:
    """They are of this node."""
    uuid = data(client, "/nodes?id=64&fields=uuid")["nodes"][0]["uuid"]
    buttons = {each.words: each.attributes["href"] for each in main_of(client, 64).one("div", "actions").all("a")}
    assert uuid in client.get(buttons["PROV"]).text
    with zipfile.ZipFile(io.BytesIO(client.get(buttons["RO-Crate"], buffered=True).data)) as crate:
        described = json.loads(crate.read("ro-crate-metadata.json"))
    assert any(uuid in json.dumps(each) for each in described["@graph"])


@pytest.mark.parametrize("node", [113, 114, 64, 85])
def test_all_files_as_one(client: FlaskClient, node: int) -> None:
    """The zip has the files that are listed beside it."""
    main = main_of(client, node)
    zipped = next(each for each in main.links() if each.endswith("/repo/zip"))
    uuid = zipped.split("/")[-3]
    listed = data(client, f"/nodes/{uuid}/repo/list?recursive=true")["repo_list"]
    with zipfile.ZipFile(io.BytesIO(client.get(zipped, buffered=True).data)) as found:
        names = [each.removeprefix(f"{uuid}/") for each in found.namelist() if not each.endswith("/")]
    assert sorted(names) == sorted(each["name"] for each in listed if each["type"] == "FILE")


@pytest.mark.parametrize("node", [9, 12, 14, 85, 104])
def test_what_is_derived(client: FlaskClient, node: int) -> None:
    """The values that the API derives, with no other ones."""
    derived = data(client, f"/nodes/{node}/contents/derived_properties")["derived_properties"]
    drawn = trees(main_of(client, node)).get("Derived", {})
    assert bool(drawn) == bool(derived)
    for path, shown in drawn.items():
        assert as_shown(value_at(derived, path)) == shown, path
    if node == 12:
        assert drawn[".formula"] == "C2"
        assert drawn[".dimensionality.dim"] == "2"
        assert abs(float(drawn[".dimensionality.value"]) - 2.46 * 2.1304224933097) < 1e-9


def value_at(value: Any, path: str) -> Any:
    for key in path.split(".")[1:]:
        value = value[int(key) if isinstance(value, list) else key]
    return value


def as_shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def test_comments(client: FlaskClient) -> None:
    """Who wrote what, and when, the oldest first; what looks like HTML is text."""
    stored = data(client, "/nodes/61/contents/comments")["comments"]
    figures = list(main_of(client, 61).all("figure", "comment"))
    assert [each.one("blockquote").text for each in figures] == [each["message"] for each in stored]
    assert [each.one("figcaption").words for each in figures] == [
        "Ada Lindqvist, 2025-03-03 10:55",
        "Zoë Müller-Łukasik, 2025-03-03 11:20",
    ]
    assert "<b>table 2</b>" in figures[1].text
    assert [each["user"] for each in stored] == ["Ada Lindqvist", "Zoë Müller-Łukasik"]
    assert re.findall("<b>table", client.get("/nodes/61").text) == []
    assert list(main_of(client, 64).all("figure", "comment")) == []
