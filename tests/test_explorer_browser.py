"""All kinds of pages in Chromium: light and dark, wide and narrow, with and without JavaScript."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome

from tests import servers
from tests.conftest import COMMAND, ROOT
from tests.explorer_pages import PAGES, STATUSES
from tests.markers import sampled
from tests.servers import free_port, serving

WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", event => {
  violations.push(event.violatedDirective + " " + event.blockedURI);
});
"""
PAPER_AND_INK = """
const light = colour => Math.max(...colour.match(/[0-9.]+/g).slice(0, 3).map(Number));
const style = getComputedStyle(document.body);
return [light(style.backgroundColor), light(style.color)];
"""
SHOWN = """
return [...document.querySelectorAll(arguments[0])].filter(each => each.checkVisibility()).map(each => each.outerHTML);
"""
CUT = """
const wide = document.documentElement.clientWidth;
const texts = [...document.querySelectorAll("body *")].filter(
  each => each.checkVisibility() && [...each.childNodes].some(child => child.nodeType === 3 && child.data.trim()));
return texts.filter(each => each.getBoundingClientRect().right > wide + 1).map(
  each => each.textContent.slice(0, 40) + " " + each.getBoundingClientRect().right);
"""
FILTER = "return getComputedStyle(document.querySelector('#operations')).filter"
BUILD = ROOT / "build" / "explorer"
NOT_OURS = {"docs"}
"""Pages whose content is that of Swagger UI."""


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    url = f"http://127.0.0.1:{free_port()}"
    with serving([*COMMAND, "serve", "demo", "-P", url.rpartition(":")[2], "-w", "1"], url):
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with servers.chromium() as made:
        made.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        yield made


@pytest.fixture(scope="module")
def without_javascript() -> Iterator[Chrome]:
    with servers.chromium(javascript=False) as made:
        yield made


def show(browser: Chrome, url: str, width: int, scheme: str, media: str = "screen") -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    browser.get(url)


def save(browser: Chrome, name: str) -> None:
    """A picture for people: nothing is compared with it."""
    BUILD.mkdir(parents=True, exist_ok=True)
    picture = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True})
    (BUILD / f"{name}.png").write_bytes(base64.b64decode(picture["data"]))


def axe(browser: Chrome) -> list[str]:
    """What is hard to use for people who see, hear or move in another way, by axe-core."""
    browser.execute_script(_axe_core())
    found: dict[str, Any] = browser.execute_async_script(
        "const done = arguments[arguments.length - 1]; axe.run().then(done, error => done({error: String(error)}))"
    )
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found["violations"]]


@cache
def _axe_core() -> str:
    """The script, of the first package that is there: `make` installs the one with the newest, which needs no other."""
    packages = (find_spec(name) for name in ("axe_playwright_python", "axe_core_python"))
    folders = next(found.submodule_search_locations for found in packages if found is not None)
    assert folders is not None
    return (Path(folders[0]) / "axe.min.js").read_text()


@pytest.mark.parametrize(
    ("name", "scheme", "width"),
    [
        *product(PAGES, ["dark"], [400]),
        *sampled(product(PAGES, ["light"], [1280]), 10),
        *((name, *view) for name in PAGES for view in (("light", 400), ("dark", 1280))),
    ],
)
def test_each_page(root: str, browser: Chrome, name: str, scheme: str, width: int) -> None:
    show(browser, root + PAGES[name], width, scheme)
    status = browser.execute_script("return performance.getEntriesByType('navigation')[0].responseStatus")
    expected = STATUSES.get(name, 200)
    assert status == expected
    save(browser, f"{name}-{width}-{scheme}")
    assert browser.execute_script("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    asked = browser.execute_script("return performance.getEntriesByType('resource').map(each => each.name)")
    assert [url for url in asked if not url.startswith((root, "data:"))] == []
    said = f"responded with a status of {expected}"
    log = [each["message"] for each in browser.get_log("browser") if said not in each["message"] or expected == 200]
    assert [line for line in log if "GL Driver Message" not in line] == []
    assert browser.execute_script("return window.violations") == []
    if name not in NOT_OURS:
        assert axe(browser) == []


def test_the_documentation_looks_as_other_pages_do(root: str, browser: Chrome) -> None:
    """It has their head; dark paper and light ink in the dark, where Swagger UI is turned into its negative."""
    head = "return [...document.querySelectorAll('.head a')].map(each => each.textContent + ' ' + each.href)"
    show(browser, root + PAGES["nodes"], 1280, "light")
    expected = browser.execute_script(head)
    assert len(expected) >= 5
    show(browser, root + PAGES["docs"], 1280, "light")
    assert browser.execute_script(head) == expected
    paper, ink = browser.execute_script(PAPER_AND_INK)
    assert (paper > 200, ink < 100, browser.execute_script(FILTER)) == (True, True, "none")
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": dark})
    paper, ink = browser.execute_script(PAPER_AND_INK)
    turned = "invert(0.9) hue-rotate(180deg)"
    assert (paper < 60, ink > 180, browser.execute_script(FILTER)) == (True, True, turned)


OFTEN_PRINTED = {"profile", "nodes", "groups", "bands", "structure", "failed-calculation", "lineage", "docs"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in OFTEN_PRINTED else pytest.mark.long) for name in PAGES]
)
def test_each_page_on_paper(root: str, browser: Chrome, name: str) -> None:
    """Nothing to click on is printed, and nothing is cut off; 794 pixels are the width of A4."""
    show(browser, root + PAGES[name], 794, "light", "print")
    assert browser.execute_script(SHOWN, ".head nav, .head form, .foot details, .no-print") == []
    if name not in NOT_OURS:
        assert browser.execute_script(CUT) == []


@pytest.mark.parametrize("name", sampled([name for name in PAGES if name not in NOT_OURS], 13))
def test_each_page_without_javascript(root: str, without_javascript: Chrome, name: str) -> None:
    browser = without_javascript
    browser.get(root + PAGES[name])
    save(browser, f"{name}-plain")
    text = browser.find_element("tag name", "main").text
    assert len(text) > 40
    assert [each["message"] for each in browser.get_log("browser") if name not in STATUSES] == []


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["profile", "processes", "failed-calculation"])
def test_sizes_and_colours_without_javascript(
    root: str, without_javascript: Chrome, name: str, scheme: str, width: int
) -> None:
    browser = without_javascript
    show(browser, root + PAGES[name], width, scheme)
    paper, ink = browser.execute_script(PAPER_AND_INK)
    assert (paper > ink) is (scheme == "light")
    assert browser.execute_script("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert browser.execute_script(SHOWN, "button[hidden], [data-copy]") == []
    assert len(browser.find_element("tag name", "main").text) > 40
    assert browser.get_log("browser") == []
