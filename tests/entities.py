"""Entities of a few fields, for tests of the language that need no server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, null, or_

from aiida_like.models import computer, link, node, user
from querylang.lowering.relations import OF_NODES
from querylang.options import OptionSpec, integer, keys, order_terms, word
from querylang.schema import Entity, Field, FieldType

OPTIONS = {
    **{name: OptionSpec(integer, "") for name in ("limit", "offset", "in_limit")},
    "orderby": OptionSpec(order_terms, ""),
    **{name: OptionSpec(word, "") for name in ("filename", "format", "_")},
    **{name: OptionSpec(keys, "") for name in ("alist", "elist", "rtype")},
}
"""Reserved keys, as a resource has them."""


def _field(name: str, type_: FieldType, expression: ColumnElement[Any], **more: Any) -> Field:
    return Field(name, type_, expression, name, name, **more)


def _spellings(name: str) -> tuple[str, ...]:
    return (name.replace("old.", "new."), name) if name.startswith("old.") else (name,)


def _by_name(*fields: Field) -> dict[str, Field]:
    return {field.name: field for field in fields}


_NODE_TYPE = _field("node_type", FieldType.STRING, node.c.node_type, is_shown=False)

NODES = Entity(
    "nodes",
    node,
    node.c.id,
    _by_name(
        _field("id", FieldType.INTEGER, node.c.id),
        _field("label", FieldType.STRING, node.c.label),
        _field("uuid", FieldType.UUID, node.c.uuid),
        _field("ctime", FieldType.DATETIME, node.c.ctime),
        _field("type", FieldType.STRING, node.c.node_type, spellings=_spellings),
        _field("user_id", FieldType.INTEGER, node.c.user_id),
        _field("attributes", FieldType.JSON, node.c.attributes, is_shown=False),
        _field("process_type", FieldType.STRING, node.c.process_type, is_nullable=True, is_shown=False),
        _field("files", FieldType.JSON, node.c.repository_metadata, is_shown=False, is_filterable=False),
        _NODE_TYPE,
    ),
    type_field=_NODE_TYPE,
    synonyms={"pk": "id"},
    relations=OF_NODES,
)
CODES = replace(NODES, name="codes", type_prefix="data.core.code.")

WITH_USERS = replace(NODES, synonyms={"user": "user_id"})
"""`user` is a field and a relation."""

LINKED = Entity(
    "linked",
    link.join(node, link.c.input_id == node.c.id),
    link.c.id,
    _by_name(
        _field("id", FieldType.INTEGER, link.c.input_id),
        _field("label", FieldType.STRING, node.c.label),
        _field("ctime", FieldType.DATETIME, node.c.ctime),
        _field("link_label", FieldType.STRING, link.c.label),
        _field("main", FieldType.INTEGER, link.c.output_id),
    ),
    narrow=link,
)
"""A row for each link, with columns of two tables."""

COMPUTERS = Entity(
    "computers",
    computer,
    computer.c.id,
    _by_name(
        _field("enabled", FieldType.BOOLEAN, or_(computer.c.label.is_(None), computer.c.hostname.is_not(None))),
    ),
)

USERS = Entity(
    "users",
    user,
    user.c.id,
    _by_name(
        _field("id", FieldType.INTEGER, user.c.id),
        _field("joined", FieldType.INTEGER, null(), is_nullable=True),
    ),
    withheld={"email": "it is personal data"},
)
