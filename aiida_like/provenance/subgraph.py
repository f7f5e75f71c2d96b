"""Nodes, links and users for an export, read from the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import Select, String, bindparam, select

from aiida_like.links import LinkFilter, Neighbourhood, id_list, links_between, nearest
from aiida_like.models import node, of_process, user
from aiida_like.storage import Snapshot, Statement
from aiida_like.storage.expressions import in_json_array, json_text

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
    nodes = [
        Node(*row)
        for row in snapshot.rows(Statement("nodes to export", _select_nodes, {"ids": id_list(found.distances)}))
    ]
    nodes.sort(key=lambda each: (found.distances[each.id], each.id))
    there = {each.id for each in nodes}
    # A node can have been deleted since its links were read.
    links = [link for link in links if {link.input_id, link.output_id} <= there]
    return Subgraph(nodes, links, _users(snapshot, {each.user_id for each in nodes}), found.is_truncated)


def instant(stored: str) -> datetime:
    """The time of a stored text in UTC: `2016-04-29 19:24:12.123`, with or without `+00`."""
    second, _, fraction = stored.removesuffix("+00").partition(".")
    return datetime.fromisoformat(second).replace(microsecond=int(fraction.ljust(6, "0")), tzinfo=timezone.utc)


def _users(snapshot: Snapshot, ids: Iterable[int]) -> Mapping[int, User]:
    return {
        row[0]: User(*row) for row in snapshot.rows(Statement("users to export", _select_users, {"ids": id_list(ids)}))
    }


_OF_PROCESS = ("process_state", "exit_status", "exit_message", "process_label")


def _select_nodes() -> Select[Any]:
    columns = (
        *(node.c.id, node.c.uuid, node.c.label, node.c.description, node.c.node_type, node.c.process_type),
        *(node.c.ctime, node.c.mtime, node.c.user_id),
        *(of_process(json_text(node.c.attributes, key)) for key in _OF_PROCESS),
    )
    return select(*columns).where(in_json_array(node.c.id, bindparam("ids", type_=String())))


def _select_users() -> Select[Any]:
    columns = (user.c.id, user.c.first_name, user.c.last_name, user.c.institution)
    return select(*columns).where(in_json_array(user.c.id, bindparam("ids", type_=String())))
