"""`/compare?a=&b=`: two nodes, and only what differs of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from restapi.explorer.ask import ApiRefused
from restapi.explorer.comparison.differences import Difference, differences
from restapi.explorer.comparison.structures import Structure, structure_of
from restapi.explorer.node.found import Node, NodeRow, find_content
from restapi.explorer.node.links import INCOMING
from restapi.explorer.times import shown_time
from restapi.explorer.visit import Visit
from restapi.layout import Page

_MOST_INPUTS = 400
_INPUT_FIELDS = "id,uuid,label,node_type,link_label,link_type,attributes.process_label"


@dataclass(frozen=True)
class InputPair:
    """What two nodes have at links of the same label; None: one of them has none."""

    label: str
    a: NodeRow | None
    b: NodeRow | None

    @property
    def is_comparable(self) -> bool:
        return self.a is not None and self.b is not None


@dataclass(frozen=True)
class Inputs:
    """The inputs that differ, and the number of those that are the same node."""

    pairs: Sequence[InputPair]
    equal: int


@dataclass(frozen=True)
class Side:
    """One of the two nodes. `asked` is how the form names it, `error` why there is none."""

    name: str
    asked: str
    node: Node | None = None
    error: str = ""
    inputs: Mapping[str, NodeRow] = field(default_factory=dict)
    structure: Structure | None = None


def view(visit: Visit) -> Page:
    sides = [_side(visit, name) for name in ("a", "b")]
    a, b = sides
    values: dict[str, Any] = {"sides": sides, "attributes": None, "inputs": None, "structures": (), "head": ()}
    if a.node is not None and b.node is not None:
        values |= {
            "attributes": differences(a.node.attributes, b.node.attributes),
            "inputs": _compared(a.inputs, b.inputs),
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
        return Side(name, asked, found, "", _inputs(visit, found), structure_of(visit, found))
    except ApiRefused as refused:
        if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return Side(name, asked, error=refused.message)


def _inputs(visit: Visit, node: Node) -> Mapping[str, NodeRow]:
    """The inputs by the labels of their links."""
    asked = f'link_type=in="input_calc","input_work"&limit={_MOST_INPUTS}&fields={_INPUT_FIELDS}'
    rows = visit.api.get(f"{node.path}/links/{INCOMING.name}", asked)[INCOMING.name] if node.is_process else ()
    return {str(row["link_label"]): NodeRow(row) for row in rows}


def _compared(a: Mapping[str, NodeRow], b: Mapping[str, NodeRow]) -> Inputs:
    pairs = [InputPair(label, a.get(label), b.get(label)) for label in sorted({*a, *b})]
    differing = [each for each in pairs if each.a is None or each.b is None or each.a.row["uuid"] != each.b.row["uuid"]]
    return Inputs(differing, len(pairs) - len(differing))


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
