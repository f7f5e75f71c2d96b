"""The neighbours of a node, by the type of the links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from restapi.explorer.node.found import Node, NodeRow
from restapi.explorer.visit import Visit

MOST = 12
"""Neighbours of a group that are shown."""

_MOST_LABEL = 200


@dataclass(frozen=True)
class Direction:
    """`titles` are what neighbours are to a node, by the type of the link. `relation` is that of filters on nodes.

    `here` and `there` are the keys of links for the node and for the neighbour.
    """

    name: str
    relation: str
    here: str
    there: str
    titles: Mapping[str, str]


INCOMING = Direction(
    "incoming",
    "incoming_of",
    "output_id",
    "input_id",
    {
        "input_calc": "Inputs",
        "input_work": "Inputs",
        "create": "Created by",
        "return": "Returned by",
        "call_calc": "Called by",
        "call_work": "Called by",
    },
)
OUTGOING = Direction(
    "outgoing",
    "outgoing_of",
    "input_id",
    "output_id",
    {
        "create": "Outputs",
        "return": "Returns",
        "call_calc": "Calls of calculations",
        "call_work": "Calls of workflows",
        "input_calc": "Input of calculations",
        "input_work": "Input of workflows",
    },
)


@dataclass(frozen=True)
class Neighbour:
    """The node at the other end of a link, and the label of the link."""

    node: NodeRow
    label: str


@dataclass(frozen=True)
class NeighbourGroup:
    """Neighbours by links of one type, the first of `total`. `all_query` is the query of a table of all.

    `is_counted`: there are no more than `total`; else nobody has counted them.
    """

    link_type: str
    title: str
    total: int
    is_counted: bool
    neighbours: Sequence[Neighbour]
    all_query: str

    @property
    def is_whole(self) -> bool:
        return self.is_counted and len(self.neighbours) == self.total

    @property
    def number(self) -> str:
        return f"{self.total:,}{'' if self.is_counted else '+'}"

    @property
    def repeated(self) -> frozenset[str]:
        """Titles that several neighbours have, which the beginnings of their uuids tell apart."""
        counted = Counter(each.node.title for each in self.neighbours)
        return frozenset(title for title, number in counted.items() if number > 1)


_CALLS = frozenset({"call_calc", "call_work"})


@dataclass(frozen=True)
class Neighbours:
    """All neighbours in a direction."""

    total: int
    groups: Sequence[NeighbourGroup]

    def without_calls(self) -> Neighbours:
        """Those that were not called, where a tree of calls shows the others."""
        groups = [group for group in self.groups if group.link_type not in _CALLS]
        return Neighbours(sum(group.total for group in groups), groups)

    def by(self, link_type: str, label: str) -> Neighbour | None:
        """The first neighbour by a link."""
        found = (each for group in self.groups if group.link_type == link_type for each in group.neighbours)
        return next((each for each in found if each.label == label), None)


def neighbours(visit: Visit, node: Node) -> tuple[Neighbours, Neighbours]:
    """The incoming and the outgoing neighbours of a node, some of each group. Raises ApiRefused."""
    graph = visit.api.get(f"{node.path}/graph", f"depth=1&per_type={MOST}")
    return _in_direction(node, graph, INCOMING), _in_direction(node, graph, OUTGOING)


def _in_direction(node: Node, graph: Mapping[str, Any], direction: Direction) -> Neighbours:
    rows = {row["id"]: row for row in graph["nodes"]}
    found: dict[str, list[Neighbour]] = {}
    for link in graph["links"]:
        there = rows.get(link[direction.there])
        if link[direction.here] == node.id and there is not None:
            neighbour = Neighbour(NodeRow(there), str(link["label"] or "")[:_MOST_LABEL])
            found.setdefault(str(link["type"]), []).append(neighbour)
    more: Counter[str | None] = Counter()
    for each in graph["left_out"]:
        if each["node_id"] == node.id and each["direction"] == direction.name:
            more[each["link_type"]] += each["count"]
    groups = list(_groups(node, direction, found, more))
    total = rows[node.id][direction.name] if node.id in rows else sum(group.total for group in groups)
    return Neighbours(total, groups)


def _groups(
    node: Node, direction: Direction, found: Mapping[str, Sequence[Neighbour]], more: Mapping[str | None, int]
) -> Iterator[NeighbourGroup]:
    there_are = {*found, *filter(None, more)}
    for link_type in (*direction.titles, *sorted(there_are - set(direction.titles))):
        if link_type not in there_are:
            continue
        types = f',"{link_type}"' if link_type in direction.titles else ""
        shown = found.get(link_type, ())
        yield NeighbourGroup(
            link_type,
            direction.titles.get(link_type, link_type),
            len(shown) + more.get(link_type, 0),
            None not in more,
            shown[:MOST],
            f"{direction.relation}={node.id}{types}",
        )
