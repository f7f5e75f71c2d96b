"""What an export is made of, read from the database: nodes, links and users, and for a run of a process its files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, String, bindparam, select

from aiida_like.errors import FeatureUnavailable, QueryError
from aiida_like.json_text import object_of
from aiida_like.links import (
    INCOMING,
    OUTGOING,
    LinkFilter,
    Neighbourhood,
    id_list,
    is_id,
    links_at,
    links_between,
    nearest,
)
from aiida_like.models import node, of_process, user
from aiida_like.storage import Snapshot, Statement
from aiida_like.storage.sql.expressions import in_json_array, json_scalar_text
from aiida_like.timestamps import instant

CALLS = ("call_calc", "call_work")
INPUTS = ("input_calc", "input_work")
OUTPUTS = ("create", "return")

ENDED = frozenset({"finished", "excepted", "killed"})
"""The states of processes that will not change again."""


@dataclass(frozen=True)
class Node:
    """A node of an export. `state` and the fields after it are None for data; times are as stored."""

    id: int
    uuid: str
    label: str
    description: str
    node_type: str
    process_type: str | None
    ctime: str
    mtime: str
    user_id: int
    state: str | None
    exit_status: str | None
    exit_message: str | None
    process_label: str | None

    @property
    def is_process(self) -> bool:
        return self.node_type.startswith("process.")

    @property
    def name(self) -> str:
        """The label, else what the process ran, else the class."""
        return self.label or self.process_label or self.node_type.rstrip(".").rpartition(".")[2]

    @property
    def began(self) -> datetime:
        return instant(self.ctime)

    @property
    def ended(self) -> datetime | None:
        """The last change, which is the end of a process: AiiDA stores no other time. None: it has not ended."""
        return instant(self.mtime) if self.state in ENDED else None


@dataclass(frozen=True)
class Link:
    input_id: int
    output_id: int
    type: str
    label: str


@dataclass(frozen=True)
class User:
    """A user, without the e-mail address, which is personal."""

    id: int
    first_name: str
    last_name: str
    institution: str

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or f"user {self.id}"


@dataclass(frozen=True)
class Subgraph:
    """Nodes in the order of their distance from the first; `users` by id; `is_truncated` as in `Neighbourhood`."""

    nodes: Sequence[Node]
    links: Sequence[Link]
    users: Mapping[int, User]
    is_truncated: bool

    @property
    def by_id(self) -> Mapping[int, Node]:
        return {each.id: each for each in self.nodes}


@dataclass(frozen=True)
class Run:
    """`trees` are the files of each node that has any, by its id."""

    subgraph: Subgraph
    trees: Mapping[int, Mapping[str, Any]]


def read_subgraph(snapshot: Snapshot, link_filter: LinkFilter, start: int, depth: int | None, limit: int) -> Subgraph:
    """The nodes nearest to one, as `links.nearest` finds them, and the links between them.

    Raises:
        StatementTimeout, StorageError.
    """
    found = nearest(snapshot, link_filter, start, depth, limit)
    links = [Link(*row) for row in links_between(snapshot, found.distances, link_filter.types)]
    return subgraph_of(snapshot, found, links)


def subgraph_of(snapshot: Snapshot, found: Neighbourhood, links: Sequence[Link]) -> Subgraph:
    """The subgraph of nodes that were found, and links. Raises StatementTimeout, StorageError."""
    nodes = [Node(*row) for row in snapshot.rows(_by_ids("nodes to export", _NODE_COLUMNS, found.distances))]
    nodes.sort(key=lambda each: (found.distances[each.id], each.id))
    there = {each.id for each in nodes}
    # A node can have been deleted since its links were read.
    links = [link for link in links if {link.input_id, link.output_id} <= there]
    owners = {each.user_id for each in nodes if isinstance(each.user_id, int)}
    rows = snapshot.rows(_by_ids("users to export", _USER_COLUMNS, owners))
    return Subgraph(nodes, links, {row[0]: User(*row) for row in rows}, found.is_truncated)


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
    ends = (end for link in links for end in (link.input_id, link.output_id))
    distances = {**{end: last for end in ends if is_id(end)}, **processes}
    subgraph = subgraph_of(snapshot, Neighbourhood(distances, calls.is_truncated), links)
    rows = snapshot.rows(_by_ids("files to export", _FILE_COLUMNS, distances))
    return Run(subgraph, {pk: object_of(stored) for pk, stored in rows if stored != "{}"})


def read_attributes(snapshot: Snapshot, pk: int) -> bytes:
    """The attributes of a node as JSON."""
    rows = snapshot.rows(Statement("attributes to export", _select_attributes, {"id": pk}))
    return str(rows[0][0] or "{}").encode() if rows else b"{}"


_PROCESS_KEYS = ("process_state", "exit_status", "exit_message", "process_label")
_NODE_COLUMNS = (
    *(node.c.id, node.c.uuid, node.c.label, node.c.description, node.c.node_type, node.c.process_type),
    *(node.c.ctime, node.c.mtime, node.c.user_id),
    *(of_process(json_scalar_text(node.c.attributes, key)) for key in _PROCESS_KEYS),
)
_USER_COLUMNS = (user.c.id, user.c.first_name, user.c.last_name, user.c.institution)
_FILE_COLUMNS = (node.c.id, node.c.repository_metadata)


def _by_ids(cache_key: str, columns: Sequence[ColumnElement[Any]], ids: Iterable[int]) -> Statement:
    """The columns of the rows with these ids; the first column is the id."""

    def build() -> Select[Any]:
        return select(*columns).where(in_json_array(columns[0], bindparam("ids", type_=String())))

    return Statement(cache_key, build, {"ids": id_list(ids)})


def _select_attributes() -> Select[Any]:
    return select(node.c.attributes).where(node.c.id == bindparam("id", type_=BigInteger()))
