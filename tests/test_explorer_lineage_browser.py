"""The picture of a lineage in Chromium: steps without a new page, back and forth, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.conftest import COMMAND, Golden
from tests.golden import graph, ids
from tests.servers import PATIENCE, free_port, serving

ROOT = ids[graph.relax]

WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", event => window.violations.push(event.violatedDirective));
window.animated = 0;
const animate = Element.prototype.animate;
Element.prototype.animate = function (...given) { window.animated += 1; return animate.apply(this, given) };
"""


@pytest.fixture(scope="module")
def url(golden: Golden) -> Iterator[str]:
    found = f"http://127.0.0.1:{free_port()}"
    with serving([*COMMAND, "serve", str(golden.archive), "-P", found.rpartition(":")[2], "-w", "1"], found):
        yield f"{found}/nodes/{graph.relax}/lineage"


class Shown:
    """A lineage in a browser, which must not load a new page unless a test says so."""

    def __init__(self, browser: Chrome, url: str) -> None:
        self.browser = browser
        browser.get(url)
        browser.execute_script("window.isSame = true")

    def find(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def ask(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(f"return {script}", *arguments)

    def wait(self, fulfilled: Callable[[], Any]) -> None:
        WebDriverWait(self.browser, PATIENCE).until(lambda _: fulfilled())

    def nodes(self) -> set[int]:
        """The ids of the nodes that are shown."""
        return set(map(int, self.ask("[...document.querySelectorAll('svg.lineage .node')].map(n => n.dataset.name)")))

    def badge(self, node: int) -> WebElement:
        return self.find(f'svg.lineage .node[data-name="{node}"] a.badge')

    def search(self) -> str:
        return str(self.ask("location.search"))

    def is_same(self) -> bool:
        return bool(self.ask("window.isSame === true"))


@pytest.fixture
def shown(chromium: Chrome, url: str) -> Iterator[Shown]:
    """It is checked in the end that the page broke no rule of its policy, and that the browser had nothing to say."""
    watched = chromium.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    set_window(chromium, 1280)
    chromium.get_log("browser")
    yield Shown(chromium, url)
    assert chromium.execute_script("return window.violations") == []
    assert chromium.get_log("browser") == []
    chromium.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", {"identifier": watched["identifier"]})
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def set_window(browser: Chrome, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def test_a_click_opens_and_back_closes(shown: Shown) -> None:
    first = shown.nodes()
    shown.badge(ROOT).click()
    shown.wait(lambda: shown.nodes() > first)
    assert shown.search() == f"?open={ROOT}"
    assert ids[graph.relax_scf] in shown.nodes() - first
    assert shown.badge(ROOT).text == "\N{MINUS SIGN}"
    opened = shown.nodes()
    shown.browser.back()
    shown.wait(lambda: shown.nodes() == first)
    assert shown.search() == ""
    shown.browser.forward()
    shown.wait(lambda: shown.nodes() == opened)
    assert shown.is_same()
    assert shown.ask("document.querySelectorAll('.foot li').length") == 1


def test_the_keyboard(shown: Shown) -> None:
    """The focus stays at the node whose badge was pressed, so that it can be pressed again."""
    first = shown.nodes()
    shown.badge(ROOT).send_keys(Keys.ENTER)
    shown.wait(lambda: shown.nodes() > first)
    assert shown.ask("document.activeElement.matches('a.badge')")
    assert shown.ask("document.activeElement.closest('.node').dataset.name") == str(ROOT)
    shown.browser.switch_to.active_element.send_keys(Keys.ENTER)
    shown.wait(lambda: shown.nodes() == first)
    assert shown.is_same()


def test_links_of_one_kind(shown: Shown) -> None:
    shown.find('[data-step="links-data"]').click()
    shown.wait(lambda: shown.search() == "?links=data")
    shown.wait(lambda: shown.nodes() == {ROOT})
    assert shown.ask("document.activeElement.dataset.step") == "links-data"
    assert shown.find(".lineage-tools .count").text == "1 node, 0 links"
    assert shown.find("[role=status]").text == "1 node, 0 links"
    assert shown.is_same()


@pytest.mark.parametrize("is_reduced", [False, True])
def test_motion(shown: Shown, is_reduced: bool) -> None:
    feature = {"name": "prefers-reduced-motion", "value": "reduce" if is_reduced else "no-preference"}
    shown.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    first = shown.nodes()
    shown.badge(ROOT).click()
    shown.wait(lambda: shown.nodes() > first)
    assert (shown.ask("window.animated") > len(first)) is not is_reduced
    shown.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_the_way_is_lit(shown: Shown) -> None:
    """From the root to the node that has the focus; all other links are pale."""
    structure = ids[graph.final_structure]
    shown.ask("document.querySelector(arguments[0]).focus()", f'.node[data-name="{structure}"] a')
    lit = "[...document.querySelectorAll('.link.lit')].map(each => [each.dataset.from, each.dataset.to])"
    assert shown.ask(lit) == [[str(ROOT), str(structure)]]
    shown.ask("document.activeElement.blur()")
    assert shown.ask(lit) == []


WAYS = [
    # All ways from the root on, or back to it, but nothing beside them.
    ("a>b b>d a>c c>d d>e x>d", "a", "d", "a>b b>d a>c c>d"),
    ("a>b b>d a>c c>d d>e x>d", "d", "a", "a>b b>d a>c c>d"),
    # Without such a way a shortest one, whatever the directions.
    ("a>b c>b c>d x>a x>y y>d", "a", "d", "c>d c>b a>b"),
    ("a>b b>c", "b", "b", "a>b b>c"),
    ("a>b b>a b>c", "a", "c", "a>b b>a b>c"),
    ("a>b", "a", "z", ""),
]


@pytest.mark.parametrize(("links", "root", "name", "expected"), WAYS)
def test_ways(shown: Shown, links: str, root: str, name: str, expected: str) -> None:
    """The module of the page by itself: links as `from>to`."""
    module = shown.ask(
        "performance.getEntriesByType('resource').map(e => e.name).find(n => n.endsWith('/lineage_paths.js'))"
    )
    script = """
        const [module, written, root, name, done] = arguments;
        const links = written.split(" ").map(each => ({ from: each[0], to: each[2] }));
        import(module).then(({ way }) => done(way(links, root, name).map(each => `${each.from}>${each.to}`).join(" ")));
    """
    assert shown.browser.execute_async_script(script, module, links, root, name) == expected


def test_size(shown: Shown) -> None:
    width = "document.querySelector('svg.lineage').width.baseVal.value"
    before = shown.ask(width)
    shown.find('[data-zoom="in"]').click()
    assert shown.ask(width) == pytest.approx(1.25 * before, rel=0.01)
    shown.find(".lineage-box").send_keys("-")
    assert shown.ask(width) == pytest.approx(before, rel=0.01)


def test_fit(shown: Shown) -> None:
    """However large it was made, all of it is to be seen, and it is not made smaller than that."""
    for _ in range(4):
        shown.find('[data-zoom="in"]').click()
    box = "document.querySelector('.lineage-box')"
    assert shown.ask(f"{box}.scrollWidth > {box}.clientWidth")
    shown.find('[data-zoom="fit"]').click()
    assert shown.ask(f"{box}.scrollWidth <= {box}.clientWidth")
    sizes = f"['Width', 'Height'].map(each => {box}['scroll' + each] / {box}['client' + each])"
    assert max(shown.ask(sizes)) == pytest.approx(1, abs=0.02)
    width = "document.querySelector('svg.lineage').width.baseVal.value"
    fitting = shown.ask(width)
    shown.find('[data-zoom="out"]').click()
    assert shown.ask(width) < fitting
    shown.find(".lineage-box").send_keys("0")
    assert shown.ask(width) == fitting


def test_dragging(shown: Shown) -> None:
    """The mouse moves the paper under the window."""
    for _ in range(6):
        shown.find('[data-zoom="in"]').click()
    scrolled = "[document.querySelector('.lineage-box').scrollLeft, document.querySelector('.lineage-box').scrollTop]"
    left, top = shown.ask(scrolled)
    paper = shown.find("svg.lineage .links")
    actions = ActionChains(shown.browser)
    actions.move_to_element_with_offset(shown.find(".lineage-box"), 0, -150).click_and_hold()
    actions.move_by_offset(40, 20).release().perform()
    assert shown.ask(scrolled) == [left - 40, top - 20]
    assert paper.is_displayed()
    assert shown.search() == ""


def test_find(shown: Shown) -> None:
    field = shown.find('.lineage-tools input[type="search"]')
    field.send_keys("dict")
    found = "[...document.querySelectorAll('.node.found')].map(each => Number(each.dataset.name))"
    assert shown.ask(found) == [ids[graph.parameters], ids[graph.scf_results]]
    field.send_keys("no such thing")
    assert shown.ask(found) == []


def test_on_a_phone(shown: Shown) -> None:
    """As large as elsewhere, and the root is in sight; the page itself does not scroll sideways."""
    set_window(shown.browser, 400)
    shown.browser.refresh()
    root, box = (
        shown.ask("document.querySelector(arguments[0]).getBoundingClientRect().toJSON()", each)
        for each in (f'.node[data-name="{ROOT}"] .plate', ".lineage-box")
    )
    assert root["width"] == pytest.approx(176, abs=3)
    assert box["left"] <= root["left"] < root["right"] <= box["right"]
    assert shown.ask("document.documentElement.scrollWidth <= innerWidth")


def test_without_javascript(shown: Shown) -> None:
    """The same links lead to the same pictures, each on a page of its own."""
    shown.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    shown.browser.refresh()
    first = shown.browser.find_elements(By.CSS_SELECTOR, "svg.lineage .node")
    assert not shown.find("[data-zoom]").is_displayed()
    shown.badge(ROOT).click()
    shown.wait(lambda: shown.browser.current_url.endswith(f"?open={ROOT}"))
    assert len(shown.browser.find_elements(By.CSS_SELECTOR, "svg.lineage .node")) > len(first)
    shown.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    shown.browser.refresh()
