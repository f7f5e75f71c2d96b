"""Where the jobs API is: in a site beside other profiles, below the name of one, below a mount point, behind Flask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client

from restapi import create_site
from restapi.dialects import jobs, no_engine
from restapi.dialects.jobs import overviews
from restapi.hosting.app import Application
from tests.conftest import Golden
from tests.jobs_rows import LOG, make_jobs
from tests.people import People

HOST = "http://localhost"


@pytest.fixture(scope="module")
def people(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> People:
    return make_jobs(tmp_path_factory.mktemp("engine") / "root", golden)


@pytest.fixture(scope="module")
def site(people: People) -> Iterator[Any]:
    site = create_site(["demo"], {"ENGINE": str(people.root.path)})
    yield site
    site.open.close()  # type: ignore[attr-defined]


PLACES = [
    ("", "/api/v2"),
    ("", "/ada/api/v2"),
    ("", "/runs/api/v2"),
    ("", "/runs/ada/api/v2"),
    ("/mount", "/api/v2"),
    ("/mount", "/ada/api/v2"),
    ("/mount point/ü", "/runs/ada/api/v2"),
]


@pytest.mark.parametrize(("mount", "root"), PLACES)
def test_links_lead_back(site: Any, people: People, mount: str, root: str) -> None:
    """All that is shown as a URL begins with where the client is, and is answered."""
    client, headers = Client(site), people.header("ada")

    def get(url: str) -> Any:
        assert url.startswith(HOST + base), url
        path = url.removeprefix(HOST + base)
        answer = client.get(root + path, headers=headers, base_url=f"{HOST}{mount}/", buffered=True)
        assert answer.status_code == 200, (url, answer.text)
        return answer

    base = f"{mount}{root}".replace(" ", "%20").replace("ü", "%C3%BC")
    first = get(f"{HOST}{base}/jobs/Stoppe/files/?page_size=1").json
    second = get(first["next"]).json
    assert get(second["previous"]).json == first
    assert get(first["results"][0]["downloadUrl"]).data == LOG
    (_, log) = get(f"{HOST}{base}/jobs/Runnin/runs/1/directory-contents/").json
    above = base.removesuffix("/v2")
    assert log["resource"] == f"{above}/jobs/Runnin/runs/1/tail/process_output.log"
    path = root.removesuffix("/v2") + log["resource"].removeprefix(above)
    answer = client.get(path, headers=headers, base_url=f"{HOST}{mount}/", buffered=True)
    assert (answer.status_code, answer.data) == (200, LOG)


def test_other_profiles_have_none(site: Any, people: People) -> None:
    client, headers = Client(site), people.header("ada")
    for path in ("/demo/api/v2/jobs/", "/demo/api/v2/files/", "/demo/ada/api/v2/jobs/", "/demo/api/v2/users/me"):
        assert client.get(path, headers=headers).status_code in {400, 404}
    assert client.get("/demo/api/v2/nodes?limit=1", headers=headers).status_code == 200


def test_what_a_site_streams(site: Any) -> None:
    for path in ("/api/v2/files/contents/", "/runs/ada/api/v2/files/content", "/ada/api/v2/files/contents"):
        assert site.streams({"REQUEST_METHOD": "POST", "PATH_INFO": path})
        assert not site.streams({"REQUEST_METHOD": "GET", "PATH_INFO": path})
    assert not site.streams({"REQUEST_METHOD": "POST", "PATH_INFO": "/api/v4/querybuilder"})


KEYS = {
    "/api/v2/jobs/": "detail",
    "/api/v2/files/contents/": "detail",
    "/api/v2/users/me": "detail",
    "/ada/api/v2/": "detail",
    "/ada/api/v2/files/contents/": "detail",
    "/runs/ada/api/v2/jobs/": "detail",
    "/runs/api/v2/jobs/QTVia0/submit/": "detail",
    "/api/jobs/Runnin/runs/1/tail/process_output.log": "detail",
    "/api/v2/nodes": "message",
    "/api/v2/jobs/docs": "message",
    "/api/v4/querybuilder": "message",
    "/runs/api/v2/nodes": "message",
    "/runs/new": "message",
    "/demo/api/v2/jobs/": "message",
    "/demo/ada/api/v2/jobs/": "message",
    "/": "message",
}
"""Under which key an error has its message at a path, if no dialect sees the request."""


@pytest.mark.parametrize("path", KEYS)
def test_errors_in_front_of_it(site: Any, path: str) -> None:
    assert site.message_key({"PATH_INFO": path}) == KEYS[path]


def test_a_host_that_is_none(people: People, serve: Callable[..., Flask]) -> None:
    """It is refused in front of Flask and behind it."""
    for hooks in (0, 1):
        app = serve(None, {"ENGINE": str(people.root.path)})
        for _ in range(hooks):
            app.before_request(lambda: None)
        client, headers = app.test_client(), {**people.header("ada"), "Host": "a b"}
        for path, key in (("/api/v2/jobs/", "detail"), ("/ada/api/v2/files/", "detail"), ("/api/v4/users", "message")):
            for _ in range(2):
                answer = client.get(path, headers=headers)
                assert (answer.status_code, list(answer.json)) == (400, [key]), (hooks, path, answer.text)


def test_an_error_of_ours(people: People, serve: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(overviews.CoreTypes, "get", broken)
    client = serve(None, {"ENGINE": str(people.root.path)}).test_client()
    answer = client.get("/api/v2/coretypes/", headers=people.header("ada"))
    told = "Internal server error: the cause is in the log of the server"
    assert (answer.status_code, answer.json) == (500, {"detail": told, "request_id": answer.headers["X-Request-ID"]})


def test_without_an_engine_there_is_nothing_of_it(serve: Callable[..., Application]) -> None:
    app = serve("demo", {})
    assert app.streams is None
    client = app.test_client()
    assert client.get("/api/v2/jobs/").status_code == 404
    assert client.get("/ada/api/v2/jobs/").status_code == 404
    assert "jobs" not in client.get("/").json["api"]


def test_the_same_through_flask(people: People, serve: Callable[..., Flask]) -> None:
    """A hook of somebody else sends all requests through Flask, to the same answers."""
    straight = serve(None, {"ENGINE": str(people.root.path)}).test_client()
    app = serve(None, {"ENGINE": str(people.root.path)})
    seen: list[str] = []
    app.before_request(lambda: seen.append("seen"))
    hooked = app.test_client()
    paths = [
        "/api/v2/jobs/",
        "/api/v2/jobs",
        "/ada/api/v2/jobs/QTVia0/",
        "/ada/api/v2/",
        "/api/v2/files/Large0/contents/",
        "/api/jobs/Runnin/runs/1/tail/process_output.log?lines=1",
        "/ada/api/jobs/Runnin/runs/1/tail/process_output.log",
        "/api/v2/jobs/none/at/all",
        "/ada/api/v2/none",
        "/ada/api/other",
        "/bob/api/v2/jobs/",
        "/api/v2/users/me/",
        "/api/v2//jobs/",
    ]
    for path in paths:
        answers = [client.get(path, headers=people.header("ada"), buffered=True) for client in (straight, hooked)]
        one, other = ((each.status_code, each.data, each.headers["Cache-Control"]) for each in answers)
        assert one == other, path
    assert len(seen) == len(paths)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("path", ["jobs", "jobs/", "jobs/QTVia/submit/", "files/contents/", "analyses/", "coretypes/"])
def test_where_nothing_is_run(site: Any, people: People, path: str, method: str) -> None:
    """A client of the jobs API is told what this server would need; other paths stay as they are."""
    reading = create_site(["demo"])
    answer = Client(reading).open(f"/api/v2/{path}", method=method, json={} if method == "POST" else None)
    assert (answer.status_code, list(answer.json)) == (404, ["detail"])
    assert answer.json["detail"].endswith(" aiida-like serve --engine ROOT --with-engine")
    answer = Client(site).open(f"/demo/api/v2/{path}", method=method, headers=people.header("ada"))
    assert (answer.status_code, list(answer.json)) == (404, ["detail"])
    assert "Jobs run in the profile of the engine, the first of this site" in answer.json["detail"]
    for unknown in ("/api/v2/job/", "/api/v2/jobsx", "/api/v2/x/jobs/"):
        assert Client(reading).open(unknown, method=method).content_type == "text/plain; charset=utf-8"
    assert Client(reading).open(f"/api/v4/{path}", method=method).status_code == 404


def test_names_of_paths_where_nothing_is_run() -> None:
    assert no_engine.NAMES == jobs.NAMES
