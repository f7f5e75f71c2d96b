"""Conditional requests: `ETag`, `If-None-Match` and `Cache-Control`."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import Client, TestResponse

from aiida_like.profiles import find
from restapi import create_site
from restapi.config import Settings
from restapi.dialects.aiida_v4.querybuilder import QueryBuilder
from restapi.hosting.app import DIALECTS, Application
from restapi.hosting.site import Site
from tests import writable
from tests.conftest import Golden, GoldenPostgreSQL, headers_of
from tests.exchanges import ON_ALL
from tests.golden import graph
from tests.people import make_people
from tests.recorded import statements
from tests.servers import PostgreSQL
from tests.urls import URLS, WRONG
from tests.writable import Writable, relabel, relabelled, rezip

NODE = f"/api/v4/nodes/{graph.zeta}"
LABEL = f"{NODE}?attributes=false"


def ask(client: Client, url: str, tags: str, method: str = "GET") -> TestResponse:
    return client.open(url, method=method, headers={"If-None-Match": tags}, buffered=True)


def test_every_resource_is_here(app: Flask) -> None:
    assert isinstance(app, Application)
    found = [app.routes.find(url.partition("?")[0]) for url in URLS]
    asked = {each[0].resource for each in found if each is not None}
    routes = {route.resource for dialect in DIALECTS for route in dialect.routes}
    assert routes - asked == {QueryBuilder}


def is_file(url: str) -> bool:
    """Whether files of the repository are asked for, whose tag is that of their content: see `test_files`."""
    return "filename=" in url or url.endswith("/repo/zip")


@pytest.mark.parametrize("url", [url for url in URLS if not is_file(url)])
def test_an_answer_that_the_client_has(app: Flask, client: FlaskClient, target: dict[str, Any], url: str) -> None:
    first, again = client.get(url, buffered=True), client.get(url, buffered=True)
    assert first.status_code == 200
    tag = first.headers["ETag"]
    assert re.fullmatch('"[0-9a-f]{32}"', tag)
    assert (again.headers["ETag"], again.data) == (tag, first.data)
    is_archive = target["target"].endswith(".aiida")
    policy = "public, max-age=3600" if is_archive else "no-cache"
    for method in ("GET", "HEAD"):
        with statements(app) as run:
            answer = ask(client, url, tag, method)
        assert (answer.status_code, answer.data) == (304, b"")
        headers = dict(answer.headers)
        assert re.fullmatch(r'db;dur=[0-9.]+;desc="0 statements"', headers.pop("Server-Timing"))
        assert headers.pop("X-Request-ID") != first.headers["X-Request-ID"]
        assert headers == {"ETag": tag, "Cache-Control": policy, "Vary": "Accept, Prefer", **ON_ALL}
        assert len(run) == (1 if "repository" in target else 0)
    other = ask(client, url, '"0"')
    assert (other.status_code, other.data, headers_of(other)) == (200, first.data, headers_of(first))
    if "Content-Disposition" not in first.headers:  # a file that nobody reads is closed by the garbage collector
        head = ask(client, url, '"0"', "HEAD")
        assert (head.status_code, head.data, headers_of(head)) == (200, b"", headers_of(first))
    assert first.headers["Cache-Control"] == policy
    assert first.headers["Vary"] == "Accept, Prefer"


def test_the_headers_can_be_used_by_any_page(archive_client: FlaskClient) -> None:
    answer = archive_client.get(NODE)
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"].split(", ")
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "if-none-match"}
    preflight = archive_client.options(NODE, headers=asked)
    assert "If-None-Match" in preflight.headers["Access-Control-Allow-Headers"].split(", ")
    assert "ETag" not in preflight.headers


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ("{0}", 304),
        ("W/{0}", 304),
        ('"x", W/"y", {0}', 304),
        ('W/"x",W/{0}', 304),
        ("*", 304),
        ('"x", "y"', 200),
        ("W/*", 200),
        ('"*"', 200),
        ('""', 200),
        ("", 200),
        ('"{0}"', 200),
    ],
)
def test_lists_of_tags(archive_client: FlaskClient, field: str, status: int) -> None:
    tag = archive_client.get(NODE).headers["ETag"]
    for method in ("GET", "HEAD"):
        answer = ask(archive_client, NODE, field.format(tag), method)
        assert (answer.status_code, answer.headers["ETag"]) == (status, tag)
        assert bool(answer.data) == (status == 200 and method == "GET")


def test_a_tag_that_apache_has_changed(archive_client: FlaskClient) -> None:
    tag = archive_client.get(NODE).headers["ETag"].strip('"')
    assert ask(archive_client, NODE, f'"{tag}-gzip"').status_code == 304
    assert ask(archive_client, NODE, f'"{tag}-gzip-gzip"').status_code == 200


@pytest.mark.parametrize(("url", "status"), WRONG)
def test_what_is_wrong_stays_wrong(client: FlaskClient, url: str, status: int) -> None:
    for field in ("*", client.get(NODE).headers["ETag"]):
        answer = ask(client, url, field)
        assert answer.status_code == status
        assert {"ETag", "Cache-Control"} & set(answer.headers.keys()) == set()


def test_what_has_no_tag(archive_client: FlaskClient) -> None:
    posted = archive_client.post("/api/v4/querybuilder", json={"path": ["node"]}, headers={"If-None-Match": "*"})
    assert (posted.status_code, "ETag" in posted.headers, "Cache-Control" in posted.headers) == (200, False, False)
    for url in ("/healthz", "/readyz"):
        answer = ask(archive_client, url, "*")
        assert (answer.status_code, "ETag" in answer.headers) == (200, False)


def test_pages_are_known_by_their_content(golden: Golden, archive_client: FlaskClient) -> None:
    """They are no answers of a dialect, but who has them needs them only once, too."""
    site = create_site([str(golden.archive), f"second={golden.archive}"], {})
    assert isinstance(site, Site)
    for client, url in (
        (archive_client, "/"),
        (archive_client, "/api/v4/docs"),
        (archive_client, "/api/v2/docs/docs.css"),
        (Client(site), "/"),
    ):
        for accept in ("text/html", "application/json"):
            first = client.get(url, headers={"Accept": accept}, buffered=True)
            tag = first.headers["ETag"]
            assert (first.status_code, tag.startswith('"'), "Cache-Control" in first.headers) == (200, True, True)
            again = client.get(url, headers={"Accept": accept, "If-None-Match": tag}, buffered=True)
            assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
            other = client.get(url, headers={"Accept": accept, "If-None-Match": '"0"'}, buffered=True)
            assert (other.status_code, other.data) == (200, first.data)
    site.open.close()


def test_pages_depend_on_what_is_accepted(golden: Golden, archive_client: FlaskClient) -> None:
    site = Client(create_site([str(golden.archive), f"second={golden.archive}"], {}))
    for client in (archive_client, site):
        for accept in ("text/html", "application/json"):
            assert client.get("/", headers={"Accept": accept}).headers["Vary"] == "Accept"


def test_all_that_shows_in_an_answer(golden: Golden, serve: Callable[..., Flask], archive_client: FlaskClient) -> None:
    profile = find(str(golden.archive))
    tags = [archive_client.get(url, buffered=True).headers["ETag"] for url in URLS]
    tags += [archive_client.get(url).headers["ETag"] for url in (f"{NODE}?", f"{NODE}/", f"{NODE}?_=1")][1:]
    for base in ("https://localhost", "http://elsewhere", "http://localhost:81", "http://localhost/mount"):
        tags.append(archive_client.get(NODE, base_url=base).headers["ETag"])
    tags.append(archive_client.get(NODE, environ_overrides={"RAW_URI": f"{NODE}%20"}).headers["ETag"])
    for raw in ("\xc3\xa9", "\xe9"):
        environ = {"QUERY_STRING": f'label="{raw}"'}
        tags.append(archive_client.get("/api/v2/nodes", environ_overrides=environ).headers["ETag"])
    limits = ("MAX_LIMIT", "PAGE_SIZE", "MAX_QUERY_LENGTH", "GRAPH_NODES", "MAX_GRAPH_NODES", "MAX_EXPORT_ROWS")
    for settings in ({name: 50} for name in limits):
        tags.append(serve(profile, settings).test_client().get(NODE).headers["ETag"])
    tags.append(serve(replace(profile, name="other"), {}).test_client().get(NODE).headers["ETag"])
    assert len(set(tags)) == len(tags)


def test_each_process_gives_the_same(target: dict[str, Any], client: FlaskClient, serve: Callable[..., Flask]) -> None:
    """With settings that change no answer."""
    settings = {"ACCESS_LOG": True, "STATEMENT_SECONDS": 7, "CONNECTIONS": 2, "ARCHIVE_MAX_AGE": 60}
    other = serve(find(**target), settings).test_client()
    assert other.get(NODE).headers["ETag"] == client.get(NODE).headers["ETag"]


SETTINGS = {each.name: each for each in fields(Settings)}


def test_settings_that_show_are_in_tags() -> None:
    settings = Settings(max_limit=391, page_size=17)
    assert settings.in_answers == tuple(
        getattr(settings, name) for name, each in SETTINGS.items() if each.metadata["in_answers"]
    )
    assert {391, 17} < set(settings.in_answers)


def other_than(setting: Field[Any], folder: Path) -> Any:
    match setting.default:
        case bool(value):
            return not value
        case int(value) | float(value):
            return value + 1
        case _:
            secret = folder / "secret"
            secret.touch(mode=0o600)
            secret.write_text("the secret of a gateway")
            special = {"trusted_proxies": "127.0.0.1", "read_access": "superuser", "gateway_secret_file": str(secret)}
            return {"slow_statements": 1, **special}.get(setting.name, str(folder))


OF_ACCOUNTS = ("engine", "read_access", "accounts", "session_days", "gateway_secret_file")
"""Settings that need an engine: who is let in gets the same answers as where everybody is."""


SHOWING = ["/api/v2/nodes", "/api/v2/openapi.json", "/api/v4/openapi.json", "/api/v4/nodes/page/1", "/api/v4/server"]


@pytest.mark.parametrize("name", SETTINGS)
def test_what_differs_in_one_setting(
    golden: Golden, serve: Callable[..., Flask], archive_client: FlaskClient, tmp_path: Path, name: str
) -> None:
    """It has other tags, if it can have other answers; else it has the same answers with the same tags."""
    shows = SETTINGS[name].metadata["in_answers"]
    settings, key = Settings(), {}
    if name in OF_ACCOUNTS:
        people = make_people(tmp_path / "root", golden)
        settings, key = replace(settings, engine=str(people.root.path)), people.header("zoe")
    if name != "engine":
        settings = replace(settings, **{name: other_than(SETTINGS[name], tmp_path)})
    other = serve(find(str(golden.archive)), settings).test_client()
    for url in SHOWING:
        first, second = (client.get(url, headers=key, buffered=True) for client in (archive_client, other))
        assert (first.headers["ETag"] != second.headers["ETag"]) is shows, url
        if not shows:
            assert first.data == second.data


def test_how_long_archives_are_kept(golden: Golden, serve: Callable[..., Flask]) -> None:
    client = serve(find(str(golden.archive)), {"ARCHIVE_MAX_AGE": 60}).test_client()
    assert client.get(NODE).headers["Cache-Control"] == "public, max-age=60"


def test_an_archive_that_is_replaced(golden: Golden, tmp_path: Path) -> None:
    """It gets another tag when it is opened again; until then it is served as it was."""
    file = Path(shutil.copy(golden.archive, tmp_path / "changes.aiida"))
    other = rezip(golden.archive, tmp_path / "other.aiida", relabelled)
    site = create_site([str(file), f"second={golden.archive}"], {"MAX_OPEN_PROFILES": 1})
    client = Client(site)
    url = f"/changes{NODE}"
    first = client.get(url, buffered=True)
    other.replace(file)
    assert ask(client, url, first.headers["ETag"]).status_code == 304
    assert client.get(f"/second{NODE}", buffered=True).status_code == 200  # which closes the first
    answer = ask(client, url, first.headers["ETag"])
    assert answer.status_code == 200
    assert [label_of(each) for each in (first, answer)] == ["ZETA", "other"]
    assert ask(client, url, answer.headers["ETag"]).status_code == 304
    site.open.close()  # type: ignore[attr-defined]


def label_of(answer: TestResponse) -> str:
    return str(answer.json["data"]["nodes"][0]["label"])


@pytest.fixture(params=["delete", "wal", "postgresql"])
def changing(request: pytest.FixtureRequest, tmp_path: Path) -> Writable:
    """A copy of a golden storage; by the journal of SQLite."""
    if request.param == "postgresql":
        stored: GoldenPostgreSQL = request.getfixturevalue("golden_postgresql")
        server: PostgreSQL = request.getfixturevalue("postgresql")
        return writable.postgresql(stored, server, f"conditional_{time.monotonic_ns()}", tmp_path)
    copied = writable.sqlite(request.getfixturevalue("golden"), tmp_path)
    with closing(copied.connect()) as connection:
        connection.execute(f"PRAGMA journal_mode = {request.param}")
    return copied


def test_aiida_commits(changing: Writable, serve: Callable[..., Flask]) -> None:
    client = serve(find(**changing.target), {}).test_client()
    extras = f"/api/v4/nodes/{graph.plain}/contents/extras"
    youngest, statistics = "/api/v2/nodes?limit=1&orderby=-id", "/api/v4/nodes/statistics"
    urls = [extras, youngest, statistics]
    known = {url: client.get(url, buffered=True) for url in urls}
    with changing.aiida() as change:
        for line, changed in (
            (f"extra {graph.plain} 1", {extras}),
            (f"extra {graph.plain} 2", {extras}),
            (f"delete {graph.huge}", {statistics}),
            ("add 7", {statistics, youngest}),
        ):
            change(line)
            for url in urls:
                answer = ask(client, url, known[url].headers["ETag"])
                assert answer.status_code == 200
                assert (answer.data != known[url].data) == (url in changed), (line, url)
                known[url] = answer
                assert ask(client, url, answer.headers["ETag"]).status_code == 304
    assert known[extras].json["data"]["extras"]["changed"] == 2
    assert known[statistics].json["data"]["total"] == 81


def test_each_commit_is_seen(changing: Writable, serve: Callable[..., Flask]) -> None:
    client = serve(find(**changing.target), {}).test_client()
    answer = client.get(NODE)
    with changing.committing() as commit:
        for number in range(50):
            commit(relabel(number))
            answer = ask(client, NODE, answer.headers["ETag"])
            assert (answer.status_code, label_of(answer)) == (200, str(number))
            assert ask(client, NODE, answer.headers["ETag"]).status_code == 304


def test_what_is_not_committed_is_not_seen(changing: Writable, serve: Callable[..., Flask]) -> None:
    client = serve(find(**changing.target), {}).test_client()
    first = client.get(NODE)
    with closing(changing.connect()) as connection:
        connection.execute(relabel("new"))
        assert ask(client, NODE, first.headers["ETag"]).status_code == 304
        connection.rollback()
    again = ask(client, NODE, first.headers["ETag"])
    assert again.status_code == 304 or again.data == first.data


def test_eight_threads_and_a_writer(changing: Writable, serve: Callable[..., Flask]) -> None:
    """What an answer says, or what 304 lets stand, is never older than what was committed before it was asked."""
    app = serve(find(**changing.target), {})
    committed, done = [0], threading.Event()
    statuses: set[int] = set()

    def write() -> None:
        with changing.committing() as commit:
            for number in range(1, 25):
                commit(relabel(number))
                committed.append(number)
                time.sleep(0.1)
        done.set()

    def read(_: int) -> int:
        client = app.test_client()
        tag, known, asked = '""', 0, 0
        while not done.is_set():
            least = committed[-1]
            answer = ask(client, NODE, tag)
            if answer.status_code == 200:
                tag, known = answer.headers["ETag"], int(label_of(answer))
            statuses.add(answer.status_code)
            assert known >= least
            asked += 1
        return asked

    with changing.committing() as commit:
        commit(relabel(0))
    with ThreadPoolExecutor(9) as pool:
        writer = pool.submit(write)
        asked = list(pool.map(read, range(8)))
        writer.result()
    assert statuses == {200, 304}
    assert min(asked) > 24


def test_when_nothing_can_be_told(golden: Golden, serve: Callable[..., Flask], tmp_path: Path) -> None:
    """As with the log of SQLite before its first reader: an answer all the same, and a tag made of its bytes."""
    copied = writable.sqlite(golden, tmp_path)
    app = serve(find(**copied.target), {})
    client = app.test_client()
    first = client.get(NODE)
    app.extensions["aiida_like_storage"]().database.close()  # its connections
    with copied.committing() as commit:
        commit("PRAGMA journal_mode = wal")
    tags = []
    for _ in range(2):
        answer = ask(client, NODE, first.headers["ETag"])
        assert (answer.status_code, answer.data) == (200, first.data)
        assert answer.headers["Cache-Control"] == "no-cache"
        tags.append(answer.headers["ETag"])
    assert len({first.headers["ETag"], *tags}) == 3


MATCHES: dict[str, bool] = {
    "{tag}": True,
    '"other", {tag}': True,
    "*": True,
    '"other"': False,
    "W/{tag}": False,
    "": False,
}
FILE = f'/api/v4/nodes/{graph.relax_scf}/repo/contents?filename="aiida.in"'


@pytest.mark.parametrize("url", [NODE, "/api/v4/nodes?format=csv", "/api/v4/nodes/page/1", FILE, "/", "/api/v4/docs"])
@pytest.mark.parametrize("sent", MATCHES)
def test_if_match(client: FlaskClient, url: str, sent: str) -> None:
    """Tags are compared strongly (RFC 9110, 13.1.1); the second time the answer is cached."""
    for _ in range(3):
        whole = client.get(url, buffered=True)
        tag = whole.headers["ETag"]
        headers = {"If-Match": sent.format(tag=tag)}
        for method in (client.get, client.head):
            answer = method(url, headers=headers, buffered=True)
            assert answer.status_code == (200 if MATCHES[sent] else 412)
        answer = client.get(url, headers=headers, buffered=True)
        if MATCHES[sent]:
            assert answer.data == whole.data
        else:
            assert answer.json["message"].startswith("If-Match names no answer that is given now: ")
            assert "ETag" not in answer.headers
        both = client.get(url, headers={**headers, "If-None-Match": tag}, buffered=True)
        assert both.status_code == (304 if MATCHES[sent] else 412)


def test_if_match_of_what_is_no_answer(client: FlaskClient) -> None:
    """The fault of a request counts first."""
    for url, status in (("/api/v4/nodes?limit=-1", 400), ("/api/v4/nodes/9999999", 404)):
        assert client.get(url, headers={"If-Match": '"other"'}).status_code == status
    posted = client.post("/api/v4/querybuilder", json={"path": ["user"]}, headers={"If-Match": '"other"'})
    assert posted.status_code == 200
