"""The tables that there are: what each lists, its columns, its facets, and how its rows are ordered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from querylang.ast import Query
from querylang.schema import Entity
from restapi.explorer import filters
from restapi.explorer.schema import COMPUTERS, GROUPS, NODES, USERS, is_json

WALL_TIME = "attributes.last_job_info.wallclock_time_seconds"

_WALKS = frozenset({"ancestor_of", "descendant_of"})


@dataclass(frozen=True)
class FacetKey:
    """A key of `facet=`.

    `at_once` is the number of rows up to which it is counted with the page, where no filter holds: a column of so many
    takes some milliseconds. 0: it is counted when somebody opens it.
    """

    key: str
    title: str
    at_once: int = 50_000


@dataclass(frozen=True)
class Table:
    """`path` is that of the page, `one` and `many` are what its rows are called.

    `columns` are shown if a query names none, `choices` are offered besides; `order` counts without `orderby=`.
    `scope` are filters that always hold, text of the query language. `counts` is the key of nodes whose facet says how
    many of them belong to each row. `example` is a query.
    """

    path: str
    title: str
    entity: Entity
    one: str
    many: str
    columns: tuple[str, ...]
    choices: tuple[str, ...] = ()
    order: str = "id"
    facets: tuple[FacetKey, ...] = ()
    scope: str = ""
    counts: str = ""
    example: str = 'label=like="a%"'

    @property
    def api_path(self) -> str:
        return f"/{self.entity.name}"


_FACETS = (
    FacetKey("node_type", "Type", at_once=200_000),
    FacetKey("user", "User"),
    FacetKey("computer", "Computer"),
    FacetKey("group", "Group", at_once=0),
    FacetKey("attributes.process_state", "State", at_once=0),
    FacetKey("attributes.exit_status", "Exit status", at_once=0),
    FacetKey("attributes.process_label", "Process", at_once=0),
)

_OF_NODES = Table(
    path="/nodes",
    title="Nodes",
    entity=NODES,
    one="node",
    many="nodes",
    columns=("id", "label", "node_type", "attributes.process_state", "ctime", "user_id"),
    choices=(
        *("uuid", "process_type", "mtime", "dbcomputer_id", "description", "attributes.process_label"),
        *("attributes.exit_status", "attributes.exit_message", WALL_TIME),
    ),
    order="-ctime",
    facets=_FACETS,
    example='label=like="si%"&ctime>2024-05-01',
)

TABLES: Mapping[str, Table] = {
    each.path: each
    for each in (
        _OF_NODES,
        replace(
            _OF_NODES,
            path="/processes",
            title="Processes",
            one="process",
            many="processes",
            columns=(
                *("id", "attributes.process_label", "attributes.process_state", "ctime", WALL_TIME),
                *("dbcomputer_id", "user_id"),
            ),
            choices=(
                *("uuid", "label", "node_type", "process_type", "mtime", "description"),
                *("attributes.exit_status", "attributes.exit_message"),
            ),
            scope='node_type=like="process.%"',
            example='attributes.process_state="finished"&attributes.exit_status!=0',
        ),
        Table(
            path="/groups",
            title="Groups",
            entity=GROUPS,
            one="group",
            many="groups",
            columns=("id", "label", "type_string", "description", "time", "user_id"),
            choices=("uuid",),
            order="-time",
            facets=(FacetKey("type_string", "Type"), FacetKey("user", "User")),
        ),
        Table(
            path="/computers",
            title="Computers",
            entity=COMPUTERS,
            one="computer",
            many="computers",
            columns=("id", "label", "hostname", "scheduler_type", "transport_type", "description"),
            choices=("uuid",),
            order="label",
            example='hostname=like="%.org"',
            counts="computer",
        ),
        Table(
            path="/users",
            title="Users",
            entity=USERS,
            one="user",
            many="users",
            columns=("id", "first_name", "institution"),
            choices=("last_name",),
            order="last_name",
            example='institution=ilike="%institute%"',
            counts="user",
        ),
    )
}
"""The tables by the paths of their pages."""


def asks_json(query: Query, entity: Entity) -> bool:
    """Whether filters look into JSON or walk over links, so that each count reads many rows."""
    return any(each.path or each.key in _WALKS or is_json(entity, each.key) for each in filters.comparisons_in(query))
