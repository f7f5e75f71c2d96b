"""Boxes and links -> the picture of a lineage, as SVG with classes and no styles: the page has the style sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from restapi.explorer.pictures.graph.layered import Arrow, Corner, Layout, Sizes, Way, lay_out
from restapi.explorer.pictures.graph.text import marked_up, shortened, visible, width_of

SIZES = Sizes()
_NAME, _SMALL = 14, 11
"""Sizes of fonts, in pixels; that of names is 12.5, but they are bold, which takes more room."""
_LEFT = 13
"""Where the texts of a box begin; before it is the bar that has the colour of what the node is."""

STYLE = """
text{font-family:"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:11px;fill:#566473}
.paper{fill:#fff}.way{fill:none;stroke:#8593a1;stroke-width:1.4}.tip{fill:#8593a1}.logic .way{stroke-dasharray:5 4}
.plate,.under{fill:#fbfcfd;stroke:#cbd4dc}.root .plate{stroke:#c2571a;stroke-width:2.5}
.data .bar{fill:#2f7d57}.code .bar{fill:#1f7a80}.calculation .bar{fill:#b23a48}.workflow .bar{fill:#a4551c}
.name{fill:#1c2733;font-size:12.5px;font-weight:600}.flag{font-weight:600;text-anchor:end}
.flag.bad{fill:#b3261e}.flag.busy{fill:#0b63c5}.flag.warn{fill:#8a5a00}
.badge rect{fill:#eef4fb;stroke:#0b5cad}.badge text{fill:#0b5cad;font-weight:600;text-anchor:middle}
"""
"""A style sheet of few words, that most programs understand, for a picture that stands alone: the light colours."""


@dataclass(frozen=True)
class Badge:
    """A small link at the corner of a box, such as `+11`. `is_step`: it leads to another picture on the same page."""

    text: str
    url: str
    hint: str
    is_step: bool = True


@dataclass(frozen=True)
class Box:
    """A node, or many of which only the number is shown: a stack."""

    name: str
    kind: str
    """`data`, `code`, `calculation` or `workflow`: a class of the style sheet."""
    title: str
    text: str
    number: str
    """What comes after the text, and is never cut."""
    url: str
    """Empty: it leads nowhere."""
    hint: str
    flag: str = ""
    """A word at the right end of the second line, such as the exit code of a process."""
    tone: str = ""
    """What the word means: `good`, `bad`, `busy` or `warn`, a class too."""
    badge: Badge | None = None
    is_root: bool = False
    is_stack: bool = False


@dataclass(frozen=True)
class Link:
    """Arrows from one box to another; `dashed`: they say what called or returned what, not what was made of what."""

    source: str
    target: str
    hint: str
    dashed: bool = False


def picture(boxes: Sequence[Box], links: Sequence[Link], label: str, style: str = "") -> Markup:
    """The SVG of boxes, whose names all differ, and of links between them; with a `style` it stands alone.

    Boxes stand in the text from left to right and downwards, which is the way that a keyboard goes through them.
    """
    arrows = [Arrow(link.source, link.target, may_go_back=link.dashed) for link in links]
    layout = lay_out([box.name for box in boxes], arrows, SIZES)
    by_place = sorted(boxes, key=lambda box: (layout.corners[box.name].x, layout.corners[box.name].y))
    drawn_links = [_link(link, way, layout.corners) for link, way in zip(links, layout.ways, strict=True)]
    drawn_boxes = [_box(box, layout.corners[box.name]) for box in by_place]
    # All texts in it went through `marked_up` or `escape`; to format each as Markup takes three times as long.
    return Markup(  # noqa: S704
        "\n".join(
            [
                _opened(layout, label),
                *([f"<style>{style}</style>", '<rect class="paper" width="100%" height="100%"/>'] if style else ()),
                '<g class="links" aria-hidden="true">',
                *drawn_links,
                '</g><g class="nodes">',
                *drawn_boxes,
                "</g></svg>",
            ]
        )
    )


def _opened(layout: Layout, label: str) -> str:
    size = f'width="{layout.width}" height="{layout.height}" viewBox="0 0 {layout.width} {layout.height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lineage" {size} role="group" aria-label="{marked_up(label)}">'
    )


def _box(box: Box, corner: Corner) -> str:
    classes = " ".join(
        ["node", box.kind, *(["root"] if box.is_root else ()), *(["stack"] if box.is_stack else ())],
    )
    width, height = SIZES.width, SIZES.height
    room = width - _LEFT - 9
    flag = shortened(visible(box.flag), room / 2 / _SMALL)
    room_for_text = room / _SMALL - (width_of(flag) + 1 if flag else 0) - width_of(box.number)
    text = shortened(visible(box.text), room_for_text) + visible(box.number)
    # A process has corners, as it has in AiiDA's own pictures; so nobody has to tell kinds by colours alone.
    radius = 9 if box.kind in ("data", "code") else 2
    card = f'width="{width}" height="{height}" rx="{radius}"'
    return "".join(
        [
            f'<g class="{classes}" data-name="{escape(box.name)}" transform="translate({corner.x} {corner.y})">',
            f'<a href="{escape(box.url)}">' if box.url else "<g>",
            f"<title>{marked_up(box.hint)}</title>",
            *(f'<rect class="under" x="{each}" y="{-each}" {card}/>' for each in ((8, 4) if box.is_stack else ())),
            f'<rect class="plate" {card}/>{_bar(height, radius)}',
            f'<text class="name" x="{_LEFT}" y="21">{marked_up(shortened(visible(box.title), room / _NAME))}</text>',
            f'<text class="sub" x="{_LEFT}" y="37">{marked_up(text)}</text>',
            f'<text class="flag {box.tone}" x="{width - 9}" y="37">{marked_up(flag)}</text>' if flag else "",
            "</a>" if box.url else "</g>",
            _badge(box.badge, box.name) if box.badge else "",
            "</g>",
        ]
    )


def _bar(height: int, radius: int) -> str:
    """A bar at the left of a card, whose corners are the card's."""
    corner = min(radius, 5)
    return (
        f'<path class="bar" d="M5 0v{height}h-{5 - corner}a{corner} {radius} 0 0 1-{corner}-{radius}'
        f'V{radius}a{corner} {radius} 0 0 1 {corner}-{radius}z"/>'
    )


def _badge(badge: Badge, name: str) -> str:
    text = shortened(visible(badge.text), 6)
    width = max(34, round(width_of(text) * _SMALL) + 16)
    # There are as many pictures as there are sets of nodes, so nothing that collects pages shall follow the steps.
    step = f' data-step="{escape(name)}" rel="nofollow"' if badge.is_step else ""
    return (
        f'<a class="badge" href="{escape(badge.url)}"{step}><title>{marked_up(badge.hint)}</title>'
        f'<rect x="{SIZES.width - width - 2}" y="-11" width="{width}" height="19" rx="9.5"/>'
        f'<text x="{SIZES.width - width / 2 - 2:g}" y="3">{marked_up(text)}</text></a>'
    )


def _link(link: Link, way: Way, corners: Mapping[str, Corner]) -> str:
    points = way.points or _loop_of(corners[link.source])
    direction = 1 if points[-1][0] > points[-2][0] else -1
    x, y = points[-1]
    return (
        f'<g class="link{" logic" if link.dashed else ""}" data-from="{escape(link.source)}"'
        f' data-to="{escape(link.target)}"><title>{marked_up(link.hint)}</title>'
        f'<path class="way" d="{_path(points, direction) if way.points else _loop(points)}"/>'
        f'<path class="tip" d="M{x} {y}l{-8 * direction}-4v8z"/></g>'
    )


def _path(points: Sequence[tuple[int, int]], direction: int) -> str:
    """Bends between columns, and level lines across them; it ends just inside the tip of the arrow."""
    x, y = points[0]
    drawn = [f"M{x} {y}"]
    for number, (to_x, to_y) in enumerate(points[1:], start=1):
        end = to_x - 6 * direction if number == len(points) - 1 else to_x
        if to_y == y:
            drawn.append(f"H{end}")
        else:
            middle = (x + end) // 2
            drawn.append(f"C{middle} {y} {middle} {to_y} {end} {to_y}")
        x, y = to_x, to_y
    return "".join(drawn)


def _loop_of(corner: Corner) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where an arrow from a box to itself leaves it, and where it comes back."""
    right = corner.x + SIZES.width
    return (right, corner.y + 10), (right, corner.y + SIZES.height - 10)


def _loop(points: Sequence[tuple[int, int]]) -> str:
    (x, y), (_, end) = points
    return f"M{x} {y}C{x + 28} {y} {x + 28} {end} {x} {end}"
