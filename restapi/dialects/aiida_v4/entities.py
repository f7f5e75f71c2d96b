"""The resources of v4 and their fields. The names are AiiDA's own, those of `models.py`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement

from aiida_like.models import computer, group, link, node, user
from aiida_like.storage.patterns import Pattern
from querylang.lowering.relations import OF_GROUPS, OF_NODES
from querylang.schema import Entity, Field, FieldType


def _fields(*fields: Field) -> Mapping[str, Field]:
    return MappingProxyType({field.name: field for field in fields})


def _id(column: ColumnElement[Any]) -> Field:
    return Field("id", FieldType.INTEGER, column, "Id", "Number of the object in this database, also called pk")


def _uuid(column: ColumnElement[Any]) -> Field:
    return Field("uuid", FieldType.UUID, column, "Unique ID", "Identifier that is the same in all databases")


def _text(column: ColumnElement[Any], title: str, help_: str, **more: Any) -> Field:
    return Field(str(column.key), FieldType.STRING, column, title, help_, **more)


def _json(column: ColumnElement[Any], title: str, help_: str, **more: Any) -> Field:
    return Field(str(column.key), FieldType.JSON, column, title, help_, **more)


def _user_id(column: ColumnElement[Any]) -> Field:
    return Field(
        "user_id", FieldType.INTEGER, column, "Id of creator", "Id of the user who created it", refers_to="users"
    )


_NODE_TYPE = _text(node.c.node_type, "Type", "Class of the node, with a dot at the end")

_NODE_FIELDS = (
    _id(node.c.id),
    _text(node.c.label, "Label", "Name that the user gave"),
    _NODE_TYPE,
    _text(node.c.process_type, "Process type", "What a process ran: an entry point or a function", is_nullable=True),
    Field("ctime", FieldType.DATETIME, node.c.ctime, "Creation time", "When the node was stored"),
    Field("mtime", FieldType.DATETIME, node.c.mtime, "Last Modification time", "When the node was changed last"),
    _uuid(node.c.uuid),
    _user_id(node.c.user_id),
    _text(node.c.description, "Description", "Text that the user gave", is_shown=False),
    Field(
        "dbcomputer_id",
        FieldType.INTEGER,
        node.c.dbcomputer_id,
        "Id of the computer",
        "Id of the computer that the node belongs to",
        is_nullable=True,
        is_shown=False,
    ),
    _json(node.c.attributes, "Attributes", "Content of the node, which never changes", is_shown=False),
    _json(node.c.extras, "Extras", "Notes on the node, which can change", is_shown=False),
    _json(node.c.repository_metadata, "Repository", "Files of the node", is_shown=False, is_filterable=False),
)

NODES = Entity(
    name="nodes",
    table=node,
    key=node.c.id,
    fields=_fields(*_NODE_FIELDS),
    type_field=_NODE_TYPE,
    synonyms={"pk": "id", "user": "user_id", "computer": "dbcomputer_id"},
    pattern=Pattern.parse_sql,
    relations=OF_NODES,
)


def _linked(name: str, here: ColumnElement[int], there: ColumnElement[int]) -> Entity:
    """The neighbours of a node, a row for each link; `main` is the id of the node."""
    return Entity(
        name=name,
        table=link.join(node, there == node.c.id),
        narrow=link,
        key=link.c.id,
        fields=_fields(
            _id(there),
            *_NODE_FIELDS[1:],
            Field("link_label", FieldType.STRING, link.c.label, "Link label", "Label of the link"),
            Field("link_type", FieldType.STRING, link.c.type, "Link type", "Type of the link"),
            Field("main", FieldType.INTEGER, here, "Node", "The other end", is_shown=False, is_filterable=False),
        ),
        synonyms=NODES.synonyms,
        pattern=Pattern.parse_sql,
        relations=OF_NODES,
    )


INCOMING = _linked("incoming", link.c.output_id, link.c.input_id)
OUTGOING = _linked("outgoing", link.c.input_id, link.c.output_id)

COMPUTERS = Entity(
    name="computers",
    table=computer,
    key=computer.c.id,
    fields=_fields(
        _text(computer.c.description, "Description", "Text that the user gave"),
        _text(computer.c.hostname, "Host", "Name of the host in the network"),
        _id(computer.c.id),
        _text(computer.c.label, "Label", "Name that the user gave"),
        _json(computer.c.metadata, "Metadata", "Configuration of the computer"),
        _text(computer.c.scheduler_type, "Scheduler", "Plug-in of the scheduler"),
        _text(computer.c.transport_type, "Transport type", "Plug-in of the transport"),
        _uuid(computer.c.uuid),
    ),
    synonyms={"pk": "id", "name": "label"},
    pattern=Pattern.parse_sql,
)

USERS = Entity(
    name="users",
    table=user,
    key=user.c.id,
    fields=_fields(
        _id(user.c.id),
        _text(user.c.first_name, "First name", "First name"),
        _text(user.c.institution, "Institution", "Where the user works"),
        _text(user.c.last_name, "Last name", "Last name"),
    ),
    synonyms={"pk": "id"},
    withheld={"email": "it is personal data"},
    pattern=Pattern.parse_sql,
)

GROUPS = Entity(
    name="groups",
    table=group,
    key=group.c.id,
    fields=_fields(
        _text(group.c.description, "Description", "Text that the user gave"),
        _json(group.c.extras, "Extras", "Notes on the group, which can change"),
        _id(group.c.id),
        _text(group.c.label, "Label", "Name that the user gave"),
        Field("time", FieldType.DATETIME, group.c.time, "Creation time", "When the group was created"),
        _text(group.c.type_string, "Type_string", "Kind of the group"),
        _user_id(group.c.user_id),
        _uuid(group.c.uuid),
    ),
    synonyms={"pk": "id", "user": "user_id"},
    pattern=Pattern.parse_sql,
    relations=OF_GROUPS,
)

ENTITIES: Mapping[str, Entity] = MappingProxyType(
    {"computers": COMPUTERS, "nodes": NODES, "users": USERS, "groups": GROUPS}
)
"""Every resource by its name in the path."""
