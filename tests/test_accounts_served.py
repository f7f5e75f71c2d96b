"""Accounts as users meet them: a server of ours, a gateway in front of it, and a browser."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from aiida_like_engine.server_db import accounts
from tests.asking import Answer, curl
from tests.conftest import COMMAND, Golden
from tests.nginx import MAIN
from tests.people import PASSWORD, People, make_people
from tests.servers import Serving, free_port, require, serving, wait_until

SECRET = "a-secret-of-the-gateway"


@pytest.fixture(scope="module")
def people(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> People:
    return make_people(tmp_path_factory.mktemp("engine") / "root", golden)


@pytest.fixture(scope="module")
def server(people: People, golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    secret = tmp_path_factory.mktemp("secret") / "gateway"
    secret.touch(mode=0o600)
    secret.write_text(SECRET)
    url = f"http://127.0.0.1:{free_port()}"
    command = [*COMMAND, "serve", "--engine", str(people.root.path), str(golden.archive), "-P", url.rpartition(":")[2]]
    settings = {"AIIDA_LIKE_GATEWAY_SECRET_FILE": str(secret), "AIIDA_LIKE_ACCESS_LOG": "yes"}
    with serving([*command, "-w", "2"], f"{url}/healthz", settings, {200}) as running:
        yield Serving(url, running.process)


def account_in_log(server: Serving, answer: Answer) -> str | None:
    """The line of the log is written once the answer is sent."""

    def lines() -> list[str]:
        return [line for line in server.stderr.splitlines() if f'"id":"{answer.headers["X-Request-ID"]}"' in line]

    wait_until(lambda: bool(lines()))
    account = json.loads(lines()[0])["account"]
    assert account is None or isinstance(account, str)
    return account


def with_key(key: str) -> tuple[str, str]:
    return "-H", f"Authorization: Token {key}"


def test_keys(server: Serving, people: People) -> None:
    """Also one that is revoked while both processes know it."""
    for path in ("/api/v4/users", "/golden/api/v2/nodes?limit=1", "/", "/api/v4/docs"):
        assert curl(f"{server.url}{path}").status == 401
        assert curl(f"{server.url}{path}", *with_key(people.keys["expired"])).status == 401
        assert curl(f"{server.url}{path}", *with_key(people.keys["ada"])).status == 200
    with people.writing() as connection:
        key = accounts.add_key(connection, "bob", "short")
    url = f"{server.url}/api/v4/users?orderby=id"
    assert {curl(url, *with_key(key)).status for _ in range(12)} == {200}
    with people.writing() as connection:
        accounts.revoke_key(connection, max(each.id for each in accounts.all_keys(connection, "bob")))
    assert {curl(url, *with_key(key)).status for _ in range(12)} == {401}


def test_signing_in_by_curl(server: Serving, people: People, tmp_path: Path) -> None:
    """Neither password, key nor cookie is in what the server prints."""
    jar = ("--cookie", str(tmp_path / "jar"), "--cookie-jar", str(tmp_path / "jar"))
    page = curl(f"{server.url}/golden/", *jar, "-H", "Accept: text/html")
    (token, *_) = re.findall(r'name="token" value="([^"]*)"', page.text)
    form = ["--data-urlencode", f"token={token}", "--data-urlencode", "next=/golden/", "--data-urlencode", "name=ada"]
    wrong = curl(f"{server.url}/login", *jar, *form, "-d", "password=nonsense1", "-H", f"Origin: {server.url}")
    assert wrong.status == 401
    form += ["--data-urlencode", f"password={PASSWORD}"]
    assert curl(f"{server.url}/login", *jar, *form, "-H", "Origin: http://evil.example").status == 403
    answer = curl(f"{server.url}/login", *jar, *form, "-H", f"Origin: {server.url}")
    assert (answer.status, answer.headers["Location"]) == (303, "/golden/")
    cookies = re.findall(r"aiida_like_\w+\t(\S+)", (tmp_path / "jar").read_text())
    assert len(cookies) == 2
    answer = curl(f"{server.url}/api/v4/users", *jar)
    assert (answer.status, account_in_log(server, answer)) == (200, "ada")
    secrets = [*cookies, *people.keys.values(), PASSWORD, PASSWORD.replace(" ", "+"), "nonsense1", SECRET]
    assert [secret for secret in secrets if secret in server.stderr] == []
    with subprocess.Popen(
        [*COMMAND, "account", "list", "--engine", str(people.root.path)], stdout=subprocess.PIPE
    ) as done:
        assert b"ada@example.org" in done.communicate()[0]


GATEWAY = """
map $http_authorization $consumer {{ default ""; "Token k-ada" ada; "Bearer k-ada" ada; "Token k-nobody" mallory; }}
server {{
    listen 127.0.0.1:{port};
    location / {{
        if ($consumer = "") {{ return 401; }}
        proxy_pass {url};
        proxy_set_header Host $http_host;
        proxy_set_header Authorization "";
        proxy_set_header X-Consumer-Username $consumer;
        proxy_set_header X-Consumer-ID "6f0c1f0e";
        proxy_set_header X-Consumer-Custom-ID "";
        proxy_set_header X-Credential-Identifier "c-1";
        proxy_set_header X-Anonymous-Consumer "";
        proxy_set_header X-Gateway-Secret "{secret}";
    }}
}}
"""
"""nginx in the role of Kong. {underscores} are let through, as Kong lets them."""


@pytest.fixture(scope="module")
def gateway(server: Serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    site = GATEWAY.format(port=port, url=server.url, secret=SECRET, underscores="")
    (folder / "site.conf").write_text("underscores_in_headers on;\n" + dedent(site))
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user="user root;"))
    url = f"http://127.0.0.1:{port}"
    with serving([require("nginx"), "-c", str(folder / "nginx.conf"), "-p", str(folder)], url, None, {401}):
        yield url


def test_a_gateway(gateway: str, server: Serving) -> None:
    url = f"{gateway}/api/v4/users"

    def ask(*headers: str, at: str = url) -> Answer:
        return curl(at, *(option for header in headers for option in ("-H", header)))

    def asked(*headers: str, at: str = url) -> int:
        return ask(*headers, at=at).status

    assert asked() == 401
    assert asked("Authorization: Token k-ada") == 200
    assert asked("Authorization: Bearer k-ada") == 200
    assert asked("Authorization: Token k-nobody") == 401, "it has no account here"
    # What a client sends under these names is replaced, or dropped by our server where it has underscores.
    forged = ["X-Consumer-Username: zoe", "X_Consumer_Username: zoe", "X-Gateway-Secret: x", "X_Gateway_Secret: x"]
    answer = ask("Authorization: Token k-ada", *forged)
    assert (answer.status, account_in_log(server, answer)) == (200, "ada")
    # Past the gateway they are worth nothing.
    past = f"{server.url}/api/v4/users"
    for headers in (forged[:1], [*forged[:1], "X-Gateway-Secret: guess-of-the-secret-x"], [forged[1], forged[3]]):
        assert asked(*headers, at=past) == 401
    twice = ["X-Consumer-Username: ada", "X-Consumer-Username: zoe", f"X-Gateway-Secret: {SECRET}"]
    assert asked(*twice, at=past) == 401
    assert asked(*twice[1:], f"X-Gateway-Secret: {SECRET}", at=past) == 401


def shown(browser: Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "main").text


def wait_for(browser: Chrome, text: str) -> None:
    """Waits until the page that a form leads to shows this."""

    def is_shown() -> bool:
        try:
            return text in browser.find_element(By.TAG_NAME, "body").text
        except WebDriverException:
            return False  # between two pages

    wait_until(is_shown)


def test_a_browser(server: Serving, people: People, chromium: Chrome, tmp_path: Path) -> None:
    """Signs in, looks around, tries the documentation, and is asked again once the session has ended."""
    chromium.delete_all_cookies()
    chromium.get(f"{server.url}/golden/")
    status = chromium.execute_script("return performance.getEntriesByType('navigation')[0].responseStatus")
    assert status == 401
    assert chromium.find_element(By.TAG_NAME, "h1").text == "Sign in"
    assert chromium.execute_script("return document.activeElement.id") == "name"
    chromium.save_screenshot(str(tmp_path / "login.png"))
    chromium.find_element(By.ID, "name").send_keys("ada")
    chromium.find_element(By.ID, "password").send_keys("wrong\n")
    wait_for(chromium, "Name or password is wrong.")
    assert chromium.execute_script("return document.activeElement.id") == "password"
    chromium.save_screenshot(str(tmp_path / "wrong.png"))
    chromium.find_element(By.ID, "password").send_keys(f"{PASSWORD}\n")
    wait_for(chromium, "sign out")
    assert chromium.current_url == f"{server.url}/golden/"
    assert chromium.find_element(By.CLASS_NAME, "who").text == "ada · sign out"
    chromium.save_screenshot(str(tmp_path / "home.png"))
    chromium.get(f"{server.url}/api/v4/docs")
    asked = "const done = arguments[0]; fetch('/api/v4/users').then(answer => done(answer.status))"
    assert chromium.execute_async_script(asked) == 200
    posted = (
        "const done = arguments[0]; fetch('/api/v4/querybuilder', {method: 'POST', headers: {'Content-Type': "
        "'application/json'}, body: JSON.stringify({path: [{entity_type: 'user', tag: 'u'}]})})"
        ".then(answer => done(answer.status))"
    )
    assert chromium.execute_async_script(posted) == 200
    chromium.get(f"{server.url}/logout")
    chromium.save_screenshot(str(tmp_path / "logout.png"))
    with people.writing() as connection:
        accounts.raise_generation(connection, 1)
    chromium.get(f"{server.url}/api/v4/users")
    assert chromium.find_element(By.TAG_NAME, "h1").text == "Sign in"
    ours = tuple(f"{server.url}{path}" for path in ("/login", "/logout", "/api/v4/users"))
    assert not any(
        "Policy" in each["message"] for each in chromium.get_log("browser") if each["message"].startswith(ours)
    )


def test_a_key_in_the_fragment(server: Serving, people: People, chromium: Chrome) -> None:
    """It is posted for a cookie, and stays neither in the address bar nor in the history."""
    chromium.delete_all_cookies()
    chromium.get(f"{server.url}/login#{people.keys['zoe']}")
    wait_for(chromium, "sign out")
    assert chromium.current_url == f"{server.url}/"
    assert "2 profiles" in shown(chromium)
    assert chromium.find_element(By.CLASS_NAME, "who").text == "zoe · sign out"
    chromium.back()
    assert people.keys["zoe"] not in chromium.current_url
    assert people.keys["zoe"] not in server.stderr
    chromium.delete_all_cookies()


def test_without_javascript(server: Serving, people: People, chromium: Chrome) -> None:
    chromium.delete_all_cookies()
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        chromium.get(f"{server.url}/golden/")
        chromium.find_element(By.TAG_NAME, "summary").click()
        chromium.find_element(By.ID, "key").send_keys(f"{people.keys['ada']}\n")
        wait_for(chromium, "sign out")
        assert chromium.current_url == f"{server.url}/golden/"
        assert chromium.find_element(By.CLASS_NAME, "who").text == "ada · sign out"
    finally:
        chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
        chromium.delete_all_cookies()
