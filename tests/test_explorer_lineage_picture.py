"""Pictures of lineages as SVG: well formed whatever nodes are called, the same each time, without styles."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from restapi.explorer.pictures.graph.lineage_svg import Badge, Box, Link, picture
from restapi.explorer.pictures.graph.text import marked_up, shortened, visible, width_of

SVG = "{http://www.w3.org/2000/svg}"


def box(name: str, title: str = "a title", **more: object) -> Box:
    values = {
        "kind": "data",
        "title": title,
        "text": "Dict",
        "number": f" · {name}",
        "url": f"/nodes/{name}",
        "hint": title,
    }
    return Box(name, **{**values, **more})  # type: ignore[arg-type]


BOXES = [
    box("1"),
    box("2", kind="workflow", flag="[305]", tone="bad", badge=Badge("+12", "?open=2", "12 more"), is_root=True),
    box("3", is_stack=True),
]
LINKS = [Link("1", "2", "structure"), Link("2", "3", "result", dashed=True), Link("2", "2", "itself")]


def found(root: ET.Element, tag: str, of_class: str) -> list[ET.Element]:
    return [each for each in root.iter(SVG + tag) if of_class in each.get("class", "").split()]


def test_picture() -> None:
    root = ET.fromstring(picture(BOXES, LINKS, "Lineage of a title"))
    assert root.get("aria-label") == "Lineage of a title"
    assert [each.get("data-name") for each in found(root, "g", "node")] == ["1", "2", "3"]
    assert [each.get("data-name") for each in found(root, "g", "root")] == ["2"]
    assert [each.get("data-name") for each in found(root, "g", "stack")] == ["3"]
    assert [each.get("href") for each in root.iter(SVG + "a")] == ["/nodes/1", "/nodes/2", "?open=2", "/nodes/3"]
    assert [each.text for each in found(root, "text", "flag")] == ["[305]"]
    links = found(root, "g", "link")
    assert [(each.get("data-from"), each.get("data-to")) for each in links] == [("1", "2"), ("2", "3"), ("2", "2")]
    assert [each.get("class") for each in links] == ["link", "link logic", "link"]


def test_no_styles_but_in_a_file() -> None:
    assert "style" not in picture(BOXES, LINKS, "a")
    assert "<style>.plate{fill:#fff}</style>" in picture(BOXES, LINKS, "a", ".plate{fill:#fff}")


def test_boxes_are_in_the_order_of_reading() -> None:
    boxes = [box(name) for name in "edcba"]
    root = ET.fromstring(picture(boxes, [Link("a", "b", ""), Link("a", "c", ""), Link("c", "d", "")], "a"))
    names = [each.get("data-name") for each in found(root, "g", "node")]
    assert names[-1] == "d"
    assert names.index("a") < names.index("b")
    assert picture(boxes, [], "a") == picture(list(boxes), [], "a")


HOSTILE = [
    "</title><script>alert(1)</script>",
    '" onload="alert(1)',
    "]]>&<!--",
    "a\x00b\x1b\x0b\ufffe",
    "lone \ud800 half",
    "\u202etxet",
    "\n\n\t",
    "漢" * 900,
    "m" * 100_000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts(text: str) -> None:
    badge = Badge(text, "?a=1&b=%22", text)
    boxes = [box("1", text, text=text, flag=text, badge=badge), box("2")]
    svg = picture(boxes, [Link("1", "2", text)], text)
    root = ET.fromstring(svg.encode())
    assert {each.tag for each in root.iter()} == {
        SVG + tag for tag in ("svg", "g", "a", "title", "rect", "path", "text")
    }
    assert not [name for each in root.iter() for name in each.attrib if name.startswith("on")]
    assert len(svg) < 9_000
    titles = [each.text or "" for each in found(root, "text", "name")]
    assert all(width_of(each) * 12.5 < 176 for each in titles)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("silicon", "silicon"),
        ("a" * 40, "aaaaaaa…"),
        ("漢" * 40, "漢漢漢漢…"),
        ("e\u0301" * 40, 7 * "e\u0301" + "…"),
        ("short enough", "short en…"),
    ],
)
def test_shortened(text: str, expected: str) -> None:
    """To at most 5.4 times the size of the font."""
    assert shortened(text, 5.4) == expected
    assert width_of(expected) <= 5.4


def test_visible() -> None:
    assert visible("two\n lines\u202e and\x00 more\ud800") == "two lines and more"
    assert visible("Müßig → 漢") == "Müßig → 漢"
    assert marked_up("<a href=\"'&") == "&lt;a href=&quot;&#x27;&amp;"
