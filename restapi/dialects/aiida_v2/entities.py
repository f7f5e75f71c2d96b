"""The resources of v2 and their fields: v2's names over today's tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, cast, func, null, or_, select, type_coerce

from aiida_like.core_names import plugin_spellings, type_spellings
from aiida_like.models import Timestamp, authinfo, computer, group, node, of_process, user
from aiida_like.storage.sql.expressions import json_object_text, json_scalar_text
from querylang.lowering.relations import OF_GROUPS, OF_NODES
from querylang.schema import Entity, Field, FieldType
from restapi.config import Settings
from restapi.dialects.aiida_v2.aliases import old_type, todays_types
from restapi.dialects.fields import by_name, integer, json, text, time, user_id, uuid

_PRIVATE = "it is personal data"


def _id(column: ColumnElement[Any]) -> Field:
    return integer(column, "Id", "Id of the object in this database, also called pk")


def _uuid(column: ColumnElement[Any]) -> Field:
    return uuid(column, "Unique ID", "Universally unique identifier of the object")


def _plugin(column: ColumnElement[Any], title: str, help_: str) -> Field:
    return text(column, title, f"{help_}; in filters also without core.", spellings=plugin_spellings)


def _state() -> ColumnElement[Any]:
    """CREATED RUNNING WAITING FINISHED FAILED EXCEPTED KILLED, and NULL for data."""
    state = json_scalar_text(node.c.attributes, "process_state")
    exit_status = json_scalar_text(node.c.attributes, "exit_status")
    return of_process(case((and_(state == "finished", exit_status != "0"), "FAILED"), else_=func.upper(state)))


def _is_enabled() -> ColumnElement[bool]:
    """False only if every user has disabled the computer."""
    # A read-only role should not need the columns that tell how computers are logged in to.
    configured = select(authinfo.c.id).where(authinfo.c.dbcomputer_id == computer.c.id)
    return or_(configured.where(authinfo.c.enabled).exists(), ~configured.exists())


_NODE_TYPE = text(
    node.c.node_type,
    "Node type",
    "Class of the node, with a dot at the end, by its present name",
    is_shown=False,
    spellings=type_spellings,
)

NODES = Entity(
    name="nodes",
    table=node,
    key=node.c.id,
    fields=by_name(
        time(node.c.ctime, "Creation time", "When the node was stored"),
        _id(node.c.id),
        text(node.c.label, "Label", "Name that the user gave"),
        time(node.c.mtime, "Last modification time", "When the node was changed last"),
        text(
            _state(),
            "State",
            "State of a process: CREATED, RUNNING, WAITING, FINISHED, FAILED, EXCEPTED or KILLED; null for data",
            name="state",
            is_nullable=True,
        ),
        text(
            node.c.node_type,
            "Type",
            "Class of the node, with a dot at the end; the old names are understood in filters",
            name="type",
            spellings=todays_types,
        ),
        user_id(node.c.user_id),
        _uuid(node.c.uuid),
        _NODE_TYPE,
        text(
            node.c.process_type,
            "Process type",
            "What a process ran: an entry point or a function; null for data",
            is_nullable=True,
            is_shown=False,
        ),
        text(node.c.description, "Description", "Text that the user gave", is_shown=False),
        json(node.c.attributes, "Attributes", "Content of the node, which never changes", is_shown=False),
        json(node.c.extras, "Extras", "Notes on the node, which can change", is_shown=False),
        json(node.c.repository_metadata, "Repository", "Files of the node", is_shown=False, is_filterable=False),
    ),
    type_field=_NODE_TYPE,
    synonyms={"pk": "id"},
    relations=OF_NODES,
)


def naming(settings: Settings) -> Callable[[str], str]:
    """The function that makes of a type the name that answers have."""
    return old_type if settings.old_type_names else str


def shown(fields: tuple[Field, ...], settings: Settings) -> tuple[Field, ...]:
    """The fields as answers have them: types by their old names, if the setting says so."""
    return tuple(map(_by_old_name, fields)) if settings.old_type_names else fields


@lru_cache(maxsize=1024)
def _by_old_name(field: Field) -> Field:
    is_type = field.name == "type" and field.expression is node.c.node_type
    return replace(field, write=old_type) if is_type else field


NODE_TYPE_PREFIXES: Mapping[str, str] = {
    "calculations": "process.",
    "workflows": "process.workflow.",
    "processes": "process.",
    "data": "data.",
    "codes": "data.core.code.",
    "structures": "data.core.structure.StructureData.",
    "kpoints": "data.core.array.kpoints.KpointsData.",
    "bands": "data.core.array.bands.BandsData.",
    "cifs": "data.core.cif.CifData.",
    "upfs": "data.core.upf.UpfData.",
}
"""Resources for nodes of one kind, and how their types begin. Before AiiDA 1.0 workflows were calculations, too."""

NODE_ENTITIES: Mapping[str, Entity] = {
    "nodes": NODES,
    **{name: replace(NODES, name=name, type_prefix=prefix) for name, prefix in NODE_TYPE_PREFIXES.items()},
}

COMPUTERS = Entity(
    name="computers",
    table=computer,
    key=computer.c.id,
    fields=by_name(
        text(computer.c.description, "Description", "Text that the user gave"),
        Field(
            "enabled",
            FieldType.BOOLEAN,
            _is_enabled(),
            "Enabled",
            "False if the computer is disabled for all who configured it",
        ),
        text(computer.c.hostname, "Host", "Name of the host"),
        _id(computer.c.id),
        text(computer.c.label, "Name", "Label of the computer", name="name"),
        _plugin(computer.c.scheduler_type, "Scheduler", "Plug-in of the scheduler"),
        text(
            json_object_text(computer.c.metadata, "transport_params"),
            "Transport parameters",
            "Parameters of the transport as JSON text",
            name="transport_params",
        ),
        _plugin(computer.c.transport_type, "Transport", "Plug-in of the transport"),
        _uuid(computer.c.uuid),
    ),
    synonyms={"pk": "id"},
)

USERS = Entity(
    name="users",
    table=user,
    key=user.c.id,
    fields=by_name(
        time(
            type_coerce(cast(null(), Text()), Timestamp()),  # PostgreSQL orders by no bare constant
            "Date joined",
            "When the user joined; AiiDA 2 does not store it",
            name="date_joined",
            is_nullable=True,
        ),
        text(user.c.first_name, "First name", "First name"),
        _id(user.c.id),
        text(user.c.institution, "Institution", "Where the user works"),
        text(user.c.last_name, "Last name", "Last name"),
    ),
    synonyms={"pk": "id"},
    withheld={"email": _PRIVATE, "is_active": _PRIVATE, "last_login": _PRIVATE},
)

GROUPS = Entity(
    name="groups",
    table=group,
    key=group.c.id,
    fields=by_name(
        text(group.c.description, "Description", "Text that the user gave"),
        _id(group.c.id),
        text(group.c.label, "Name", "Label of the group", name="name"),
        text(group.c.type_string, "Type", "Kind of the group", name="type"),
        user_id(group.c.user_id),
        _uuid(group.c.uuid),
    ),
    synonyms={"pk": "id"},
    relations=OF_GROUPS,
)

ENTITIES: Mapping[str, Entity] = {"computers": COMPUTERS, "users": USERS, "groups": GROUPS, **NODE_ENTITIES}
"""Every resource by its name in the path."""

ENTITY, KIND = "<v2_entity:entity>", "<v2_node_kind:entity>"
"""Markers in paths for the name of a resource: of any, or of nodes only."""
