"""`facet=type,user`: how many of the rows have which value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, FromClause, case, func

from aiida_like.errors import QueryError
from aiida_like.models import computer, user
from aiida_like.storage.json_expressions import json_kind
from querylang.ast import Option
from querylang.projection import Shown, projected, shown_keys
from querylang.schema import Entity, Field, FieldType

MAX_FACETS = 10


@dataclass(frozen=True)
class Names:
    """What the ids of a facet are called: `name` of the row of `table` with this `key`."""

    table: FromClause
    key: ColumnElement[int]
    name: ColumnElement[str]


@dataclass(frozen=True)
class Facet:
    """`key` is what was written. A value of `field` is one that a filter on the same key takes."""

    key: str
    field: Field
    names: Names | None = None


def facet_keys(option: Option) -> tuple[Shown, ...]:
    """Raises QueryError: one is no key, or there are too many."""
    return shown_keys(option, MAX_FACETS)


def facets(keys: Iterable[Shown], entity: Entity) -> tuple[Facet, ...]:
    """Raises QueryError: there is no such key, or each of its values is different as a rule."""
    return tuple(_facet(each, entity) for each in keys)


def _facet(asked: Shown, entity: Entity) -> Facet:
    relation = entity.relation(asked.key)
    if relation is not None and asked.key in _NAMES and not asked.path:
        return Facet(asked.text, relation.field, _NAMES[asked.key])
    (field,) = projected((asked,), entity)
    if field.type is FieldType.JSON and not asked.path:
        raise QueryError(f"facet counts values, and {asked.key} is an object: name one in it, as in {asked.key}.key")
    if field.type in _UNCOUNTED:
        raise QueryError(f"facet counts values that rows share, and {asked.key} is of type {field.type.value}")
    if field.type is FieldType.JSON:
        json = entity.field(asked.key).expression
        # What is null and what is not there are found by the same filter.
        value = case((json_kind(json, asked.path) != "null", field.expression))
        field = replace(field, expression=value)
    return Facet(asked.text, field)


_UNCOUNTED = (FieldType.UUID, FieldType.DATETIME)

_NAMES: Mapping[str, Names] = {
    "user": Names(user, user.c.id, func.trim(user.c.first_name + " " + user.c.last_name)),
    "computer": Names(computer, computer.c.id, computer.c.label),
}
