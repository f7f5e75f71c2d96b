"""The node that a page is about: its row, and who and what it belongs to, as API v4 answers them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from restapi.explorer.ask import ApiRefused, TooLarge
from restapi.explorer.query_values import of_type
from restapi.explorer.visit import Visit
from restapi.layout.kinds import State, short_type, state_of

_IS_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_IS_NAME = re.compile("[0-9a-fA-F-]{1,40}").fullmatch
_GOOD = frozenset({0, None})

_ABOUT = "description,dbcomputer_id"


@dataclass(frozen=True)
class Node:
    """A node. `row` is that of the API, with attributes and extras where `find` was asked for them.

    `users`, `computers` and `groups` are values of facets: of each what it is (`value`, an id) and its `name`. Of many
    groups only some are there: `groups_total` is their number. `is_whole` is false where attributes and extras are more
    than a page can show: then `row` has only what the head needs of them.
    """

    row: Mapping[str, Any]
    users: Sequence[Mapping[str, Any]] = ()
    computers: Sequence[Mapping[str, Any]] = ()
    groups: Sequence[Mapping[str, Any]] = ()
    groups_total: int = 0
    is_whole: bool = True

    @property
    def id(self) -> Any:
        return self.row["id"]

    @property
    def uuid(self) -> str:
        return str(self.row["uuid"])

    @property
    def ref(self) -> str:
        """Its name in paths; not every text that a stranger stored as a uuid can stand there."""
        return reference(self.row)

    @property
    def path(self) -> str:
        return f"/nodes/{self.ref}"

    @property
    def node_type(self) -> str:
        return str(self.row["node_type"] or "")

    @property
    def type_query(self) -> str:
        """The query of a table of all nodes of its type."""
        return of_type(self.node_type)

    @property
    def attributes(self) -> Mapping[str, Any]:
        return object_of(self.row.get("attributes"))

    @property
    def extras(self) -> Mapping[str, Any]:
        return object_of(self.row.get("extras"))

    @property
    def is_process(self) -> bool:
        return self.node_type.startswith("process.")

    @property
    def is_calcjob(self) -> bool:
        return self.node_type.startswith("process.calculation.calcjob.")

    @property
    def is_workflow(self) -> bool:
        return self.node_type.startswith("process.workflow.")

    @property
    def title(self) -> str:
        return (
            name_of(self.row, self.attributes.get("process_label")) or f"{short_type(self.node_type)} {self.uuid[:8]}"
        )

    @property
    def state(self) -> State | None:
        """The state of a process."""
        if not self.is_process:
            return None
        return state_of(self.attributes.get("process_state"), status_of(self.attributes.get("exit_status")))

    @property
    def has_failed(self) -> bool:
        found = self.attributes
        return self.is_process and has_failed(found.get("process_state"), found.get("exit_status"))


@dataclass(frozen=True)
class NodeRow:
    """Another node that a page leads to: a row of a list with dotted attributes of processes, or of a graph."""

    row: Mapping[str, Any]

    @property
    def ref(self) -> str:
        return reference(self.row)

    @property
    def path(self) -> str:
        return f"/nodes/{self.ref}"

    @property
    def node_type(self) -> str:
        return str(self.row["node_type"] or "")

    @property
    def name(self) -> str:
        return name_of(self.row, self.attribute("process_label"))

    @property
    def title(self) -> str:
        """Stands beside its type."""
        return self.name or str(self.row["uuid"])[:8]

    @property
    def state(self) -> State | None:
        if not self.node_type.startswith("process."):
            return None
        return state_of(self.attribute("process_state"), status_of(self.attribute("exit_status")))

    def attribute(self, name: str) -> Any:
        return self.row.get(f"attributes.{name}", self.row.get(name))


def find(visit: Visit, path_id: str) -> Node:
    """The node that a path names, with all that stands in its head. Raises ApiRefused."""
    is_whole = True
    try:
        row = _row(visit, path_id, "attributes=true&extras=true")
    except TooLarge:
        row, is_whole = _row(visit, path_id, _HEAD), False
    found = visit.api.get("/nodes", f"id={row['id']}&fields={_ABOUT}&facet=user,computer,group")
    more, facets = found["nodes"][0] if found["nodes"] else {}, found["facets"]
    named = {key: list(_named(key, facets[key]["values"])) for key in ("user", "computer", "group")}
    groups = named["group"]
    total = max(facets["group"]["distinct"], len(groups))
    return Node({**row, **more}, named["user"], named["computer"], groups[:_MOST_GROUPS], total, is_whole)


_MOST_GROUPS = 12

_HEAD = "attributes=true&attributes_filter=process_label,process_state,exit_status,exit_message"


def find_content(visit: Visit, path_id: str) -> Node:
    """The node that a path names, with its attributes alone. Raises ApiRefused."""
    return Node(_row(visit, path_id, "attributes=true"))


def find_head(visit: Visit, path_id: str) -> Node:
    """The node that a path names, without its content. Raises ApiRefused."""
    return Node(_row(visit, path_id, "attributes=true&attributes_filter=process_label"))


def _row(visit: Visit, path_id: str, query: str) -> Mapping[str, Any]:
    """The row of the node that a path names. Words such as `statistics` name other resources of the API."""
    check_name(path_id)
    row: Mapping[str, Any] = visit.api.get(f"/nodes/{path_id}", query)["nodes"][0]
    return row


def check_name(path_id: str) -> None:
    """Raises ApiRefused: the name in a path is that of no node and no group."""
    if not _IS_NAME(path_id):
        raise ApiRefused(HTTPStatus.NOT_FOUND, f"{path_id!r} is neither an id nor the beginning of a uuid")


def _named(key: str, values: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    return (
        {**each, "name": each.get("name") or f"{key} {each['value']}"} for each in values if each["value"] is not None
    )


def reference(row: Mapping[str, Any]) -> str:
    """The name of a node in paths."""
    uuid = row["uuid"]
    return uuid if isinstance(uuid, str) and _IS_UUID(uuid) else str(row["id"])


def name_of(row: Mapping[str, Any], process_label: Any) -> str:
    """What a node is called: its label, or what it ran; empty where it has no name."""
    texts = (each.strip() for each in (row["label"], process_label) if isinstance(each, str))
    return next(filter(None, texts), "")[:_MOST_NAME]


_MOST_NAME = 300


def object_of(value: Any) -> Mapping[str, Any]:
    """An object of a profile, which can hold anything in its place."""
    return value if isinstance(value, dict) else {} if value is None else {"(no object)": value}


def has_failed(process_state: Any, exit_status: Any) -> bool:
    if process_state == "finished":
        return status_of(exit_status) not in _GOOD
    return process_state in ("excepted", "killed")


def status_of(exit_status: Any) -> Any:
    """An exit status, for which anything can stand."""
    return None if isinstance(exit_status, dict | list) else exit_status
