"""The processes that a workflow called, and those that they called, as a tree with states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from restapi.explorer.node.found import Node, NodeRow
from restapi.explorer.visit import Visit

MOST_CALLS = 60
MOST_LEVELS = 5
_MOST_LABEL = 200
_MOST_BELOW = 20
"""Calls of one process that are shown, of each type."""

CALLS = '"call_calc","call_work"'


@dataclass(frozen=True)
class Call:
    """A called process. `label` is that of the link, `hidden` the number of its calls that are not shown."""

    node: NodeRow
    label: str
    calls: Sequence[Call] = ()
    hidden: int = 0


@dataclass(frozen=True)
class CallTree:
    """`is_whole`: there are no calls besides those that are shown."""

    calls: Sequence[Call]
    is_whole: bool


def call_tree(visit: Visit, node: Node) -> CallTree:
    """The calls of a workflow, nearest first where there are many. Raises ApiRefused."""
    limit = min(MOST_CALLS, visit.explorer.settings.max_graph_nodes)
    most = f"depth={MOST_LEVELS}&limit={limit}&per_type={_MOST_BELOW}"
    graph = visit.api.get(f"{node.path}/graph", f"direction=out&link_type=call_calc,call_work&{most}")
    below: dict[Any, dict[Any, str]] = {}
    for link in graph["links"]:
        below.setdefault(link["input_id"], {})[link["output_id"]] = str(link["label"] or "")[:_MOST_LABEL]
    left_out: Counter[Any] = Counter()
    for each in graph["left_out"]:
        left_out[each["node_id"]] += each["count"]
    tree = _Tree({row["id"]: row for row in graph["nodes"]}, below, left_out)
    calls = tree.calls_of(node.id, frozenset({node.id}))
    return CallTree(calls, not left_out[node.id] and not graph["truncated"])


@dataclass(frozen=True)
class _Tree:
    rows: Mapping[Any, Mapping[str, Any]]
    below: Mapping[Any, Mapping[Any, str]]
    left_out: Mapping[Any, int]

    def calls_of(self, key: Any, above: frozenset[Any]) -> list[Call]:
        """The calls of a process in the order of ids. `above`: those that the way led through."""
        if len(above) > MOST_LEVELS:
            return []
        there = [each for each in sorted(self.below.get(key, {})) if each in self.rows and each not in above]
        return [
            Call(
                NodeRow(self.rows[each]),
                self.below[key][each],
                self.calls_of(each, above | {each}),
                self.left_out.get(each, 0),
            )
            for each in there
        ]
