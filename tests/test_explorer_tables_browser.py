"""Tables as somebody uses them: the forms, the query line and facets in Chromium, with JavaScript and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import unquote, urlsplit

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests import servers
from tests.conftest import COMMAND
from tests.servers import free_port, serving, wait_until


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    url = f"http://127.0.0.1:{free_port()}"
    with serving([*COMMAND, "serve", "demo", "-P", url.rpartition(":")[2], "-w", "1"], url):
        yield url


@pytest.fixture(scope="module")
def with_javascript() -> Iterator[Chrome]:
    with servers.chromium() as made:
        yield made


@pytest.fixture(scope="module")
def without_javascript() -> Iterator[Chrome]:
    with servers.chromium(javascript=False) as made:
        yield made


@pytest.fixture(params=["with_javascript", "without_javascript"])
def browser(request: pytest.FixtureRequest) -> Chrome:
    made: Chrome = request.getfixturevalue(request.param)
    return made


def query(browser: Chrome) -> str:
    """The query of the page that is shown, decoded."""
    return unquote(urlsplit(browser.current_url).query)


def total(browser: Chrome) -> str:
    return str(browser.find_element(By.CSS_SELECTOR, ".summary b").text)


def goes_on(browser: Chrome, act: Callable[[], None]) -> None:
    """Does what leads to another page, and waits for it."""
    before = browser.current_url
    act()
    wait_until(lambda: browser.current_url != before)
    wait_until(lambda: browser.execute_script("return document.readyState") == "complete")


def test_the_query_line(root: str, browser: Chrome) -> None:
    browser.get(f"{root}/nodes")
    line = browser.find_element(By.ID, "line")
    typed = 'label=ilike="%si x 1.0_%"&ctime>2024-04-01'
    goes_on(browser, lambda: line.send_keys(typed, Keys.ENTER))
    assert query(browser) == typed
    assert total(browser) == "3"
    assert browser.find_element(By.ID, "line").get_attribute("value") == typed
    words = [each.text.split("\n")[0] for each in browser.find_elements(By.CSS_SELECTOR, ".filter span")]
    assert words == ["label is like (any case) %si x 1.0_%", "created is after 2024-04-01"]
    goes_on(browser, browser.find_element(By.CSS_SELECTOR, ".filter a").click)
    assert query(browser) == "ctime>2024-04-01"


def test_a_wrong_query_line(root: str, browser: Chrome) -> None:
    browser.get(f"{root}/nodes")
    typed = 'id>5&label="a" OR id=3'
    line = browser.find_element(By.ID, "line")
    goes_on(browser, lambda: line.send_keys(typed, Keys.ENTER))
    line = browser.find_element(By.ID, "line")
    assert line.get_attribute("value") == typed
    message, caret = browser.find_element(By.ID, "wrong").text.partition("\n")[::2]
    assert message.startswith("syntax error in the query string at column 12")
    shown = browser.find_element(By.CSS_SELECTOR, "#wrong pre").get_attribute("textContent")
    text, caret = shown.splitlines()
    assert text[caret.index("^") :] == typed[11:]
    assert browser.find_element(By.ID, "field").is_displayed()


def test_the_filter_form(root: str, browser: Chrome) -> None:
    browser.get(f"{root}/nodes?orderby=id")
    browser.find_element(By.XPATH, "//summary[.='Filter']").click()
    browser.find_element(By.ID, "field").send_keys("label")
    Select(browser.find_element(By.ID, "operator")).select_by_value("=contains=")
    browser.find_element(By.ID, "value").send_keys('Si x 1.0 & "ü+%')
    goes_on(browser, browser.find_element(By.XPATH, "//button[.='Add']").click)
    assert query(browser) == 'orderby=id&label=contains="Si x 1.0 & ""ü+%"'
    assert "No node fulfils all of these." in browser.find_element(By.TAG_NAME, "main").text
    goes_on(browser, browser.find_element(By.CSS_SELECTOR, ".filter a").click)
    assert total(browser) == "115"


def test_columns(root: str, browser: Chrome) -> None:
    browser.get(f"{root}/nodes?attributes.energy<0")
    browser.find_element(By.XPATH, "//summary[.='Columns']").click()
    for title in ("Type", "State", "User"):
        browser.find_element(By.XPATH, f"//label[normalize-space()='{title}']/input").click()
    browser.find_element(By.ID, "more").send_keys("attributes.energy")
    goes_on(browser, browser.find_element(By.XPATH, "//button[.='Show']").click)
    assert query(browser) == "attributes.energy<0&fields=id,label,ctime,attributes.energy"
    heads = [each.text for each in browser.find_elements(By.CSS_SELECTOR, "thead th a")]
    assert heads == ["Id", "Label", "Created", "attributes.energy"]
    goes_on(browser, browser.find_element(By.LINK_TEXT, "attributes.energy").click)
    energies = [float(each.text) for each in browser.find_elements(By.CSS_SELECTOR, "tbody td:last-child")]
    assert energies == sorted(energies)
    assert len(energies) == int(total(browser))


def test_a_facet_is_counted_when_it_is_opened(root: str, with_javascript: Chrome) -> None:
    browser = with_javascript
    browser.get(f"{root}/processes")
    state = browser.find_element(By.XPATH, "//details[summary='State']")
    state.find_element(By.TAG_NAME, "summary").click()
    wait_until(lambda: "killed" in state.text)
    assert state.text.split() == ["State", "finished", "23", "excepted", "1", "killed", "1"]
    goes_on(browser, browser.find_element(By.LINK_TEXT, "killed").click)
    assert total(browser) == "1"


def test_a_facet_without_javascript(root: str, without_javascript: Chrome) -> None:
    browser = without_javascript
    browser.get(f"{root}/processes")
    state = browser.find_element(By.XPATH, "//details[summary='State']")
    state.find_element(By.TAG_NAME, "summary").click()
    goes_on(browser, state.find_element(By.LINK_TEXT, "Count them").click)
    assert browser.find_element(By.XPATH, "//details[summary='State']").text.split()[:3] == ["State", "finished", "23"]
    goes_on(browser, browser.find_element(By.LINK_TEXT, "killed").click)
    assert total(browser) == "1"


def test_the_form_knows_what_goes_with_a_field(root: str, with_javascript: Chrome) -> None:
    browser = with_javascript
    browser.get(f'{root}/nodes?node_type="data.core.structure.StructureData."')
    browser.find_element(By.XPATH, "//summary[.='Filter']").click()
    field, operator = browser.find_element(By.ID, "field"), Select(browser.find_element(By.ID, "operator"))
    field.send_keys("user")
    expected = ["=", "!=", "=in=", "=notin=", "=isnull="]
    assert [each.get_attribute("value") for each in operator.options] == expected
    assert browser.find_element(By.ID, "value").get_attribute("list") == "values-user"
    names = browser.find_elements(By.CSS_SELECTOR, "#values-user option")
    assert {each.get_attribute("value") for each in names} == {"Ada Lindqvist", "Zoë Müller-Łukasik"}
    field.clear()
    field.send_keys("ctime")
    assert "=like=" not in [each.get_attribute("value") for each in operator.options]
    assert browser.find_element(By.ID, "value").get_attribute("placeholder") == "2024-04-16"
    field.clear()
    field.send_keys("attributes.of_mine")
    assert "=contains=" in [each.get_attribute("value") for each in operator.options]
    assert browser.find_element(By.ID, "value").get_attribute("placeholder") == ""
    paths = "return [...document.querySelectorAll('#fields option')].map(each => each.value)"
    wait_until(lambda: "attributes.cell" in browser.execute_script(paths))
    found = browser.execute_script(paths)
    assert len(found) == len({*found})


def test_pages_and_keys(root: str, browser: Chrome) -> None:
    browser.get(f"{root}/nodes?limit=60&orderby=id")
    goes_on(browser, browser.find_element(By.LINK_TEXT, "Next").click)
    first = browser.find_element(By.CSS_SELECTOR, "tbody td").text
    assert first == "61"
    goes_on(browser, browser.find_element(By.LINK_TEXT, "First").click)
    assert query(browser) == "limit=60&orderby=id"


def test_search(root: str, browser: Chrome) -> None:
    browser.get(f"{root}/users")
    field = browser.find_element(By.ID, "search")
    goes_on(browser, lambda: field.send_keys("silicon, relaxed", Keys.ENTER))
    assert browser.find_element(By.TAG_NAME, "h2").text == "Labels of nodes"
    assert len(browser.find_elements(By.CSS_SELECTOR, "section:first-of-type tbody tr")) == 2


def test_what_finds_nothing_is_left_out(root: str, with_javascript: Chrome) -> None:
    browser = with_javascript
    browser.get(f"{root}/search?q=silicon,")
    wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, "[data-load]") == [])
    assert [each.text for each in browser.find_elements(By.TAG_NAME, "h2")] == ["Labels of nodes"]
    browser.get(f"{root}/search?q=pwbase")
    wait_until(lambda: browser.find_elements(By.LINK_TEXT, "Copper: gives up") != [])
    assert [each.text for each in browser.find_elements(By.TAG_NAME, "h2")] == ["Processes called so"]
