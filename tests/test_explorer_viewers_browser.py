"""Viewers in Chromium: structures that turn, plots with a cross-hair, steps of trajectories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from aiida_like.profiles import demo
from restapi.explorer.pictures.crystal.placing import Cell, place
from restapi.explorer.pictures.crystal.scene import Scene, scene_of
from restapi.explorer.viewers.structure import stored_structure
from tests import servers
from tests.conftest import COMMAND
from tests.servers import free_port, serving, wait_until
from tests.viewing import node_of, visit_of

if TYPE_CHECKING:
    from flask import Flask

BEFORE = """
window.violations = [];
document.addEventListener("securitypolicyviolation", event => {
  violations.push(event.violatedDirective + " " + event.blockedURI);
});
"""
NO_WEBGL = """
const before = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind.startsWith("webgl") && location.hash === "#no-webgl" ? null : before.call(this, kind, ...rest);
};
"""
COLOURS = """
const picture = document.querySelector("canvas.picture");
const read = document.createElement("canvas");
Object.assign(read, { width: picture.width, height: picture.height });
const pen = read.getContext("2d");
pen.drawImage(picture, 0, 0);
const bytes = pen.getImageData(0, 0, read.width, read.height).data;
const colours = new Set();
for (let k = 0; k < bytes.length; k += 4) if (bytes[k + 3]) colours.add(bytes.slice(k, k + 3).join());
return colours.size;
"""
PICTURE = 'return document.querySelector("canvas.picture").toDataURL()'


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    url = f"http://127.0.0.1:{free_port()}"
    with serving([*COMMAND, "serve", "demo", "-P", url.rpartition(":")[2], "-w", "1"], url):
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with servers.chromium() as made:
        made.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": BEFORE + NO_WEBGL})
        yield made


@pytest.fixture(scope="module")
def app(serve: Callable[..., Flask]) -> Flask:
    return serve(demo(), {})


def ids(app: Flask, node_type: str) -> dict[str, int]:
    """The nodes of a type by their labels; of those with the same label the first."""
    nodes = visit_of(app).api.get("/nodes", f'node_type=like="data.core.{node_type}.%"&orderby=-id')["nodes"]
    return {node["label"]: node["id"] for node in nodes}


def scene(app: Flask, path_id: int) -> Scene:
    from restapi.explorer.node.found import Node
    from restapi.explorer.viewers.reading import stored

    return scene_of(stored_structure(stored(Node(node_of(app, path_id)))))


def show(browser: Chrome, url: str, width: int = 1280) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get("about:blank")
    browser.get(url)


def one(browser: Chrome, selector: str) -> Any:
    return browser.find_element(By.CSS_SELECTOR, selector)


def painted(browser: Chrome) -> str:
    """The picture, when the next frame has been drawn."""
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    return str(browser.execute_script(PICTURE))


def drawn(browser: Chrome) -> tuple[int, int]:
    """How many atoms and bonds the viewer says that it draws."""
    data = browser.execute_script('return { ...document.querySelector("figure.structure").dataset }')
    return int(data["atoms"]), int(data["bonds"])


def expected(of: Scene, repeat: Cell) -> tuple[int, int]:
    placed = place(of, repeat)
    return len(placed.atoms), sum(bond.second is not None for bond in placed.bonds)


def quiet(browser: Chrome) -> bool:
    """Whether nothing was blocked, and nothing is in the log."""
    log = [each["message"] for each in browser.get_log("browser")]
    words = ("GL Driver Message", "fallback to software WebGL")
    assert [line for line in log if not any(word in line for word in words)] == []
    return bool(browser.execute_script("return window.violations.length === 0"))


@pytest.mark.parametrize("label", ["silicon", "NaCl", "copper", "graphene", "water", "CuAu alloy"])
def test_the_browser_draws_what_the_server_counts(root: str, browser: Chrome, app: Flask, label: str) -> None:
    path_id = ids(app, "structure")[label]
    show(browser, f"{root}/nodes/{path_id}")
    of = scene(app, path_id)
    assert drawn(browser) == expected(of, of.repeat)
    painted(browser)
    assert browser.execute_script(COLOURS) > 100
    assert one(browser, ".stage svg").value_of_css_property("visibility") == "hidden"
    assert quiet(browser)


def test_the_atoms_of_a_cif(root: str, browser: Chrome, app: Flask) -> None:
    """Sodium chloride in its cubic cell is 3 x 3 x 3 atoms, each bound to those beside it."""
    show(browser, f"{root}/nodes/{ids(app, 'cif')['NaCl (CIF)']}")
    assert drawn(browser) == (3**3, 3 * 2 * 3**2)
    painted(browser)
    assert browser.execute_script(COLOURS) > 100
    assert quiet(browser)


def test_keys_turn_the_structure(root: str, browser: Chrome, app: Flask) -> None:
    show(browser, f"{root}/nodes/{ids(app, 'structure')['NaCl']}")
    stage = one(browser, ".stage")
    seen = [painted(browser)]
    for key in (Keys.ARROW_RIGHT, Keys.ARROW_UP, "+", "a", "b", "c"):
        stage.send_keys(key)
        seen.append(painted(browser))
    assert len({*seen}) == len(seen)
    stage.send_keys("0")
    assert painted(browser) == seen[0]


def test_pointers_turn_and_move_the_structure(root: str, browser: Chrome, app: Flask) -> None:
    show(browser, f"{root}/nodes/{ids(app, 'structure')['NaCl']}")
    stage = one(browser, ".stage")
    first = painted(browser)
    ActionChains(browser).drag_and_drop_by_offset(stage, 40, 0).perform()
    turned = painted(browser)
    ActionChains(browser).key_down(Keys.SHIFT).drag_and_drop_by_offset(stage, 40, 0).key_up(Keys.SHIFT).perform()
    assert len({first, turned, painted(browser)}) == 3
    one(browser, '[data-do="reset"]').click()
    assert painted(browser) == first


def test_atoms_are_measured(root: str, browser: Chrome, app: Flask) -> None:
    """Along c the middle of the stage has an atom of the front face of copper, and one behind it."""
    show(browser, f"{root}/nodes/{ids(app, 'structure')['copper']}")
    one(browser, ".stage").send_keys("c")
    painted(browser)
    stage = one(browser, ".stage")
    ActionChains(browser).move_to_element(stage).click().perform()
    said = one(browser, "output").text
    assert said.startswith("Cu (site ")
    assert "at 1.808, 1.808, 3.615 Å" in said
    scale = min(stage.size["height"] - 48, stage.size["width"] - 48) / (3.615 + 2 * (0.18 + 0.32 * 1.32))
    corner = int(min(scale, 90) * 3.615 / 2)
    ActionChains(browser).move_to_element_with_offset(stage, corner, corner).click().perform()
    assert one(browser, "output").text.endswith(f": {3.615 / 2**0.5:.3f} Å")


def test_supercells(root: str, browser: Chrome, app: Flask) -> None:
    path_id = ids(app, "structure")["NaCl"]
    show(browser, f"{root}/nodes/{path_id}")
    set_cells(browser, {0: "2", 2: "3"})
    assert drawn(browser) == expected(scene(app, path_id), (2, 1, 3)) == (24 + 6, 6 * 6)
    set_cells(browser, {0: "20", 1: "20", 2: "20"})
    assert drawn(browser) == expected(scene(app, path_id), (20, 20, 20))
    assert one(browser, "output").text.startswith("Drag")
    copper = ids(app, "structure")["copper"]
    show(browser, f"{root}/nodes/{copper}")
    set_cells(browser, {0: "20", 1: "20"})
    before = drawn(browser)
    set_cells(browser, {2: "20"})
    assert one(browser, "output").text == "20 × 20 × 20 cells are 34,461 atoms; at most 20,000 are drawn."
    assert drawn(browser) == before
    assert one(browser, '[data-axis="2"]').get_attribute("value") == "1"


def set_cells(browser: Chrome, counts: dict[int, str]) -> None:
    for axis, count in counts.items():
        browser.execute_script(
            """
            const field = document.querySelector(`[data-axis="${arguments[0]}"]`);
            field.value = arguments[1];
            field.dispatchEvent(new Event("change", { bubbles: true }));
            """,
            axis,
            count,
        )


def test_labels_and_sizes_change_the_picture(root: str, browser: Chrome, app: Flask) -> None:
    show(browser, f"{root}/nodes/{ids(app, 'structure')['NaCl']}")
    words = 'return document.querySelector("canvas.overlay").toDataURL()'
    first = painted(browser), browser.execute_script(words)
    one(browser, '[data-show="labels"]').click()
    assert painted(browser) == first[0]
    assert browser.execute_script(words) != first[1]
    seen = [first[0]]
    for name in ("open", "full", "bonds"):
        one(browser, f'[data-show="{name}"]').click()
        seen.append(painted(browser))
    assert len({*seen[:3]}) == 3


def test_png(root: str, browser: Chrome, app: Flask) -> None:
    """What is saved is an image of the size of the stage, with the name of the node."""
    show(browser, f"{root}/nodes/{ids(app, 'structure')['NaCl']}")
    painted(browser)
    name, kind, width = browser.execute_async_script(
        """
        const done = arguments[0];
        HTMLAnchorElement.prototype.click = async function () {
          const image = await createImageBitmap(await (await saved).blob);
          done([this.download, (await saved).blob.type, image.width]);
        };
        let keep;
        const saved = new Promise((resolve) => { keep = resolve });
        const create = URL.createObjectURL;
        URL.createObjectURL = (blob) => { keep({ blob }); return create(blob) };
        document.querySelector('[data-do="png"]').click;
        document.querySelector('[data-do="png"]').dispatchEvent(new MouseEvent("click", { bubbles: true }));
        """
    )
    assert (name, kind) == ("NaCl.png", "image/png")
    assert width == one(browser, ".stage").size["width"]
    assert quiet(browser)


def test_png_of_a_plot(root: str, browser: Chrome, app: Flask) -> None:
    """Twice as many pixels as the picture has units, on white paper, whatever is seen on the page."""
    (path_id,) = ids(app, "array.bands").values()
    show(browser, f"{root}/nodes/{path_id}")
    name, width, height, corner, colours = browser.execute_async_script(
        """
        const done = arguments[0];
        let keep;
        const saved = new Promise((resolve) => { keep = resolve });
        const create = URL.createObjectURL;
        URL.createObjectURL = (blob) => { keep(blob); return create(blob) };
        HTMLAnchorElement.prototype.click = async function () {
          const image = await createImageBitmap(await saved);
          const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
          canvas.drawImage(image, 0, 0);
          const pixels = canvas.getImageData(0, 0, image.width, image.height).data;
          const colours = new Set();
          for (let k = 0; k < pixels.length; k += 4) colours.add(pixels.slice(k, k + 3).join());
          done([this.download, image.width, image.height, pixels.slice(0, 4).join(), [...colours]]);
        };
        document.querySelector("[data-png]").dispatchEvent(new MouseEvent("click", { bubbles: true }));
        """
    )
    assert (name, width, height, corner) == ("plot.png", 1440, 840, "255,255,255,255")
    assert "11,99,197" in colours  # the bands
    assert quiet(browser)


def test_without_webgl_the_picture_of_the_server_stays(root: str, browser: Chrome, app: Flask) -> None:
    show(browser, f"{root}/nodes/{ids(app, 'structure')['NaCl']}#no-webgl")
    assert one(browser, ".stage svg").value_of_css_property("visibility") == "visible"
    assert browser.find_elements(By.CSS_SELECTOR, ".stage canvas") == []
    assert not one(browser, ".tools").is_displayed()
    assert quiet(browser)


def test_a_lost_context_brings_the_picture_back(root: str, browser: Chrome, app: Flask) -> None:
    show(browser, f"{root}/nodes/{ids(app, 'structure')['NaCl']}")
    browser.execute_script(
        'document.querySelector("canvas.picture").getContext("webgl2").getExtension("WEBGL_lose_context").loseContext()'
    )
    wait_until(lambda: one(browser, ".stage svg").value_of_css_property("visibility") == "visible")


def test_steps_of_a_trajectory(root: str, browser: Chrome, app: Flask) -> None:
    """The next step comes without a new page, seen as the one before, and stands in the URL."""
    (path_id,) = {*ids(app, "array.trajectory").values()}
    show(browser, f"{root}/nodes/{path_id}")
    first = painted(browser)
    browser.execute_script("window.isTheSamePage = true")
    one(browser, "form.steps .after").click()
    wait_until(lambda: browser.current_url.endswith("?step=1"))
    assert browser.execute_script("return window.isTheSamePage")
    assert painted(browser) != first
    one(browser, "[data-play]").click()
    wait_until(lambda: browser.current_url.endswith("?step=2"))
    wait_until(lambda: one(browser, "[data-play]").get_attribute("aria-pressed") == "false")
    said = one(browser, "figure.structure figcaption").text
    browser.refresh()
    assert one(browser, "figure.structure figcaption").text == said
    assert quiet(browser)


def test_the_cross_hair_says_what_is_there(root: str, browser: Chrome, app: Flask) -> None:
    """The highest band of the valence touches the Fermi energy at the second place of the path, which is Γ."""
    (path_id,) = ids(app, "array.bands").values()
    show(browser, f"{root}/nodes/{path_id}")
    one(browser, "[role=region]").send_keys(Keys.ARROW_RIGHT)
    assert one(browser, "figure output").text.startswith("band 1: −")
    one(browser, "[role=region]").send_keys(Keys.ARROW_UP)
    assert one(browser, "figure output").text.startswith("band 2: −")
    assert len(browser.find_elements(By.CSS_SELECTOR, "path.line.lit")) == 1
    x, y = browser.execute_script(
        """
        const svg = document.querySelector("svg.plot");
        const [, top, , bottom] = svg.dataset.box.split(" ").map(Number);
        const [, , y0, y1] = svg.dataset.range.split(" ").map(Number);
        const x = Number(svg.querySelectorAll("line.place")[1].getAttribute("x1"));
        const place = new DOMPoint(x, bottom + (y0 / (y1 - y0)) * (bottom - top)).matrixTransform(svg.getScreenCTM());
        return [place.x, place.y];
        """
    )
    actions = ActionChains(browser)
    actions.w3c_actions.pointer_action.move_to_location(round(x), round(y))
    actions.perform()
    said = one(browser, "figure output").text
    assert said.startswith(("band 2: ", "band 3: ", "band 4: "))
    energy, unit = said.partition(": ")[2].split()
    assert abs(float(energy.replace("−", "-"))) < 0.1
    assert unit == "eV"
    assert quiet(browser)


@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.long), 400])
@pytest.mark.parametrize(
    "node_type",
    ["structure", "cif", "upf", "array.bands", "array.kpoints", "array.xy", "array.trajectory", "array", "singlefile"],
)
def test_nothing_is_wider_than_the_page(root: str, browser: Chrome, app: Flask, node_type: str, width: int) -> None:
    for path_id in ids(app, node_type).values():
        show(browser, f"{root}/nodes/{path_id}", width)
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert browser.execute_script(wide) == 0
        assert quiet(browser)
