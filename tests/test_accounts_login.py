"""The pages to sign in and out: sessions, forms, and what slows down who guesses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import Client, TestResponse

from aiida_like_engine.client import Client as EngineClient
from aiida_like_engine.errors import EngineAway
from aiida_like_engine.server_db import accounts
from aiida_like_engine.server_db.accounts import raise_generation
from aiida_like_engine.server_db.passwords import Passwords
from aiida_like_engine.server_db.tables import ACCOUNTS, KEYS
from restapi import create_site
from restapi.accounts import throttle
from restapi.accounts.forms import _is_local
from restapi.accounts.gate import Gate
from restapi.accounts.throttle import Throttle, neighbourhood
from tests.conftest import Golden
from tests.people import PASSWORD, People, make_people

HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
SAME = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}


class Clock:
    """Stands still, so that no test has to be quick."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def gate_of(site: Any) -> Gate:
    gate = site._listing.extensions["aiida_like_gate"]
    assert isinstance(gate, Gate)
    return gate


@pytest.fixture
def people(golden: Golden, tmp_path: Path) -> People:
    return make_people(tmp_path / "root", golden)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def site(people: People, clock: Clock) -> Iterator[Any]:
    made = create_site(["demo"], {"ENGINE": str(people.root.path)})
    gate_of(made).throttle._clock = clock
    yield made
    made.open.close()  # type: ignore[attr-defined]


@pytest.fixture
def browser(site: Any) -> Client:
    return Client(site)


def token_in(page: str) -> str:
    (token, *others) = re.findall(r'name="token" value="([^"]*)"', page)
    assert set(others) <= {token}
    return token


def sign_in(browser: Client, at: str = "/login", mount: str = "", **form: str) -> TestResponse:
    """Fills the form of a page in and sends it, as a browser does."""
    page = browser.get(at, headers=HTML, environ_overrides={"SCRIPT_NAME": mount})
    (target,) = set(re.findall(r'name="next" value="([^"]*)"', page.text))
    (action,) = set(re.findall(r'<form method="post" action="([^"]*)"', page.text))
    return browser.post(
        action.removeprefix(mount),
        data={"token": token_in(page.text), "next": target.replace("&amp;", "&").replace("&#34;", '"'), **form},
        headers={**HTML, **SAME},
        environ_overrides={"SCRIPT_NAME": mount},
    )


def session_of(answer: TestResponse) -> str:
    """The cookie of the session as it is sent, without its value."""
    (cookie,) = (each for each in answer.headers.getlist("Set-Cookie") if "form" not in each)
    return re.sub(r"Expires=[^;]*; ", "", re.sub(r"_\w{8}=[^;]*", "_NAME", cookie, count=1))


def test_by_password(browser: Client) -> None:
    """The page comes in place of what was asked for, and leads back there."""
    wanted = '/demo/api/v4/nodes?label=like="%25si%25"&limit=2&x=<b>'
    page = browser.get(wanted, headers=HTML)
    assert (page.status_code, page.content_type) == (401, "text/html; charset=utf-8")
    assert page.headers["WWW-Authenticate"] == 'Bearer realm="aiida-like"'
    assert page.headers["Cache-Control"] == "private, no-store"
    assert "<b>" not in page.text
    answer = sign_in(browser, wanted, name="ada", password=PASSWORD)
    assert (answer.status_code, answer.text) == (303, "")
    assert answer.headers["Location"] == "/demo/api/v4/nodes?label=like=%22%25si%25%22&limit=2&x=%3Cb%3E"
    assert session_of(answer) == "aiida_like_NAME; Max-Age=1209600; HttpOnly; Path=/; SameSite=Lax"
    assert browser.get("/api/v4/users").status_code == 200
    assert browser.get("/login", headers=HTML).headers["Location"] == "/"


