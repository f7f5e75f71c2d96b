"""The page at /api/vN/docs: it comes from here alone, and its operations can be tried."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait
from werkzeug.test import Client

from aiida_like.profiles import demo
from restapi import create_app, create_site
from tests.conftest import COMMAND, Golden
from tests.golden import graph
from tests.servers import free_port, serving

FILES = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "docs.css": "text/css; charset=utf-8",
    "docs.js": "text/javascript; charset=utf-8",
}


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    made = create_app(demo(), {})
    yield made
    made.extensions["aiida_like_storage"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_the_page(client: FlaskClient, version: str) -> None:
    for slash in ("", "/"):
        page = client.get(f"/api/{version}/docs{slash}")
        assert (page.status_code, page.content_type) == (200, "text/html; charset=utf-8")
        assert f'data-document="/api/{version}/openapi.json"' in page.text
        assert "default-src 'none'; script-src 'self'" in page.headers["Content-Security-Policy"]
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert "http" not in page.text.replace("http://www.w3.org/2000/svg", "")  # a name, not an address
        for name, media in FILES.items():
            assert f'"/api/{version}/docs/{name}?' in page.text
            with client.get(f"/api/{version}/docs/{name}", buffered=True) as file:
                assert (file.status_code, file.content_type) == (200, media)
                assert file.headers["Cache-Control"] == "public, max-age=86400"
                assert file.headers["X-Content-Type-Options"] == "nosniff"


def test_no_other_file_is_given(client: FlaskClient) -> None:
    for name in ("oauth2-redirect.html", "nothing", "../__init__.py", "..%2f__init__.py"):
        assert client.get(f"/api/v4/docs/{name}").status_code == 404


def test_a_profile_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "broken.aiida").write_text("nothing")
    client = create_app(str(tmp_path / "broken.aiida"), {}).test_client()
    assert client.get("/api/v4/docs").status_code == 200
    assert client.get("/api/v4/openapi.json").status_code == 503


def test_behind_a_mount_point(client: FlaskClient, golden: Golden) -> None:
    page = client.get("/api/v4/docs", base_url="http://localhost/a b")
    assert 'data-document="/a%20b/api/v4/openapi.json"' in page.text
    document = client.get("/api/v4/openapi.json", base_url="http://localhost/a b").json
    assert document["servers"] == [{"url": "/a%20b/api/v4"}]
    site = create_site([str(golden.archive), f"second={golden.archive}"], {})
    for mount in ("", "/second"):
        answer = Client(site).get(f"{mount}/api/v2/openapi.json")
        assert answer.json["servers"] == [{"url": f"{mount}/api/v2"}]
        assert f'src="{mount}/api/v2/docs/docs.js?' in Client(site).get(f"{mount}/api/v2/docs").text
    site.open.close()  # type: ignore[attr-defined]


def test_all_errors_are_told_in_json(client: FlaskClient) -> None:
    refused = client.post("/api/v4/docs")
    assert (refused.status_code, refused.content_type) == (405, "application/json")


@pytest.fixture(scope="module")
def root(golden: Golden) -> Iterator[str]:
    """The second of two profiles."""
    root = f"http://127.0.0.1:{free_port()}"
    targets = [f"first={golden.sqlite}", f"second={golden.archive}"]
    with serving([*COMMAND, "serve", *targets, "-P", root.rpartition(":")[2], "-w", "1"], root):
        yield f"{root}/second"


def found(browser: Chrome, selector: str) -> list[WebElement]:
    """Those elements, when there are some."""
    return WebDriverWait(browser, 30).until(lambda each: each.find_elements(By.CSS_SELECTOR, selector))


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_operations_are_shown(root: str, client: FlaskClient, chromium: Chrome, version: str) -> None:
    chromium.get_log("browser")
    chromium.get(f"{root}/api/{version}/docs")
    shown = found(chromium, ".opblock")
    paths = client.get(f"/api/{version}/openapi.json").json["paths"]
    assert len(shown) == sum(map(len, paths.values()))
    assert chromium.title == f"AiiDA REST API, version {version[1]} · second"
    asked = chromium.execute_script("return performance.getEntriesByType('resource').map(each => each.name)")
    assert len(asked) >= 5
    ours = (f"{root}/api/{version}/", f"{root.removesuffix('/second')}/static/")
    assert [url for url in asked if not url.startswith(ours)] == []
    assert [each["message"] for each in chromium.get_log("browser")] == []


def test_an_operation_can_be_tried(root: str, chromium: Chrome) -> None:
    chromium.get(f"{root}/api/v4/docs")
    (operation,) = found(chromium, "#operations-nodes-get_nodes")
    operation.find_element(By.CSS_SELECTOR, ".opblock-summary-control").click()
    fill(chromium, "label", 'like="silic%"')
    fill(chromium, "filter", "id<20 AND NOT id>19")
    operation.find_element(By.CSS_SELECTOR, "button.execute").click()
    found(chromium, ".live-responses-table .response-col_status")
    (body,) = found(chromium, ".live-responses-table .highlight-code code")
    assert f'"uuid": "{graph.silicon}"' in text_of(body)
    assert "200" in text_of(found(chromium, ".live-responses-table .response-col_status")[-1])
    assert [each["message"] for each in chromium.get_log("browser")] == []


def fill(browser: Chrome, name: str, value: str) -> None:
    (field,) = found(browser, f"tr[data-param-name={name}] input")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", field)
    field.send_keys(value)


def text_of(element: WebElement) -> Any:
    return element.get_attribute("textContent")
