"""`/nodes/ID/lineage`: where a node comes from and what came of it, as a picture that is opened step by step.

All of its state is in the URL, `?open=63,81&links=data`: nodes whose neighbours are shown too, and the links to show.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from restapi.explorer.ask import ApiRefused
from restapi.explorer.lineage.boxes import LINKS, Drawing, LineageOptions, title_of
from restapi.explorer.lineage.graph import Answer, gather
from restapi.explorer.lineage.rows import rows_of
from restapi.explorer.node.found import reference
from restapi.explorer.pictures.graph.lineage_svg import STYLE, picture
from restapi.explorer.visit import Visit
from restapi.http.reply import Reply
from restapi.layout import Page, answer_picture

MOST_OPEN = 30
"""Unfolded nodes; each is a request to the API."""

MOST_NODES = 150
"""Nodes in a picture: more cannot be read, and would take the server too long."""

PER_TYPE = 12
"""Neighbours of one type on one side; where there are more, the rest is a stack."""


_MOST_NEIGHBOURS = 500
"""Nodes of one answer: those that are folded take no room in the picture."""


def view(visit: Visit, path_id: str) -> Page:
    drawing = _drawing(visit, path_id)
    root, shown, options, unfolding = drawing.root, drawing.shown, drawing.options, drawing.unfolding
    values = {
        "root": root,
        "root_url": visit.url(f"/nodes/{reference(root)}"),
        "root_title": title_of(root),
        "picture": picture(drawing.boxes(), drawing.arrows(), f"Lineage of {title_of(root)}"),
        "is_alone": len(shown.nodes) == 1 and not shown.stacks,
        "nodes": len(shown.nodes),
        "links": sum(map(len, shown.links.values())),
        "folded": len(shown.folded),
        "left_out": shown.left_out,
        "choices": [(name, options.url(visit, drawing.kept, name), name == options.links) for name in LINKS],
        "has_choice": options.links != "all",
        "unfold_url": options.url(visit, unfolding) if shown.folding and len(unfolding) <= MOST_OPEN else "",
        "first_url": options.url(visit, ()) if drawing.kept else "",
        "download_url": options.url(visit, drawing.kept, page="lineage.svg"),
        "rows": rows_of(drawing),
    }
    return Page("lineage/page.html", f"Lineage of {title_of(root)}", values, ("lineage.css",), ("lineage.js",))


def download(visit: Visit, path_id: str) -> Reply:
    """The same picture as a file that needs nothing else, and leads nowhere."""
    drawing = _drawing(visit, path_id)
    boxes = [replace(box, url="", badge=None) for box in drawing.boxes()]
    found = picture(boxes, drawing.arrows(), f"Lineage of {title_of(drawing.root)}", STYLE)
    return answer_picture(found, f"lineage-{drawing.root['id']}.svg", visit.exchange)


def _drawing(visit: Visit, path_id: str) -> Drawing:
    """Raises ApiRefused: there is no such node, or the URL asks for what cannot be drawn."""
    options = _options_of(visit, path_id)
    most = min(_MOST_NEIGHBOURS, visit.explorer.settings.max_graph_nodes)
    types = f"&link_type={options.links}" if options.links != "all" else ""

    def ask(node: int | str) -> Answer:
        found: Answer = visit.api.get(f"/nodes/{node}/graph", f"depth=1&per_type={PER_TYPE}&limit={most}{types}")
        return found

    shown = gather(ask(path_id), options.unfolded, ask, MOST_NODES)
    is_full = len(shown.nodes) >= MOST_NODES or len(options.unfolded) >= MOST_OPEN
    return Drawing(visit, options, shown, is_full)


def _options_of(visit: Visit, path_id: str) -> LineageOptions:
    given = visit.options
    links = given.get("links", "all")
    if links not in LINKS:
        raise _refused(f"links takes one of {', '.join(LINKS)}, not {links!r}")
    words = [word for word in given.get("open", "").split(",") if word]
    if not all(word.isascii() and word.isdecimal() and len(word) <= _LONGEST_ID for word in words):
        raise _refused("open takes the ids of nodes, numbers separated by commas")
    unfolded = tuple(dict.fromkeys(map(int, words)))
    if len(unfolded) > MOST_OPEN:
        raise _refused(f"open takes at most {MOST_OPEN} nodes, not {len(unfolded)}: begin at another node")
    return LineageOptions(path_id, unfolded, links)


_LONGEST_ID = 18
"""Digits, so that ids are what the database takes as integers."""


def _refused(message: str) -> ApiRefused:
    return ApiRefused(HTTPStatus.BAD_REQUEST, message)
