"""The examples of the manual in the address bar of Chromium, pages of other origins, and the list of profiles."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.asking import curl
from tests.conftest import Golden
from tests.golden import graph, ids
from tests.manual import OF_EACH_KIND, Objects, check, labels
from tests.one_server import one_server


@pytest.fixture(scope="module")
def root(golden: Golden) -> Iterator[str]:
    with one_server(golden.archive) as url:
        yield url


def opened(browser: Chrome, url: str) -> tuple[int, str]:
    """The status, and the text that the page shows."""
    browser.get(url)
    status = browser.execute_script("return performance.getEntriesByType('navigation')[0].responseStatus")
    return status, str(browser.find_element(By.TAG_NAME, "pre").get_attribute("textContent"))


@pytest.mark.parametrize("url", OF_EACH_KIND)
def test_address_bar(root: str, chromium: Chrome, url: str) -> None:
    """It encodes quotes and brackets, and leaves `%da` alone; the answer is the one that curl gets."""
    status, text = opened(chromium, f"{root}/api/v2{url}")
    check(OF_EACH_KIND[url], status, text)
    by_curl = curl(f"{root}/api/v2{url}")
    assert status == by_curl.status
    if status == 404:
        assert text == by_curl.text
    else:
        shown, sent = json.loads(text), json.loads(by_curl.text)
        assert (shown.get("data"), shown.get("message")) == (sent.get("data"), sent.get("message"))


TYPED = {
    r'/nodes?description=like="This calculation is %\% useful"': labels("percent"),
    '/users?last_name="Müßig"': Objects("users", "id", (2,)),
}
"""What curl or gunicorn refuses as it is typed."""


@pytest.mark.parametrize("url", TYPED)
def test_what_the_address_bar_encodes(root: str, chromium: Chrome, url: str) -> None:
    status, text = opened(chromium, f"{root}/api/v2{url}")
    check(TYPED[url], status, text)


PAGE = b"""<!doctype html>
<title>A page of somebody else</title>
<script>
async function ask(url, headers, body) {
  try {
    const answer = await fetch(url, body ? {method: "POST", headers, body} : {headers})
    return [answer.status, answer.headers.get("X-Total-Count"), answer.headers.get("Link"), await answer.text()]
  } catch (error) {
    return String(error)
  }
}
</script>
"""


@pytest.fixture(scope="module")
def other_port() -> Iterator[int]:
    """Where somebody else serves PAGE, without a word about other origins."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *_: Any) -> None:
            """Keeps quiet."""

    # Threads, because Chromium opens connections that it may never use.
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def fetched(browser: Chrome, url: str, headers: dict[str, str], body: str | None = None) -> Any:
    script = "const done = arguments[3]; ask(arguments[0], arguments[1], arguments[2]).then(done)"
    return browser.execute_async_script(script, url, headers, body)


# The second kind of request is allowed by a preflight only.
@pytest.mark.parametrize("headers", [{}, {"X-Requested-With": "XMLHttpRequest", "Cache-Control": "no-cache"}])
def test_pages_of_other_origins_may_read(root: str, chromium: Chrome, other_port: int, headers: dict[str, str]) -> None:
    chromium.get(f"http://127.0.0.1:{other_port}/")
    url = f'{root}/api/v2/users/page/1?first_name=ilike="aii%"'
    status, total, link, text = fetched(chromium, url, headers)
    found = [user["first_name"] for user in json.loads(text)["data"]["users"]]
    assert (status, total, found) == (200, "1", ["AiiDA"])
    page = f"{root}/api/v2/users/page/1?first_name=ilike=%22aii%%22"
    assert link == f'<{page}>; rel="first", <{page}>; rel="last"'

    status, total, link, text = fetched(chromium, f"{root}/api/v2/users?last_login>2014-04-07", headers)
    message = "the key 'last_login' of users is withheld: it is personal data"
    assert (status, total, link, json.loads(text)) == (400, None, None, {"message": message})

    # A server that allows nothing: the browser does keep its rules.
    assert fetched(chromium, f"http://localhost:{other_port}/", headers) == "TypeError: Failed to fetch"


def test_pages_of_other_origins_may_read_that_there_is_no_route(root: str, chromium: Chrome, other_port: int) -> None:
    chromium.get(f"http://127.0.0.1:{other_port}/")
    status, *_, text = fetched(chromium, f"{root}/api/v2/c=+id", {})
    assert (status, text) == (404, "No resource has this URL. GET /api/v2 lists all endpoints.\n")


def test_pages_of_other_origins_may_use_the_querybuilder(root: str, chromium: Chrome, other_port: int) -> None:
    """A POST of JSON, which a preflight must allow."""
    chromium.get(f"http://127.0.0.1:{other_port}/")
    query = {
        "path": [{"entity_type": "node", "tag": "node", "filters": {"label": "silicon"}}],
        "project": {"node": ["id"]},
    }
    json_ = {"Content-Type": "application/json"}
    status, total, _, text = fetched(chromium, f"{root}/api/v4/querybuilder/", json_, json.dumps(query))
    assert (status, total, json.loads(text)["data"]) == (200, "1", {"node": [{"id": ids[graph.silicon]}]})

    status, *_, text = fetched(chromium, f"{root}/api/v4/querybuilder/", json_, "{}")
    assert (status, json.loads(text)) == (400, {"message": "path is a list, not None"})


def test_the_list_of_profiles(golden: Golden, chromium: Chrome, tmp_path: Path) -> None:
    """From there to a profile, and on from its page."""
    (tmp_path / "broken.aiida").write_text("nothing")
    targets = [str(golden.archive), f"a={golden.sqlite}", str(tmp_path / "broken.aiida")]
    with one_server(*targets) as root:
        chromium.get(root)
        assert chromium.title == "3 profiles"
        cards = [element.text for element in chromium.find_elements(By.CSS_SELECTOR, "section")]
        counts = "81 nodes · 52 links · 7 groups · 4 users · 5 computers"
        assert cards == [
            f"golden.aiida\n/golden/ · core.sqlite_zip\n{counts}",
            f"a\n/a/ · core.sqlite_dos\n{counts}",
            "broken.aiida\n/broken/\ncannot be served now: its file is not an AiiDA archive",
        ]
        chromium.find_element(By.LINK_TEXT, "a").click()
        assert chromium.find_element(By.TAG_NAME, "h1").text == "a"
        chromium.find_element(By.LINK_TEXT, "Profiles").click()
        assert chromium.current_url == f"{root}/"
