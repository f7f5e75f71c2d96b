"""Pages of nodes in Chromium: what scripts add works, and without them all can be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.conftest import COMMAND
from tests.servers import free_port, serving


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    url = f"http://127.0.0.1:{free_port()}"
    with serving([*COMMAND, "serve", "demo", "-P", url.rpartition(":")[2], "-w", "1"], url):
        yield url


@pytest.fixture(scope="module")
def browser(chromium: Chrome) -> Chrome:
    size = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    return chromium


def shown(browser: Chrome, selector: str) -> list[WebElement]:
    return [each for each in browser.find_elements(By.CSS_SELECTOR, selector) if each.is_displayed()]


def test_a_tree_is_searched(root: str, browser: Chrome) -> None:
    browser.get(f"{root}/nodes/64")
    attributes = "section[aria-labelledby=part-attributes]"
    (field,) = shown(browser, f"{attributes} .tree-search")
    before = len(shown(browser, f"{attributes} .tree li"))
    assert not list(browser.find_elements(By.CSS_SELECTOR, f"{attributes} .here"))
    field.send_keys("WALLCLOCK")
    found = [each.text for each in shown(browser, f"{attributes} .here")]
    assert found == ["max_wallclock_seconds 3600", "wallclock_time_seconds 720"]
    (told,) = shown(browser, f"{attributes} .tree-found")
    assert told.text == "2 places"
    # A value, and the branch above it alone.
    field.clear()
    field.send_keys("4.6.0")
    assert [each.text for each in shown(browser, f"{attributes} .tree li")] == [
        "version {2}\nplugin 4.6.0",
        "plugin 4.6.0",
    ]
    field.clear()
    field.send_keys("nothing like it")
    assert shown(browser, f"{attributes} .tree li") == []
    field.clear()
    field.send_keys(" ")
    assert len(shown(browser, f"{attributes} .tree li")) == before


def test_a_closed_branch_is_opened_where_something_is_found(root: str, browser: Chrome) -> None:
    browser.get(f"{root}/nodes/12")
    attributes = "section[aria-labelledby=part-attributes]"
    assert not [each for each in shown(browser, f"{attributes} .key") if each.text == "kind_name"]
    (field,) = shown(browser, f"{attributes} .tree-search")
    field.send_keys("kind_name")
    assert [each.text for each in shown(browser, f"{attributes} .here > .key")] == ["kind_name", "kind_name"]
    field.clear()
    field.send_keys(" ")
    assert not [each for each in shown(browser, f"{attributes} .key") if each.text == "kind_name"]


def test_the_uuid_is_copied(root: str, browser: Chrome) -> None:
    origin = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": root}
    browser.execute_cdp_cmd("Browser.grantPermissions", origin)
    browser.get(f"{root}/nodes/12")
    uuid = browser.find_element(By.CSS_SELECTOR, ".uuid").text
    for button, copied in zip(shown(browser, "main [data-copy]"), (uuid, f'load_node("{uuid}")'), strict=True):
        button.click()
        read: Any = browser.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
        assert read == copied


def test_a_report_shows_one_level(root: str, browser: Chrome) -> None:
    """By the style sheet alone."""
    browser.get(f"{root}/nodes/63")
    entries = ".report .log li"
    levels = [each.text.split()[2] for each in shown(browser, entries)]
    assert sorted(set(levels)) == ["REPORT", "WARNING"]
    browser.find_element(By.CSS_SELECTOR, ".levels [value=warn]").click()
    assert [each.text.split()[2] for each in shown(browser, entries)] == ["WARNING"]
    browser.find_element(By.CSS_SELECTOR, ".levels [value=bad]").click()
    assert shown(browser, entries) == []


def test_without_javascript(root: str, browser: Chrome) -> None:
    """All can be read; what only scripts can do is not offered."""
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(f"{root}/nodes/88")
        text = browser.find_element(By.TAG_NAME, "main").text
        for part in ("Why it failed", "Cu, out of time", "iteration_02", "PwBaseWorkChain", "aborting"):
            assert part in text
        assert shown(browser, "button") == []
        assert shown(browser, ".tree-search") == []
        browser.find_element(By.LINK_TEXT, "Cu, out of time").click()
        assert browser.find_element(By.TAG_NAME, "h1").text == "Cu, out of time"
        browser.find_element(By.LINK_TEXT, "aiida.in").click()
        assert "calculation = 'scf'" in browser.find_element(By.CSS_SELECTOR, "pre.source").text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
