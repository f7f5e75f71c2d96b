"""The straight way to a resource gives what Flask gives, and is taken only where nobody wants to see the request."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, request, signals
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.test import Client, TestResponse

from aiida_like.storage.database import Database
from restapi import create_app
from restapi.dialects import aiida_v2, aiida_v4
from restapi.hosting.app import Application
from tests.conftest import Golden
from tests.golden import graph
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
    """All but when it was given: the second may change between two servers."""
    headers = sorted((name, value) for name, value in answer.headers if name != "Date")
    return answer.status_code, headers, answer.data


@pytest.fixture(scope="module", params=[True, False], ids=["caches", "no caches"])
def twins(request: pytest.FixtureRequest, golden: Golden, serve: Make) -> tuple[Client, Client]:
    """Two servers of one archive: through Flask, because of a hook, and straight."""
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


@pytest.mark.parametrize("url", URLS)
def test_what_is_asked_goes_straight(twins: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    def fail(*_: Any) -> None:
        pytest.fail("Flask was asked")

    monkeypatch.setattr(Flask, "wsgi_app", fail)
    assert twins[1].get(url, buffered=True).status_code == 200


@pytest.fixture(scope="module")
def router(golden: Golden) -> Application:
    app = create_app(str(golden.archive))
    assert isinstance(app, Application)
    return app


ROUTES = (*aiida_v2.ROUTES, *aiida_v4.ROUTES)
PARTS = sorted({part for route in ROUTES for part in route.path.split("/")})
ODD = ["api", "v2", "v4", "nodes", "structures", "1", "0", "007", "-1", "+1", "1_0", "٣", "9" * 20, "é", graph.silicon]


@given(
    st.sampled_from(["/api/v2", "/api/v4", ""]),
    st.lists(st.one_of(st.sampled_from([*PARTS, *ODD]), st.text(max_size=3)), max_size=6),
)
def test_paths_lead_where_flask_says(router: Application, prefix: str, parts: list[str]) -> None:
    path = "/".join([prefix, *parts])
    found = router.ways.find(path)
    if found is None:
        return
    way, arguments = found
    try:
        endpoint, expected = router.url_map.bind("localhost").match(path)
    except (HTTPException, RequestRedirect) as error:
        pytest.fail(f"Flask says {error!r}")
    resource = way.answers["GET"].__self__  # type: ignore[attr-defined]
    assert (type(resource), arguments) == (router.view_functions[endpoint].view_class, expected)  # type: ignore[attr-defined]


def test_each_route_has_a_way(router: Application) -> None:
    adapter = router.url_map.bind("localhost")
    for url in URLS:
        path = url.partition("?")[0]
        found = router.ways.find(path)
        assert found is not None, url
        assert found[1] == adapter.match(path)[1]


def test_a_hook_sees_all_requests(golden: Golden, serve: Make) -> None:
    app = serve(str(golden.archive))

    @app.before_request
    def look() -> Response | None:
        return None if request.authorization else Response(status=401)

    client = app.test_client()
    for _ in range(3):
        assert client.get("/api/v4/users").status_code == 401
        assert client.get("/api/v4/users", auth=("ada", "secret")).status_code == 200


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
    client.get("/healthz")
    asked = []

    def fail(*_: Any) -> None:
        asked.append("rows")
        raise ZeroDivisionError("in the database")

    monkeypatch.setattr(Database, "rows", fail)
    with caplog.at_level(logging.ERROR):
        answer = client.get("/api/v4/users?limit=7")
    assert (answer.status_code, asked) == (500, ["rows"])
    assert answer.json == {"message": "Internal server error: the cause is in the log of the server"}
    (record,) = caplog.records
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "in the database"
