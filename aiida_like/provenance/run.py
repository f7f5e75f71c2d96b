"""A process, those that it called, and the data that they used and made, read from the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import BigInteger, Select, String, bindparam, select

from aiida_like.errors import FeatureUnavailable, QueryError
from aiida_like.links import INCOMING, OUTGOING, LinkFilter, Neighbourhood, id_list, links_at, nearest
from aiida_like.models import node
from aiida_like.provenance.subgraph import Link, Subgraph, subgraph_of
from aiida_like.storage import Snapshot, Statement
from aiida_like.storage.expressions import in_json_array

CALLS = ("call_calc", "call_work")
INPUTS = ("input_calc", "input_work")
OUTPUTS = ("create", "return")


@dataclass(frozen=True)
class Run:
    """`trees` are the files of each node that has any, by its id."""

    subgraph: Subgraph
    trees: Mapping[int, Mapping[str, Any]]


def read_run(snapshot: Snapshot, main: int, depth: int | None, limit: int, most: int) -> Run:
    """A process and those it called, at most `limit`, with at most `most` links to their data.

    Raises:
        FeatureUnavailable: the node is no process.
        QueryError: the processes have more links.
        StatementTimeout, StorageError.
    """
    (first,) = subgraph_of(snapshot, Neighbourhood({main: 0}, is_truncated=False), ()).nodes
    if not first.is_process:
        raise FeatureUnavailable(f"only a process has a crate, and this node is {first.node_type}")
    calls = nearest(snapshot, LinkFilter((OUTGOING,), CALLS), main, depth, limit)
    processes = calls.distances
    links = [
        Link(*row)
        for direction, types in ((INCOMING, INPUTS), (OUTGOING, OUTPUTS), (OUTGOING, CALLS))
        for row in links_at(snapshot, direction, processes, types, most + 1)
    ]
    links = [link for link in links if link.type not in CALLS or link.output_id in processes]
    if len(links) > most:
        raise QueryError(f"these processes have more than {most} links: take fewer with a smaller limit or depth")
    # Data are farther than all processes, so that the process asked for stays the first node.
    last = max(processes.values()) + 1
    distances = {**{end: last for link in links for end in (link.input_id, link.output_id)}, **processes}
    subgraph = subgraph_of(snapshot, Neighbourhood(distances, calls.is_truncated), links)
    return Run(subgraph, _trees(snapshot, distances))


def read_attributes(snapshot: Snapshot, pk: int) -> bytes:
    """The attributes of a node as JSON."""
    rows = snapshot.rows(Statement("attributes to export", _select_attributes, {"id": pk}))
    return str(rows[0][0] or "{}").encode() if rows else b"{}"


def _trees(snapshot: Snapshot, ids: Iterable[int]) -> Mapping[int, Mapping[str, Any]]:
    rows = snapshot.rows(Statement("files to export", _select_trees, {"ids": id_list(ids)}))
    return {pk: orjson.loads(stored) for pk, stored in rows if stored != "{}"}


def _select_trees() -> Select[Any]:
    return select(node.c.id, node.c.repository_metadata).where(
        in_json_array(node.c.id, bindparam("ids", type_=String()))
    )


def _select_attributes() -> Select[Any]:
    return select(node.c.attributes).where(node.c.id == bindparam("id", type_=BigInteger()))
