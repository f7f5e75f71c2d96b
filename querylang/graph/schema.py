"""The entities of a path, their columns, and the relations between them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sqlalchemy import Integer, String, Table
from sqlalchemy.types import TypeEngine

from aiida_like import models
from aiida_like.errors import QueryError
from aiida_like.models import JSONText, Timestamp, Uuid
from querylang.index_scan import is_indexed
from querylang.schema import FieldType

_TYPES: Mapping[type[TypeEngine[Any]], FieldType] = {
    Integer: FieldType.INTEGER,
    String: FieldType.STRING,
    Uuid: FieldType.UUID,
    Timestamp: FieldType.DATETIME,
    JSONText: FieldType.JSON,
}


@dataclass(frozen=True, eq=False)
class Column:
    """`name` is that of the column of the table; `is_indexed`: an index gives the order by it.

    A column is equal to itself alone, so that what is made for columns can be looked up fast.
    """

    name: str
    type: FieldType
    is_nullable: bool = False
    is_indexed: bool = False

    @cached_property
    def nullable(self) -> Column:
        """The column in an outer join, where it can be NULL."""
        return replace(self, is_nullable=True)


@dataclass(frozen=True, eq=False)
class Source:
    """The table of a tag: an entity, or the edge between two. `synonyms` are other names of columns."""

    name: str
    columns: Mapping[str, Column]
    synonyms: Mapping[str, str] = field(default_factory=dict)
    withheld: Mapping[str, str] = field(default_factory=dict)

    def column_at(self, name: str, path: Sequence[str]) -> Column:
        """The column called `name`, with a path below it. Raises QueryError: there is none, or nothing below it."""
        column = self.column(name)
        # The path of a walk is written as JSON, and is a text that the statement makes.
        if path and (column.type is not FieldType.JSON or self is WALK):
            raise QueryError(f"{name!r} is no JSON, so there is no {'.'.join((name, *path))!r} in it")
        return column

    def column(self, name: str) -> Column:
        """The column called `name`. Raises QueryError: there is none; the message lists the columns."""
        found = self.columns.get(self.synonyms.get(name, name))
        if found is not None:
            return found
        if name in self.withheld:
            raise QueryError(f"{name!r} of a {self.name} is withheld: {self.withheld[name]}")
        names = [*self.columns, *self.synonyms]
        similar = difflib.get_close_matches(name, names, n=1, cutoff=0.7)
        hint = f"; did you mean {similar[0]!r}?" if similar else ""
        raise QueryError(f"a {self.name} has no {name!r}{hint or '.'} There are: {', '.join(names)}")


@dataclass(frozen=True, eq=False)
class Vertex(Source):
    """An entity. `type_column` holds the types of its rows."""

    table: Table = models.node
    type_column: str | None = None


def _columns(table: Table) -> Mapping[str, Column]:
    columns = (
        # A plain str, because orjson refuses the quoted_name of SQLAlchemy.
        Column(str(column.name), _TYPES[type(column.type)], bool(column.nullable), is_indexed(column))
        for column in table.columns
    )
    return {column.name: column for column in columns}


def _vertex(
    name: str, table: Table, type_column: str | None = None, withheld: Mapping[str, str] | None = None, **names: str
) -> Vertex:
    return Vertex(name, _columns(table), {"pk": "id", **names}, withheld or {}, table, type_column)


NODE = _vertex("node", models.node, "node_type", user="user_id", computer="dbcomputer_id")
GROUP = _vertex("group", models.group, "type_string", user="user_id")
COMPUTER = _vertex("computer", models.computer)
USER = _vertex("user", models.user, withheld={"email": "it is personal data"})
COMMENT = _vertex("comment", models.comment, user="user_id", node="dbnode_id")
LOG = _vertex("log", models.log, node="dbnode_id")

VERTICES: Mapping[str, Vertex] = {vertex.name: vertex for vertex in (NODE, GROUP, COMPUTER, USER, COMMENT, LOG)}

LINK = Source("link", _columns(models.link))
MEMBERSHIP = Source("membership", _columns(models.group_node))
WALK = Source(
    "walk",
    {
        "ancestor_id": Column("ancestor_id", FieldType.INTEGER),
        "descendant_id": Column("descendant_id", FieldType.INTEGER),
        "depth": Column("depth", FieldType.INTEGER),
        "path": Column("path", FieldType.JSON),
    },
)
NOTHING = Source("direct relation, which", {})


@dataclass(frozen=True)
class Direct:
    """A relation by one column of either vertex: `here` of the one that is appended, `there` of the other."""

    to: Vertex
    here: str
    there: str
    edge: Source = NOTHING


@dataclass(frozen=True)
class Through:
    """A relation over a table of pairs, whose columns `here` and `there` hold the ids of the two vertices."""

    to: Vertex
    table: Table
    here: str
    there: str
    edge: Source


@dataclass(frozen=True)
class Walk:
    """A relation over any number of data links; `here` and `there` are the columns of a link."""

    to: Vertex
    here: str
    there: str
    edge: Source = WALK


Relation = Direct | Through | Walk

RELATIONS: Mapping[tuple[Vertex, str], Relation] = {
    (NODE, "with_incoming"): Through(NODE, models.link, "output_id", "input_id", LINK),
    (NODE, "with_outgoing"): Through(NODE, models.link, "input_id", "output_id", LINK),
    (NODE, "with_ancestors"): Walk(NODE, "output_id", "input_id"),
    (NODE, "with_descendants"): Walk(NODE, "input_id", "output_id"),
    (NODE, "with_group"): Through(GROUP, models.group_node, "dbnode_id", "dbgroup_id", MEMBERSHIP),
    (NODE, "with_user"): Direct(USER, "user_id", "id"),
    (NODE, "with_computer"): Direct(COMPUTER, "dbcomputer_id", "id"),
    (NODE, "with_comment"): Direct(COMMENT, "id", "dbnode_id"),
    (NODE, "with_log"): Direct(LOG, "id", "dbnode_id"),
    (GROUP, "with_node"): Through(NODE, models.group_node, "dbgroup_id", "dbnode_id", MEMBERSHIP),
    (GROUP, "with_user"): Direct(USER, "user_id", "id"),
    (COMPUTER, "with_node"): Direct(NODE, "id", "dbcomputer_id"),
    (USER, "with_node"): Direct(NODE, "id", "user_id"),
    (USER, "with_group"): Direct(GROUP, "id", "user_id"),
    (USER, "with_comment"): Direct(COMMENT, "id", "user_id"),
    (COMMENT, "with_node"): Direct(NODE, "dbnode_id", "id"),
    (COMMENT, "with_user"): Direct(USER, "user_id", "id"),
    (LOG, "with_node"): Direct(NODE, "dbnode_id", "id"),
}
"""The relations of each vertex that is appended, by their keywords."""


def keywords_of(vertex: Vertex) -> Iterable[str]:
    return (keyword for of, keyword in RELATIONS if of is vertex)
