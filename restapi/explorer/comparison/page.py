"""`/compare?a=&b=`: two nodes, and only what differs of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from restapi.explorer.ask import ApiRefused
from restapi.explorer.comparison.differences import Difference, differences
from restapi.explorer.comparison.linked import ROLES, linked
from restapi.explorer.comparison.structures import Structure, structure_of
from restapi.explorer.node.found import Node, find_content
from restapi.explorer.times import shown_time
from restapi.explorer.visit import Visit
from restapi.layout import Page


@dataclass(frozen=True)
class Side:
    """One of the two nodes. `asked` is how the form names it, `error` why there is none."""

    name: str
    asked: str
    node: Node | None = None
    error: str = ""
    structure: Structure | None = None


def view(visit: Visit) -> Page:
    sides = [_side(visit, name) for name in ("a", "b")]
    a, b = sides
    values: dict[str, Any] = {"sides": sides, "attributes": None, "linked": (), "structures": (), "head": ()}
    if a.node is not None and b.node is not None:
        values |= {
            "attributes": differences(a.node.attributes, b.node.attributes),
            "linked": [linked(visit, role, a.node, b.node) for role in ROLES],
            "head": _heads(a.node, b.node),
            "structures": _structures(a.structure, b.structure),
        }
    failed = any(side.error for side in sides)
    status = HTTPStatus.NOT_FOUND if failed else HTTPStatus.OK
    return Page("comparison/page.html", "Compare two nodes", values, styles=("node.css", "compare.css"), status=status)


def _side(visit: Visit, name: str) -> Side:
    asked = visit.options.get(name, "").strip()
    if not asked:
        return Side(name, "")
    try:
        found = find_content(visit, asked.replace("/", ""))
        return Side(name, asked, found, "", structure_of(visit, found))
    except ApiRefused as refused:
        if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return Side(name, asked, error=refused.message)


def _heads(a: Node, b: Node) -> Sequence[Difference]:
    """Differences of what stands beside the attributes."""
    names = {"label": "label", "node_type": "type", "process_type": "process type"}
    heads = [
        {"created": shown_time(each.row["ctime"]).text, **{shown: each.row[name] for name, shown in names.items()}}
        for each in (a, b)
    ]
    return differences(*heads).shown


def _structures(a: Structure | None, b: Structure | None) -> Sequence[Difference]:
    """All rows of the table of two structures, also where they are the same; none where one is no structure."""
    if a is None or b is None:
        return ()
    return [Difference(name, text, b.rows[name]) for name, text in a.rows.items()]
