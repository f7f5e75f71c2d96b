"""What only an engine that runs can do for accounts."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from werkzeug.test import Client

from aiida_like_engine.errors import NotFound
from aiida_like_engine.root.layout import Root
from aiida_like_engine.server_db import accounts
from aiida_like_engine.server_db.database import open_to_write
from aiida_like_engine.server_db.passwords import Passwords
from aiida_like_engine.services.supervisor import running
from restapi import create_site
from restapi.cli import main
from tests.asking import curl
from tests.conftest import COMMAND
from tests.engine_fixture import RunningEngine
from tests.people import PASSWORD
from tests.servers import PATIENCE, free_port, serving, wait_until

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


def test_a_computer_that_is_set_up_and_not_configured(engine: RunningEngine) -> None:
    """Who submits and uploads does not notice; the operator is told what to do, and then all may use it."""
    path, account = str(engine.root.path), engine.add_account("hopper")
    engine.verdi(
        *("computer", "setup", "--non-interactive", "--label", "cluster", "--hostname", "localhost"),
        *("--transport", "core.local", "--scheduler", "core.direct", "--work-dir", str(engine.home)),
    )
    assert engine.upload("before", b"x", account).size == 1
    assert engine.run("echo before", account=account).log == "before\n"
    done = engine.command("check", path, check=False)
    told = "the computer 'cluster' is not configured, and nobody can use it"
    way_out = f"AIIDA_PATH={path} verdi computer configure core.local cluster"
    assert (done.returncode, f"{told}: {way_out}" in done.stdout.splitlines()) == (1, True)
    assert may_use(engine, "hopper") == {"localhost"}
    engine.verdi("computer", "configure", "core.local", "cluster", "--non-interactive")
    assert told not in engine.command("check", path, check=False).stdout
    assert engine.upload("after", b"x", account).size == 1
    assert may_use(engine, "hopper") == {"localhost", "cluster"}


def may_use(engine: RunningEngine, name: str) -> set[str]:
    """The computers that AiiDA's user of an account may use."""
    printed = engine.in_aiida(f"""
user = orm.User.collection.get(email="{name}@example.org")
print(*(each.label for each in orm.Computer.collection.all() if each.is_user_configured(user)))""")
    return set(printed.split())


def test_a_removed_account_is_a_user_of_aiida_still(engine: RunningEngine) -> None:
    """What it made says by whom."""
    account = engine.add_account("leaves-for-good")
    run = engine.run("true", account=account)
    path = str(engine.root.path)
    done = CliRunner().invoke(main, ["account", "remove", "leaves-for-good", "--yes", "--engine", path])
    assert (done.exit_code, done.output) == (0, "The account leaves-for-good is removed.\n")
    printed = engine.in_aiida(f"""
node = orm.load_node({run.row.node_uuid!r})
print(node.user.email, orm.User.collection.get(email="leaves-for-good@example.org").pk == node.user.pk)""")
    assert printed == "leaves-for-good@example.org True\n"
    printed = engine.in_aiida("""
from aiida_like_engine.graph.users import Owner, user
print(repr(user(Owner("", "never-ran@example.org")).first_name))""")
    assert printed == "''\n"


def test_everything_in_one_go(tmp_path: Path) -> None:
    """On an empty folder: the engine is made and runs, its first key lets in, and Ctrl-C ends all but a job."""
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
        authorized = {"Authorization": f"Token {key}"}
        hardware = {"coreType": httpx.get(f"{url}/api/v2/coretypes/", headers=authorized).json()["results"][0]["code"]}
        command = "echo up > up; until [ -e go ]; do sleep 0.1; done; echo whole > result"
        analysis = {"analysis": {"code": "shell"}, "command": command, "hardware": {**hardware, "coresPerSlot": 1}}
        document = {"name": "lives on", "jobanalyses": [analysis]}
        made = httpx.post(f"{url}/api/v2/jobs/", json=document, headers=authorized, timeout=PATIENCE)
        assert made.status_code == 201, made.text
        submitted = httpx.post(f"{made.headers['Location']}submit/", headers=authorized, timeout=PATIENCE)
        assert submitted.status_code == 200
        wait_until(lambda: list(root.work.glob("*/*/*/work/up")) != [])
        (up,) = root.work.glob("*/*/*/work/up")
        os.killpg(server.pid, signal.SIGINT)  # as a terminal does
        assert server.process.popen.wait(PATIENCE) == 0
        assert running(root) is None
        assert not up.with_name("result").exists()
    up.with_name("go").touch()
    wait_until((up.parent.parent / "record" / "end.json").exists)
    assert json.loads((up.parent.parent / "record" / "end.json").read_text())["reason"] == "done"
    assert up.with_name("result").read_text() == "whole\n"
