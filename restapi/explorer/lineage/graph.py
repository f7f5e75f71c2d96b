"""Answers of `/nodes/ID/graph`, one for each open node -> the nodes and links that a picture of a lineage shows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_CALLS = ("call_calc", "call_work")

Ends = tuple[int, int]
GraphNode = Mapping[str, Any]
"""A node as `/graph` answers it, with the number of its links, `incoming` and `outgoing`."""

Answer = Mapping[str, Any]
"""The `data` of `/nodes/ID/graph?depth=1&per_type=12`."""


@dataclass(frozen=True)
class Stack:
    """Links of an open node that are counted and not shown, of one type, to or from nodes of one type.

    `side` is `incoming` or `outgoing`. Both types are None if there are too many links to look at.
    """

    node: int
    side: str
    link_type: str | None
    node_type: str | None
    count: int


@dataclass(frozen=True)
class Shown:
    """What is shown. `links` has all links between two nodes by their ids.

    `opened`: the open nodes that are shown, the root first. `folded`: processes that are not shown, because what called
    them is shown and not unfolded; `folding` is what called them. `left_out`: the number of nodes without room.
    """

    nodes: Mapping[int, GraphNode]
    links: Mapping[Ends, Sequence[Mapping[str, Any]]]
    opened: Sequence[int]
    stacks: Sequence[Stack]
    folded: Collection[int]
    folding: Collection[int]
    left_out: int


def gather(first: Answer, unfolded: Sequence[int], ask: Callable[[int], Answer], most: int) -> Shown:
    """The neighbours of the root, which `first` tells, and those of unfolded nodes that are reached from it.

    `ask` gives the answer about one node; it is called once for each of `unfolded` that is shown. The root is open
    without being named; but what it called, if it is a workflow, is shown only if it is named. Of all that was found
    the first `most` nodes are shown; once there are so many, nothing more is asked.
    """
    found = _Found(root_of(first), frozenset(unfolded))
    found.add(found.root, first)
    nodes = found.visible()
    while len(nodes) < most:
        node = next((each for each in unfolded if each in nodes and each not in found.opened), None)
        if node is None:
            break
        found.add(node, ask(node))
        nodes = found.visible()
    return _shown(found, dict(list(nodes.items())[:most]), max(0, len(nodes) - most))


def _shown(found: _Found, nodes: Mapping[int, GraphNode], left_out: int) -> Shown:
    links: dict[Ends, list[Mapping[str, Any]]] = {}
    for source, target, *rest in sorted(found.links):
        if source in nodes and target in nodes:
            links.setdefault((source, target), []).append(found.links[source, target, rest[0], rest[1]])
    folded = found.folded()
    folding = {caller for called in folded for caller in found.callers[called] if caller in nodes}
    opened = [each for each in found.opened if each in nodes]
    return Shown(nodes, links, opened, found.stacks(), folded, folding, left_out)


_Key = tuple[int, int, str, str]


def _key_of(link: Mapping[str, Any]) -> _Key:
    """What makes a link: its ends, its type and its label."""
    return link["input_id"], link["output_id"], link["type"], link["label"]


def root_of(answer: Answer) -> int:
    """The id of the node that an answer is about."""
    return next(int(node["id"]) for node in answer["nodes"] if node["distance"] == 0)


def called_by(links: Mapping[Ends, Sequence[Mapping[str, Any]]], node: int) -> set[int]:
    """The processes that a workflow called, that these called, and so on."""
    calls = [ends for ends, found in links.items() if any(link["type"] in _CALLS for link in found)]
    inside, new = set[int](), {node}
    while new:
        new = {called for caller, called in calls if caller in new} - inside
        inside |= new
    return inside


@dataclass
class _Found:
    """What answers told, in this order. `links` by what makes a link, because two answers may tell the same one.

    `callers`: of each process what called it. `more`: groups of links that an answer only counts, each with the links
    that it told.
    """

    root: int
    unfolded: frozenset[int]
    nodes: dict[int, GraphNode] = field(default_factory=dict)
    links: dict[_Key, Mapping[str, Any]] = field(default_factory=dict)
    callers: dict[int, set[int]] = field(default_factory=dict)
    opened: list[int] = field(default_factory=list)
    more: list[tuple[Mapping[str, Any], Collection[_Key]]] = field(default_factory=list)

    def add(self, node: int, answer: Answer) -> None:
        self.opened.append(node)
        told = {_key_of(link): link for link in answer["links"]}
        self.links |= told
        self.more += ((group, told) for group in answer["left_out"] if group["node_id"] == node)
        for each in answer["nodes"]:
            self.nodes.setdefault(each["id"], each)
        for caller, called, link_type, _ in told:
            if link_type in _CALLS:
                self.callers.setdefault(called, set()).add(caller)

    def folded(self) -> set[int]:
        """Processes that a workflow called which is found too and not unfolded. What is open itself is not folded."""
        shut = self.nodes.keys() - self.unfolded
        return {
            called
            for called, callers in self.callers.items()
            if called != self.root and called not in self.unfolded and callers & shut
        }

    def visible(self) -> dict[int, GraphNode]:
        """The nodes that are not folded, the first found first."""
        folded = self.folded()
        return {pk: node for pk, node in self.nodes.items() if pk not in folded}

    def stacks(self) -> list[Stack]:
        """The groups of links that are only counted, without those that another answer told."""
        found = []
        for group, told in self.more:
            since = sum(self._is_of(group, key) for key in self.links if key not in told)
            if group["count"] > since:
                found.append(
                    Stack(
                        node=group["node_id"],
                        side=group["direction"],
                        link_type=group["link_type"],
                        node_type=group["node_type"],
                        count=group["count"] - since,
                    )
                )
        return found

    def _is_of(self, group: Mapping[str, Any], key: _Key) -> bool:
        source, target, link_type, _ = key
        here, there = (target, source) if group["direction"] == "incoming" else (source, target)
        other = self.nodes.get(there)
        return (
            here == group["node_id"]
            and link_type == group["link_type"]
            and other is not None
            and other["node_type"] == group["node_type"]
        )
