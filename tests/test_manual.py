"""The examples of the manual, typed raw, through a real server and with the real curl."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import astuple
from pathlib import Path

import pytest

from tests.asking import check_parts, curl
from tests.conftest import Golden
from tests.exchanges import ON_ALL
from tests.golden import FILES, computers, graph
from tests.manual import TABLE, Expected, NoRoute, Objects, Refused, Total, check, uuids
from tests.one_server import one_server

TOTALS = {
    "": 318,
    "/nodes/statistics": 81,
    "/computers/?limit=3&offset=2": 5,
    "/computers?limit=3&offset=2&orderby=id": 5,
    "/computers/?_=1479700000000&limit=3&offset=2": 5,
    "/nodes?limit=2&offset=8&orderby=-id": 81,
    "/nodes?limit=20": 81,
    "/nodes?offset=20": 81,
    "/nodes/de83b1/io/inputs?limit=2": 3,
}
"""X-Total-Counts where it is not the number of objects in the answer."""


@pytest.fixture(scope="module")
def root(golden: Golden) -> Iterator[str]:
    with one_server(golden.archive) as url:
        yield url


def check_headers(url: str, expected: Expected, headers: Mapping[str, str]) -> None:
    is_json = not isinstance(expected, NoRoute)
    assert headers["Content-Type"] == ("application/json" if is_json else "text/plain; charset=utf-8")
    assert {name: headers[name] for name in ON_ALL} == ON_ALL
    total = None if isinstance(expected, Refused | NoRoute) else str(TOTALS.get(url, _count(expected)))
    assert (headers.get("X-Total-Counts"), headers.get("X-Total-Count")) == (total, total)


def _count(expected: Expected) -> int:
    match expected:
        case Objects(values=values):
            return len(values)
        case Total(number):
            return number
        case _:
            return 1


def test_totals_are_of_the_table() -> None:
    assert set(TOTALS) <= set(TABLE)


@pytest.mark.parametrize("url", TABLE)
def test_curl(root: str, url: str) -> None:
    answer = curl(f"{root}/api/v2{url}")
    check(TABLE[url], answer.status, answer.text)
    check_headers(url, TABLE[url], answer.headers)
    if answer.status == 200:
        path, _, query = url.partition("?")
        sent = json.loads(answer.text)
        assert [sent[key] for key in ("method", "url_root", "path", "query_string", "url")] == [
            "GET",
            f"{root}/",
            f"/api/v2{path}",
            query,
            f"{root}/api/v2{url}",
        ]


def test_two_profiles(golden: Golden, tmp_path: Path) -> None:
    """`curl http://localhost/django/api/v2/computers -X GET`, and the same of sqlalchemy."""
    targets = [shutil.copy(golden.archive, tmp_path / f"{name}.aiida") for name in ("django", "sqlalchemy")]
    with one_server(*targets) as root:
        for name in ("django", "sqlalchemy"):
            answer = curl(f"{root}/{name}/api/v2/computers", "-X", "GET")
            check(uuids("computers", *astuple(computers)), answer.status, answer.text)
            sent = json.loads(answer.text)
            assert sent["url"] == f"{root}/{name}/api/v2/computers"


@pytest.mark.parametrize(
    "url",
    [
        *("", "/server", "/nodes", "/nodes/schema", "/nodes/statistics", "/nodes/types", "/users/1", "/groups/a6e5b"),
        *("/nodes/page/2", "/computers/page", "/nodes/338357f4-f2/io/tree", "/nodes/338357f4-f2/io/inputs/page/1"),
        *("/codes/ffe11/content/attributes", "/structures/d526/content/visualization", "/nothing", "/nodes/xyz"),
        *("/computers?limit=3&offset=2", '/nodes/a67fba41-8a/io/outputs?type="data.folder.FolderData."'),
    ],
)
def test_a_slash_at_the_end_never_matters(root: str, url: str) -> None:
    path, mark, query = url.partition("?")
    plain, slash = (curl(f"{root}/api/v2{path}{end}{mark}{query}") for end in ("", "/"))
    assert (slash.status, slash.headers.get("X-Total-Counts")) == (plain.status, plain.headers.get("X-Total-Counts"))
    if plain.status == 404:
        assert slash.text == plain.text
    else:
        without, behind = json.loads(plain.text), json.loads(slash.text)
        assert (without.get("data"), without.get("message")) == (behind.get("data"), behind.get("message"))


def test_a_file(root: str) -> None:
    url = f'{root}/api/v2/calculations/338357f4-f2/io/retrieved_outputs?filename="aiida.out"&rtype=download'
    answer = curl(url, "--output", "-")
    assert (answer.status, answer.headers["Content-Disposition"]) == (200, 'attachment; filename="aiida.out"')
    assert answer.headers["Content-Length"] == str(len(answer.text.encode()))


def test_a_file_in_parts(root: str, tmp_path: Path) -> None:
    check_parts(f"{root}/api/v4/nodes/{graph.folder}/repo/contents?filename=large.txt", FILES["large.txt"], tmp_path)


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/api/v2", "/api/v2/nodes/page/2", '/api/v2/nodes/?id>45&type=like="%data%"', "/api/v2/nodes?foo=1"),
        "/api/v2/calculations/338357f4-f2/io/retrieved_outputs?filename=aiida.out",
        "/nothing",
    ],
)
def test_head_is_get_without_a_body(root: str, path: str) -> None:
    head, get = curl(root + path, "--head"), curl(root + path)
    assert (head.status, head.text) == (get.status, "")
    assert get.text
    assert set(head.headers) == set(get.headers)
    # When each was given, how it was found, and its own id.
    varying = {"Date": "", "Server-Timing": "", "X-Request-ID": ""}
    assert {**head.headers, **varying} == {**get.headers, **varying}


@pytest.mark.parametrize("path", ["/api/v2/users", "/api/v2/nodes/338357f4-f2/io/tree", "/"])
def test_preflight(root: str, path: str) -> None:
    """What a browser asks before a page may send headers of its own."""
    headers = ("Origin: http://elsewhere.example", "Access-Control-Request-Method: GET")
    requested = "Access-Control-Request-Headers: cache-control,if-none-match,x-requested-with"
    options = [option for header in (*headers, requested) for option in ("--header", header)]
    answer = curl(root + path, "--request", "OPTIONS", *options)
    assert (answer.status, answer.text) == (200, "")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST, OPTIONS"
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"cache-control", "if-none-match", "x-requested-with"} <= set(allowed)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/api/v2/nodes", "/api/v2/users/2", "/"])
def test_nothing_can_be_written(root: str, path: str, method: str) -> None:
    answer = curl(root + path, "--request", method, "--data", '{"label": "new"}')
    assert answer.status == 405
    assert json.loads(answer.text) == {"message": "The method is not allowed for the requested URL."}
    assert sorted(answer.headers["Allow"].split(", ")) == ["GET", "HEAD", "OPTIONS"]
    assert answer.headers["Content-Type"] == "application/json"
    assert {name: answer.headers[name] for name in ON_ALL} == ON_ALL
