"""Pages of runs with an engine that works: what a form starts, and what becomes of it, with and without JavaScript."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from restapi.hosting.app import Application
from tests.runs import Runs, running
from tests.servers import PATIENCE, wait_until
from tests.test_explorer_browser import axe, save, show


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    with running() as made:
        yield made


class Visitor:
    """A browser without JavaScript, signed in with a key, at the server or at an application in this process."""

    def __init__(self, runs: Runs, name: str, application: Application | None = None) -> None:
        own = {"Origin": runs.url, "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        transport = None if application is None else httpx.WSGITransport(application)
        self.http = httpx.Client(base_url=runs.url, headers=own, timeout=PATIENCE, transport=transport)
        page = self.http.get("/runs", follow_redirects=True).text
        sent = self.http.post("/login", data={"token": token_in(page), "key": runs.keys[name], "next": "/runs"})
        assert (sent.status_code, sent.headers["Location"]) == (303, "/runs")

    def close(self) -> None:
        self.http.close()

    def page(self, path: str, status: int = 200) -> str:
        answer = self.http.get(path)
        assert answer.status_code == status, answer.text
        assert answer.headers["Cache-Control"] == "private, no-store"
        return answer.text

    def sent(self, path: str, **fields: Any) -> httpx.Response:
        return self.http.post(path, data={"token": token_in(self.page(path)), **fields})

    def led(self, path: str, **fields: Any) -> str:
        """Where a form leads to."""
        answer = self.sent(path, **fields)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["Location"])

    def started(self, name: str, command: str, **fields: Any) -> str:
        """The path of a run."""
        given = {"name": name, "analysis": "shell 1", "command": command, "core_type": "standard", "cores": "1"}
        return self.led("/runs/new", do="start", **given, **fields)

    def until(self, path: str, *states: str) -> str:
        """The page of a run, once it is in a state."""
        deadline = time.monotonic() + PATIENCE
        while not (found := self.page(path)) or state_in(found) not in states:
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        return found


def token_in(page: str) -> str:
    return re.findall(r'name="token" value="([^"]*)"', page)[0]


def state_in(page: str) -> str:
    return re.findall(r'<span class="state \w+">([^<]*)</span>', page)[0]


@pytest.fixture(scope="module")
def application(runs: Runs, serve: Callable[..., Application]) -> Application:
    return serve(None, {"ENGINE": str(runs.engine.root.path)})


@pytest.fixture(scope="module")
def ada(runs: Runs, application: Application) -> Iterator[Visitor]:
    with closing(Visitor(runs, "ada", application)) as made:
        yield made


@pytest.fixture(scope="module")
def served(runs: Runs) -> Iterator[Visitor]:
    """Ada, who asks the server."""
    with closing(Visitor(runs, "ada")) as made:
        yield made


@pytest.mark.parametrize("who", ["ada", "served"])
def test_a_file_and_a_form_without_javascript(runs: Runs, who: str, request: pytest.FixtureRequest) -> None:
    """The file is longer than what is read of other bodies."""
    ada: Visitor = request.getfixturevalue(who)
    content = b'echo "$1 cells"; seq $1 > cells.txt\nexit\n' + b"#" * 3_000_000
    action = html.unescape(re.findall(r'action="([^"]*)" enctype="multipart/form-data"', ada.page("/runs/new"))[0])
    answer = ada.http.post(action, files={"file": ("mesh ü.sh", content)})
    assert answer.status_code == 303
    form = ada.page(answer.headers["Location"])
    (file,) = re.findall(r'name="file" value="(\w+)" checked> mesh ü.sh', form)
    assert re.search(r'<span class="number soft">3 MB', form)
    path = ada.started(
        "Airfoil", 'bash "mesh ü.sh" 3\necho "$CASE"', file=file, environment="CASE=a=b\r\n\r\n", wall_time="0.5"
    )
    page = ada.until(path, "done")
    assert "3 cells\na=b\n</pre>" in page
    assert re.findall(r"<dt><code>(\w+)</code></dt><dd><code>([^<]*)<", page) == [("CASE", "a=b")]
    assert "at most 30 min" in page
    outputs = dict(re.findall(r'<li><a href="(/api/v2/files/\w+/contents/)">([^<]*)</a>', page))
    assert list(outputs.values()) == ["process_output.log", "cells.txt"]
    by_name = {name: link for link, name in outputs.items()}
    assert ada.http.get(by_name["cells.txt"]).text == "1\n2\n3\n"
    (node,) = re.findall(r'<a href="(/nodes/[0-9a-f-]{36})">node</a>\s*<a', page)
    assert ada.http.get(f"/api/v4{node}").json()["data"]["nodes"][0]["label"] == "Airfoil"
    assert "Airfoil" in ada.page("/runs?state=done")
    again = program_in(page, "Python")
    done = subprocess.run(
        [sys.executable, "-c", again],
        env={**os.environ, "KEY": runs.keys["ada"]},
        capture_output=True,
        text=True,
        check=True,
    )
    repeated = ada.until(f"/runs/{done.stdout.strip()}", "done")
    assert "3 cells\na=b\n</pre>" in repeated
    assert program_in(repeated, "JSON") == program_in(page, "JSON")
    command = program_in(page, "curl").partition("\n\n")[0]
    env = {**os.environ, "KEY": runs.keys["ada"]}
    sent = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, check=True)
    assert '"id":' in sent.stdout


def program_in(page: str, name: str) -> str:
    (found,) = re.findall(rf'<h3>{name}</h3> <button [^>]*data-copy="([^"]*)"', page)
    return html.unescape(found)


def test_a_file_that_is_none(ada: Visitor) -> None:
    answer = ada.http.post("/runs/files?api=jobs&file=x", content=b"file=x", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 400
    assert "The file was not taken: No file was submitted." in answer.text


def test_stop_clone_and_remove(runs: Runs, ada: Visitor) -> None:
    path = ada.started("Sleeps", "echo awake; sleep 300")
    ada.until(path, "running")
    with closing(Visitor(runs, "bob")) as bob:
        bob.page(path, 404)
        answer = bob.http.post(path, data={"token": token_in(bob.page("/runs/new")), "action": "stop"})
        assert answer.status_code == 404
    assert ada.led(path, action="stop") == path
    stopped = ada.until(path, "stopped")
    assert "<span>Completed: User Terminated</span>" in stopped
    draft = ada.led(path, action="clone")
    form = ada.page(draft)
    assert (state_in(form), ">echo awake; sleep 300</textarea>" in form) == ("draft", True)
    fields = {"name": "Wakes", "analysis": "shell 1", "command": "echo awake", "core_type": "standard", "cores": "1"}
    assert ada.led(draft, do="save", **fields) == draft
    refused = ada.sent(draft, do="start", **{**fields, "cores": "64"})
    assert refused.status_code == 400
    assert 'id="cores-wrong"' in refused.text
    assert ada.led(draft, do="start", **fields) == draft
    assert "awake\n</pre>" in ada.until(draft, "done")
    assert ada.led(draft, action="remove") == "/runs"
    ada.page(draft, 404)
    assert "Wakes" not in ada.page("/runs")


def test_an_upload_by_a_page_of_others(runs: Runs, ada: Visitor) -> None:
    answer = ada.http.post("/runs/files", files={"file": ("x", b"x")}, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


def test_own_keys(runs: Runs, ada: Visitor) -> None:
    made = ada.sent("/keys", label="<laptop>", days="7")
    assert made.status_code == 201
    (key,) = re.findall(r'<code class="secret">([^<]*)</code>', made.text)
    header = {"Authorization": f"Token {key}"}
    assert httpx.get(f"{runs.url}/api/v2/users/me/", headers=header).json()["username"] == "ada"
    page = ada.page("/keys")
    assert key not in page
    assert "&lt;laptop&gt;" in page
    youngest = re.findall(r'name="revoke" value="(\d+)"', page)[0]
    assert ada.led("/keys", revoke=youngest) == "/keys"
    assert httpx.get(f"{runs.url}/api/v2/users/me/", headers=header).status_code == 401
    assert ada.sent("/keys", revoke=youngest).status_code == 400
    assert ada.sent("/keys", days="99999").status_code == 400
    by_program = httpx.post(f"{runs.url}/keys", headers=runs.header("bob"), data={"label": "of a program"})
    assert (by_program.status_code, by_program.json()["key"][:4]) == (201, "alk_")


def test_a_log_is_loaded_to_its_beginning(runs: Runs, ada: Visitor, chromium: Chrome) -> None:
    """Piece by piece, and nothing twice, though pieces begin within lines and characters."""
    path = ada.started("Long log", "seq -f 'line %g, ä€😀' 12000; printf '\\377 no UTF-8\\n'; seq -f 'ü %g' 9000")
    ada.until(path, "done")
    sign_in(ada, chromium, runs.url)
    chromium.get(runs.url + path)
    (link,) = re.findall(r'<a href="(/api/v2/files/\w+/contents/)">process_output.log', ada.page(path))
    whole = ada.http.get(link).content.decode(errors="replace")
    assert whole.endswith(text_of(chromium, "[data-text]"))
    pieces = 0
    while (button := chromium.find_element(By.CSS_SELECTOR, "[data-earlier]")).is_displayed():
        before = text_of(chromium, "[data-text]")
        button.click()
        waits(chromium, "[data-text]", lambda text, before=before: text != before)
        assert whole.endswith(text_of(chromium, "[data-text]"))
        pieces += 1
    assert pieces > 2
    assert text_of(chromium, "[data-text]") == whole
    assert text_of(chromium, "[data-about]") == "21001 lines."


@pytest.fixture(scope="module")
def pages(ada: Visitor) -> Iterator[dict[str, str]]:
    """Paths of pages of each kind by what they show, with a run in each state."""
    fields = {"name": "Not yet", "analysis": "shell 1", "command": "true", "core_type": "standard", "cores": "1"}
    running, draft = ada.started("Runs", "echo on its way; sleep 600"), ada.led("/runs/new", do="save", **fields)
    done, failed = ada.started("Works", "seq 3 > left.txt; echo well"), ada.started("Fails", "echo why; exit 3")
    ada.until(done, "done")
    ada.until(failed, "failed")
    ada.until(running, "running")
    yield {
        "list": "/runs",
        "form": "/runs/new?name=A%20name",
        "keys": "/keys",
        "password": "/password",
        "running": running,
        "draft": draft,
        "done": done,
        "failed": failed,
        "login": "/login",
    }
    ada.led(running, action="stop")
    ada.until(running, "stopped")


KINDS = ("list", "form", "keys", "password", "running", "draft", "done", "failed", "login")

STATUS = "return performance.getEntriesByType('navigation')[0].responseStatus"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_each_page(runs: Runs, ada: Visitor, pages: dict[str, str], chromium: Chrome, width: int, scheme: str) -> None:
    """It can be read and used by all people, does not scroll to the side, and breaks no rule of its policy."""
    assert set(pages) == set(KINDS)
    sign_in(ada, chromium, runs.url)
    watch = chromium.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})["identifier"]
    chromium.get_log("browser")
    for name in KINDS:
        if name == "login":
            chromium.delete_all_cookies()
        show(chromium, runs.url + pages[name], width, scheme)
        chromium.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
        save(chromium, f"runs-{name}-{width}-{scheme}")
        size = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        wide, seen = chromium.execute_script(size)
        status, log = chromium.execute_script(STATUS), [each["message"] for each in chromium.get_log("browser")]
        assert (name, status, wide <= seen, axe(chromium), log) == (name, 200, True, [], [])
        assert chromium.current_url == runs.url + pages[name]
    assert chromium.execute_script("return sessionStorage.violations ?? null") is None
    chromium.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", {"identifier": watch})
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.delete_all_cookies()


def test_each_page_without_javascript(runs: Runs, ada: Visitor, pages: dict[str, str], chromium: Chrome) -> None:
    """Nothing is missing that can be read, and no button is there that does nothing."""
    sign_in(ada, chromium, runs.url)
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    chromium.get_log("browser")
    try:
        for name in KINDS:
            if name == "login":
                chromium.delete_all_cookies()
            show(chromium, runs.url + pages[name], 400, "dark")
            assert chromium.current_url == runs.url + pages[name]
            main = chromium.find_element(By.TAG_NAME, "main")
            assert WORDS[name] in main.text, main.text
            dead = [each for each in main.find_elements(By.CSS_SELECTOR, "button[type=button]") if each.is_displayed()]
            assert (name, dead, chromium.get_log("browser")) == (name, [], [])
    finally:
        chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
        chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        chromium.delete_all_cookies()


WORDS = {
    "list": "Not yet",
    "form": "Text for the shell",
    "keys": "Your keys",
    "password": "password",
    "running": "on its way",
    "draft": "Not yet",
    "done": "left.txt",
    "failed": "why",
    "login": "Sign in",
}


def sign_in(visitor: Visitor, browser: Chrome, url: str) -> None:
    """Gives the browser the cookies of a visitor."""
    browser.get(f"{url}/login")
    for cookie in visitor.http.cookies.jar:
        browser.add_cookie({"name": cookie.name, "value": str(cookie.value), "path": "/", "httpOnly": True})


DROP = """
const data = new DataTransfer();
data.items.add(new File([arguments[0]], "count.sh"));
document.querySelector("[data-files]").dispatchEvent(
  new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
"""

WATCH = """
document.addEventListener("securitypolicyviolation", event => {
  sessionStorage.violations = (sessionStorage.violations ?? "") + event.violatedDirective + " ";
});
"""


def text_of(browser: Chrome, selector: str) -> str:
    return str(browser.execute_script("return document.querySelector(arguments[0])?.textContent ?? ''", selector))


def waits(browser: Chrome, selector: str, is_so: Callable[[str], bool]) -> None:
    wait_until(lambda: is_so(text_of(browser, selector)))


def check_pause(runs: Runs, browser: Chrome) -> None:
    """While it is pressed nothing is added, whatever is printed; then all of it is."""
    pause = browser.find_element(By.CSS_SELECTOR, "[data-pause]")
    pause.click()
    assert pause.get_attribute("aria-pressed") == "true"
    time.sleep(0.5)  # An answer may be on its way.
    paused = text_of(browser, "[data-text]")
    time.sleep(2)  # The page asks for more each 1.5 s.
    path = browser.find_element(By.CSS_SELECTOR, "[data-log]").get_attribute("data-log")
    assert httpx.get(f"{runs.url}{path}", headers=runs.header("bob")).text.startswith(f"{paused}line")
    assert text_of(browser, "[data-text]") == paused
    pause.click()
    assert pause.get_attribute("aria-pressed") == "false"
    waits(browser, "[data-text]", lambda text: len(text) > len(paused))


def test_a_browser(runs: Runs, chromium: Chrome) -> None:
    """A dropped file, a form, a log that is followed, and what the run leaves; nothing breaks the policy."""
    chromium.delete_all_cookies()
    chromium.get_log("browser")
    watch = chromium.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})["identifier"]
    try:
        chromium.get(f"{runs.url}/runs")
        chromium.find_element(By.TAG_NAME, "summary").click()
        chromium.find_element(By.ID, "key").send_keys(f"{runs.keys['bob']}\n")
        waits(chromium, "h1", "Runs".__eq__)
        chromium.find_element(By.LINK_TEXT, "New run").click()
        waits(chromium, "h1", "New run".__eq__)
        chromium.execute_script(DROP, 'for i in $(seq 9); do echo "line $i of 9"; sleep 1; done; seq 5 > left.txt\n')
        waits(chromium, "[data-chosen]", lambda text: "count.sh" in text)
        chromium.find_element(By.ID, "name").send_keys("Counts")
        chromium.find_element(By.ID, "command").send_keys("bash count.sh", Keys.CONTROL, Keys.ENTER)
        waits(chromium, "h1", "Counts".__eq__)
        waits(chromium, "[data-text]", lambda text: "line 2 of 9" in text)
        waits(chromium, ".about .state", "running".__eq__)
        check_pause(runs, chromium)
        chromium.find_element(By.ID, "log-filter").send_keys("2 of")
        waits(chromium, "[data-text]", "line 2 of 9\n".__eq__)
        assert text_of(chromium, "[data-text] mark") == "2 of"
        chromium.find_element(By.ID, "log-filter").send_keys(Keys.BACKSPACE * 4)
        waits(chromium, ".about .state", "done".__eq__)
        waits(chromium, "[data-text]", lambda text: text == "".join(f"line {number} of 9\n" for number in range(1, 10)))
        waits(chromium, "[data-live=outputs]", lambda text: "left.txt" in text and "10 bytes" in text)
        wait_until(lambda: not chromium.find_element(By.CSS_SELECTOR, "[data-pause]").is_displayed())
        assert text_of(chromium, ".happened").count("Executing") == 1
        assert chromium.execute_script("return sessionStorage.violations ?? null") is None
        assert [each["message"] for each in chromium.get_log("browser")] == []
    finally:
        chromium.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", {"identifier": watch})
        chromium.delete_all_cookies()