@pytest.mark.parametrize("mount", ["", "/lab"])
def test_under_a_mount_and_behind_https(people: People, site: Any, mount: str) -> None:
    browser = Client(site)
    page = browser.get("/demo/", headers=HTML, environ_overrides={"SCRIPT_NAME": mount, "wsgi.url_scheme": "https"})
    assert f'action="{mount}/login"' in page.text
    assert f'name="next" value="{mount}/demo/"' in page.text
    (cookie,) = page.headers.getlist("Set-Cookie")
    assert re.fullmatch(
        rf"aiida_like_form_\w{{8}}=[\w-]{{22}}; Secure; HttpOnly; Path={mount or '/'}; SameSite=Lax", cookie
    )
    answer = sign_in(Client(site), "/demo/", mount, name="ada", password=PASSWORD)
    assert answer.headers["Location"] == f"{mount}/demo/"
    assert f"; Path={mount or '/'};" in session_of(answer)


def test_pages_show_who_is_signed_in(browser: Client) -> None:
    sign_in(browser, name="ada", password=PASSWORD)
    for path in ("/", "/demo/", "/api/v4/docs"):
        page = browser.get(path, headers=HTML)
        assert (
            '<span class="who"><a href="/keys" title="Your keys">ada</a> · <a href="/logout">sign out</a></span>'
            in page.text
        )
        assert page.headers["Cache-Control"] == "private, no-cache"
        assert "Cookie" in page.headers["Vary"]
    under = browser.get("/demo/", headers=HTML, environ_overrides={"SCRIPT_NAME": "/lab"})
    assert '<a href="/lab/logout">' in under.text


def test_who_may_not_read_may_sign_in_as_another(people: People) -> None:
    browser = Client(create_site([], {"ENGINE": str(people.root.path), "READ_ACCESS": "superuser"}))
    sign_in(browser, name="ada", password=PASSWORD)
    page = browser.get("/api/v4/users", headers=HTML)
    assert page.status_code == 403
    assert "Only superusers may read here, and you are signed in as ada." in page.text
    assert browser.get("/api/v4/users").json == {
        "message": "only superusers may read here, and the account ada is none"
    }
    assert sign_in(browser, "/api/v4/users", name="zoe", password=PASSWORD).headers["Location"] == "/api/v4/users"
    assert browser.get("/api/v4/users").status_code == 200


WRONG = {
    "another password": {"name": "ada", "password": "x"},
    "no such account": {"name": "nobody", "password": PASSWORD},
    "a disabled account": {"name": "carl", "password": PASSWORD},
    "no password": {"name": "bob", "password": PASSWORD},
    "nothing": {},
    "a name of another case": {"name": "Ada", "password": PASSWORD},
}


