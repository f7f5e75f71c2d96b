"""`facet=type,user`: the values that rows share, with the number of rows of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, FromClause, case, func

from aiida_like.errors import QueryError
from aiida_like.models import computer, group, group_node, user
from aiida_like.storage.sql.json_expressions import json_type
from querylang.ast import Option
from querylang.limits import FACETS
from querylang.projection import ProjectedKey, projected, shown_keys
from querylang.schema import Entity, Field, FieldType


@dataclass(frozen=True)
class FacetLabels:
    """The labels of ids that are counted: `name` of the row of `table` that has the id as its `key`."""

    table: FromClause
    key: ColumnElement[int]
    name: ColumnElement[str]


@dataclass(frozen=True)
class Facet:
    """One key of `facet=`, as it is written. A value of `field` is one that a filter on the same key takes.

    `table` has a row for each value of each row, where one can have several or none; else it is that of the entity.
    """

    key: str
    field: Field
    labels: FacetLabels | None = None
    table: FromClause | None = None


def facet_keys(option: Option) -> tuple[ProjectedKey, ...]:
    """The keys of `facet=`. Raises QueryError: one is no key, or there are too many."""
    return shown_keys(option, FACETS)


def facets(keys: Iterable[ProjectedKey], entity: Entity) -> tuple[Facet, ...]:
    """The facets of keys. Raises QueryError: there is no such key, or hardly any rows share a value of it."""
    return tuple(_facet(each, entity) for each in keys)


def _facet(asked: ProjectedKey, entity: Entity) -> Facet:
    relation = entity.relations_by_key.get(asked.key)
    if relation is not None and asked.key in _LABELS and not asked.path:
        return Facet(asked.text, relation.field, _LABELS[asked.key])
    if relation is not None and asked.key == _GROUP.name and not asked.path:
        joined = entity.table.join(group_node, group_node.c.dbnode_id == relation.field.expression)
        return Facet(asked.text, _GROUP, FacetLabels(group, group.c.id, group.c.label), joined)
    (field,) = projected((asked,), entity)
    if field.type is FieldType.JSON and not asked.path:
        raise QueryError(f"facet counts values, and {asked.key} is an object: name one in it, as in {asked.key}.key")
    if field.type in _UNCOUNTED:
        raise QueryError(f"facet counts values that rows share, and {asked.key} is of type {field.type.value}")
    if field.type is FieldType.JSON:
        json = entity.field(asked.key).expression
        # Null, because the same filter finds the rows with a null and those with nothing at the path.
        value = case((json_type(json, asked.path) != "null", field.expression))
        field = replace(field, expression=value)
    return Facet(asked.text, field)


_GROUP = Field("group", FieldType.INTEGER, group_node.c.dbgroup_id, "Group", "A group that the row is in")

_UNCOUNTED = (FieldType.UUID, FieldType.DATETIME)

_LABELS: Mapping[str, FacetLabels] = {
    "user": FacetLabels(user, user.c.id, func.trim(user.c.first_name + " " + user.c.last_name)),
    "computer": FacetLabels(computer, computer.c.id, computer.c.label),
}
