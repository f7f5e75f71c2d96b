"""Pages of runs as far as they read: lists, runs, forms, whom they are for, and what is refused; the engine is away."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import Client

from aiida_like_engine.server_db import accounts
from aiida_like_engine.server_db.own_keys import MOST_KEYS, add_own_key, keys_of, revoke_own_key
from restapi import create_site
from restapi.dialects.jobs.live import Piece, whole_characters
from restapi.dialects.jobs.shown.form import problems_by_field
from restapi.dialects.run_pages import Repeat, is_upload_by_page
from restapi.explorer.runs.repeat import in_python
from restapi.hosting.app import Application
from restapi.layout.quantities import duration, size
from tests.conftest import Golden
from tests.golden import graph
from tests.jobs_rows import LOG, Rows, at, make_jobs
from tests.people import PASSWORD, People

HTML = {"Accept": "text/html"}
SAME = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}


@pytest.fixture(scope="module")
def people(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> People:
    made = make_jobs(tmp_path_factory.mktemp("engine") / "root", golden)
    with made.writing() as connection:
        rows = Rows(made, connection)
        failed = rows.job("Failed", "ada", _job("<b>Broken</b> 100%", "exit 3"), created=at(900), submitted=at(900))
        run = rows.run(
            failed,
            {"pending": 900, "executing": 901, "completed": 86_400 + 902},
            state="ended",
            started=at(901),
            ended=at(86_400 + 902),
            reason="failed",
            message="exit code 3",
            exit_status=3,
            node_uuid=graph.relax_scf,
        )
        rows.output("LogOfF", run, 0, "process_output.log", b"reading\nno such file\n")
        rows.file("BobGon", "bob", "old.txt", deleted=at(20))
        steps = _job("Two steps", "first")
        second = {**steps["jobanalyses"][0], "command": "second", "postProcessScriptCommand": "third"}
        files = [{"id": "BobGon"}, {"id": "gone01"}, {"id": "BobsFi", "decompress": False}]
        steps["jobanalyses"].append({**second, "inputFiles": files})
        rows.job("Steps0", "bob", steps, created=at(500))
        _has_run(made.root.store / "database.sqlite", graph.relax_scf, f"run-{failed}")
        for number in range(60):
            rows.job(f"Many{number:02}", "zoe", _job(f"One of many, {number}", "true"), created=at(10_000 + number))
    return made


def _has_run(database: Path, node: str, run: str) -> None:
    """Makes a node that of a run, as the engine does."""
    with closing(sqlite3.connect(database)) as connection:
        text = "UPDATE db_dbnode SET attributes = json_set(attributes, '$.run', ?) WHERE uuid = ?"
        assert connection.execute(text, (run, node)).rowcount == 1
        connection.commit()


def _job(name: str, command: str) -> dict[str, Any]:
    hardware = {"coresPerSlot": 1, "coreType": "onyx"}
    return {"name": name, "jobanalyses": [{"analysis": {"code": "shell"}, "command": command, "hardware": hardware}]}


@pytest.fixture(scope="module")
def application(people: People, serve: Callable[..., Application]) -> Application:
    return serve(None, {"ENGINE": str(people.root.path)})


@pytest.fixture(scope="module")
def client(application: Application) -> FlaskClient:
    return application.test_client()


@pytest.fixture
def browser(application: Application) -> FlaskClient:
    """Ada has signed in."""
    browser = application.test_client()
    page = browser.get("/login", headers=HTML)
    form = {"token": token_in(page.text), "name": "ada", "password": PASSWORD, "next": "/runs"}
    assert browser.post("/login", data=form, headers={**HTML, **SAME}).headers["Location"] == "/runs"
    return browser


def token_in(page: str) -> str:
    return str(re.findall(r'name="token" value="([^"]*)"', page)[0])


def names(page: str) -> list[str]:
    """Of the runs in a list."""
    return re.findall(r'<a href="[^"]*/runs/\w+">([^<]*)</a>', page)


def test_the_list(client: FlaskClient, people: People) -> None:
    answer = client.get("/runs", headers=people.header("ada"))
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    assert names(answer.text) == ["&lt;b&gt;Broken&lt;/b&gt; 100%", "Stopped", "Running", "Basic Job"]
    assert re.findall(r'<span class="state (\w+)">([^<]*)<', answer.text) == [
        ("bad", "failed"),
        ("idle", "stopped"),
        ("busy", "running"),
        ("idle", "draft"),
    ]
    assert '<td class="number">2.0 s' in re.sub(r">\s+", ">", answer.text)
    assert '<a href="/runs" aria-current="page">Runs</a>' in answer.text
    assert "Of bob" not in answer.text


def test_nothing_of_it_is_kept(client: FlaskClient, people: People) -> None:
    for path in ("/runs", "/runs/Runnin", "/runs/new", "/runs/nobody"):
        answer = client.get(path, headers=people.header("ada"))
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["Vary"] == "Accept, Authorization, Cookie"
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_who_looks_again_gets_304(browser: FlaskClient) -> None:
    """A script does, which keeps the tag itself."""
    first = browser.get("/runs/Runnin/parts/live")
    again = browser.get("/runs/Runnin/parts/live", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.data) == (200, 304, b"")
    assert "<html" not in first.text


FILTERS = {
    "state=running": ["Running"],
    "state=draft": ["Basic Job"],
    "state=failed": ["&lt;b&gt;Broken&lt;/b&gt; 100%"],
    "state=done": [],
    "state=nonsense&q=STOP": ["Stopped"],
    "q=100%25": ["&lt;b&gt;Broken&lt;/b&gt; 100%"],
    "q=%25unn%25": [],
    "q=Runnin": ["Running"],
    "q=zoe": [],
    "q=run&state=draft": [],
    "before=nonsense&q=basic": ["Basic Job"],
}


@pytest.mark.parametrize("query", FILTERS)
def test_filters(client: FlaskClient, people: People, query: str) -> None:
    answer = client.get(f"/runs?{query}", headers=people.header("ada"))
    assert (answer.status_code, names(answer.text)) == (200, FILTERS[query])


def test_counts_stay_when_a_state_is_chosen(client: FlaskClient, people: People) -> None:
    page = client.get("/runs?state=running&q=n", headers=people.header("ada")).text
    found = re.findall(r'>(All|draft|running|done|failed|stopped) <span class="number">(\d+)<', page)
    assert found == [("All", "2"), ("running", "1"), ("failed", "1")]


def test_a_superuser_sees_all_page_by_page(client: FlaskClient, people: People) -> None:
    first = client.get("/runs", headers=people.header("zoe")).text
    assert names(first) == [f"One of many, {number}" for number in range(59, 9, -1)]
    (older,) = re.findall(r'href="([^"]*)" rel="next"', first)
    second = client.get(older.replace("&amp;", "&"), headers=people.header("zoe")).text
    rest = ["Two steps", "&lt;b&gt;Broken&lt;/b&gt; 100%", "Stopped", "Running", "Of bob", "Basic Job"]
    assert names(second) == [*(f"One of many, {number}" for number in range(9, -1, -1)), *rest]
    assert 'rel="next"' not in second
    assert names(client.get("/runs?q=bob", headers=people.header("zoe")).text) == ["Two steps", "Of bob"]


def test_of_others_and_of_nobody(client: FlaskClient, people: People) -> None:
    for path in ("/runs/BobsJo", "/runs/nobody", "/runs/docs", "/runs/ü"):
        answer = client.get(path, headers=people.header("ada"))
        assert answer.status_code == 404
        assert "There is no run" in answer.text
    assert client.get("/runs/BobsJo", headers=people.header("zoe")).status_code == 200


def test_nobody_is_led_to_the_login(client: FlaskClient, people: People) -> None:
    answer = client.get("/runs/Runnin?part=a%26b", headers=HTML)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=/runs/Runnin%3Fpart%3Da%2526b")
    assert client.post("/runs/Runnin", headers=HTML).headers["Location"] == "/login?next=/runs"
    assert client.get("/runs", headers={"Authorization": "Token wrong"}).status_code == 303
    assert client.get("/runs", headers=people.header("revoked")).status_code == 303
    assert client.get("/runs/new/more").status_code == 401


def test_own_runs_where_superusers_alone_read(people: People, serve: Callable[..., Application]) -> None:
    made = serve(None, {"ENGINE": str(people.root.path), "READ_ACCESS": "superuser"}).test_client()
    assert made.get("/nodes", headers=people.header("ada")).status_code == 403
    assert made.get("/runs", headers=people.header("ada")).status_code == 200


def test_a_run_that_goes_on(client: FlaskClient, people: People) -> None:
    page = client.get("/runs/Runnin", headers=people.header("ada")).text
    assert re.findall(r"<span>(\w+)</span>\s*<time", page) == ["Pending", "Queued", "Started", "Validated", "Executing"]
    assert "22:31:42" in page
    assert f'data-next="{len(LOG)}"' in page
    assert "line 2, ü\nlast</pre>" in page
    assert 'data-log="/api/v2/jobs/Runnin/runs/1/tail/process_output.log"' in page
    assert re.findall(r'name="action" value="(\w+)"', page) == ["stop", "clone"]
    assert '<a class="button small" data-refresh href="/runs/Runnin#log">Refresh</a>' in page
    assert '<a href="/api/v2/files/XkpTse/contents/">airfoil2d.zip</a>' in page
    assert '<a href="/nodes/06feda72-6b3d-4f24-86e2-cd56722d1a42">node</a>' in page
    assert "/api/v2/jobs/Runnin/statuses/?page_size=100</a>" in page


def test_all_pages_have_one_head(browser: FlaskClient) -> None:
    """Those of accounts too; who has not signed in is led nowhere."""
    head = re.compile(r'<header class="head">.*?</header>', re.DOTALL)
    (of_nodes,) = head.findall(browser.get("/nodes", headers=HTML).text.replace(' aria-current="page"', ""))
    assert 'href="/runs"' in of_nodes
    for path in ("/keys", "/password"):
        (found,) = head.findall(browser.get(path, headers=HTML).text)
        assert found == of_nodes
    (found,) = head.findall(browser.application.test_client().get("/login", headers=HTML).text)
    assert "href" not in found


def test_a_node_leads_to_its_run(people: People, serve: Callable[..., Application]) -> None:
    """It does so for who may see the run."""
    client = serve(None, {"ENGINE": str(people.root.path), "READ_ACCESS": "public"}).test_client()
    node = f"/nodes/{graph.relax_scf}"
    for name in ("ada", "zoe"):
        page = client.get(node, headers=people.header(name)).text
        assert re.findall(r"<dt>run</dt> <dd>(.*)</dd>", page) == ['<a href="/runs/Failed">Failed</a>']
    for headers in ({}, people.header("bob")):
        answer = client.get(node, headers=headers)
        assert answer.status_code == 200
        assert "/runs/Failed" not in answer.text
    other = client.get(f"/nodes/{graph.relax}", headers=people.header("ada"))
    assert (other.status_code, "<dt>run</dt>" in other.text) == (200, False)


def test_a_run_that_failed_says_why_on_top(client: FlaskClient, people: People) -> None:
    page = client.get("/runs/Failed", headers=people.header("ada")).text
    (failure,) = re.findall(r'<div class="failure">(.*?)</div>', page, re.DOTALL)
    assert "<b>exit code 3</b>" in failure
    assert "reading\nno such file" in failure
    assert "<span>Completed: A run failed</span>" in page
    assert "2014-11-13 22:35:02" in re.sub(r"\s+", " ", page)
    assert f'<a href="/nodes/{graph.relax_scf}/lineage">lineage</a>' in page
    assert '<a href="/api/v2/files/LogOfF/contents/">process_output.log</a>' in page
    assert re.findall(r'name="action" value="(\w+)"', page) == ["clone", "remove"]
    assert "<b>Broken" not in page


def test_a_form_of_what_was_not_started(client: FlaskClient, people: People) -> None:
    page = client.get("/runs/QTVia0?file=Script&file=gone01&file=BobsFi", headers=people.header("ada")).text
    assert 'action="/runs/QTVia0" data-form' in page
    assert 'name="name" value="Basic Job"' in page
    assert ">./airFoil2D/Allrun</textarea>" in page
    assert '<option value="openfoam 2.3.0-openmpi"' in page
    chosen = re.findall(r'name="file" value="(\w+)" checked', page)
    assert chosen == ["XkpTse", "Script"]
    assert 'action="/runs/files?api=jobs&amp;run=QTVia0&amp;file=Script' in page


def test_a_draft_with_steps_that_the_form_does_not_show(client: FlaskClient, people: People) -> None:
    page = client.get("/runs/Steps0", headers=people.header("bob")).text
    assert re.findall(r"<pre [^>]*><code>(\w+)</code></pre>", page) == ["first", "second", "third"]
    assert re.findall(r'name="action" value="(\w+)"', page) == ["start", "remove"]
    files = re.findall(r"<li>(.*?)</li>", page.partition("<h2>Inputs</h2>")[2].partition("</ul>")[0], re.DOTALL)
    assert [" ".join(re.sub("<[^>]*>", " ", each).split()) for each in files] == [
        "old.txt deleted node 22 bytes",
        "gone01 is not there any more",
        "airfoil2d.zip is not unpacked node 22 bytes",
    ]
    (cookie,) = client.get("/runs/Steps0", headers=people.header("bob")).headers.getlist("Set-Cookie")
    client.set_cookie(cookie.partition("=")[0], cookie.partition("=")[2].partition(";")[0])
    token = token_in(client.get("/runs/Steps0", headers=people.header("bob")).text)
    headers = {**people.header("bob"), **SAME}
    answer = client.post("/runs/Steps0", data={"token": token, "action": "start"}, headers=headers)
    assert answer.status_code == 400
    assert "Invalid pk &#34;BobGon&#34; - object does not exist.; Invalid pk &#34;gone01&#34;" in answer.text


def test_what_cannot_be_read_now(golden: Golden, tmp_path: Path, serve: Callable[..., Application]) -> None:
    people = make_jobs(tmp_path / "root", golden)
    people.root.analyses.write_text("nonsense = [")
    made = serve(None, {"ENGINE": str(people.root.path)}).test_client()
    answer = made.get("/runs", headers=people.header("ada"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "The engine&#39;s folder cannot be read now" in answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_a_new_form_takes_fields_of_the_url(client: FlaskClient, people: People) -> None:
    page = client.get("/runs/new?name=%22%3E%3Cb%3E&cores=4&file=XkpTse", headers=people.header("ada")).text
    assert 'value="&#34;&gt;&lt;b&gt;"' in page
    assert 'id="cores" name="cores" type="number" min="1" step="1" value="4"' in page
    assert re.findall(r'name="file" value="(\w+)" checked', page) == ["XkpTse"]
    assert "<h1>New run</h1>" in page
    assert client.get("/runs/new?api=nothing", headers=people.header("ada")).status_code == 404


def post(browser: FlaskClient, path: str, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    page = browser.get("/runs/new", headers=HTML).text
    body = urlencode({"token": token_in(page), **fields}, doseq=True)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return browser.post(path, data=body, headers={**HTML, **kind, **(SAME if headers is None else headers)})


def test_a_form_without_its_token_is_refused(browser: FlaskClient) -> None:
    for path in ("/runs/new", "/runs/Runnin", "/runs/QTVia0"):
        for token in ("", "wrong", "ImEi.abc"):
            answer = post(browser, path, token=token, action="stop")
            assert answer.status_code == 403
            assert "did not come from a page of this site" in answer.text


FOREIGN = ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "same-site"}, {})


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("path", ["/runs/new", "/runs/Runnin", "/runs/files", "/keys"])
def test_pages_of_others_are_refused(browser: FlaskClient, path: str, headers: dict[str, str]) -> None:
    assert post(browser, path, headers, action="stop").status_code == 403


def test_a_token_of_another_browser_is_refused(application: Application, browser: FlaskClient) -> None:
    other = application.test_client().get("/login", headers=HTML)
    assert post(browser, "/runs/Runnin", token=token_in(other.text), action="stop").status_code == 403


def test_what_the_engine_would_do_without_it(browser: FlaskClient) -> None:
    """What was typed stays."""
    fields = {"name": "A <name>", "analysis": "shell 1", "command": "echo\r\n", "core_type": "onyx", "cores": "1"}
    answer = post(browser, "/runs/new", do="start", file=["XkpTse", "Script"], **fields)
    assert answer.status_code == 503
    assert "The engine does not answer now" in answer.text
    assert 'value="A &lt;name&gt;"' in answer.text
    assert re.findall(r'name="file" value="(\w+)" checked', answer.text) == ["XkpTse", "Script"]
    stopped = post(browser, "/runs/Runnin", action="stop")
    assert (stopped.status_code, "The engine does not answer now" in stopped.text) == (503, True)
    assert post(browser, "/runs/Runnin", action="explode").status_code == 409


def test_errors_stand_beside_their_fields(browser: FlaskClient) -> None:
    fields = {"name": "", "analysis": "shell 9", "command": " ", "core_type": "", "cores": "many", "wall_time": "-1"}
    answer = post(browser, "/runs/new", do="start", **fields)
    assert answer.status_code == 400
    found = dict(re.findall(r'<p class="wrong" id="(\w+)-wrong">([^<]*)</p>', answer.text))
    assert found == {
        "name": "This field may not be blank.",
        "analysis": "&#34;9&#34; is not a valid choice. There are: 1.",
        "command": "This field may not be blank.",
        "core_type": "This field may not be blank.",
        "cores": "A valid integer is required.",
        "wall_time": "Ensure this value is greater than 0.",
    }
    assert 'value="many" required aria-invalid="true" aria-describedby="cores-wrong"' in answer.text
    assert "6 fields need another look" in answer.text


def test_problems_of_what_is_offered(browser: FlaskClient) -> None:
    fields = {"name": "x", "analysis": "shell 9", "command": "x", "core_type": "onyx", "cores": "1"}
    answer = post(browser, "/runs/new", file=["nobody"], **fields)
    found = dict(re.findall(r'<p class="wrong" id="(\w+)-wrong">([^<]*)</p>', answer.text))
    assert found == {
        "analysis": "&#34;9&#34; is not a valid choice. There are: 1.",
        "file": "Invalid pk &#34;nobody&#34; - object does not exist.",
    }
    answer = post(browser, "/runs/new", environment="A=1\nB", **fields)
    assert "Line 2 has no =: write NAME=value." in answer.text
    assert ">A=1\nB</textarea>" in answer.text
    answer = post(browser, "/runs/new", environment="2=x", **{**fields, "analysis": "shell 1"})
    assert "2: A name is a letter or _, then letters, digits and _." in answer.text


def test_a_form_that_is_too_long(browser: FlaskClient) -> None:
    assert post(browser, "/runs/new", command="x" * 1_100_000).status_code == 413


def test_methods(browser: FlaskClient) -> None:
    assert browser.put("/runs", headers=SAME).headers["Allow"] == "GET, HEAD"
    assert browser.get("/runs/files").headers["Allow"] == "POST"
    assert browser.head("/runs").status_code == 200


def test_a_mount_stands_in_all_links(client: FlaskClient, people: People) -> None:
    answer = client.get("/runs/Runnin", headers=people.header("ada"), environ_overrides={"SCRIPT_NAME": "/a b"})
    links = re.findall(r'(?:href|action|data-log|data-poll)="([^"]*)"', answer.text)
    assert links
    assert all(link.startswith(("/a%20b/", "#")) for link in links)
    led = client.get("/runs", environ_overrides={"SCRIPT_NAME": "/a b"})
    assert led.headers["Location"] == "/a%20b/login?next=/a%2520b/runs"


def test_which_bodies_are_handed_on() -> None:
    asked = {"/runs/files": True, "/demo/runs/files/": True, "/runs/filess": False, "/runs/files/x": False}
    for path, expected in asked.items():
        assert is_upload_by_page({"REQUEST_METHOD": "POST", "PATH_INFO": path}) is expected
    assert not is_upload_by_page({"REQUEST_METHOD": "GET", "PATH_INFO": "/runs/files"})


TAIL = "/api/v2/jobs/Runnin/runs/1/tail/process_output.log"


def test_the_tail_from_a_position(client: FlaskClient, people: People) -> None:
    def told(query: str) -> Any:
        answer = client.get(f"{TAIL}?{query}", headers=people.header("ada"))
        assert answer.status_code == 200
        return answer.json

    whole = {"fileType": "text", "size": len(LOG)}
    assert told("position=7") == {**whole, "lines": ["line 2, ü\n", "last"], "position": 7, "next": len(LOG)}
    assert told("position=-4") == {**whole, "lines": ["last"], "position": len(LOG) - 4, "next": len(LOG)}
    assert told("position=0&bytes=7") == {**whole, "lines": ["line 1\n"], "position": 0, "next": 7}
    assert told("position=999") == {**whole, "lines": [], "position": len(LOG), "next": len(LOG)}
    # `ü` has two bytes, at 15 and 16.
    assert told("position=7&bytes=10") == {**whole, "lines": ["line 2, ü"], "position": 7, "next": 17}
    assert told("position=7&bytes=9") == {**whole, "lines": ["line 2, "], "position": 7, "next": 15}
    ended = client.get(TAIL.replace("Runnin", "Stoppe") + "?position=7", headers=people.header("ada"))
    assert ended.json["lines"] == ["line 2, ü\n", "last"]


def test_a_file_that_may_come_is_empty(client: FlaskClient, people: People) -> None:
    nothing = {"fileType": "text", "lines": [], "position": 0, "next": 0, "size": 0}
    path = TAIL.replace("process_output.log", "later.txt")
    assert client.get(f"{path}?position=0", headers=people.header("ada")).json == nothing
    assert client.get(f"{path}?lines=1", headers=people.header("ada")).status_code == 404
    ended = client.get(path.replace("Runnin", "Stoppe") + "?position=0", headers=people.header("ada"))
    assert ended.status_code == 404


def test_positions_that_are_none(client: FlaskClient, people: People) -> None:
    for query in (
        "position=x",
        "position=0&bytes=0",
        "position=--1",
        "position=0&bytes=-1",
        "position=9" * 1 + "9" * 20,
    ):
        answer = client.get(f"{TAIL}?{query}", headers=people.header("ada"))
        assert (answer.status_code, list(answer.json.values())) == (400, [["A valid integer is required."]])


def test_nothing_new_is_304(client: FlaskClient, people: People) -> None:
    first = client.get(f"{TAIL}?position={len(LOG)}", headers=people.header("ada"))
    headers = {**people.header("ada"), "If-None-Match": first.headers["ETag"]}
    assert client.get(f"{TAIL}?position={len(LOG)}", headers=headers).status_code == 304
    assert client.get(f"{TAIL}?position=0", headers=headers).status_code == 200


CUT = {
    (0, b"a\xc3", False): (0, b"a"),
    (0, b"a\xc3", True): (0, b"a\xc3"),
    (5, b"\xbca", False): (6, b"a"),
    (5, b"\xbca\xe2\x82", False): (6, b"a"),
    (0, b"\xe2\x82\xac", False): (0, b"\xe2\x82\xac"),
    (0, b"\xbc\xbc", False): (0, b"\xbc\xbc"),
    (0, b"", False): (0, b""),
    (4, b"\xf0\x9f\x98", False): (4, b""),
    (0, b"\xf0\x9f\x98\x80x", False): (0, b"\xf0\x9f\x98\x80x"),
}


@pytest.mark.parametrize("given", CUT)
def test_characters_are_whole(given: tuple[int, bytes, bool]) -> None:
    position, content, is_final = given
    found = whole_characters(Piece(position, content, position + len(content)), is_final=is_final)
    assert (found.position, found.content) == CUT[given]


def test_problems_by_field() -> None:
    told = {
        "name": ["a"],
        "jobanalyses": [{"hardware": {"walltime": ["b"]}, "envVars": {"X": ["c"]}, "inputFiles": [{}, {"id": ["d"]}]}],
        "detail": "e",
        "request_id": "f",
        "other": ["g"],
    }
    assert problems_by_field(told) == {
        "name": ["a"],
        "wall_time": ["b"],
        "environment": ["X: c"],
        "file": ["d"],
        "": ["e", "other: g"],
    }


def test_python_to_repeat_it() -> None:
    document = {"name": "it's 😀\n", "list": [1, 2.5, None, True, {}], "none": []}
    program = in_python(Repeat("/api/v2/jobs/", document, "/api/v2/jobs/ID/submit/"), "http://localhost")
    sent: list[Any] = []
    body = program.partition("\n\n\nrun = ")[2]
    exec("run = " + body, {"post": lambda *given: sent.append(given) or {"id": "XYZ"}, "print": str})
    assert sent == [("/api/v2/jobs/", document), ("/api/v2/jobs/XYZ/submit/",)]


def test_quantities() -> None:
    assert [duration(each) for each in (0.04, 9.96, 59.6, 200, 7500, 3600, 100_000)] == [
        *("0.0 s", "10.0 s", "1 min", "3 min 20 s", "2 h 5 min", "1 h", "1 d 3 h"),
    ]
    assert [size(each) for each in (0, 999, 1000, 1234, 35_400_000, 999_999, 5 * 10**15)] == [
        *("0 bytes", "999 bytes", "1 kB", "1.23 kB", "35.4 MB", "1 MB", "5000 TB"),
    ]


def test_own_keys_are_listed(browser: FlaskClient, client: FlaskClient, people: People) -> None:
    page = browser.get("/keys", headers=HTML).text
    assert re.findall(r'name="revoke" value="(\d+)"', page) == ["1"]
    assert "a label" in page
    assert '<a href="/password">Change your password</a>' in page
    assert re.findall(r'<span class="soft">(revoked|expired)</span>', page) == ["expired", "revoked"]
    told = client.get("/keys", headers=people.header("bob")).json["keys"]
    assert [(each["id"], each["label"], each["state"]) for each in told] == [(2, "a label", "valid")]
    assert client.get("/keys", headers=HTML).headers["Location"] == "/login?next=/keys"
    assert client.get("/keys").status_code == 401


def test_keys_without_an_engine(browser: FlaskClient) -> None:
    answer = post(browser, "/keys", label="x")
    assert (answer.status_code, "The engine does not answer" in answer.text) == (503, True)
    assert post(browser, "/keys", token="x", label="x").status_code == 403
    assert post(browser, "/keys", revoke="x").status_code == 400


def test_beside_other_profiles(people: People, golden: Golden) -> None:
    """Runs are below the name of the engine's profile; whoever signs in does so for the whole site."""
    site = create_site([str(golden.archive)], {"ENGINE": str(people.root.path)})
    browser = Client(site)
    assert browser.get("/runs/runs", headers=HTML).headers["Location"] == "/login?next=/runs/runs"
    page = browser.get("/runs/runs/Runnin", headers=people.header("ada")).text
    assert re.findall(r'<form method="post" action="([^"]*)"', page) == ["/runs/runs/Runnin"] * 2
    assert 'data-log="/runs/api/v2/jobs/Runnin/' in page
    assert browser.get("/golden/runs", headers=people.header("ada")).status_code == 404
    assert site.streams({"REQUEST_METHOD": "POST", "PATH_INFO": "/runs/runs/files"})  # type: ignore[attr-defined]
    site.open.close()  # type: ignore[attr-defined]


def test_without_an_engine_there_are_no_runs(golden: Golden, serve: Callable[..., Application]) -> None:
    made = serve(str(golden.archive)).test_client()
    assert made.get("/runs", headers=HTML).status_code == 404
    assert ">Runs</a>" not in made.get("/", headers=HTML).text


def test_all_keys_of_an_account_are_its_own(people: People, tmp_path: Path) -> None:
    with people.writing() as connection:
        bob = accounts.account_called(connection, "bob")
        with pytest.raises(accounts.AccountError, match="the account has no key 1"):
            revoke_own_key(connection, bob, 1)
        for number in range(MOST_KEYS - 1):
            add_own_key(connection, bob, str(number), None)
        with pytest.raises(accounts.AccountError, match="has 100 keys: revoke some"):
            add_own_key(connection, bob, "more", None)
        youngest = keys_of(connection, bob)[0]
        revoke_own_key(connection, bob, youngest.id)
        assert keys_of(connection, bob)[0].state == "revoked"
        assert add_own_key(connection, bob, "more", None).startswith("alk_")
