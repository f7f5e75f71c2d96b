"""Resources are found without Flask, which is asked only where somebody wants to see the requests."""

from __future__ import annotations

import gc
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, request, signals
from werkzeug.test import Client, TestResponse

from aiida_like.profiles import find
from aiida_like.storage import Snapshot, Storage
from aiida_like.storage.databases.database import Database
from restapi import create_app
from restapi.config import Settings
from restapi.hosting.app import Application
from restapi.http.exchange import Exchange
from restapi.http.route_tree import ID, PAGE, REST, RouteTree
from tests.conftest import Golden
from tests.test_conditional import URLS, WRONG

Make = Callable[..., Flask]

QUERY: dict[str, Any] = {
    "json": {"path": [{"entity_type": "data.core.dict.Dict.", "tag": "dict"}], "project": {"dict": ["uuid"]}}
}
ASKED: list[tuple[str, dict[str, Any]]] = [
    *((url, {}) for url in URLS),
    *((url, {}) for url, _ in WRONG),
    ("/api/v4/nodes/", {}),
    ("/api/v4/nodes//", {}),
    ("/api//v4/nodes", {}),
    ("/api/v4/nodes/page/0", {}),
    ("/api/v4/nodes/page/99999", {}),
    ("/api/v4/nodes/page/٣", {}),
    ("/api/v4/nodes/é", {}),
    ("/api/v2/structures/é/io/tree", {}),
    ("/api/v4", {}),
    ("/api/v4", {"method": "POST"}),
    ("/api/v4", {"method": "OPTIONS"}),
    ("/api/v2/", {"method": "DELETE"}),
    ("/api/v4/docsx", {}),
    ("/api/v4/docs/nothing", {}),
    ("/api/v4/a%0Ab", {}),
    ("/nothing", {}),
    ("/api/v4/nodes?label=é", {}),
    ("/api/v4/nodes?format=csv", {}),
    ("/api/v4/nodes?limit=3", {"headers": {"Prefer": "count=none", "Accept": "application/x-ndjson"}}),
    ("/api/v4/users", {"headers": {"If-None-Match": "*"}}),
    ("/api/v4/users", {"headers": {"Host": "example.org:80"}, "environ_overrides": {"SCRIPT_NAME": "/lab"}}),
    ("/api/v4/users", {"method": "HEAD"}),
    ("/api/v4/users", {"method": "OPTIONS"}),
    ("/api/v4/users", {"method": "DELETE"}),
    ("/api/v4/querybuilder", {"method": "POST", **QUERY}),
    ("/api/v4/querybuilder?limit=1", {"method": "POST", **QUERY}),
    ("/api/v4/querybuilder", {"method": "POST", "data": b"{"}),
    ("/", {}),
    ("/api/v4/docs", {}),
]


def facts(answer: TestResponse) -> tuple[int, list[tuple[str, str]], bytes]:
    """All but when it was given, and how it was found: both may change between two servers."""
    of_one = {"Date", "Server-Timing", "X-Request-ID"}
    headers = sorted((name, value) for name, value in answer.headers if name not in of_one)
    return answer.status_code, headers, answer.data


@pytest.fixture(scope="module", params=[True, False], ids=["caches", "no caches"])
def twins(request: pytest.FixtureRequest, golden: Golden, serve: Make) -> tuple[Client, Client]:
    """Two servers of one archive: through Flask, because of a hook, and without."""
    hooked, bare = (serve(str(golden.archive), {"CACHE": request.param}) for _ in range(2))
    hooked.before_request(lambda: None)
    for app in (hooked, bare):
        app.test_client().get("/healthz")
    return hooked.test_client(), bare.test_client()


@pytest.mark.parametrize(("url", "how"), ASKED, ids=lambda each: each if isinstance(each, str) else "")
def test_the_same_answers(twins: tuple[Client, Client], url: str, how: dict[str, Any]) -> None:
    # Answers are kept from the second request on.
    for _ in range(3):
        by_flask, straight = (facts(client.open(url, buffered=True, **how)) for client in twins)
        assert straight == by_flask


