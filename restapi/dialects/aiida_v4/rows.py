"""Lists and single objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from aiida_like.errors import NotFound, QueryError
from querylang.compile import RowsQuery
from querylang.condition import Condition, Order
from querylang.lowering.lower import lower, order_by
from querylang.options import Options, OrderTerm
from querylang.projection import ProjectedKey, projected
from querylang.schema import Entity, Field
from restapi.answering.rendering import RowRenderer
from restapi.config import Settings
from restapi.dialects.aiida_v4 import answers, options, render
from restapi.dialects.aiida_v4.entities import NODES, USERS
from restapi.dialects.aiida_v4.full_type import conditions_of
from restapi.dialects.resource import DialectResource, Filters, ListResource
from restapi.fetching.rows import fetch_by_id, fetch_by_uuid
from restapi.http.exchange import Context
from restapi.http.reply import Reply
from restapi.openapi.answer import AnswerSpec, Subject

_CONTENT = ("attributes", "extras")


class Rows(ListResource):
    """`/computers?limit=5`, `/users/page/1`: the rows that fulfil the filters."""

    allowed = options.LIST

    @classmethod
    def answer_about(cls, subject: Subject) -> AnswerSpec:
        return answers.rows(subject.entity, cls.allowed)

    def get(self, entity: Entity, page: int | None = None) -> Reply:
        given, filters = self.parse()
        return self.answer_rows(given, filters, entity, page)


class Nodes(Rows):
    """`/nodes?attributes=true&orderby=-ctime&limit=5`: the nodes that fulfil the filters."""

    allowed = options.NODES


def rows_query(
    entity: Entity, given: Options, filters: Filters, relation: Iterable[Condition], _: Settings
) -> tuple[RowsQuery, RowRenderer]:
    """The rows of an entity that fulfil filters and stand in a relation, and how they are shown."""
    renderer = renderer_of(given, entity)
    query = RowsQuery(
        entity=entity,
        fields=renderer.fields,
        conditions=(
            *relation,
            *(conditions_of(given["full_type"], entity) if "full_type" in given else ()),
            *lower(filters, entity),
        ),
        order=order_of(given.get("orderby", ()), entity),
    )
    return query, renderer


class Object(DialectResource):
    """`/computers/49d3b648-722f`, `/users/2`: one object, by its uuid, the beginning of it, or its id."""

    @classmethod
    def answer_about(cls, subject: Subject) -> AnswerSpec:
        return answers.one(subject.entity)

    def get(self, entity: Entity, path_id: str) -> Reply:
        renderer = renderer_of(self.parse_options(), entity)
        found = renderer.objects([find(self.context, entity, renderer.fields, path_id)])
        # Users have no uuid, so their id is a number.
        shown_id = int(path_id) if entity is USERS else path_id
        return self.envelope(entity.name, {entity.name: found}, path_id=shown_id)


class Node(Object):
    """`/nodes/6c023146-13?attributes=true`: one node."""

    allowed = options.NODE


def renderer_of(given: Options, entity: Entity) -> RowRenderer:
    """The renderer of what `fields`, `attributes`, `extras` and their filters ask for.

    Raises:
        QueryError: there is no such key, or content is asked for in two ways.
    """
    return _renderer(entity, given.get("fields"), *map(given.get, options.CONTENT))


@lru_cache(maxsize=128)
def _renderer(entity: Entity, keys: tuple[ProjectedKey, ...] | None, *content: Any) -> RowRenderer:
    asked = dict(zip(options.CONTENT, content, strict=True))
    if keys is not None:
        if any(each is not None for each in content):
            raise QueryError(
                "fields is incompatible with attributes and extras: name them in it, as in attributes.cell"
            )
        return render.renderer(projected(keys, entity), {}, has_full_type=False)
    chosen = {
        column: tuple(dict.fromkeys(filter(None, asked[f"{column}_filter"])))
        for column in _CONTENT
        if asked[column] and asked[f"{column}_filter"] is not None
    }
    whole = (NODES.fields[column] for column in _CONTENT if asked[column] and column not in chosen)
    parts = (render.part_field(NODES.fields[column], path) for column, paths in chosen.items() for path in paths)
    fields = (*entity.shown, *whole, *parts)
    return render.renderer(fields, chosen, has_full_type="node_type" in entity.fields)


@lru_cache(maxsize=128)
def order_of(terms: tuple[OrderTerm, ...], entity: Entity) -> tuple[Order, ...]:
    """The order, by id last, so that each page begins where the one before it ends."""
    if any(entity.synonyms.get(term.key, term.key) == "id" for term in terms):
        return order_by(terms, entity)
    return order_by((*terms, OrderTerm("id", descending=False)), entity)


def find(context: Context, entity: Entity, fields: tuple[Field, ...], path_id: str) -> Sequence[Any]:
    """The row of the object that a path names.

    A number is an id, and only where there is no such id the beginning of a uuid.

    Raises:
        NotFound, AmbiguousUuid: it names none, or several.
    """
    has_id = path_id.isdecimal() and re.fullmatch("[1-9][0-9]{0,17}", path_id)
    if has_id:
        try:
            return fetch_by_id(context.snapshot, entity, fields, int(path_id))
        except NotFound:
            if entity is USERS:
                raise
    if entity is USERS:
        raise NotFound(f"users are asked for by their integer id, as in /users/2, not by {path_id!r}")
    try:
        return fetch_by_uuid(context.snapshot, entity, fields, path_id)
    except NotFound as error:
        if not has_id:
            raise
        raise NotFound(f"{error}, and none with the id {path_id}") from None
