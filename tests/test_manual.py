"""The examples of the manual, typed raw, through a real server: with curl, and in Chromium."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.conftest import COMMAND
from tests.manual import MANUAL, WHOLE, Data, Expected, NoRoute, Objects, Refused, Total
from tests.servers import free_port, require, serving


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str


@pytest.fixture(scope="module")
def root(target: dict[str, Any]) -> Iterator[str]:
    """A server for each of the golden storages."""
    url = f"http://127.0.0.1:{free_port()}"
    arguments = [target["target"], *(["--repository", target["repository"]] if "repository" in target else [])]
    with serving([*COMMAND, "serve", *arguments, "-P", url.rpartition(":")[2]], url):
        yield url


def curl(url: str, *options: str) -> Answer:
    """As it would be typed in a shell, between single quotes."""
    done = subprocess.run(
        [require("curl"), "--silent", "--show-error", "--include", *options, url],
        capture_output=True,
        check=True,
        timeout=60,
    )
    head, _, body = done.stdout.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(first.split()[1]), headers, body)


def check(expected: Expected, status: int, text: str, total: str | None) -> None:
    match expected:
        case Objects(key, name, values):
            rows = json.loads(text)["data"][key]
            assert (status, tuple(row[name] for row in rows)) == (200, values)
        case Total(number):
            assert (status, len(json.loads(text)["data"]["nodes"])) == (200, number)
            assert total in (str(number), None)
        case Data(data):
            found = json.loads(text)["data"]
            found.get("extras", {}).pop("_aiida_hash", None)
            found.get("extras", {}).pop("hidden", None)
            assert (status, found) == (200, data)
        case Refused(message):
            assert (status, json.loads(text)) == (400, {"message": message})
        case NoRoute():
            assert (status, text) == (404, "No resource has this URL. GET /api/v2 lists all endpoints.\n")


@pytest.mark.parametrize("url", MANUAL)
def test_curl(root: str, url: str) -> None:
    answer = curl(f"{root}/api/v2{url}")
    check(MANUAL[url], answer.status, answer.text, answer.headers.get("X-Total-Counts"))
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    if answer.status == 200:
        sent = json.loads(answer.text)
        assert (sent["url"], sent["method"]) == (f"{root}/api/v2{url}", "GET")


@pytest.mark.parametrize("url", WHOLE)
def test_curl_whole(root: str, url: str) -> None:
    answer = curl(f"{root}/api/v2{url}")
    assert (answer.status, json.loads(answer.text)["query_string"]) == (200, url.partition("?")[2])


@pytest.mark.parametrize("target", ["archive"], indirect=True)
@pytest.mark.parametrize("url", [*MANUAL, *WHOLE])
def test_chromium(root: str, chromium: Chrome, url: str) -> None:
    """The address bar encodes quotes and brackets, and leaves `%da` alone; the answer is the one that curl gets."""
    chromium.get(f"{root}/api/v2{url}")
    status = chromium.execute_script("return performance.getEntriesByType('navigation')[0].responseStatus")
    text = chromium.find_element(By.TAG_NAME, "pre").get_attribute("textContent")
    by_curl = curl(f"{root}/api/v2{url}")
    assert status == by_curl.status
    if status == 404:
        assert text == by_curl.text
        return
    assert json.loads(text).get("data") == json.loads(by_curl.text).get("data")
    assert json.loads(text).get("message") == json.loads(by_curl.text).get("message")


@pytest.mark.parametrize("target", ["archive"], indirect=True)
def test_the_home_page(root: str, chromium: Chrome) -> None:
    chromium.get(root)
    assert chromium.find_element(By.TAG_NAME, "h1").text == "golden"
    counts = [element.text for element in chromium.find_elements(By.CSS_SELECTOR, ".counts b")]
    assert counts == ["81", "52", "7", "4", "5"]
    for link in [element.get_attribute("href") for element in chromium.find_elements(By.TAG_NAME, "a")]:
        assert curl(str(link)).status == 200


@pytest.fixture
def other_origin() -> Iterator[str]:
    """An empty page that somebody else serves."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Keeps quiet."""

    # Threads, because Chromium opens connections that it may never use.
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


FETCH = """
const done = arguments[arguments.length - 1];
fetch(arguments[0], {headers: {"X-Requested-With": "XMLHttpRequest"}}).then(async answer =>
    done([answer.status, answer.headers.get("X-Total-Count"), await answer.text()])
).catch(error => done(String(error)));
"""


@pytest.mark.parametrize("target", ["archive"], indirect=True)
def test_other_pages_may_read(root: str, chromium: Chrome, other_origin: str) -> None:
    chromium.get(other_origin)
    status, total, _ = chromium.execute_async_script(FETCH, f"{root}/api/v2/users")
    assert (status, total) == (200, "4")
    status, total, text = chromium.execute_async_script(FETCH, f"{root}/api/v2/users?email=1")
    message = "the key 'email' of users is withheld: it is personal data"
    assert (status, total, json.loads(text)) == (400, None, {"message": message})


@pytest.mark.parametrize(
    "path", ["", "/nodes", "/nodes/schema", "/users/1", "/nodes/338357f4-f2/io/tree", "/nodes/page/2"]
)
def test_a_slash_at_the_end_never_matters(root: str, path: str) -> None:
    plain, slash = (json.loads(curl(f"{root}/api/v2{path}{end}").text) for end in ("", "/"))
    assert plain["data"] == slash["data"]


def test_a_file(root: str) -> None:
    url = f'{root}/api/v2/calculations/338357f4-f2/io/retrieved_outputs?filename="aiida.out"&rtype=download'
    answer = curl(url, "--output", "-")
    assert (answer.status, answer.headers["Content-Disposition"]) == (200, 'attachment; filename="aiida.out"')
    assert answer.headers["Content-Length"] == str(len(answer.text.encode()))
