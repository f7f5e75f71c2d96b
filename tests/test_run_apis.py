"""Several run-APIs in one list: each keeps its own runs, forms and details, and the pages show those of all."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Response
from flask.testing import FlaskClient

from restapi.dialects.inner import Inner
from restapi.dialects.run_api import RunApi, RunResource, RunRoute
from restapi.dialects.run_pages import (
    Action,
    Fields,
    Filled,
    Form,
    FormFile,
    ListedRun,
    Phase,
    RunList,
    RunPages,
    Sent,
    ShownRun,
    Wanted,
)
from restapi.hosting.app import Application
from restapi.http.encoding import json_reply
from restapi.http.errors import FailureLog
from restapi.http.exchange import Exchange
from restapi.http.reply import Reply
from restapi.http.route_tree import ID
from restapi.layout import Panel
from tests.conftest import Golden
from tests.golden import graph
from tests.jobs_rows import at, make_jobs
from tests.people import PASSWORD, People

HTML = {"Accept": "text/html"}
SAME = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Bell:
    """A run of the second API: a bell that rings. `created` is in seconds of the day of the jobs."""

    id: str
    label: str
    phase: Phase
    created: float


BELLS = {
    each.id: each for each in (Bell("Ring00", "Rang", Phase.DONE, 600), Bell("Young", "Rings", Phase.RUNNING, 650))
}
"""The first was made when all jobs were, between which its id stands."""


class Ring(RunResource):
    """/api/bells/rings/ID"""

    def get(self, path_id: str) -> Reply:
        return json_reply({"label": BELLS[path_id].label})

    def post(self, path_id: str) -> Reply:
        return json_reply({"id": path_id})


def listed(_: Exchange, wanted: Wanted) -> RunList:
    fitting = [each for each in BELLS.values() if wanted.text.lower() in each.label.lower()]
    counts = {phase: sum(each.phase is phase for each in fitting) for phase in Phase}
    rows = [
        ListedRun(each.id, each.label, "ada", "bell", each.phase, each.phase.value, at(each.created))
        for each in fitting
        if wanted.phase in {None, each.phase} and (wanted.before is None or (at(each.created), each.id) < wanted.before)
    ]
    return RunList(counts, sorted(rows, key=lambda each: each.moment, reverse=True)[: wanted.most])


def shown(inner: Inner, run: str) -> ShownRun | None:
    if run not in BELLS:
        return None
    bell, told = BELLS[run], inner.get(f"/api/bells/rings/{run}")
    created = EPOCH + timedelta(microseconds=at(bell.created))
    actions = [Action("mute", "Mute", "POST", f"/api/bells/rings/{run}")]
    words = {"text": f"The bell is called {told['label']}."}
    panel = Panel("viewers/sentence.html", words, styles=("viewers.css",), scripts=("steps.js",))
    return ShownRun(run, bell.label, "ada", "bell", bell.phase, bell.phase.value, created, panel=panel, actions=actions)


def form(_inner: Inner, _run: str | None, filled: Filled) -> Form:
    words = " ".join(filled.problems.get("tone", ["Which tone?"]))
    return Form(
        Panel("viewers/sentence.html", {"text": words}, styles=("viewers.css",), scripts=("plot.js",)),
        [FormFile("clap", "clapper.txt", 3)],
    )


def send(_inner: Inner, _run: str | None, fields: Fields) -> Sent:
    if fields.get("tone") == ["a"]:
        return Sent("Young")
    return Sent(None, Filled(fields, {"tone": ["No bell has it."]}, 400))


def bells(log: FailureLog) -> RunApi:
    """A run-API of nothing but bells."""
    return RunApi(
        prefix="/api/bells",
        title="Bells API",
        document=lambda mount: f'{{"openapi": "3.0.3", "info": {{"title": "{mount}"}}}}'.encode(),
        routes={"/api/bells": [RunRoute(f"/rings/{ID}", Ring)]},
        pages=(),
        below=("/api/bells/rings",),
        begin=lambda exchange, _: exchange,
        refused=lambda _error, _exchange: None,
        missing=lambda _: Response(status=404),
        not_allowed=lambda _: Response(status=405),
        message_key="detail",
        is_own=lambda path: path.startswith("/api/bells/rings"),
        streams=lambda _: False,
        log=log,
        shown=RunPages(
            name="bells",
            title="Bell",
            listed=listed,
            shown=shown,
            form=form,
            send=send,
            of_node=lambda _exchange, row: "Ring00" if row["uuid"] == graph.relax_scf else None,
            upload_path="/api/bells/clappers",
        ),
    )


@pytest.fixture(scope="module")
def people(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> People:
    return make_jobs(tmp_path_factory.mktemp("engine") / "root", golden)


@pytest.fixture(scope="module")
def application(people: People, serve: Callable[..., Application]) -> Application:
    """Both are mounted, one after the other."""
    mount = Application.mount_run_api

    def mount_both(app: Application, api: RunApi) -> None:
        mount(app, api)
        mount(app, bells(api.log))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Application, "mount_run_api", mount_both)
        return serve(None, {"ENGINE": str(people.root.path)})


@pytest.fixture(scope="module")
def browser(application: Application) -> FlaskClient:
    """Ada has signed in."""
    browser = application.test_client()
    sent = {"token": token_in(browser.get("/login", headers=HTML).text), "name": "ada", "password": PASSWORD}
    assert browser.post("/login", data=sent, headers={**HTML, **SAME}).status_code == 303
    return browser


def token_in(page: str) -> str:
    return str(re.findall(r'name="token" value="([^"]*)"', page)[0])


def names(page: str) -> list[str]:
    """Of the runs in a list."""
    return re.findall(r'<a href="/runs/\w+">([^<]*)</a> <code', page)


def test_one_list_has_the_runs_of_both(browser: FlaskClient) -> None:
    """The youngest first, whosever they are; states are counted together."""
    page = browser.get("/runs").text
    assert names(page) == ["Rings", "Stopped", "Running", "Rang", "Basic Job"]
    found = re.findall(r'>(All|draft|running|done|failed|stopped) <span class="number">(\d+)<', page)
    assert found == [("All", "5"), ("draft", "1"), ("running", "2"), ("done", "1"), ("stopped", "1")]
    assert names(browser.get("/runs?state=running").text) == ["Rings", "Running"]
    assert names(browser.get("/runs?q=RING").text) == ["Rings"]
    assert names(browser.get(f"/runs?before={at(600)}-Runnin").text) == ["Rang", "Basic Job"]
    assert re.findall(r'<a class="button" href="([^"]*)">(\w+ API)</a>', page) == [
        ("/api/v2/jobs/docs", "Jobs API"),
        ("/api/bells/docs", "Bells API"),
    ]


def test_each_has_its_own_details(browser: FlaskClient) -> None:
    bell, job = browser.get("/runs/Young").text, browser.get("/runs/Stoppe").text
    assert "The bell is called Rings." in bell
    assert re.findall(r'name="action" value="(\w+)"', bell) == ["mute"]
    assert "./airFoil2D/Allrun" not in bell
    assert "./airFoil2D/Allrun" in job
    assert "The bell" not in job
    assert [name in bell for name in ("runs.css", "viewers.css", "run_log.js", "steps.js")] == [True] * 4
    assert [name in job for name in ("runs.css", "viewers.css", "run_log.js", "steps.js")] == [True, False, True, False]
    assert browser.get("/runs/nobody").status_code == 404


def test_each_has_its_own_form(browser: FlaskClient) -> None:
    first, second = browser.get("/runs/new").text, browser.get("/runs/new?api=bells").text
    choice = re.compile(r'<a href="(/runs/new\?api=\w+)"( aria-current="page")?>(\w+)</a>')
    both = [("/runs/new?api=jobs", "Job"), ("/runs/new?api=bells", "Bell")]
    assert [(link, title) for link, _, title in choice.findall(first)] == both
    assert [title for _, is_here, title in choice.findall(first) if is_here] == ["Job"]
    assert [title for _, is_here, title in choice.findall(second) if is_here] == ["Bell"]
    assert 'name="command"' in first
    assert "Which tone?" in second
    assert 'name="command"' not in second
    assert 'action="/runs/new?api=bells"' in second
    assert 'data-upload="/api/bells/clappers"' in second
    assert "clapper.txt" in second
    assert [name in second for name in ("viewers.css", "plot.js")] == [True, True]


def sent(browser: FlaskClient, path: str, **fields: str) -> Any:
    token = token_in(browser.get("/runs/new", headers=HTML).text)
    return browser.post(path, data={"token": token, **fields}, headers={**HTML, **SAME})


def test_a_form_is_sent_to_its_own_api(browser: FlaskClient) -> None:
    assert sent(browser, "/runs/new?api=bells", tone="a").headers["Location"] == "/runs/Young"
    refused = sent(browser, "/runs/new?api=bells", tone="h")
    assert (refused.status_code, "No bell has it." in refused.text) == (400, True)
    assert sent(browser, "/runs/new?api=jobs", tone="a").status_code == 400
    assert sent(browser, "/runs/new?api=trains", tone="a").status_code == 404
    assert sent(browser, "/runs/Young", action="mute").headers["Location"] == "/runs/Young"


def test_each_has_its_own_documentation(browser: FlaskClient) -> None:
    assert browser.get("/api/bells/openapi.json").json["openapi"] == "3.0.3"
    page = browser.get("/api/bells/docs", headers=HTML)
    assert (page.status_code, 'data-document="/api/bells/openapi.json"' in page.text) == (200, True)
    for prefix in ("v2", "v4", "v2/jobs"):
        assert f'href="/api/{prefix}/docs"' in page.text
    assert browser.get("/").status_code == 200


def test_nodes_lead_to_the_runs_of_both(browser: FlaskClient) -> None:
    page = browser.get(f"/nodes/{graph.relax_scf}", headers=HTML).text
    assert re.findall(r"<dt>run</dt> <dd>(.*)</dd>", page) == ['<a href="/runs/Ring00">Ring00</a>']
