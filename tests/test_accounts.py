"""Who may read what: each route, each caller, cold, from the cache and with If-None-Match."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import Client, TestResponse

from aiida_like.errors import TargetError
from aiida_like.profiles import RUNS, demo, find
from aiida_like_engine.errors import Busy, RootError
from aiida_like_engine.server_db import accounts
from aiida_like_engine.server_db.database import VERSION, now
from aiida_like_engine.server_db.directory import Directory
from aiida_like_engine.server_db.passwords import Passwords
from aiida_like_engine.server_db.tables import KEYS, SCHEMA
from restapi import create_site
from restapi.accounts.guard import Guard
from restapi.hosting.app import Application
from tests.conftest import Golden, at_once
from tests.people import People, make_people
from tests.urls import URLS

SITE_URLS = [
    "/",
    "/runs/",
    "/demo",
    "/api/v2/docs",
    "/runs/api/v4/docs/docs.js",
    "/api/v4/nodes?format=csv&limit=3",
    "/demo/api/v4/nodes?limit=3",
]
"""What there is beside the resources of a profile: its pages, the list of profiles, another profile."""

CALLERS = ["ada", "bob", "zoe", "carl", "revoked", "expired", "unknown"]

STATUSES: dict[str, dict[str, int]] = {
    "accounts": {"nobody": 401, "ada": 200, "bob": 200, "zoe": 200},
    "superuser": {"nobody": 401, "ada": 403, "bob": 403, "zoe": 200},
    "public": {"nobody": 200, "ada": 200, "bob": 200, "zoe": 200},
}
"""By READ_ACCESS and caller; all others are 401, because what they sent is no good."""

PROBLEMS = {
    "carl": "the key is of a disabled account",
    "revoked": "the key is revoked",
    "expired": "the key is expired",
    "unknown": "there is no such key",
}


@pytest.fixture(scope="module")
def people(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> People:
    made = make_people(tmp_path_factory.mktemp("engine") / "root", golden)
    made.keys["unknown"] = "alk_nobody"
    return made


@pytest.fixture(scope="module", params=STATUSES)
def access(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def site(people: People, access: str) -> Iterator[Client]:
    site = create_site(["demo"], {"ENGINE": str(people.root.path), "READ_ACCESS": access, "ACCESS_LOG": True})
    yield Client(site)
    site.open.close()  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def many_failures_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "restapi.accounts.throttle.FREE_FAILURES", dict.fromkeys(("both", "address", "account", "key"), 10**9)
    )


def ask(client: Client, url: str, headers: dict[str, str], **options: Any) -> TestResponse:
    return client.open(url, headers=headers, buffered=True, **options)


@pytest.mark.parametrize("url", [*SITE_URLS, *URLS])
def test_each_caller(site: Client, people: People, access: str, url: str) -> None:
    """A known tag, and an answer that is in the cache, are for nobody who may not read."""
    headers = {"nobody": {}, **{name: people.header(name) for name in CALLERS}}
    expected = {name: STATUSES[access].get(name, 401) for name in headers}
    refused = [name for name in headers if expected[name] != 200]
    allowed = [name for name in headers if expected[name] == 200]

    def check_refused(**more: str) -> None:
        for name in refused:
            answer = ask(site, url, {**headers[name], **more})
            assert (name, answer.status_code) == (name, expected[name])
            assert answer.is_json
            assert list(answer.json) == ["message"]
            assert answer.json["message"].startswith(PROBLEMS.get(name, "")), "it says what is wrong"
            assert "ETag" not in answer.headers
            assert ("WWW-Authenticate" in answer.headers) == (expected[name] == 401)
            assert answer.headers["Cache-Control"].startswith("private, no-")
            assert "Access-Control-Allow-Origin" not in answer.headers

    check_refused()
    first = ask(site, url, headers[allowed[0]])
    assert first.status_code == 200
    for _ in range(2):
        for name in allowed:
            answer = ask(site, url, headers[name])
            assert (answer.status_code, answer.data) == (200, first.data)
    check_refused()
    tag = first.headers.get("ETag")
    if tag:
        check_refused(**{"If-None-Match": tag})
        for name in allowed:
            answer = ask(site, url, {**headers[name], "If-None-Match": tag})
            assert (answer.status_code, answer.data) == (304, b"")
            if (access, name) != ("public", "nobody"):
                assert answer.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("url", ["/healthz", "/readyz", "/demo/healthz", "/healthz/"])
def test_health_is_for_all(site: Client, url: str) -> None:
    answer = ask(site, url, {"Authorization": "Token nobody"})
    assert (answer.status_code, answer.json["status"] in ("ok", "ready")) == (200, True)


def test_static_files_are_for_all(site: Client) -> None:
    answer = ask(site, "/static/of-another-version/base.css", {"Authorization": "Token nobody"})
    assert (answer.status_code, answer.mimetype) == (200, "text/css")


OTHERS = [
    ("POST", "/api/v4/querybuilder", {"path": ["aiida.nodes.Node."], "limit": 1}),
    ("OPTIONS", "/api/v4/nodes", None),
    ("HEAD", "/api/v4/nodes", None),
    ("DELETE", "/api/v4/nodes", None),
    ("GET", "/api/v4/nothing", None),
    ("GET", "/nobody/api/v4/nodes", None),
    ("GET", "//healthz", None),
    ("GET", "/api/v2/nodes/healthz", None),
    ("GET", "/api/../healthz", None),
    *(("GET", path, None) for path in ("/static/", "/static/x", "/demo/static/", "/static//base.css", "/static/x/y")),
]


@pytest.mark.parametrize(("method", "url", "body"), OTHERS)
def test_what_is_not_there_is_not_told(
    site: Client, people: People, access: str, method: str, url: str, body: Any
) -> None:
    """The names of profiles, and which routes there are, are for readers too."""
    answer = ask(site, "/", {}, method=method, json=body, environ_overrides={"PATH_INFO": url})
    assert (answer.status_code == 401) == (access != "public")
    known = ask(site, "/", people.header("zoe"), method=method, json=body, environ_overrides={"PATH_INFO": url})
    assert known.status_code not in (401, 403)


@pytest.mark.parametrize("site", ["accounts"], indirect=False, ids=["accounts"])
def test_schemes(people: People, site: str) -> None:
    client = Client(create_site([], {"ENGINE": str(people.root.path)}))
    key = people.keys["ada"]
    statuses = {
        f"Token {key}": 200,
        f"Bearer {key}": 200,
        f"token   {key} ": 200,
        f"BEARER {key}": 200,
        f"Basic {key}": 401,
        key: 401,
        "Token": 401,
        "Token ": 401,
        f"Token {key},Token {key}": 401,
        f"Token {key.upper()}": 401,
        "Token ä\xff": 401,
    }
    found = {sent: ask(client, "/api/v4/users", {"Authorization": sent}).status_code for sent in statuses}
    assert found == statuses
    assert ask(client, f"/api/v4/users?key={key}", {}).status_code == 401, "what stands in a URL stands in logs"


def test_headers_of_answers(golden: Golden, people: People) -> None:
    """An archive may be kept for an hour by all caches, where it is public."""
    settings = {"ENGINE": str(people.root.path)}
    kept = {
        access: Client(create_site([str(golden.archive)], {**settings, "READ_ACCESS": access})) for access in STATUSES
    }
    url, names = "/golden/api/v4/users", ("Cache-Control", "Vary", "Access-Control-Allow-Origin")
    answer = ask(kept["accounts"], url, people.header("ada")).headers
    assert [answer.get(name) for name in names] == ["private, no-cache", "Accept, Prefer, Authorization, Cookie", None]
    answer = ask(kept["public"], url, {}).headers
    assert [answer.get(name) for name in names] == ["public, max-age=3600", "Accept, Prefer", "*"]
    answer = ask(kept["public"], url, people.header("ada")).headers
    assert [answer.get(name) for name in names] == ["private, no-cache", "Accept, Prefer, Authorization, Cookie", None]


def test_the_challenge(people: People) -> None:
    client = Client(create_site([], {"ENGINE": str(people.root.path)}))
    assert ask(client, "/api/v4", {}).headers["WWW-Authenticate"] == 'Bearer realm="aiida-like"'
    answer = ask(client, "/api/v4", {"Authorization": "Token x"})
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="aiida-like", error="invalid_token"'
    assert answer.headers["X-Request-ID"]


def test_the_log_names_the_account_and_no_key(people: People, caplog: pytest.LogCaptureFixture) -> None:
    client = Client(create_site([], {"ENGINE": str(people.root.path), "ACCESS_LOG": True}))
    with caplog.at_level(logging.DEBUG):
        ask(client, "/api/v4/users?limit=1", people.header("ada"))
        ask(client, "/api/v4/users?limit=1", people.header("revoked"))
        ask(client, "/api/v4/users?limit=1", {"Cookie": "a=secret"})
    entries = [json.loads(record.getMessage()) for record in caplog.records if record.name == "aiida_like.access"]
    assert [(each["status"], each["account"]) for each in entries] == [(200, "ada"), (401, None), (401, None)]
    assert not any(secret in caplog.text for secret in (people.keys["ada"], people.keys["revoked"], "secret"))


def test_a_change_counts_at_once(golden: Golden, tmp_path: Path) -> None:
    """In a server that runs, and that has seen the key before."""
    people = make_people(tmp_path / "root", golden)
    client = Client(create_site([], {"ENGINE": str(people.root.path)}))

    def statuses() -> dict[str, int]:
        return {name: ask(client, "/api/v4/users", people.header(name)).status_code for name in ("ada", "bob", "carl")}

    assert statuses() == {"ada": 200, "bob": 200, "carl": 401}
    with people.writing() as connection:
        accounts.set_disabled(connection, "ada", is_disabled=True)
        accounts.set_disabled(connection, "carl", is_disabled=False)
    assert statuses() == {"ada": 401, "bob": 200, "carl": 200}
    with people.writing() as connection:
        accounts.remove_account(connection, "bob")
        (of_carl,) = accounts.all_keys(connection, "carl")
        accounts.revoke_key(connection, of_carl.id)
    assert statuses() == {"ada": 401, "bob": 401, "carl": 401}


def test_a_key_expires_while_it_is_remembered(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people = make_people(tmp_path / "root", golden)
    with people.writing() as connection:
        end = now() + 10**6
        connection.execute(update(KEYS).where(KEYS.c.label == "a label").values(expires=end))
    directory = Directory(people.root.server_database)
    states = []
    for time in (end - 1, end):
        monkeypatch.setattr(accounts, "now", lambda time=time: time)
        found = directory.by_key(people.keys["ada"])
        states.append(found and found.state)
    assert states == ["valid", "expired"]
    directory.close()


def test_a_database_that_is_put_back(golden: Golden, tmp_path: Path) -> None:
    """From a backup: another file, of which nothing is remembered."""
    people = make_people(tmp_path / "root", golden)
    directory = Directory(people.root.server_database)
    backup = tmp_path / "backup"
    shutil.copy(people.root.server_database, backup)
    with people.writing() as connection:
        accounts.set_disabled(connection, "ada", is_disabled=True)
    assert directory.by_name("ada").is_disabled  # type: ignore[union-attr]
    for log in ("-wal", "-shm"):
        people.root.server_database.with_name(f"server.sqlite{log}").unlink()
    backup.replace(people.root.server_database)
    assert not directory.by_name("ada").is_disabled  # type: ignore[union-attr]
    directory.close()


def test_accounts_that_cannot_be_read(golden: Golden, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody is let in, and nobody is told a path; who runs the server is told once."""
    people = make_people(tmp_path / "root", golden)
    client = Client(create_site([], {"ENGINE": str(people.root.path)}))
    assert ask(client, "/api/v4/users", people.header("ada")).status_code == 200
    people.root.server_database.rename(tmp_path / "away")
    for _ in range(2):
        answer = ask(client, "/api/v4/users", people.header("ada"))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
        assert answer.json["message"] == "this site cannot be served now: its accounts cannot be read"
        assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    assert caplog.text.count(str(people.root.server_database)) == 1
    assert ask(client, "/healthz", {}).status_code == 200
    (tmp_path / "away").rename(people.root.server_database)
    assert ask(client, "/api/v4/users", people.header("ada")).status_code == 200
    with people.writing() as connection:
        connection.execute(update(SCHEMA).values(version=99))
    people.root.server_database.rename(tmp_path / "newer")
    shutil.copy(tmp_path / "newer", people.root.server_database)
    answer = ask(client, "/api/v4/users", people.header("ada"))
    assert (answer.status_code, "has schema version 99" in answer.json["message"]) == (503, True)
    assert str(tmp_path) not in answer.text


