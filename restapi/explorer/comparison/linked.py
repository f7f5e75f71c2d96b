"""What two processes were given, or what they made: the nodes at links of the same label, and the values of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiida_like.core_names import todays_type
from restapi.explorer.ask import ApiRefused
from restapi.explorer.comparison.differences import Differences, differences
from restapi.explorer.node.found import Node, NodeRow, object_of
from restapi.explorer.node.links import INCOMING, OUTGOING, Direction
from restapi.explorer.visit import Visit

_MOST_NODES = 400
"""Nodes of a process in a role."""

_MOST_VALUES = 100
"""Pairs of nodes of which the values are compared."""

_FIELDS = "id,uuid,label,node_type,link_label,link_type,attributes.process_label"

_VALUES: Mapping[str, str | None] = {
    "data.core.dict.Dict.": None,
    "data.core.list.List.": "list",
    "data.core.bool.Bool.": "value",
    "data.core.float.Float.": "value",
    "data.core.int.Int.": "value",
    "data.core.str.Str.": "value",
}
"""Types of nodes that are values, and the attribute that holds it; None: all attributes do."""


@dataclass(frozen=True)
class Role:
    """What nodes are to a process. `link_types` are those of the links to them."""

    title: str
    direction: Direction
    link_types: tuple[str, ...]


ROLES = (
    Role("Inputs", INCOMING, ("input_calc", "input_work")),
    Role("Outputs", OUTGOING, ("create", "return")),
)


@dataclass(frozen=True)
class NodePair:
    """What two processes have at links of the same label; None: one of them has none."""

    label: str
    a: NodeRow | None
    b: NodeRow | None

    @property
    def both(self) -> tuple[NodeRow, NodeRow] | None:
        return None if self.a is None or self.b is None else (self.a, self.b)

    @property
    def is_same(self) -> bool:
        return self.both is not None and len({each.row["uuid"] for each in self.both}) == 1

    @property
    def has_values(self) -> bool:
        return self.both is not None and all(todays_type(each.node_type) in _VALUES for each in self.both)


@dataclass(frozen=True)
class Linked:
    """The nodes in a role that differ, the number of those that are the same, and what differs in their values.

    `values` is None where there are none; `error` says why they could not be compared. `cut`: there are more nodes than
    were compared, so what one process alone seems to have is left out.
    """

    role: Role
    pairs: Sequence[NodePair]
    equal: int
    values: Differences | None = None
    error: str = ""
    cut: bool = False


def linked(visit: Visit, role: Role, a: Node, b: Node) -> Linked:
    """Raises ApiRefused."""
    (left, has_left), (right, has_right) = (_by_label(visit, role, each) for each in (a, b))
    cut = not (has_left and has_right)
    pairs = [NodePair(label, left.get(label), right.get(label)) for label in sorted({*left, *right})]
    differing = [each for each in pairs if not each.is_same and (each.both or not cut)]
    equal = sum(1 for each in pairs if each.is_same)
    compared = [each for each in differing if each.has_values][: visit.at_most(2 * _MOST_VALUES) // 2]
    if not compared:
        return Linked(role, differing, equal, cut=cut)
    try:
        return Linked(role, differing, equal, _values(visit, compared), cut=cut)
    except ApiRefused as refused:
        if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return Linked(role, differing, equal, None, refused.message, cut)


def _by_label(visit: Visit, role: Role, node: Node) -> tuple[Mapping[str, NodeRow], bool]:
    """The nodes by the labels of their links, and whether these are all."""
    if not node.is_process:
        return {}, True
    types = ",".join(f'"{each}"' for each in role.link_types)
    asked = f"link_type=in={types}&limit={visit.at_most(_MOST_NODES)}&fields={_FIELDS}"
    name = role.direction.name
    answer = visit.api.ask(f"{node.path}/links/{name}", asked)
    rows = answer.data[name]
    return {str(row["link_label"]): NodeRow(row) for row in rows}, answer.total == len(rows)


def _values(visit: Visit, pairs: Sequence[NodePair]) -> Differences:
    """What differs in the values of nodes, below the labels of the links. Raises ApiRefused."""
    ids = sorted({each.row["id"] for pair in pairs for each in pair.both or ()})
    asked = f"id=in={','.join(map(str, ids))}&limit={len(ids)}&fields=id,attributes"
    contents = {row["id"]: object_of(row["attributes"]) for row in visit.api.get("/nodes", asked)["nodes"]}
    left = {pair.label: _value(pair.a, contents) for pair in pairs if pair.a is not None}
    right = {pair.label: _value(pair.b, contents) for pair in pairs if pair.b is not None}
    return differences(left, right)


def _value(node: NodeRow, contents: Mapping[int, Mapping[str, Any]]) -> Any:
    attributes = contents.get(node.row["id"], {})
    key = _VALUES[todays_type(node.node_type)]
    return attributes if key is None else attributes.get(key)
