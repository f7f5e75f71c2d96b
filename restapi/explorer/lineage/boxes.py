"""Nodes and links that are shown -> the boxes and arrows of a picture, with the URLs that they lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from restapi.explorer.lineage.graph import Ends, GraphNode, Shown, Stack, called_by
from restapi.explorer.node.found import name_of, reference
from restapi.explorer.pictures.graph.lineage_svg import Badge, Box, Link
from restapi.explorer.pictures.graph.text import visible
from restapi.explorer.query_values import quoted
from restapi.explorer.visit import Visit
from restapi.layout.kinds import State, kind_of, short_type, state_of

LINKS: Mapping[str, tuple[str, ...]] = {
    "all": (),
    "data": ("input_calc", "create"),
    "logic": ("input_work", "return", "call_calc", "call_work"),
}
"""What `links=` takes, and the types of links that each shows; all, if none are named."""

_DATA_MADE = ("input_calc", "input_work", "create")
"""Links that say what was made of what; the others say what called or returned what, and are dashed."""

_NAMELESS = ("CALL", "result", "")
"""Labels that AiiDA gives links of which nobody said more."""

_LESS, _TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"

_TENS = 9.95
"""From here on a decimal is no more than a number of its own."""

_MOST_OF_PROCESS = 18
"""Characters of an entry point that a box has room for; its first parts say least."""

_ADVERBS = {"incoming": "before", "outgoing": "after"}


@dataclass(frozen=True)
class LineageOptions:
    """What the URL of a lineage says: the node, as its path names it, the nodes that are unfolded, and `links`."""

    path_id: str
    unfolded: tuple[int, ...] = ()
    links: str = "all"

    def url(self, visit: Visit, unfolded: Sequence[int], links: str = "", page: str = "lineage") -> str:
        """The URL of the same lineage with other nodes unfolded, or with other links."""
        links = links or self.links
        options = [f"open={','.join(map(str, unfolded))}"] if unfolded else []
        options += [f"links={links}"] if links != "all" else []
        return visit.url(f"/nodes/{self.path_id}/{page}", "&".join(options))


@dataclass(frozen=True)
class Drawing:
    """The boxes and arrows of a picture, and the same for who reads a table."""

    visit: Visit
    options: LineageOptions
    shown: Shown
    is_full: bool = False

    @property
    def root(self) -> GraphNode:
        return self.shown.nodes[self.shown.opened[0]]

    @property
    def kept(self) -> list[int]:
        """The unfolded nodes that are shown: URLs drop those that are not reached any more."""
        return [pk for pk in self.options.unfolded if pk in self.shown.opened]

    @property
    def unfolding(self) -> list[int]:
        """The nodes to unfold if all workflows that are shown are to be."""
        return [*self.kept, *sorted(self.shown.folding)]

    def boxes(self) -> list[Box]:
        drawn = self._drawn_links()
        labels = link_labels(self.shown.links, self.shown.opened[0])
        nodes = [
            self._box(pk, node, drawn.get(pk, 0), labels.get(pk, "")) for pk, node in sorted(self.shown.nodes.items())
        ]
        return nodes + [self._stack(number, stack) for number, stack in enumerate(self.shown.stacks)]

    def arrows(self) -> list[Link]:
        links = [
            Link(str(source), str(target), _hint_of(found), all(each["type"] not in _DATA_MADE for each in found))
            for (source, target), found in self.shown.links.items()
        ]
        for number, stack in enumerate(self.shown.stacks):
            ends = (f"stack{number}", str(stack.node))
            links.append(Link(*(ends if stack.side == "incoming" else ends[::-1]), f"{stack.count:,} links"))
        return links

    def _box(self, pk: int, node: GraphNode, drawn: int, label: str) -> Box:
        state = process_state_of(node)
        told = None if state is None or state.tone == "good" else state
        return Box(
            name=str(pk),
            kind=kind_of(node["node_type"]),
            title=title_of(node),
            text=below_title(node, label),
            number=f" · {pk}",
            url=self.visit.url(f"/nodes/{reference(node)}"),
            hint=_described(node, "" if state is None else state.text),
            flag=told.text.removeprefix("finished ") if told else "",
            tone=told.tone if told else "",
            badge=self._badge(pk, node, drawn),
            is_root=pk == self.shown.opened[0],
        )

    def _badge(self, pk: int, node: GraphNode, drawn: int) -> Badge | None:
        """What opens a node that has more, or closes it. The root is shut only as a workflow, whose calls it folds.

        Where there is no room for more, it leads to the lineage of the node itself.
        """
        if pk in self.kept:
            inside = {pk, *called_by(self.shown.links, pk)}
            rest = [each for each in self.kept if each not in inside]
            return Badge(_LESS, self.options.url(self.visit, rest), f"Hide again what {title_of(node)} led to")
        hidden = node["incoming"] + node["outgoing"] - drawn
        if hidden <= 0 or (pk == self.shown.opened[0] and pk not in self.shown.folding):
            return None
        text = f"+{short_number(hidden)}"
        if self.is_full:
            url = self.visit.url(f"/nodes/{reference(node)}/lineage")
            return Badge(text, url, f"Lineage of {title_of(node)}, with {hidden:,} more", is_step=False)
        return Badge(text, self.options.url(self.visit, [*self.kept, pk]), f"Show {hidden:,} more of {title_of(node)}")

    def _stack(self, number: int, stack: Stack) -> Box:
        node = self.shown.nodes[stack.node]
        types = LINKS[self.options.links] if stack.link_type is None else (stack.link_type,)
        named = str(node["id"]) if reference(node) != node["uuid"] else f'"{node["uuid"]}"'
        query = ",".join([f"{stack.side}_of={named}", *(f'"{each}"' for each in types)])
        title, kind = f"{stack.count:,} more", ""
        if stack.node_type is not None:
            query += f"&node_type={quoted(stack.node_type)}"
            title, kind = f"{stack.count:,} {_TIMES} {short_type(stack.node_type)}", kind_of(stack.node_type)
        where = f"{_ADVERBS[stack.side]} {title_of(node)}"
        return Box(
            name=f"stack{number}",
            kind=kind,
            title=title,
            text=where,
            number="",
            url=self.visit.url("/nodes", query),
            hint=f"{title} {where}, which are not shown here: a table of all",
            is_stack=True,
        )

    def _drawn_links(self) -> dict[int, int]:
        counted: dict[int, int] = {}
        for ends, found in self.shown.links.items():
            for end in ends:
                counted[end] = counted.get(end, 0) + len(found)
        return counted


def title_of(node: GraphNode) -> str:
    """What people call a node: its label, else what ran, else its type."""
    return visible(name_of(node, node["process_label"]) or _process_of(node) or short_type(node["node_type"]))


def process_state_of(node: GraphNode) -> State | None:
    """The state of a process; of data there is none."""
    state = node["process_state"]
    return state_of(visible(state) if isinstance(state, str) else None, node["exit_status"])


def type_of(node: GraphNode) -> str:
    """What a node is: the class of what ran, or else its type."""
    process = node["process_label"] or _process_of(node)
    return visible(process if process and process != title_of(node) else short_type(node["node_type"]))


def below_title(node: GraphNode, link_label: str) -> str:
    """What a box says besides its title: the type, or, if the title is no more than that, the label of a link."""
    if name_of(node, None):
        return type_of(node)
    found = type_of(node)
    if link_label not in ("", title_of(node)):
        return link_label
    return found if found != title_of(node) else reference(node)[:8]


def link_labels(links: Mapping[Ends, Sequence[Mapping[str, Any]]], root: int) -> dict[int, str]:
    """What nodes are to those that they are linked with, such as `scf__parameters`; links of the root count first.

    Data are named as inputs and outputs of processes, processes by those that called them.
    """
    found: dict[int, str] = {}
    for (source, target), between in sorted(links.items(), key=lambda each: root not in each[0]):
        for link in between:
            if link["label"] not in _NAMELESS:
                found.setdefault(source if link["type"].startswith("input_") else target, visible(link["label"]))
    return found


def _process_of(node: GraphNode) -> str:
    """What ran, such as `pw.relax` of `aiida.workflows:quantumespresso.pw.relax`; of data it is empty."""
    name = (node["process_type"] or "").rpartition(":")[2]
    while len(name) > _MOST_OF_PROCESS and "." in name:
        name = name.partition(".")[2]
    return name


def _described(node: GraphNode, state: str) -> str:
    parts = (title_of(node), type_of(node), f"id {node['id']}", f"uuid {node['uuid']}", state)
    return ", ".join(part for part in parts if part)


def _hint_of(links: Sequence[Mapping[str, Any]]) -> str:
    return visible("; ".join(f"{link['label']} ({link['type']})" for link in links))


def short_number(number: int) -> str:
    """`950`, `2.2k`, `60k`: what a badge has room for."""
    thousands = number / 1_000
    if thousands < 1:
        return str(number)
    return f"{thousands:.1f}k" if thousands < _TENS else f"{thousands:.0f}k"
