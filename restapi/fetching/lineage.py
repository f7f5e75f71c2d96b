"""Ancestors and descendants, and the graph around a node; the same for all AiiDA dialects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    id_list,
    links_between,
    nearest,
    reached_within,
    types_named,
)
from aiida_like.models import LINK_TYPES, node
from aiida_like.storage import Snapshot, Statement
from aiida_like.storage.expressions import in_json_array
from querylang.ast import Option
from querylang.condition import Condition
from querylang.lowering.predicates import Predicate
from querylang.options import Options, OptionSpec, check_range, integer
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

LIST = frozenset({"depth", "link_type"})
GRAPH = frozenset({"depth", "link_type", "direction", "limit"})


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
    )


def graph_around(snapshot: Snapshot, main: int, asked: GraphRequest) -> dict[str, Any]:
    """The nodes nearest to one, and the links between them.

    Raises:
        StatementTimeout, StorageError.
    """
    found = nearest(snapshot, asked.link_filter, main, asked.depth, asked.limit)
    rows = snapshot.rows(Statement("nodes of graph", _select_nodes, {"ids": id_list(found.distances)}))
    nodes = [_shown(found.distances[row[0]], row) for row in rows]
    nodes.sort(key=lambda each: (each["distance"], each["id"]))
    links = [
        dict(zip(("input_id", "output_id", "type", "label"), row, strict=True))
        for row in links_between(snapshot, found.distances, asked.link_filter.types)
    ]
    return {"nodes": nodes, "links": links, "truncated": found.is_truncated}


_SHOWN = ("id", "uuid", "label", "node_type", "process_type", "ctime")


def _shown(distance: int, row: Sequence[Any]) -> dict[str, Any]:
    found = dict(zip(_SHOWN, row, strict=True))
    return found | {"ctime": http_date(found["ctime"]), "distance": distance}


def _select_nodes() -> Select[Any]:
    columns = (node.c[name] for name in _SHOWN)
    return select(*columns).where(in_json_array(node.c.id, bindparam("ids", type_=String())))