@pytest.fixture
def without_flask(archive_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    archive_client.get("/healthz")  # the first request of an application goes through Flask

    def fail(*_: Any) -> None:
        pytest.fail("Flask was asked")

    monkeypatch.setattr(Flask, "wsgi_app", fail)


@pytest.mark.usefixtures("without_flask")
@pytest.mark.parametrize("url", URLS)
def test_what_is_asked_goes_straight(archive_client: Client, url: str) -> None:
    assert archive_client.get(url, buffered=True).status_code == 200


METHODS = {
    "/api/v4/nodes": ({"GET": 200, "HEAD": 200}, "GET, HEAD, OPTIONS"),
    "/api/v2/users/1": ({"GET": 200, "HEAD": 200}, "GET, HEAD, OPTIONS"),
    "/api/v4": ({"GET": 200, "HEAD": 200}, "GET, HEAD, OPTIONS"),
    "/api/v4/": ({"GET": 200, "HEAD": 200}, "GET, HEAD, OPTIONS"),
    "/api/v2": ({"GET": 200, "HEAD": 200}, "GET, HEAD, OPTIONS"),
    "/api/v4/querybuilder": ({"GET": 405, "HEAD": 405, "POST": 200}, "OPTIONS, POST"),
}
"""What a path answers to which methods, and what it says that it takes."""


@pytest.mark.usefixtures("without_flask")
@pytest.mark.parametrize("url", METHODS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
def test_methods(archive_client: Client, url: str, method: str) -> None:
    statuses, allowed = METHODS[url]
    answer = archive_client.open(url, method=method, json=QUERY["json"] if method == "POST" else None, buffered=True)
    assert answer.status_code == statuses.get(method, 405)
    assert bool(answer.data) is (method != "HEAD")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    if method not in statuses:
        assert answer.json == {"message": "The method is not allowed for the requested URL."}
    if answer.status_code == 405:
        assert answer.headers["Allow"] == allowed


@pytest.mark.usefixtures("without_flask")
@pytest.mark.parametrize("url", METHODS)
def test_preflight(archive_client: Client, url: str) -> None:
    answer = archive_client.options(url, headers={"Access-Control-Request-Method": "POST"})
    assert (answer.status_code, answer.data, answer.headers["Allow"]) == (200, b"", METHODS[url][1])
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST, OPTIONS"


TREE: RouteTree[str] = RouteTree()
for path_, target_, arguments_ in (
    ("/api/", "root", {}),
    ("/api/nodes", "list", {"entity": "nodes"}),
    ("/api/nodes/page", "list", {"entity": "nodes", "page": 1}),
    (f"/api/nodes/page/{PAGE}", "list", {"entity": "nodes"}),
    (f"/api/nodes/{ID}", "one", {}),
    (f"/api/nodes/{ID}/links", "links", {}),
    ("/api/nodes/schema", "schema", {}),
    ("/api/<kind:entity>/types", "types", {"of": "all"}),
    (f"/api/<kind:entity>/{ID}/files", "files", {}),
    (f"/api/nodes/{ID}/files", "folder", {}),
    (f"/api/nodes/{ID}/files/{REST}", "file", {"of": "node"}),
    (f"/static/{REST}", "static", {}),
):
    TREE.add(path_, target_, arguments_, {"kind": {"data": 1, "codes": 2}})

PATHS: dict[str, tuple[str, dict[str, Any]] | None] = {
    "/api": ("root", {}),
    "/api/": ("root", {}),
    "/api/nodes": ("list", {"entity": "nodes"}),
    "/api/nodes/": ("list", {"entity": "nodes"}),
    "/api/nodes/page": ("list", {"entity": "nodes", "page": 1}),
    "/api/nodes/page/7": ("list", {"entity": "nodes", "page": 7}),
    "/api/nodes/page/007/": ("list", {"entity": "nodes", "page": 7}),
    "/api/nodes/page/0": ("list", {"entity": "nodes", "page": 0}),
    "/api/nodes/page/" + "9" * 1000: ("list", {"entity": "nodes", "page": int("9" * 1000)}),
    "/api/nodes/page/" + "9" * 1001: None,
    "/api/nodes/page/x": None,
    "/api/nodes/7/files": ("folder", {"path_id": "7"}),
    "/api/nodes/7/files/": ("folder", {"path_id": "7"}),
    "/api/nodes/7/files/a": ("file", {"path_id": "7", "rest": "a", "of": "node"}),
    "/api/nodes/7/files/a/../b c/": ("file", {"path_id": "7", "rest": "a/../b c", "of": "node"}),
    "/api/nodes/7/files/a//b": None,
    "/static": None,
    "/static/a/b": ("static", {"rest": "a/b"}),
    "/api/nodes/page/\xd9\xa1": None,  # a digit, but none of ASCII: no link could lead on from it
    "/api/nodes/page/-1": None,
    "/api/nodes/page/+1": None,
    "/api/nodes/page/1_0": None,
    "/api/nodes/page/\xb2": None,
    "/api/nodes/page/1/2": None,
    "/api/nodes/schema": ("schema", {}),
    "/api/nodes/schemas": ("one", {"path_id": "schemas"}),
    "/api/nodes/a b": ("one", {"path_id": "a b"}),
    "/api/nodes/\xc3\xa9": ("one", {"path_id": "é"}),
    "/api/nodes/\xe9": ("one", {"path_id": "\ufffd"}),
    "/api/nodes/1/links": ("links", {"path_id": "1"}),
    "/api/nodes/1/nothing": None,
    "/api/nodes//links": None,
    "/api/nodes//": None,
    "/api//nodes": None,
    "/api/data/types": ("types", {"of": "all", "entity": 1}),
    "/api/codes/types": ("types", {"of": "all", "entity": 2}),
    "/api/nodes/types": ("one", {"path_id": "types"}),
    "/api/others/types": None,
    "/api/data": None,
    "/api/data/x/files": ("files", {"entity": 1, "path_id": "x"}),
    "/api/data/types/files": None,  # a word comes before what could be an id
    "/apis": None,
    "/API": None,
    "/": None,
    "": None,
    "api": None,
}


@pytest.mark.parametrize("path", PATHS)
def test_where_paths_lead(path: str) -> None:
    assert TREE.find(path) == PATHS[path]


def test_arguments_are_those_of_one_request() -> None:
    for path in ("/api/nodes", "/api/nodes/1"):
        found = TREE.find(path)
        assert found is not None
        found[1]["changed"] = True
        assert TREE.find(path) == PATHS.get(path, ("one", {"path_id": "1"}))


def test_each_resource_is_found(router: Application) -> None:
    """And no word of a path is taken for an id."""
    for url in URLS:
        found = router.routes.find(url.partition("?")[0])
        assert found is not None, url
        has_id = re.search(r"/(?!page/)[a-z]+/[^/]*\d", url[7:].partition("?")[0]) is not None
        assert ("path_id" in found[1]) is has_id, url


@pytest.fixture(scope="module")
def router(golden: Golden) -> Application:
    app = create_app(str(golden.archive))
    assert isinstance(app, Application)
    return app


ABSENT = {
    "/api/v4/nothing": "/api/v4",
    "/api/v4/nodes/1/nothing": "/api/v4",
    "/api/v4/nodes/page/x": "/api/v4",
    "/api/v4/docsx": "/api/v4",
    "/api/v4/docs/nothing": "/api/v4",
    "/api/v4/nothing//": "/api/v4",
    "/api/v4/a%0Ab": "/api/v4",
    "/api/v2/nothing": "/api/v2",
    "/api/v2/nodes/page/-1": "/api/v2",
    "/api/v3": "/api/v2",
    "/nothing": "/api/v2",
}


@pytest.mark.parametrize("url", ABSENT)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_what_is_not_there_opens_no_storage(closed: Client, url: str, method: str) -> None:
    """The answer is that of the dialect which the path begins as."""
    answer = closed.open(url, method=method)
    assert answer.status_code == 404
    message = f"No resource has this URL. GET {ABSENT[url]} lists all endpoints."
    if method != "HEAD" and ABSENT[url] == "/api/v4":
        assert answer.json == {"message": message}
    elif method != "HEAD":
        assert (answer.text, answer.content_type) == (f"{message}\n", "text/plain; charset=utf-8")


@pytest.fixture(scope="module")
def closed(golden: Golden) -> Client:
    """Of a server whose storage must not be opened."""

    def opening() -> Storage:
        pytest.fail("the storage was opened")

    return create_app(find(str(golden.archive)), {}, opening=opening).test_client()


def test_what_asks_for_no_rows_opens_no_storage(closed: Client) -> None:
    for url in ("/api/v4/nodes", "/api/v2/users/1"):
        assert closed.options(url).status_code == 200
        assert closed.delete(url).status_code == 405
    for url in ("/healthz", "/api/v4/docs", "/api/v2/docs"):
        assert closed.get(url, follow_redirects=True).status_code == 200
        refused = closed.post(url)
        assert (refused.status_code, refused.content_type) == (405, "application/json")


MERGED = {
    "/api//v4/nodes?limit=1": "/api/v4/nodes?limit=1",
    "/api/v4//nodes": "/api/v4/nodes",
    "/api/v4/nodes//": "/api/v4/nodes/",
    "/api/v4/nodes///page//2?perpage=3&_=%C3%A9%2B": "/api/v4/nodes/page/2?perpage=3&_=%C3%A9%2B",
    "/api/v4//nodes/%C3%A9%20/links//incoming": "/api/v4/nodes/%C3%A9%20/links/incoming",
    "/api/v4//querybuilder": "/api/v4/querybuilder",
}


@pytest.mark.parametrize("url", MERGED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_slashes_are_merged(closed: Client, url: str, method: str) -> None:
    """By a redirect that keeps the method, the query, and the path that the server is mounted at."""
    answer = closed.open(url, method=method)
    assert (answer.status_code, answer.headers["Location"]) == (308, f"http://localhost{MERGED[url]}")
    mounted = closed.open(url, method=method, environ_overrides={"SCRIPT_NAME": "/l\xc3\xa4b"})
    assert (mounted.status_code, mounted.headers["Location"]) == (308, f"http://localhost/l%C3%A4b{MERGED[url]}")


@pytest.mark.parametrize("url", ["/", "", "/nothing", "/healthz", "/api/v4", "/api/v4/nodes", "/api/v4/docs"])
@pytest.mark.parametrize("host", ["a b", 'a"b', "a<b>", "a/b", "a@b", "[::1", "a:b", "ä", "a,b"])
def test_what_is_no_host(archive_client: Client, url: str, host: str) -> None:
    answer = archive_client.get(url, headers={"Host": host})
    assert (answer.status_code, answer.json) == (400, {"message": "the header Host is no name of a host"})


@pytest.mark.parametrize("host", ["localhost", "a-b.example:8000", "a_b", "[::1]:80", "192.0.2.1", "xn--4ca", "a:"])
def test_what_is_a_host(archive_client: Client, host: str) -> None:
    for url in ("/", "/api/v4/nodes?limit=1"):
        assert archive_client.get(url, headers={"Host": host}, buffered=True).status_code == 200


@pytest.mark.parametrize("mount", ["", "/lab"])
def test_the_mount_itself(archive_client: Client, mount: str) -> None:
    """It is the home page, also without a slash."""
    allowed = {}
    for method in ("POST", "OPTIONS"):
        answer = archive_client.open("/", method=method, environ_overrides={"SCRIPT_NAME": mount, "PATH_INFO": ""})
        allowed[method] = (answer.status_code, sorted(answer.headers["Allow"].split(", ")))
    assert allowed == {"POST": (405, ["GET", "HEAD", "OPTIONS"]), "OPTIONS": (200, ["GET", "HEAD", "OPTIONS"])}


def test_a_body_that_is_compressed(archive_client: Client) -> None:
    sent = {"data": b'{"path": ["user"]}', "content_type": "application/json"}
    answer = archive_client.post("/api/v4/querybuilder", headers={"Content-Encoding": "gzip"}, **sent)
    message = "the body is sent as 'gzip': send it as it is, without Content-Encoding"
    assert (answer.status_code, answer.json) == (415, {"message": message})
    assert (
        archive_client.post("/api/v4/querybuilder", headers={"Content-Encoding": "Identity"}, **sent).status_code == 200
    )


ANSWERS = {
    "/": 200,
    "/healthz": 200,
    "/nothing": 404,
    "/api/v2/nothing": 404,
    "/api/v4/nodes/99999": 404,
    "/api/v4/nodes?limit=1": 200,
    "/api/v4/nodes?limit=x": 400,
    "/api/v4/nodes?format=csv": 200,
    "/api/v4/querybuilder": 405,
    "/api/v4/docs": 200,
    "/api/v4/docs/docs.js": 200,
}


@pytest.mark.parametrize("url", ANSWERS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
def test_headers_of_all_answers(archive_client: Client, url: str, method: str) -> None:
    """Each once. A page runs no script of others, and stands in no frame."""
    for accepted in ("*/*", "text/html"):
        answer = archive_client.open(url, method=method, headers={"Accept": accepted}, buffered=True)
        assert method != "GET" or answer.status_code == ANSWERS[url]
        assert answer.headers.getlist("X-Content-Type-Options") == ["nosniff"]
        assert len(answer.headers.getlist("X-Request-ID")) == 1
        policy = answer.headers.get("Content-Security-Policy", "")
        assert ("frame-ancestors 'none'" in policy) is (answer.mimetype == "text/html")
        assert ("Referrer-Policy" in answer.headers) is bool(policy)
        sources = {name: allowed for name, *allowed in map(str.split, filter(None, policy.split(";")))}
        assert '<link rel="icon" href="data:' not in answer.text or "data:" in sources["img-src"]


def test_headers_of_what_has_not_changed(archive_client: Client) -> None:
    for url in ("/", "/api/v4/nodes?limit=1", "/api/v4/docs"):
        tag = archive_client.get(url, buffered=True).headers["ETag"]
        again = archive_client.get(url, headers={"If-None-Match": tag})
        assert (again.status_code, again.headers["X-Content-Type-Options"]) == (304, "nosniff")


def test_settings_are_no_profile() -> None:
    for settings in ({"PROFILE": "demo"}, Settings(profile="demo"), 5):
        with pytest.raises(TypeError, match=r"^profile is a target, not \w+; settings are the second argument"):
            create_app(settings)  # type: ignore[arg-type]


def test_a_hook_sees_all_requests(golden: Golden, serve: Make) -> None:
    app = serve(str(golden.archive))

    @app.before_request
    def look() -> Response | None:
        return None if request.authorization else Response(status=401)

    client = app.test_client()
    for _ in range(3):
        assert client.get("/api/v4/users").status_code == 401
        assert client.get("/api/v4/users", auth=("ada", "secret")).status_code == 200


def test_a_hook_that_comes_too_late_is_refused(golden: Golden, serve: Make) -> None:
    """By Flask itself, as in any other application."""
    app = serve(str(golden.archive))
    app.test_client().get("/api/v4/users")
    with pytest.raises(AssertionError, match="can no longer be called"):
        app.before_request(lambda: None)


def test_what_a_request_leaves_goes_with_it(golden: Golden, serve: Make) -> None:
    """Nothing waits for Python's collector: not even the snapshot, which holds the storage."""
    client = serve(str(golden.archive), {"CACHE": False}).test_client()
    client.get("/api/v4/users")
    gc.collect()
    gc.disable()
    try:
        before = sum(isinstance(each, Exchange | Snapshot) for each in gc.get_objects())
        for _ in range(20):
            client.get("/api/v4/users", buffered=True)
        assert sum(isinstance(each, Exchange | Snapshot) for each in gc.get_objects()) <= before + 1
    finally:
        gc.enable()


def test_nobody_writes_lines_into_the_log(
    golden: Golden, serve: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve(str(golden.archive), catch_internal_server=False).test_client()
    client.get("/healthz")

    def fail(*_: Any) -> None:
        raise RuntimeError("gone")

    monkeypatch.setattr(Database, "fetch", fail)
    with caplog.at_level(logging.ERROR):
        assert client.get("/api/v4/nodes/a%0AFAKE").status_code == 500
    lines = [line for record in caplog.records for line in record.getMessage().splitlines()]
    assert lines
    assert not any(line.startswith("FAKE") for line in lines)


@pytest.mark.parametrize(
    "listen", ["after_request", "teardown_request", "teardown_appcontext", "url_value_preprocessor"]
)
def test_other_hooks_do_too(golden: Golden, serve: Make, listen: str) -> None:
    app = serve(str(golden.archive))
    seen = []

    def look(*arguments: Any) -> Any:
        seen.append(listen)
        return arguments[0]

    getattr(app, listen)(look)
    for _ in range(3):
        app.test_client().get("/api/v4/users")
    assert len(seen) == 3


def test_signals_are_sent_to_who_listens(golden: Golden, serve: Make) -> None:
    app = serve(str(golden.archive))
    seen = []

    def look(sender: Flask, **_: Any) -> None:
        seen.append(sender)

    with signals.request_started.connected_to(look, app):
        for _ in range(3):
            app.test_client().get("/api/v4/users")
    assert seen == [app] * 3


def test_what_flask_is_told_to_refuse(golden: Golden, serve: Make) -> None:
    app = serve(str(golden.archive))
    app.config["TRUSTED_HOSTS"] = ["localhost"]
    for _ in range(2):
        client = app.test_client()
        assert client.get("/api/v4/users", headers={"Host": "elsewhere"}).status_code == 400
        assert client.get("/api/v4/users").status_code == 200


def test_an_error_is_raised_and_logged_once(
    golden: Golden, serve: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve(str(golden.archive)).test_client()
    assert client.get("/readyz").status_code == 200
    asked = []

    def fail(*_: Any) -> None:
        asked.append("rows")
        raise ZeroDivisionError("in the database")

    monkeypatch.setattr(Database, "fetch", fail)
    with caplog.at_level(logging.ERROR):
        answer = client.get("/api/v4/users?limit=7")
    assert (answer.status_code, asked) == (500, ["rows"])
    assert answer.json["message"] == "Internal server error: the cause is in the log of the server"
    (record,) = caplog.records
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "in the database"
