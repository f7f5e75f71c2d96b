"""What pages are told by the API: parts of files, all digits of numbers, and errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from aiida_like.profiles import find
from restapi.explorer.ask import Api, ApiRefused, FilePart
from restapi.http.exchange import Exchange
from tests import writable
from tests.conftest import Golden
from tests.golden import FILES, graph
from tests.test_odd_values import NODE

CONTENTS = f"/nodes/{graph.folder}/repo/contents"


def api_of(app: Flask) -> Api:
    environ = {"REQUEST_METHOD": "GET", "HTTP_HOST": "localhost", "wsgi.url_scheme": "http", "HTTP_RANGE": "bytes=0-0"}
    return Api(app.routes, Exchange(environ))  # type: ignore[attr-defined]


@pytest.fixture
def api(golden: Golden, serve: Callable[..., Flask]) -> Api:
    return api_of(serve(str(golden.archive), {}))


@pytest.mark.parametrize("name", FILES)
def test_parts_of_files(api: Api, name: str) -> None:
    content = FILES[name]
    asked = f'filename="{name}"'
    assert api.begin_of(CONTENTS, asked, 5) == FilePart(content[:5], len(content))
    assert api.end_of(CONTENTS, asked, 5) == FilePart(content[-5:], len(content))
    assert api.begin_of(CONTENTS, asked, 10**6).is_whole
    assert api.end_of(CONTENTS, asked, 10**6) == FilePart(content, len(content))
    assert len(api.requested) == 1  # it is one request, whatever the part


def test_what_was_asked_is_not_asked_again(api: Api) -> None:
    first = api.ask("/users", "fields=id")
    assert api.ask("/users", "fields=id") is first
    assert api.ask("/users", "fields=id", prefer="count=none").total is None is not first.total
    assert [each.target for each in api.requested] == ["/api/v4/users?fields=id"]


def test_what_is_refused(api: Api) -> None:
    with pytest.raises(ApiRefused, match="the node has no file 'nothing'") as refused:
        api.begin_of(CONTENTS, 'filename="nothing"', 5)
    assert refused.value.status == 404
    with pytest.raises(ApiRefused, match="there is nothing at /api/v4/nothing"):
        api.get("/nothing")
    api.get("/nodes", "limit=1")
    assert [(each.path, each.status) for each in api.requested] == [(f"/api/v4{CONTENTS}", 404), ("/api/v4/nodes", 200)]


def test_each_request_is_an_operation_of_the_documentation(
    api: Api, golden: Golden, serve: Callable[..., Flask]
) -> None:
    document = serve(str(golden.archive), {}).test_client().get("/api/v4/openapi.json").json
    known = {
        f"/{operation['tags'][0]}/{operation['operationId']}"
        for at_path in document["paths"].values()
        for method, operation in at_path.items()
        if method == "get"
    }
    for path in ("/nodes", f"/nodes/{graph.folder}", f"/nodes/{graph.folder}/repo/list", "/groups/1", "/users/page/1"):
        api.get(path)
    anchors = [each.anchor for each in api.requested]
    assert anchors[:2] == ["/nodes/get_nodes", "/nodes/get_nodes_by_id"]
    assert len({*anchors} & known) == 5


LARGE = 123456789012345678901
ODD = {
    "integers beyond 64 bits": (f'{{"x":{LARGE},"y":[{10**400}]}}', {"x": LARGE, "y": [10**400]}),
    "words for numbers": ('{"x":NaN,"y":1}', {"x": None, "y": 1}),
    "half a character": (r'{"x":"a\ud800"}', {"x": "a\N{REPLACEMENT CHARACTER}"}),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_json(name: str, golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    stored, read = ODD[name]
    profile = writable.sqlite(golden, tmp_path)
    with profile.committing() as commit:
        commit(NODE.format(f"attributes = '{stored}'"))
    api = api_of(serve(find(**profile.target), {}))
    assert api.get(f"/nodes/{graph.silicon}", "attributes=true")["nodes"][0]["attributes"] == read
