"""What only an engine that runs can do for accounts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from werkzeug.test import Client

from aiida_like_engine.errors import NotFound
from aiida_like_engine.root.layout import Root
from aiida_like_engine.server_db import accounts
from aiida_like_engine.server_db.database import open_to_write
from aiida_like_engine.server_db.passwords import Passwords
from aiida_like_engine.services.supervisor import running
from restapi import create_site
from tests.asking import curl
from tests.conftest import COMMAND
from tests.engine_fixture import RunningEngine
from tests.people import PASSWORD
from tests.servers import free_port, serving, wait_until

HTML = {"Accept": "text/html"}
SAME = {"Sec-Fetch-Site": "same-origin"}


def token_at(browser: Client, path: str) -> str:
    return re.findall(r'name="token" value="([^"]*)"', browser.get(path, headers=HTML).text)[0]


def test_signing_out_ends_all_sessions(engine: RunningEngine) -> None:
    """The gateway of the engine writes it, and the web server sees it at the next request."""
    database = open_to_write(engine.root.server_database)
    with database.writing() as connection:
        password = Passwords().hash(PASSWORD)
        accounts.add_account(connection, "leaves", "leaves@x.org", password, is_superuser=False, taken=())
    database.close()
    site = create_site([], {"ENGINE": str(engine.root.path)})
    browsers = [Client(site), Client(site)]
    for browser in browsers:
        form = {"token": token_at(browser, "/login"), "name": "leaves", "password": PASSWORD}
        assert browser.post("/login", data=form, headers=SAME).status_code == 303
    assert [browser.get("/api/v4/users").status_code for browser in browsers] == [200, 200]
    answer = browsers[0].post("/logout", data={"token": token_at(browsers[0], "/logout")}, headers=SAME)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert [browser.get("/api/v4/users").status_code for browser in browsers] == [401, 401]
    site.extensions["aiida_like_storage"].close()  # type: ignore[attr-defined]


def test_a_new_password_ends_other_sessions(engine: RunningEngine) -> None:
    """The gateway writes it; it takes no other account's."""
    database = open_to_write(engine.root.server_database)
    with database.writing() as connection:
        password = Passwords().hash(PASSWORD)
        accounts.add_account(connection, "changes", "changes@x.org", password, is_superuser=False, taken=())
    database.close()
    site = create_site([], {"ENGINE": str(engine.root.path)})
    here, elsewhere = Client(site), Client(site)
    for browser in (here, elsewhere):
        form = {"token": token_at(browser, "/login"), "name": "changes", "password": PASSWORD}
        assert browser.post("/login", data=form, headers=SAME).status_code == 303
    new = {"token": token_at(here, "/password"), "password": PASSWORD, "new": "x" * 12, "again": "x" * 12}
    answer = here.post("/password", data=new, headers=SAME)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/password?changed")
    assert [browser.get("/api/v4/users").status_code for browser in (here, elsewhere)] == [200, 401]
    with pytest.raises(NotFound):
        engine.client._asked("POST", f"/accounts/{engine.account + 1}/password", engine.account, json={"hash": "x"})
    site.extensions["aiida_like_storage"].close()  # type: ignore[attr-defined]


def test_everything_in_one_go(tmp_path: Path) -> None:
    """On an empty folder: the engine is made and runs, its first key lets in, and one signal ends all of it."""
    root, url = Root(tmp_path / "root"), f"http://127.0.0.1:{free_port()}"
    options = ["--engine", str(root.path), "--with-engine", "--no-accounts", "-P", url.rpartition(":")[2], "-w", "1"]
    # It answers once the engine does, which is made first.
    with serving([*COMMAND, "serve", *options], f"{url}/healthz", statuses={200}, patience=90) as server:
        key = root.first_key.read_text().strip()
        wait_until(lambda: running(root) is not None)
        assert server.stderr.count(f"The first key is in {root.first_key}.\n") == 1
        assert key not in server.stderr
        assert curl(f"{url}/api/v4/users").status == 401
        assert curl(f"{url}/api/v4/users", "-H", f"Authorization: Token {key}").status == 200
        foreign = curl(f"{url}/api/v4/users", "-H", f"Authorization: Token {key}", "-H", "Host: evil.example")
        assert foreign.status == 403
    assert running(root) is None