def test_a_database_of_before(golden: Golden, tmp_path: Path) -> None:
    """The program is newer than the engine's database: whoever runs the server is told the command, by HTTP too."""
    people = make_people(tmp_path / "root", golden)
    client = Client(create_site([], {"ENGINE": str(people.root.path)}))
    with people.writing() as connection:
        connection.execute(update(SCHEMA).values(version=VERSION - 1))
    people.root.server_database.rename(tmp_path / "older")
    shutil.copy(tmp_path / "older", people.root.server_database)  # as another file, which is opened anew
    for path, key in (("/api/v4/users", "message"), ("/api/v2/jobs/", "detail"), ("/ada/api/v2/jobs/", "detail")):
        answer = ask(client, path, people.header("ada"))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
        assert answer.json[key] == (
            f"this site cannot be served now: its server database has schema version {VERSION - 1}, and this server "
            f"reads {VERSION}: aiida-like engine init ROOT, with the engine stopped, brings it forward"
        )
        assert str(tmp_path) not in answer.text


def test_eight_at_once(people: People) -> None:
    client_site = create_site([], {"ENGINE": str(people.root.path)})
    found: list[tuple[str, int]] = []

    def one(number: int) -> None:
        client = Client(client_site)
        name = CALLERS[number % len(CALLERS)]
        found.extend((name, ask(client, "/api/v4/users?limit=1", people.header(name)).status_code) for _ in range(20))

    at_once(one)
    assert set(found) == {(name, STATUSES["accounts"].get(name, 401)) for name in CALLERS}
    assert len(found) == 160


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another word": ({"READ_ACCESS": "all"}, "the setting READ_ACCESS takes public, accounts, superuser, not 'all'"),
    "no engine": ({"ENGINE": "/nowhere"}, "/nowhere is no engine's folder: aiida-like engine init /nowhere"),
    "no secret": (
        {"GATEWAY_SECRET_FILE": "/nowhere"},
        "the setting GATEWAY_SECRET_FILE names /nowhere, which cannot be read: No such file or directory",
    ),
    "a desktop": (
        {"ACCOUNTS": "no", "READ_ACCESS": "public"},
        "without accounts reading needs the key, too: READ_ACCESS=public goes with accounts",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_settings(people: People, golden: Golden, case: str) -> None:
    given, message = REFUSED[case]
    with pytest.raises(TargetError) as refused:
        create_site([str(golden.archive)], {"ENGINE": str(people.root.path), **given})
    assert str(refused.value) == message


NEED_AN_ENGINE = {
    "READ_ACCESS": ("accounts", "READ_ACCESS=accounts needs an ENGINE, which has the accounts"),
    "GATEWAY_SECRET_FILE": ("x", "GATEWAY_SECRET_FILE needs an ENGINE, which has the accounts"),
    "ACCOUNTS": ("no", "ACCOUNTS=false needs an ENGINE, which has the accounts"),
}


@pytest.mark.parametrize("name", NEED_AN_ENGINE)
def test_settings_that_need_an_engine(serve: Callable[..., Flask], name: str) -> None:
    """Else a server would be open whose operator thinks that it is not."""
    value, message = NEED_AN_ENGINE[name]
    with pytest.raises(TargetError) as refused:
        serve(demo(), {name: value})
    assert str(refused.value) == message


def test_names_that_clash(people: People, golden: Golden) -> None:
    settings = {"ENGINE": str(people.root.path)}
    with pytest.raises(TargetError, match=r"^an account and a profile are both called 'ada': give the profile another"):
        create_site([f"ada={golden.archive}"], settings)
    with pytest.raises(TargetError, match=r"^no profile can be called 'login' in a URL"):
        create_site([f"login={golden.archive}"], settings)
    with pytest.raises(TargetError, match=r"^two targets are called 'runs'"):
        create_site([f"runs={golden.archive}"], settings)
    create_site([f"login={golden.archive}", "demo"], {}).open.close()  # type: ignore[attr-defined]


def test_without_an_engine_nothing_stands_in_front(serve: Callable[..., Flask], golden: Golden) -> None:
    app = serve(demo(), {})
    assert app.wsgi_app == Application.wsgi_app.__get__(app)
    page = app.test_client().get("/", headers={"Accept": "text/html", "Authorization": "Token x"})
    assert "<h1>Silicon, its bands, and what went wrong</h1>" in page.text
    assert "sign out" not in page.text
    assert page.headers["Access-Control-Allow-Origin"] == "*"
    assert app.test_client().get("/login").status_code == 404


def test_an_application_alone_is_guarded_too(people: People, serve: Callable[..., Flask]) -> None:
    app = serve(demo(), {"ENGINE": str(people.root.path)})
    assert isinstance(app.wsgi_app, Guard)
    client = app.test_client()
    assert client.get("/api/v4/users").status_code == 401
    assert client.get("/api/v4/users", headers=people.header("bob")).status_code == 200
    assert find(str(people.root.store)).name == "store"
    assert (
        serve(None, {"ENGINE": str(people.root.path)})
        .test_client()
        .get("/", headers=people.header("bob"))
        .json["profile"]
        == RUNS
    )


def test_a_hook_of_somebody_else(people: People, serve: Callable[..., Flask]) -> None:
    """Then Flask serves all requests, and the guard still stands in front of it."""
    app = serve(demo(), {"ENGINE": str(people.root.path)})
    seen: list[str] = []
    app.before_request(lambda: seen.append("asked"))
    client = app.test_client()
    assert (client.get("/api/v4/users").status_code, seen) == (401, [])
    assert (client.get("/api/v4/users", headers=people.header("bob")).status_code, seen) == (200, ["asked"])


def test_forms_of_passwords() -> None:
    passwords = Passwords(at_once=1, patience=0.01)
    for wrong in ("short", "x" * 257, ""):
        with pytest.raises(accounts.AccountError, match=r"^a password has 10 to 256 characters$"):
            passwords.hash(wrong)
    stored = passwords.hash("correct horse")
    assert stored.startswith("$argon2id$")
    account = accounts.Account(1, "ada", "a@b", False, False, 0, stored)
    assert "argon2" not in repr(account)
    with pytest.raises(accounts.AccountError, match=r"^a password is text in UTF-8$"):
        passwords.hash("not utf-8 \udcff\udcfe")
    composed = accounts.Account(1, "ada", "a@b", False, False, 0, passwords.hash("gr\u00fcne Wiese"))
    assert passwords.fits(composed, "gru\u0308ne Wiese"), "as another keyboard writes it"
    longest = accounts.Account(1, "ada", "a@b", False, False, 0, passwords.hash("x" * 256))
    assert (passwords.fits(longest, "x" * 256), passwords.fits(longest, "x" * 257)) == (True, False)
    assert (passwords.fits(account, "correct horse"), passwords.fits(account, "correct")) == (True, False)
    assert passwords.fits(None, "correct horse") is False
    assert passwords.fits(accounts.Account(1, "ada", "a@b", False, True, 0, stored), "correct horse") is False
    assert passwords.fits(accounts.Account(1, "ada", "a@b", False, False, 0, "nonsense"), "correct horse") is False
    with passwords._place(), pytest.raises(Busy):
        passwords.fits(None, "correct horse")


def test_a_secret_that_is_missing(golden: Golden, tmp_path: Path) -> None:
    people = make_people(tmp_path / "root", golden)
    people.root.secret.write_text("\n")
    with pytest.raises(TargetError, match=r"which signs cookies, is empty: aiida-like engine init"):
        create_site([], {"ENGINE": str(people.root.path)})
    people.root.secret.unlink()
    with pytest.raises(TargetError, match=r"which signs cookies, cannot be read: No such file or directory$"):
        create_site([], {"ENGINE": str(people.root.path)})


def test_a_connection_that_breaks(people: People) -> None:
    """The next look makes another one."""
    directory = Directory(people.root.server_database)
    assert directory.by_name("ada") is not None
    assert directory._opened is not None
    driver = directory._opened[1].connection.driver_connection
    assert driver is not None
    driver.close()
    with pytest.raises(RootError, match=r"cannot be read: Cannot operate on a closed database\.$"):
        directory.by_name("ada")
    assert directory.by_name("ada") is not None
    directory.close()


def test_the_directory_says_what_is_wrong(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "server.sqlite")
    with pytest.raises(RootError, match=r"cannot be read: No such file or directory$"):
        directory.names()
    (tmp_path / "server.sqlite").write_text("no database" * 1000)
    with pytest.raises(RootError, match="file is not a database"):
        directory.names()
