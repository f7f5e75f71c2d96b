"""Ancestors and descendants, and the graph around a node; the same for all AiiDA dialects."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, String, bindparam, select

from aiida_like.errors import QueryError
from aiida_like.links import (
    INCOMING,
    KINDS_OF_LINKS,
    OUTGOING,
    Direction,
    LinkFilter,
    Neighbourhood,
    id_list,
    links_between,
    nearest,
    reached_within,
    types_named,
    values_of_types,
)
from aiida_like.links_by_type import LinkGroup, link_count, nearest_by_type
from aiida_like.models import LINK_TYPES, node, of_process
from aiida_like.storage import Snapshot, Statement
from aiida_like.storage.sql.expressions import joined_in_json_array, json_scalar_text
from querylang.ast import Option
from querylang.condition import Condition
from querylang.lowering.predicates import Predicate
from querylang.options import Options, OptionSpec, check_range, integer, positive
from querylang.schema import Field
from restapi.config import Settings
from restapi.http.encoding import http_date

DIRECTIONS: Mapping[str, tuple[Direction, ...]] = {"in": (INCOMING,), "out": (OUTGOING,), "both": (INCOMING, OUTGOING)}


def depth(option: Option) -> int:
    number = integer(option)
    if not number:
        raise QueryError("depth counts links, from 1; without it there is no limit")
    return number


def link_types(option: Option) -> tuple[str, ...]:
    return types_named(option.words, option.key)


def _directions(option: Option) -> tuple[Direction, ...]:
    written = ",".join(option.words)
    if written not in DIRECTIONS:
        raise QueryError(f"direction takes one of {', '.join(DIRECTIONS)}, not {written!r}")
    return DIRECTIONS[written]


OPTIONS: Mapping[str, OptionSpec] = {
    "depth": OptionSpec(depth, "At most so many links away, 1 or more; the default is any number.", least=1),
    "link_type": OptionSpec(
        link_types,
        "Which links are followed: data (input_calc and create), logic (input_work, return, call_calc, "
        "call_work), all, or some of the six types, separated by commas; the default is data in lists, else all.",
        choices=(*KINDS_OF_LINKS, *LINK_TYPES),
    ),
    "direction": OptionSpec(
        _directions,
        "in: to ancestors, out: to descendants, or both; the default is both, of prov in.",
        choices=tuple(DIRECTIONS),
    ),
}
"""Reserved for these resources only: `link_type` is a key of filters too."""

GRAPH_OPTIONS: Mapping[str, OptionSpec] = {
    **OPTIONS,
    "limit": OptionSpec(
        integer,
        "At most so many nodes, or processes of ro-crate; the nearest come first.",
        least=1,
        most="max_graph_nodes",
    ),
}
"""The options of graphs, whose limit is a number of nodes."""

PER_TYPE: Mapping[str, OptionSpec] = {
    "per_type": OptionSpec(
        positive,
        "Of graph: at most so many neighbours of each node for each type of links and of nodes, in each direction; "
        "left_out says how many links there are besides.",
        least=1,
    ),
}

LIST = frozenset({"depth", "link_type"})
GRAPH = frozenset({"depth", "link_type", "direction", "limit"})
AROUND = GRAPH | {*PER_TYPE}


FEWER_ROWS = "narrow it with a smaller depth, fewer types in link_type, or more filters"
FEWER_NODES = "narrow it with a smaller limit or depth, fewer types in link_type, or one direction"


def relation_to(snapshot: Snapshot, direction: Direction, field: Field, main: int, given: Options) -> Condition:
    """The condition that nodes, whose id is `field`, are ancestors or descendants of the node `main`.

    Raises:
        StatementTimeout, StorageError.
    """
    link_filter = LinkFilter((direction,), given.get("link_type", KINDS_OF_LINKS["data"]))
    if "depth" in given:
        return Condition(
            Predicate.IN_JSON_ARRAY, field, (id_list(reached_within(snapshot, link_filter, main, given["depth"])),)
        )
    return Condition(_CLOSURES[direction.name], field, (main, *link_filter.tested))


_CLOSURES = {INCOMING.name: Predicate.ANCESTORS_OF, OUTGOING.name: Predicate.DESCENDANTS_OF}


@dataclass(frozen=True)
class GraphRequest:
    """The part of the graph around a node that a request asks for."""

    link_filter: LinkFilter
    depth: int | None
    limit: int
    per_type: int | None = None


def graph_request(given: Options, settings: Settings, direction: str = "both") -> GraphRequest:
    """The graph that a request asks for; `direction` is the default.

    Raises:
        QueryError: the limit is out of range.
    """
    most = settings.max_graph_nodes
    limit = given.get("limit", min(settings.graph_nodes, most))
    check_range("limit", limit, most)
    return GraphRequest(
        LinkFilter(given.get("direction", DIRECTIONS[direction]), given.get("link_type", LINK_TYPES)),
        given.get("depth"),
        limit,
        given.get("per_type"),
    )


def graph_around(snapshot: Snapshot, main: int, asked: GraphRequest) -> dict[str, Any]:
    """The nodes nearest to one, and the links between them.

    Raises:
        StatementTimeout, StorageError.
    """
    found, groups = _nearest(snapshot, main, asked)
    types = asked.link_filter.tested
    values = {"ids": id_list(found.distances), **values_of_types(types)}
    rows = snapshot.rows(Statement(("nodes of graph", len(types)), lambda: _select_nodes(len(types)), values))
    nodes = [_shown(row) | {"distance": found.distances[row[0]]} for row in rows]
    nodes.sort(key=lambda each: (each["distance"], each["id"]))
    links = [
        dict(zip(("input_id", "output_id", "type", "label"), row, strict=True))
        for row in links_between(snapshot, found.distances, asked.link_filter.types)
    ]
    graph = {"nodes": nodes, "links": links, "truncated": found.is_truncated}
    return graph if groups is None else graph | {"left_out": _left_out(groups, nodes, links)}


def _nearest(
    snapshot: Snapshot, main: int, asked: GraphRequest
) -> tuple[Neighbourhood, Mapping[LinkGroup, int] | None]:
    """The nodes, and the groups of links if they are limited by their types."""
    if asked.per_type is None:
        return nearest(snapshot, asked.link_filter, main, asked.depth, asked.limit), None
    return nearest_by_type(snapshot, asked.link_filter, main, asked.depth, asked.limit, asked.per_type)


def _left_out(
    groups: Mapping[LinkGroup, int], nodes: Iterable[Mapping[str, Any]], links: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """How many links of each group are not shown; the largest groups of a node come first, unknown types last."""
    types = {each["id"]: each["node_type"] for each in nodes}
    shown: Counter[LinkGroup] = Counter()
    for link in links:
        source, target, type_ = link["input_id"], link["output_id"], link["type"]
        shown[LinkGroup(target, INCOMING.name, type_, types.get(source))] += 1
        shown[LinkGroup(source, OUTGOING.name, type_, types.get(target))] += 1
    left = [(group, number - shown[group]) for group, number in groups.items() if number > shown[group]]
    return [
        {
            "node_id": group.node,
            "direction": group.direction,
            "link_type": group.link_type,
            "node_type": group.node_type,
            "count": number,
        }
        for group, number in sorted(left, key=_place_of_group)
    ]


def _place_of_group(left: tuple[LinkGroup, int]) -> tuple[Any, ...]:
    group, number = left
    return group.node, group.direction, group.link_type is None, -number, group.link_type or "", group.node_type or ""


_STORED = ("id", "uuid", "label", "node_type", "process_type", "ctime")
_OF_PROCESSES = ("process_label", "process_state", "exit_status")


def _shown(row: Sequence[Any]) -> dict[str, Any]:
    found = dict(zip((*_STORED, *_OF_PROCESSES, INCOMING.name, OUTGOING.name), row, strict=True))
    return found | {"ctime": http_date(found["ctime"]), "exit_status": _status(found["exit_status"])}


_LONGEST_STATUS = 200
"""Characters, of an exit status that is no integer, as AiiDA stores none."""


def _status(text: str | None) -> int | str | None:
    if text is None:
        return None
    return int(text) if re.fullmatch("-?[0-9]{1,18}", text) else text[:_LONGEST_STATUS]


def _select_nodes(types: int) -> Select[Any]:
    columns = (
        *(node.c[name] for name in _STORED),
        *(of_process(json_scalar_text(node.c.attributes, name)) for name in _OF_PROCESSES),
        *(link_count(direction, types) for direction in (INCOMING, OUTGOING)),
    )
    return select(*columns).where(joined_in_json_array(node.c.id, bindparam("ids", type_=String())))
