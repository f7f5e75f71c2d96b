"""Lists and single objects."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from aiida_like.errors import NotFound, QueryError
from querylang.ast import Comparison
from querylang.compile import RowsQuery
from querylang.condition import Condition, Order
from querylang.lowering.lower import lower, order_by
from querylang.options import Options, OrderTerm
from querylang.projection import ProjectedKey, projected
from querylang.schema import Entity, Field
from querylang.terms import Term
from restapi.answering.lists import ListRequest, answer_list
from restapi.answering.rendering import RowRenderer
from restapi.dialects.aiida_v4 import answers, options, render
from restapi.dialects.aiida_v4.entities import NODES, USERS
from restapi.dialects.aiida_v4.full_type import conditions_of
from restapi.dialects.resource import DialectResource
from restapi.fetching.rows import fetch_by_id, fetch_by_uuid
from restapi.http.exchange import Context
from restapi.http.reply import Reply
from restapi.openapi.answer import AnswerSpec, Subject

_CONTENT = ("attributes", "extras")


class V4Resource(DialectResource):
    allowed = options.ANYWHERE

    def parse(self, allowed: Iterable[str]) -> tuple[Options, tuple[Term[Comparison], ...]]:
        """The options and filters of the request. Raises QuerySyntaxError, QueryError."""
        given, comparisons = self.context.parse(allowed)
        if "profile" in given:
            self._check_profile(given["profile"])
        return given, comparisons

    def parse_options(self, allowed: Iterable[str]) -> Options:
        """The options of a resource that cannot be filtered."""
        given = self.context.parse_options(allowed)
        if "profile" in given:
            self._check_profile(given["profile"])
        return given

    def _check_profile(self, name: str) -> None:
        served = self.context.snapshot.storage.profile.name
        if name != served:
            raise QueryError(f"there is no profile {name!r} here: {served!r} is served")


class Rows(V4Resource):
    """`/computers?limit=5`, `/users/page/3`: the rows that fulfil the filters."""

    allowed = options.LIST

    @classmethod
    def answer_about(cls, subject: Subject) -> AnswerSpec:
        return answers.rows(subject.entity, cls.allowed)

    @classmethod
    def filters_about(cls, subject: Subject) -> Entity:
        return subject.entity

    def get(self, entity: Entity, page: int | None = None) -> Reply:
        return answer_rows(self, entity, page, allowed=self.allowed)


class Nodes(Rows):
    """`/nodes?attributes=true&orderby=-ctime&limit=5`: the nodes that fulfil the filters."""

    allowed = options.NODES


def answer_rows(
    resource: V4Resource,
    entity: Entity,
    page: int | None,
    *,
    allowed: Iterable[str],
    relation: Callable[[Options], Iterable[Condition]] | None = None,
    key: str | None = None,
    path_id: str | None = None,
) -> Reply:
    """The rows that fulfil the filters of the request, and stand in a relation to a node.

    Options can shape the relation. `key` is the name of the list in the answer, if it is not that of the entity.
    """
    given, comparisons = resource.parse(allowed)
    projection = projection_of(given, entity)
    query = RowsQuery(
        entity=entity,
        fields=projection.fields,
        conditions=(
            *(relation(given) if relation else ()),
            *(conditions_of(given["full_type"], entity) if "full_type" in given else ()),
            *lower(comparisons, entity),
        ),
        order=order_of(given.get("orderby", ()), entity),
    )
    envelope = partial(render.envelope, resource.context.request, entity.name, path_id=path_id)
    return answer_list(
        resource.context, ListRequest(given, page, query, projection.renderer, key or entity.name, envelope)
    )


class Object(V4Resource):
    """`/computers/5d490d77-638d`, `/users/2`: one object, by its uuid, the beginning of it, or its id."""

    allowed = options.OBJECT

    @classmethod
    def answer_about(cls, subject: Subject) -> AnswerSpec:
        return answers.one(subject.entity)

    def get(self, entity: Entity, path_id: str) -> Reply:
        request = self.context.request
        given = self.parse_options(self.allowed)
        projection = projection_of(given, entity)
        found = projection.renderer.objects([find(self.context, entity, projection.fields, path_id)])
        # Users have no uuid, so their id is a number.
        return render.envelope(
            request, entity.name, {entity.name: found}, path_id=int(path_id) if entity is USERS else path_id
        )


class Node(Object):
    """`/nodes/338357f4-f2?attributes=true`: one node."""

    allowed = options.NODE


@dataclass(frozen=True)
class Projection:
    """The columns of a list or an object, and how its rows are shown."""

    fields: tuple[Field, ...]
    renderer: RowRenderer


def projection_of(given: Options, entity: Entity) -> Projection:
    """The fields that `fields`, `attributes`, `extras` and their filters ask for.

    Raises:
        QueryError: there is no such key, or content is asked for in two ways.
    """
    return _projection(entity, given.get("fields"), *map(given.get, options.CONTENT))


@lru_cache(maxsize=1024)
def _projection(entity: Entity, keys: tuple[ProjectedKey, ...] | None, *content: Any) -> Projection:
    asked = dict(zip(options.CONTENT, content, strict=True))
    if keys is not None:
        if any(each is not None for each in content):
            raise QueryError(
                "fields is incompatible with attributes and extras: name them in it, as in attributes.cell"
            )
        fields = projected(keys, entity)
        return Projection(fields, render.renderer(fields, {}, has_full_type=False))
    chosen = {
        column: tuple(dict.fromkeys(filter(None, asked[f"{column}_filter"])))
        for column in _CONTENT
        if asked[column] and asked[f"{column}_filter"] is not None
    }
    whole = (NODES.fields[column] for column in _CONTENT if asked[column] and column not in chosen)
    parts = (render.part_field(NODES.fields[column], path) for column, paths in chosen.items() for path in paths)
    fields = (*entity.shown, *whole, *parts)
    return Projection(fields, render.renderer(fields, chosen, has_full_type="node_type" in entity.fields))


@lru_cache(maxsize=256)
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
    if path_id.isdecimal() and re.fullmatch("[1-9][0-9]{0,17}", path_id):
        try:
            return fetch_by_id(context.snapshot, entity, fields, int(path_id))
        except NotFound:
            if entity is USERS:
                raise
    if entity is USERS:
        raise NotFound(f"users are asked for by their integer id, as in /users/2, not by {path_id!r}")
    return fetch_by_uuid(context.snapshot, entity, fields, path_id)