@pytest.mark.parametrize("case", WRONG)
def test_nobody_learns_which_accounts_there_are(browser: Client, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs one hash, is told the same, and leaves the same behind."""
    from argon2 import PasswordHasher

    verified: list[str] = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(
        PasswordHasher, "verify", lambda self, stored, given: (verified.append(stored), verify(self, stored, given))[1]
    )
    answer = sign_in(browser, **WRONG[case])
    assert (answer.status_code, len(verified)) == (401, 1)
    assert '<p class="failure" role="alert">Name or password is wrong.</p>' in answer.text
    assert "session" not in str(answer.headers)
    assert len(answer.headers.getlist("Set-Cookie")) == 1
    assert browser.get("/api/v4/users").status_code == 401
    assert PASSWORD not in answer.text


def test_by_key(browser: Client, people: People) -> None:
    assert sign_in(browser, key=f" {people.keys['bob']} ").status_code == 303
    assert browser.get("/api/v4/users").status_code == 200
    with people.writing() as connection:
        (key,) = accounts.all_keys(connection, "bob")
        accounts.revoke_key(connection, key.id)
    assert browser.get("/api/v4/users").status_code == 401, "a session ends with the key that it began with"
    other = Client(browser.application)
    answer = sign_in(other, key=people.keys["revoked"])
    assert (answer.status_code, "The key is revoked." in answer.text) == (401, True)
    answer = sign_in(other, key="alk_x")
    assert (answer.status_code, "There is no such key." in answer.text) == (401, True)


ENDS = {
    "password": lambda connection: accounts.set_password(connection, "ada", Passwords().hash("x" * 12)),
    "disable": lambda connection: accounts.set_disabled(connection, "ada", is_disabled=True),
    "disabled and enabled": lambda connection: [
        accounts.set_disabled(connection, "ada", is_disabled=each) for each in (True, False)
    ],
    "remove": lambda connection: accounts.remove_account(connection, "ada"),
}


@pytest.mark.parametrize("case", ENDS)
def test_what_ends_a_session(browser: Client, people: People, case: str) -> None:
    sign_in(browser, name="ada", password=PASSWORD)
    assert browser.get("/api/v4/users").status_code == 200
    with people.writing() as connection:
        ENDS[case](connection)
    assert browser.get("/api/v4/users").status_code == 401
    assert browser.get("/", headers=HTML).status_code == 401


def cookie_of(browser: Client) -> tuple[str, str]:
    (found,) = ((each.key, each.value) for each in browser._cookies.values() if "form" not in each.key)  # type: ignore[union-attr]
    return found


def test_a_session_ends_after_its_days(golden: Golden, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    import itsdangerous.timed

    browser = Client(create_site([], {"ENGINE": str(people.root.path), "SESSION_DAYS": 0.5}))
    sign_in(browser, name="ada", password=PASSWORD)
    name, value = cookie_of(browser)
    fresh = Client(browser.application, use_cookies=False)
    now = itsdangerous.timed.time.time()
    statuses = []
    for seconds in (43_190, 43_210):
        monkeypatch.setattr(itsdangerous.timed.time, "time", lambda seconds=seconds: now + seconds)
        statuses.append(fresh.get("/api/v4/users", headers={"Cookie": f"{name}={value}"}).status_code)
    assert statuses == [200, 401]


def test_cookies_that_are_not_ours(browser: Client, people: People, golden: Golden, tmp_path: Path) -> None:
    sign_in(browser, name="ada", password=PASSWORD)
    name, value = cookie_of(browser)
    fresh = Client(browser.application, use_cookies=False)

    def status(cookie: str) -> int:
        return fresh.get("/api/v4/users", headers={"Cookie": cookie}).status_code

    assert status(f"{name}={value}") == 200
    payload, stamp, signature = value.split(".")
    forged = [
        f"{name}={value}x",
        f"{name}={value[:-1]}",
        f"{name}={payload}.{stamp}",
        f"{name}=.{stamp}.{signature}",
        f"{name}=" + "x" * 5000,
        f"{name}=",
        f"{name}",
        f"other={value}",
    ]
    assert [status(cookie) for cookie in forged] == [401] * len(forged)
    # A token of a form is signed by the same secret, and no session.
    page = fresh.get("/login", headers=HTML)
    assert status(f"{name}={token_in(page.text)}") == 401
    # Neither is the session of another engine, even where its accounts have the same numbers.
    other = make_people(tmp_path / "other", golden)
    elsewhere = Client(create_site([], {"ENGINE": str(other.root.path)}))
    sign_in(elsewhere, name="ada", password=PASSWORD)
    theirs = cookie_of(elsewhere)
    assert theirs[0] != name
    assert status(f"{name}={theirs[1]}") == 401


def test_signing_out(browser: Client, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the session in all browsers, by the engine, which alone writes."""
    raised: list[int] = []

    def write(_: EngineClient, account: int) -> None:
        raised.append(account)
        with people.writing() as connection:
            raise_generation(connection, account)

    monkeypatch.setattr(EngineClient, "raise_generation", write)
    sign_in(browser, name="ada", password=PASSWORD)
    copied = dict([cookie_of(browser)])
    page = browser.get("/logout", headers=HTML)
    assert (page.status_code, "signed in as <b>ada</b>" in page.text) == (200, True)
    answer = browser.post("/logout", data={"token": "x"}, headers={**HTML, **SAME})
    assert (answer.status_code, raised) == (403, [])
    answer = browser.post("/logout", data={"token": token_in(page.text)}, headers={**HTML, **SAME})
    assert (answer.status_code, answer.headers["Location"], raised) == (303, "/login", [1])
    assert "; Max-Age=0; HttpOnly; Path=/; SameSite=Lax" in session_of(answer)
    assert browser.get("/api/v4/users").status_code == 401
    ((name, value),) = copied.items()
    assert (
        Client(browser.application, use_cookies=False)
        .get("/api/v4/users", headers={"Cookie": f"{name}={value}"})
        .status_code
        == 401
    )
    assert browser.get("/logout", headers=HTML).headers["Location"] == "/login"


def test_signing_out_while_the_engine_is_away(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, and at least this browser forgets."""

    def away(_: EngineClient, account: int) -> None:
        raise EngineAway(account)

    monkeypatch.setattr(EngineClient, "raise_generation", away)
    sign_in(browser, name="ada", password=PASSWORD)
    page = browser.get("/logout", headers=HTML)
    answer = browser.post("/logout", data={"token": token_in(page.text)}, headers={**HTML, **SAME})
    assert (answer.status_code, "The engine does not answer, so this browser alone" in answer.text) == (503, True)
    assert browser.get("/api/v4/users").status_code == 401


def test_a_form_of_somebody_else(browser: Client) -> None:
    """Nobody is signed in to an account of somebody else's choice by a page of theirs."""
    page = browser.get("/login", headers=HTML)
    good = {"token": token_in(page.text), "name": "ada", "password": PASSWORD}
    cases: list[tuple[dict[str, str], dict[str, str]]] = [
        ({**good, "token": "x"}, SAME),
        ({**good, "token": ""}, SAME),
        (good, {"Origin": "https://evil.example"}),
        (good, {"Origin": "null"}),
        (good, {"Sec-Fetch-Site": "cross-site"}),
        (good, {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"}),
        (good, {}),
    ]
    for form, headers in cases:
        answer = browser.post("/login", data=form, headers={**HTML, **headers})
        assert (answer.status_code, "did not come from a page of this site" in answer.text) == (403, True)
    # The token of another browser does not fit the cookie of this one.
    stranger = Client(browser.application)
    stranger.get("/login", headers=HTML)
    assert stranger.post("/login", data=good, headers=SAME).status_code == 403
    assert Client(browser.application).post("/login", data=good, headers=SAME).status_code == 403
    assert browser.post("/login", data=good, headers={**HTML, **SAME}).status_code == 303


def test_long_names_take_no_memory(browser: Client, site: Any) -> None:
    sign_in(browser, name="x" * 10_000, password="wrong")
    assert max(len(part) for key in gate_of(site).throttle._failures for part in key) == 64


def test_two_tabs(browser: Client) -> None:
    """The form that was opened first still works."""
    first = browser.get("/login", headers=HTML)
    browser.get("/api/v4/nodes", headers=HTML)
    form = {"token": token_in(first.text), "name": "ada", "password": PASSWORD}
    assert browser.post("/login", data=form, headers=SAME).status_code == 303


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:81"},
    {"Origin": "null"},
    {"Origin": "http://[broken"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none", "Origin": "http://evil.example"},
    {},
]

OURS = [
    {"Origin": "http://localhost"},
    {"Origin": "http://localhost:80"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
]


def test_writes_with_a_cookie(browser: Client, people: People) -> None:
    query = {"path": ["aiida.nodes.Node."], "limit": 1}
    sign_in(browser, name="ada", password=PASSWORD)

    def status(headers: dict[str, str]) -> int:
        return browser.post("/api/v4/querybuilder", json=query, headers=headers).status_code

    assert [status(headers) for headers in FOREIGN] == [403] * len(FOREIGN)
    assert [status(headers) for headers in OURS] == [200] * len(OURS)
    # A key is sent by nobody unasked.
    assert [status({**headers, **people.header("ada")}) for headers in FOREIGN] == [200] * len(FOREIGN)
    # Where TLS ends in front, the browser knows of https.
    assert status({"Origin": "https://localhost"}) == 200
    # What only reads may come from anywhere: nobody else's page sees the answer.
    answer = browser.get("/api/v4/users", headers={"Origin": "https://evil.example"})
    assert (answer.status_code, answer.headers["Cross-Origin-Resource-Policy"]) == (200, "same-origin")
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "path",
    ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "", "/a b", "/a\r\nSet-Cookie:x", "/ä"],
)
def test_it_leads_nowhere_else(browser: Client, path: str) -> None:
    assert not _is_local(path)
    page = browser.get("/login", query_string={"next": path}, headers=HTML)
    assert 'name="next" value="/"' in page.text
    form = {"token": token_in(page.text), "name": "ada", "password": PASSWORD, "next": path}
    assert browser.post("/login", data=form, headers=SAME).headers["Location"] == "/"


def test_other_ways_to_ask_for_the_page(browser: Client) -> None:
    assert browser.get("/login").status_code == 200, "whatever it accepts, there is only this form"
    assert browser.head("/login").status_code == 200
    answer = browser.delete("/login")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, POST")
    answer = browser.post("/login", data={}, headers=SAME)
    assert (answer.status_code, list(answer.json)) == (403, ["message"]), "a program is answered in JSON"
    assert (
        browser.post(
            "/login", data=b"x" * 30_000, headers={**SAME, "Content-Type": "application/x-www-form-urlencoded"}
        ).status_code
        == 413
    )
    assert browser.get("/demo/login", headers=HTML).status_code == 401, "there is one page for all profiles"
    assert browser.get("/login", headers={**HTML, "Host": "a b"}).status_code == 200
    assert browser.get("/api/v4", headers={**HTML, "Host": "a b"}).status_code == 400


def test_a_page_runs_own_scripts_alone(browser: Client) -> None:
    page = browser.get("/login", headers=HTML)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'; " in policy
    assert "form-action 'self'; frame-ancestors 'none'" in policy
    assert page.text.count("<script") == page.text.count('<script type="module" src="/static/') == 2
    assert "script-src 'self'; style-src 'self';" in policy
    assert page.headers["Referrer-Policy"] == "same-origin", "else Origin would be null"


def test_who_guesses_waits(browser: Client, clock: Clock) -> None:
    """Known names and unknown ones alike; others are not kept out."""
    for name in ("ada", "nobody"):
        statuses = [sign_in(browser, name=name, password="wrong").status_code for _ in range(6)]
        assert statuses == [401] * 5 + [429]
    answer = sign_in(browser, name="ada", password=PASSWORD)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1"), "even with the right one"
    assert "Too many attempts failed. Wait 1 second, then try again." in answer.text
    assert sign_in(browser, name="zoe", password=PASSWORD).status_code == 303
    clock.now = 2
    assert sign_in(Client(browser.application), name="ada", password=PASSWORD).status_code == 303


def test_an_address_that_tries_many_names_waits(browser: Client, people: People) -> None:
    page = browser.get("/login", headers=HTML)
    form = {"token": token_in(page.text), "name": "ada", "password": PASSWORD}
    for number in range(20):
        wrong = {**form, "name": f"name-{number}"}
        answer = browser.post("/login", data=wrong, headers=SAME, environ_overrides={"REMOTE_ADDR": "127.0.0.1"})
        assert answer.status_code == 401
    # It says itself where it comes from, which no proxy confirms.
    here, elsewhere = {"REMOTE_ADDR": "127.0.0.1"}, {"REMOTE_ADDR": "192.0.2.1"}
    claim = {**SAME, "X-Forwarded-For": "192.0.2.1"}
    assert browser.post("/login", data=form, headers=claim, environ_overrides=here).status_code == 429
    assert browser.post("/login", data=form, headers=SAME, environ_overrides=elsewhere).status_code == 303


def test_addresses_that_a_trusted_proxy_names(people: People) -> None:
    settings = {"ENGINE": str(people.root.path), "TRUSTED_PROXIES": "127.0.0.1"}
    browser = Client(create_site([], settings))
    page = browser.get("/login", headers=HTML)

    def status(address: str, **form: str) -> int:
        sent = {"token": token_in(page.text), **form}
        claim = {**SAME, "X-Forwarded-For": address}
        return browser.post(
            "/login", data=sent, headers=claim, environ_overrides={"REMOTE_ADDR": "127.0.0.1"}
        ).status_code

    assert [status("192.0.2.1", name=f"n{number}", password="wrong") for number in range(21)] == [401] * 20 + [429]
    assert status("203.0.113.9, 192.0.2.1", name="ada", password=PASSWORD) == 429
    assert status("192.0.2.2", name="ada", password=PASSWORD) == 303


def test_keys_are_not_guessed_either(browser: Client, people: People) -> None:
    """A good one goes on working from that address."""
    statuses = [browser.get("/api/v4", headers={"Authorization": "Token x"}).status_code for _ in range(31)]
    assert statuses == [401] * 30 + [429]
    answer = browser.get("/api/v4", headers={"Authorization": "Token x"})
    assert (answer.headers["Retry-After"], answer.json) == ("1", {"message": "too many keys were wrong: wait 1 s"})
    assert browser.get("/api/v4", headers=people.header("ada")).status_code == 200
    assert sign_in(browser, key="alk_x").status_code == 429
    assert sign_in(browser, name="ada", password=PASSWORD).status_code == 303


def test_many_at_once(browser: Client, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = gate_of(site)
    monkeypatch.setattr(gate.passwords, "_patience", 0.01)
    with gate.passwords._place(), gate.passwords._place():
        answer = sign_in(browser, name="ada", password=PASSWORD)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert sign_in(browser, name="ada", password=PASSWORD).status_code == 303


def test_how_long_it_takes() -> None:
    clock = Clock()
    throttle_ = Throttle(clock)
    key = ("both", "ada", "127.0.0.1")
    waits = []
    for _ in range(16):
        throttle_.failed([key])
        waits.append(throttle_.seconds([key]))
    assert waits == [0] * 4 + [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert throttle_.seconds([("both", "bob", "127.0.0.1")]) == 0
    clock.now = 299.5
    assert throttle_.seconds([key]) == 1
    clock.now = 300 + 899
    throttle_.failed([key])
    assert throttle_.seconds([key]) == 300
    clock.now += 300 + 901
    throttle_.failed([key])
    assert throttle_.seconds([key]) == 0
    throttle_.succeeded(key)
    assert throttle_._failures == {}


def test_it_remembers_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "_MOST_ENTRIES", 10)
    throttle_ = Throttle()
    for number in range(100):
        throttle_.failed([("both", str(number))])
    assert [key[1] for key in throttle_._failures] == [str(number) for number in range(90, 100)]


def test_neighbourhoods() -> None:
    """Who has an address of IPv6 has 2 to the 64 of them."""
    assert neighbourhood("192.0.2.7") == "192.0.2.7"
    assert neighbourhood("2001:db8::1") == neighbourhood("2001:db8::2:3") == "2001:db8::/64"
    assert neighbourhood("2001:db8:0:1::1") == "2001:db8:0:1::/64"
    assert neighbourhood(None) == neighbourhood("x") == "unknown"


def test_nothing_of_it_is_stored(people: People) -> None:
    """Neither keys nor passwords, only what is made of them."""
    with people.writing() as connection:
        stored = str(connection.execute(select(ACCOUNTS)).all() + connection.execute(select(KEYS)).all())
    assert PASSWORD not in stored
    assert not any(key in stored for key in people.keys.values())
    assert all(key not in people.root.server_database.read_bytes().decode("latin-1") for key in people.keys.values())
