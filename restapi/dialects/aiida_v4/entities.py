"""The resources of v4 and their fields. The names are AiiDA's own, those of `models.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, func

from aiida_like import links
from aiida_like.core_names import plugin_spellings, type_spellings
from aiida_like.models import computer, group, node, user
from aiida_like.storage.sql.patterns import Pattern
from querylang.lowering.relations import OF_GROUPS, OF_NODES
from querylang.schema import Entity, Field
from restapi.dialects.fields import by_name, integer, json, text, time, user_id, uuid
from restapi.dialects.neighbours import neighbours


def _id(column: ColumnElement[Any]) -> Field:
    return integer(column, "Id", "Number of the object in this database, also called pk")


def _uuid(column: ColumnElement[Any]) -> Field:
    return uuid(column, "Unique ID", "Identifier that is the same in all databases")


_NODE_TYPE = text(node.c.node_type, "Type", "Class of the node, with a dot at the end", spellings=type_spellings)

NODES = Entity(
    name="nodes",
    table=node,
    key=node.c.id,
    fields=by_name(
        _id(node.c.id),
        text(node.c.label, "Label", "Name that the user gave"),
        _NODE_TYPE,
        text(node.c.process_type, "Process type", "What a process ran: an entry point or a function", is_nullable=True),
        text(
            node.c.node_type + "|" + func.coalesce(node.c.process_type, ""),
            "Full type",
            "Both types, NODE_TYPE|PROCESS_TYPE",
            name="full_type",
            is_shown=False,
        ),
        time(node.c.ctime, "Creation time", "When the node was stored"),
        time(node.c.mtime, "Last Modification time", "When the node was changed last"),
        _uuid(node.c.uuid),
        user_id(node.c.user_id),
        text(node.c.description, "Description", "Text that the user gave", is_shown=False),
        integer(
            node.c.dbcomputer_id,
            "Id of the computer",
            "Id of the computer that the node belongs to",
            is_nullable=True,
            is_shown=False,
        ),
        json(node.c.attributes, "Attributes", "Content of the node, which never changes", is_shown=False),
        json(node.c.extras, "Extras", "Notes on the node, which can change", is_shown=False),
        json(node.c.repository_metadata, "Repository", "Files of the node", is_shown=False, is_filterable=False),
    ),
    type_field=_NODE_TYPE,
    synonyms={"pk": "id", "user": "user_id", "computer": "dbcomputer_id"},
    pattern=Pattern.parse_sql,
    relations=OF_NODES,
)

INCOMING, OUTGOING = neighbours(NODES, links.INCOMING), neighbours(NODES, links.OUTGOING)

COMPUTERS = Entity(
    name="computers",
    table=computer,
    key=computer.c.id,
    fields=by_name(
        text(computer.c.description, "Description", "Text that the user gave"),
        text(computer.c.hostname, "Host", "Name of the host in the network"),
        _id(computer.c.id),
        text(computer.c.label, "Label", "Name that the user gave"),
        json(computer.c.metadata, "Metadata", "Configuration of the computer"),
        text(computer.c.scheduler_type, "Scheduler", "Plug-in of the scheduler", spellings=plugin_spellings),
        text(computer.c.transport_type, "Transport type", "Plug-in of the transport", spellings=plugin_spellings),
        _uuid(computer.c.uuid),
    ),
    synonyms={"pk": "id", "name": "label"},
    pattern=Pattern.parse_sql,
)

USERS = Entity(
    name="users",
    table=user,
    key=user.c.id,
    fields=by_name(
        _id(user.c.id),
        text(user.c.first_name, "First name", "First name"),
        text(user.c.institution, "Institution", "Where the user works"),
        text(user.c.last_name, "Last name", "Last name"),
    ),
    synonyms={"pk": "id"},
    withheld={"email": "it is personal data"},
    pattern=Pattern.parse_sql,
)

GROUPS = Entity(
    name="groups",
    table=group,
    key=group.c.id,
    fields=by_name(
        text(group.c.description, "Description", "Text that the user gave"),
        json(group.c.extras, "Extras", "Notes on the group, which can change"),
        _id(group.c.id),
        text(group.c.label, "Label", "Name that the user gave"),
        time(group.c.time, "Creation time", "When the group was created"),
        text(group.c.type_string, "Type_string", "Kind of the group"),
        user_id(group.c.user_id),
        _uuid(group.c.uuid),
    ),
    synonyms={"pk": "id", "user": "user_id"},
    pattern=Pattern.parse_sql,
    relations=OF_GROUPS,
)

ENTITIES: Mapping[str, Entity] = {"computers": COMPUTERS, "nodes": NODES, "users": USERS, "groups": GROUPS}
"""Every resource by its name in the path."""
