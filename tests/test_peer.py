"""Version 4 as aiida-core itself serves it: the same requests to both servers, on the same profile."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from ase import io as ase_io

from tests import servers
from tests.conftest import COMMAND, ROOT, Golden, GoldenPostgreSQL
from tests.golden import graph
from tests.peer_requests import FAULTS, GET, NOT_ON_SQLITE, POST, POST_FAULTS

PEER = ROOT / ".venv-peer" / "bin" / "verdi"
"""aiida-core[rest] needs an environment of its own, because it needs another Flask; `make` makes it."""


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    total: str | None
    link: str | None
    body: Any


@dataclass(frozen=True)
class Both:
    """Two servers of one profile. `is_sqlite` says where it is stored."""

    theirs: str
    ours: str
    is_sqlite: bool


def peer() -> str:
    path = Path(os.environ.get("AIIDA_PEER", PEER))
    if not path.exists():
        servers.left_out(f"{path} is not there; `make {PEER.parent.parent.name}/.installed` makes it")
    return str(path)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest) -> Iterator[Both]:
    if request.param == "sqlite":
        golden: Golden = request.getfixturevalue("golden")
        aiida_path, target = golden.aiida_path, [str(golden.sqlite)]
    else:
        stored: GoldenPostgreSQL = request.getfixturevalue("golden_postgresql")
        aiida_path, target = stored.aiida_path, [stored.url, "--repository", str(stored.repository)]
    ports = [servers.free_port(), servers.free_port()]
    theirs, ours = (f"http://127.0.0.1:{port}/api/v4" for port in ports)
    # The days of its statistics are those of the time zone of the server.
    environment = {"AIIDA_PATH": str(aiida_path), "TZ": "UTC"}
    with (
        servers.serving([peer(), "-p", request.param, "restapi", "-P", str(ports[0])], theirs, environment),
        servers.serving([*COMMAND, "serve", *target, "-P", str(ports[1]), "-w", "1"], ours),
    ):
        yield Both(theirs, ours, request.param == "sqlite")


def ask(url: str, body: Any = None) -> Answer:
    data = None if body is None else json.dumps(body).encode()
    # urllib would refuse quotes and blanks; a browser writes them so, too.
    url = url.replace('"', "%22").replace(" ", "%20")
    request = Request(url, data, {"Content-Type": "application/json"} if data else {})
    try:
        with urlopen(request, timeout=60) as response:
            return read(response)
    except HTTPError as error:
        with error:
            return read(error)


def read(response: Any) -> Answer:
    content = response.read()
    kind = response.headers.get_content_type()
    if kind == "application/json":
        # Each names itself in url and url_root.
        content = json.loads(re.sub(rb"http://127\.0\.0\.1:\d+", b"http://server", content))
    return Answer(response.status, kind, response.headers["X-Total-Count"], response.headers["Link"], content)


# What differs on purpose


@dataclass(frozen=True)
class Difference:
    """`of` says which requests it occurs in, for certain or now and then; `alike` makes of a body what both share."""

    reason: str
    of: str
    alike: Callable[[Any], Any]
    is_certain: bool = True


def without(*keys: str) -> Callable[[Any], Any]:
    """The body without some keys, at any depth."""

    def remove(body: Any) -> Any:
        if isinstance(body, dict):
            return {key: remove(value) for key, value in body.items() if key not in keys}
        return [remove(each) for each in body] if isinstance(body, list) else body

    return remove


OWN = {"/api/v4/openapi.json/"} | {
    f"/api/v4/nodes/<id>/{path}/"
    for path in (
        *(f"{name}{page}" for name in ("ancestors", "descendants") for page in ("", "/page", "/page/<int:page>")),
        *("graph", "prov", "ro-crate", "contents/arrays", "repo/zip"),
    )
}
"""The paths that only we have."""


def paths_of(body: Any) -> Any:
    """Without those that are meant to be here only: all others must be the same."""
    paths = {line.split()[-1] for line in body["data"]["available_endpoints"]}
    return body | {"data": sorted(paths - OWN)}


def by_link(body: Any) -> Any:
    (rows,) = body["data"].values()
    return body | {"data": sorted(json.dumps(row, sort_keys=True) for row in rows)}


def atoms(body: Any) -> Any:
    shown = body["data"]["download"]
    form = "extxyz" if shown["filename"].endswith("xyz") else shown["filename"].rpartition(".")[2]
    # ase knows the plain word True as a periodic direction, aiida-core writes it three times.
    text = shown["data"].replace('pbc="True True True"', 'pbc="T T T"')
    read_ = ase_io.read(StringIO(text), format=form)
    found = {"symbols": list(read_.symbols), "cell": np.round(read_.cell.cellpar(), 6).tolist()}
    found["positions"] = np.round(read_.get_scaled_positions(), 6).tolist()
    return body | {"data": found}


def parsed(body: Any) -> Any:
    shown = body["data"]["download"]
    content = json.loads(shown["data"])
    return body | {"data": {key: value for key, value in content.items() if key not in {"comments", "Y_label"}}}


def uuid_of(body: Any) -> Any:
    return body | {"data": body["data"]["original_uuid"]}


def some_formats(body: Any) -> Any:
    kept = {"cif", "xsf", "xyz", "chemdoodle", "upf"}
    formats = {kind: sorted(kept & set(names)) for kind, names in body["data"].items()}
    return body | {"data": {kind: names for kind, names in formats.items() if names and "trajectory" not in kind}}


def message(body: Any) -> Any:
    return "message" in json.dumps(body)


DIFFERENCES = [
    Difference("each says what it is", "/server$", without("AiiDA_version", "server")),
    Difference("methods are listed in another order", "^$|/server/endpoints", paths_of),
    Difference(
        "help is in our own words; plug-ins of an installation are not known",
        "projectable",
        without("help_text", "valid_choices", "related_resource"),
    ),
    Difference(
        "links of one pair come in the order of their ids, there in any",
        "/links/(in|out)going",
        by_link,
        is_certain=False,
    ),
    Difference(
        "files of structures are written by ase, there by AiiDA", "download_format=(cif|xsf|xyz)&download=false", atoms
    ),
    Difference("JSON is written without blanks, and says nothing about AiiDA", "format=(json|chemdoodle)&", parsed),
    Difference("the JSON of a mesh holds the mesh", f"/nodes/{graph.mesh}/download", uuid_of),
    Difference("fewer formats, and npz", "/download_formats$", some_formats),
    Difference("errors are in our own words, and at the top of the body", "profile=|/querybuilder", message),
]


def unordered(body: Any) -> Any:
    """Rows of a query without order are a set. Without rows there are no tags there."""
    data = {tag: rows for tag, rows in body["data"].items() if rows}
    return body | {
        "data": {tag: sorted(json.dumps(numbers(row), sort_keys=True) for row in rows) for tag, rows in data.items()}
    }


def numbers(value: Any) -> Any:
    """30 and 30.0 are one number, and so are those that differ by rounding."""
    match value:
        case bool() | None | str():
            return value
        case int() | float():
            return float(f"{value:.9g}") if abs(value) > 1e-12 else 0.0
        case list():
            return [numbers(each) for each in value]
        case _:
            return {key: numbers(each) for key, each in value.items()}


def alike(url: str, body: Any, *, is_ordered: bool) -> Any:
    if not isinstance(body, dict):
        return body
    for difference in DIFFERENCES:
        if re.search(difference.of, url):
            body = difference.alike(body)
    return numbers(body if is_ordered else unordered(body))


@pytest.mark.parametrize("url", GET)
def test_the_same_answer(both: Both, url: str) -> None:
    if both.is_sqlite and url in NOT_ON_SQLITE:
        return
    theirs, ours = ask(both.theirs + url), ask(both.ours + url)
    assert (ours.status, ours.content_type) == (theirs.status, theirs.content_type)
    assert alike(url, ours.body, is_ordered=True) == alike(url, theirs.body, is_ordered=True)
    if ours.status == 200 and ours.content_type == "application/json":
        # What is no list has a total of 0 there, and none here.
        assert (ours.total or "0") == theirs.total
        assert bool(ours.link) == bool(theirs.link)


@pytest.mark.parametrize("name", POST)
def test_the_same_rows(both: Both, name: str) -> None:
    if both.is_sqlite and name in NOT_ON_SQLITE:
        return
    url = "/querybuilder" if name == "short" else "/querybuilder/"
    theirs, ours = ask(both.theirs + url, POST[name]), ask(both.ours + url, POST[name])
    assert (
        (ours.status, ours.content_type, ours.total)
        == (theirs.status, theirs.content_type, theirs.total)
        == (200, "application/json", theirs.total)
    )
    is_ordered = bool(POST[name].get("order_by"))
    assert alike("POST", ours.body, is_ordered=is_ordered) == alike("POST", theirs.body, is_ordered=is_ordered)


@pytest.mark.parametrize(("url", "upstream", "status"), FAULTS)
def test_faults_of_theirs(both: Both, url: str, upstream: int, status: int) -> None:
    assert (ask(both.theirs + url).status, ask(both.ours + url).status) == (upstream, status)


@pytest.mark.parametrize("name", POST_FAULTS)
def test_faults_of_their_querybuilder(both: Both, name: str) -> None:
    body, upstream, status = POST_FAULTS[name]
    if both.is_sqlite and name in NOT_ON_SQLITE:
        return
    found = ask(f"{both.theirs}/querybuilder", body).status, ask(f"{both.ours}/querybuilder", body).status
    assert found == (upstream, status)


@pytest.mark.parametrize(
    "difference", [each for each in DIFFERENCES if each.is_certain], ids=lambda difference: difference.reason
)
def test_every_difference_is_one(both: Both, difference: Difference) -> None:
    """What is on the list and differs no more must go from it."""
    urls = [url for url in GET if re.search(difference.of, url)]
    answers = [(ask(both.ours + url).body, ask(both.theirs + url).body) for url in urls]
    assert any(ours != theirs for ours, theirs in answers)


def test_there_are_enough_requests() -> None:
    assert len(set(GET)) + len(POST) >= 200
