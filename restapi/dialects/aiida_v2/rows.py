"""Lists and single objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from aiida_like.errors import NotFound
from querylang.compile import RowsQuery
from querylang.condition import Condition
from querylang.lowering.lower import lower, order_by, type_prefix_conditions
from querylang.options import Options
from querylang.projection import projected
from querylang.schema import Entity, Field
from restapi.answering.rendering import RowRenderer, objects_of
from restapi.config import Settings
from restapi.dialects.aiida_v2 import answers, options, render
from restapi.dialects.aiida_v2.entities import NODES, USERS, shown
from restapi.dialects.resource import DialectResource, Filters, ListResource
from restapi.fetching.rows import fetch_by_id, fetch_by_uuid
from restapi.http.exchange import Context
from restapi.http.reply import Reply
from restapi.openapi.answer import AnswerSpec, Subject


class Rows(ListResource):
    """`/nodes?limit=5`, `/nodes/page/3`: the rows that fulfil the filters."""

    reserved, allowed = options.OF_LISTS, options.LIST

    @classmethod
    def answer_about(cls, subject: Subject) -> AnswerSpec:
        return answers.rows(subject, cls.allowed)

    def get(self, entity: Entity, page: int | None = None) -> Reply:
        given, filters = self.parse()
        return self.answer_rows(given, filters, entity, page)


class Object(DialectResource):
    """`/nodes/6c023146-13`, `/users/2`: one object."""

    @classmethod
    def answer_about(cls, subject: Subject) -> AnswerSpec:
        return answers.one(subject)

    def get(self, entity: Entity, path_id: str) -> Reply:
        self.parse_options()
        fields = shown(detailed(entity), self.context.settings)
        row = find(self.context, entity, fields, path_id)
        found = objects_of(fields)([row])
        return self.envelope(entity.name, {entity.name: found}, pk=found[0]["id"], path_id=path_id)


class Schema(DialectResource):
    """`/nodes/schema`: the fields of an object and what they mean."""

    answer = answers.SCHEMA

    def get(self, entity: Entity) -> Reply:
        self.parse_options()
        return self.envelope(entity.name, render.schema(detailed(entity)))


def rows_query(
    entity: Entity, given: Options, filters: Filters, relation: Iterable[Condition], settings: Settings
) -> tuple[RowsQuery, RowRenderer]:
    """The rows of an entity that fulfil filters and stand in a relation, and how they are shown."""
    query = RowsQuery(
        entity=entity,
        fields=shown(projected(given.get("fields"), entity) if "fields" in given else entity.shown, settings),
        conditions=(*relation, *type_prefix_conditions(entity), *lower(filters, entity)),
        order=order_by(given.get("orderby", ()), entity),
    )
    return query, RowRenderer(query.fields, tuple(field.name for field in query.fields), objects_of(query.fields))


def detailed(entity: Entity) -> tuple[Field, ...]:
    """The fields that a single object shows: those of lists, and of a node its attributes."""
    return (*entity.shown, entity.fields["attributes"]) if entity.table is NODES.table else entity.shown


def find(context: Context, entity: Entity, fields: tuple[Field, ...], path_id: str) -> Sequence[Any]:
    """The row of the object that a path names: users by id, all others by uuid or the beginning of it.

    Raises:
        NotFound, AmbiguousUuid: it names none, or several.
    """
    if entity is not USERS:
        return fetch_by_uuid(context.snapshot, entity, fields, path_id)
    if not re.fullmatch("[0-9]{1,18}", path_id):
        raise NotFound(f"users are asked for by their integer id, as in /users/2, not by {path_id!r}")
    return fetch_by_id(context.snapshot, entity, fields, int(path_id))
