"""The page to change one's own password: who may, what is refused, and which sessions end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from aiida_like_engine.client import Client as EngineClient
from aiida_like_engine.errors import EngineAway
from aiida_like_engine.server_db import accounts
from restapi import create_site
from tests.conftest import Golden
from tests.people import PASSWORD, People, make_people
from tests.test_accounts_login import HTML, SAME, Clock, gate_of, sign_in, token_in

NEW = "another good one"


@pytest.fixture
def people(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> People:
    """With a gateway that writes what it is told."""
    made = make_people(tmp_path / "root", golden)

    def write(_: EngineClient, account: int, password_hash: str) -> None:
        with made.writing() as connection:
            (found,) = (each for each in accounts.all_accounts(connection) if each.id == account)
            accounts.set_password(connection, found.name, password_hash)

    monkeypatch.setattr(EngineClient, "set_password", write)
    return made


@pytest.fixture
def site(people: People) -> Iterator[Any]:
    made = create_site(["demo"], {"ENGINE": str(people.root.path)})
    gate_of(made).throttle._clock = Clock()
    yield made
    made.open.close()  # type: ignore[attr-defined]


@pytest.fixture
def ada(site: Any) -> Client:
    browser = Client(site)
    assert sign_in(browser, name="ada", password=PASSWORD).status_code == 303
    return browser


def change(browser: Client, mount: str = "", **form: str) -> TestResponse:
    at: dict[str, Any] = {"environ_overrides": {"SCRIPT_NAME": mount}}
    page = browser.get("/password", headers=HTML, **at)
    assert page.status_code == 200
    assert f'action="{mount}/password"' in page.text
    sent = {"token": token_in(page.text), "password": PASSWORD, "new": NEW, "again": NEW, **form}
    return browser.post("/password", data=sent, headers={**HTML, **SAME}, **at)


def can_sign_in(site: Any, name: str, password: str) -> bool:
    return sign_in(Client(site), name=name, password=password).status_code == 303


@pytest.mark.parametrize("mount", ["", "/lab"])
def test_a_new_password(site: Any, people: People, mount: str) -> None:
    """This browser stays signed in, others do not, and keys go on working."""
    here, elsewhere = Client(site), Client(site)
    for browser in (here, elsewhere):
        sign_in(browser, "/login", mount, name="ada", password=PASSWORD)

    def status(browser: Client, **headers: str) -> int:
        at = {"SCRIPT_NAME": mount}
        return browser.get("/api/v4/users", headers=headers, environ_overrides=at).status_code

    assert [status(here), status(elsewhere)] == [200, 200]
    answer = change(here, mount)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{mount}/password?changed")
    assert [status(here), status(elsewhere)] == [200, 401]
    assert status(Client(site), **people.header("ada")) == 200
    told = here.get("/password?changed", headers=HTML, environ_overrides={"SCRIPT_NAME": mount}).text
    assert '<p role="status"><b>The password was changed. Other browsers have to sign in again.</b></p>' in told
    assert not can_sign_in(site, "ada", PASSWORD)
    assert can_sign_in(site, "ada", NEW)
    assert can_sign_in(site, "zoe", PASSWORD)


REFUSED: list[tuple[dict[str, str], int, str]] = [
    ({"password": "wrong one"}, 403, "The password of now is wrong."),
    ({"password": ""}, 403, "The password of now is wrong."),
    ({"again": "something else"}, 400, "The new password was not written twice in the same way."),
    ({"new": "short", "again": "short"}, 400, "A password has 10 to 256 characters."),
    ({"new": "x" * 257, "again": "x" * 257}, 400, "A password has 10 to 256 characters."),
    ({"new": "", "again": ""}, 400, "A password has 10 to 256 characters."),
    ({"token": "x"}, 403, "The form did not come from a page of this site, or your browser keeps no cookies."),
]


@pytest.mark.parametrize(("form", "status", "message"), REFUSED, ids=lambda each: str(each)[:40])
def test_what_is_refused(site: Any, ada: Client, form: dict[str, str], status: int, message: str) -> None:
    answer = change(ada, **form)
    assert (answer.status_code, answer.headers.get("Location")) == (status, None)
    assert f'<p class="failure" role="alert">{message}' in answer.text
    assert NEW not in answer.text
    assert can_sign_in(site, "ada", PASSWORD)
    assert ada.get("/api/v4/users").status_code == 200


def test_a_page_of_somebody_else(site: Any, ada: Client) -> None:
    token = token_in(ada.get("/password", headers=HTML).text)
    form = {"token": token, "password": PASSWORD, "new": NEW}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        assert ada.post("/password", data=form, headers=headers).status_code == 403
    assert can_sign_in(site, "ada", PASSWORD)


def test_guessing_is_slowed(site: Any, ada: Client) -> None:
    """As at the page to sign in, and together with it: a session that was left open is no way to find the password."""
    statuses = [change(ada, password=f"guess {number}").status_code for number in range(7)]
    assert statuses == [403] * 5 + [429] * 2
    answer = change(ada)
    assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (429, True)
    assert sign_in(Client(site), name="ada", password=PASSWORD).status_code == 429


def test_who_has_no_password_yet(site: Any, people: People) -> None:
    browser = Client(site)
    sign_in(browser, key=people.keys["bob"])
    page = browser.get("/password", headers=HTML)
    assert ("and have no password yet" in page.text, 'name="password"' in page.text) == (True, False)
    assert change(browser).status_code == 303
    assert can_sign_in(site, "bob", NEW)
    assert browser.get("/api/v4/users").status_code == 200
    assert change(browser, password="no").status_code == 403, "now it has one, which is asked for"


def test_a_program(site: Any, people: People) -> None:
    """It sends its key, and needs no form."""
    client, key = Client(site), people.header("ada")
    wrong = client.post("/password", data={"password": "no", "new": NEW}, headers=key)
    assert (wrong.status_code, wrong.json) == (403, {"message": "The password of now is wrong."})
    done = client.post("/password", data={"password": PASSWORD, "new": NEW}, headers=key)
    assert (done.status_code, done.json) == (200, {"message": "the password was changed"})
    assert can_sign_in(site, "ada", NEW)
    assert client.put("/password", headers=key).status_code == 405


def test_nobody(site: Any) -> None:
    page = Client(site).get("/password", headers=HTML)
    assert (page.status_code, page.headers["Location"]) == (303, "/login?next=/password")
    for method in ("GET", "POST"):
        answer = Client(site).open("/password", method=method, data={"new": NEW}, headers=SAME)
        assert (answer.status_code, list(answer.json)) == (401, ["message"])


def test_the_engine_is_away(site: Any, ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise EngineAway("it does not answer")

    monkeypatch.setattr(EngineClient, "set_password", away)
    answer = change(ada)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "The engine does not answer, and it alone can change the password." in answer.text
    assert can_sign_in(site, "ada", PASSWORD)


def test_a_desktop_has_none(people: People) -> None:
    site = create_site([], {"ENGINE": str(people.root.path), "ACCOUNTS": False})
    answer = Client(site).get("/password", headers={**HTML, **people.header("zoe")})
    assert answer.status_code == 404


def test_the_way_there(ada: Client) -> None:
    for page in ("/keys", "/logout"):
        assert '<a href="/password">Change your password</a>' in ada.get(page, headers=HTML).text
