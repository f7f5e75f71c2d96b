"""The pictures of the tour in docs/explorer.md: `python -m tests.pictures` takes them anew, of the demo archive."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from selenium.webdriver import Chrome

from tests.conftest import COMMAND, ROOT
from tests.explorer_pages import PAGES
from tests.servers import chromium, free_port, serving

FOLDER = ROOT / "docs" / "pictures"


@dataclass(frozen=True)
class Picture:
    """`page` is the name of one of `PAGES`; `width` and `height` are in pixels."""

    page: str
    height: int = 760
    width: int = 1280
    scheme: str = "light"


PICTURES: Mapping[str, Picture] = {
    "profile": Picture("profile", 760),
    "table": Picture("processes", 700),
    "failed": Picture("failed-calculation", 720),
    "structure": Picture("structure", 860, scheme="dark"),
    "bands": Picture("bands", 900),
    "lineage": Picture("lineage-unfolded", 700),
    "file": Picture("file", 640, scheme="dark"),
    "phone": Picture("failed-workflow", 800, width=400),
}
"""By the names of their files in `docs/pictures/`."""


def take(browser: Chrome, root: str, picture: Picture) -> bytes:
    size = {"width": picture.width, "height": picture.height, "deviceScaleFactor": 1, "mobile": picture.width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": picture.scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(root + PAGES[picture.page])
    # Parts that load by themselves are there then, and what is drawn has been drawn.
    browser.execute_async_script("setTimeout(arguments[0], 1000)")
    return base64.b64decode(browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"])


def main(folder: Path = FOLDER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    root = f"http://127.0.0.1:{free_port()}"
    with serving([*COMMAND, "serve", "demo", "-P", root.rpartition(":")[2], "-w", "1"], root), chromium() as browser:
        for name, picture in PICTURES.items():
            (folder / f"{name}.png").write_bytes(take(browser, root, picture))


if __name__ == "__main__":
    main()
