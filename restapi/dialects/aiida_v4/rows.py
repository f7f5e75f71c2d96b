"""Lists and single objects."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from aiida_like.errors import NotFound, QueryError
from querylang.ast import Comparison
from querylang.compile import RowsQuery
from querylang.condition import Condition, Order
from querylang.lower import lower, order_by
from querylang.options import Options, OrderTerm
from querylang.projection import projected
from querylang.schema import Entity, Field
from querylang.terms import Term
from restapi.answering import lists as rows
from restapi.dialects.aiida_v4 import answers, options, render
from restapi.dialects.aiida_v4.entities import NODES, USERS
from restapi.dialects.aiida_v4.full_type import conditions_of
from restapi.dialects.resource import DialectResource
from restapi.fetching.lists import fetch_by_id, fetch_by_uuid
from restapi.http.context import Context
from restapi.http.exchange import Asked, asked
from restapi.http.reply import Reply
from restapi.openapi.answer import Answer, Subject

_CONTENT = ("attributes", "extras")


class V4Resource(DialectResource):
    allowed = options.ANYWHERE

    def parse(self, request: Asked, allowed: Iterable[str]) -> tuple[Options, tuple[Term[Comparison], ...]]:
        """Raises QuerySyntaxError, QueryError."""
        given, comparisons = self.context.parse(request, allowed)
        self._check_profile(given)
        return given, comparisons

    def parse_options(self, request: Asked, allowed: Iterable[str]) -> Options:
        """For resources that cannot be filtered."""
        given = self.context.parse_options(request, allowed)
        self._check_profile(given)
        return given

    def _check_profile(self, given: Options) -> None:
        name = given.get("profile")
        if name is None:
            return
        served = self.context.storage.profile.name
        if name != served:
            raise QueryError(f"there is no profile {name!r} here: {served!r} is served")


class Rows(V4Resource):
    """`/computers?limit=5`, `/users/page/3`: the rows that fulfil the filters."""

    allowed = options.LIST

    @classmethod
    def answer_about(cls, subject: Subject) -> Answer:
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
    relation: Callable[[Options], Iterable[Condition]] = lambda _: (),
    key: str | None = None,
    path_id: str | None = None,
) -> Reply:
    """The rows that fulfil the filters of the request, and stand in a relation to a node.

    Options can shape the relation. `key` is the name of the list in the answer, if it is not that of the entity.
    """
    request = asked()
    given, comparisons = resource.parse(request, allowed)
    chosen = chosen_content(given)
    query = RowsQuery(
        entity=entity,
        fields=fields_of(given, entity, chosen),
        conditions=(*relation(given), *full_type_of(given, entity), *lower(comparisons, entity)),
        order=order_of(given.get("orderby", ()), entity),
    )
    # With the full type, unless it is said what to show.
    shown = render.shown(query.fields, chosen, has_full_type=entity is NODES and "fields" not in given)
    envelope = partial(render.envelope, request, entity.name, total=None, path_id=path_id)
    return rows.answer_rows(resource.context, request, given, page, query, shown, key or entity.name, envelope)


class Object(V4Resource):
    """`/computers/5d490d77-638d`, `/users/2`: one object, by its uuid, the beginning of it, or its id."""

    allowed = options.OBJECT

    @classmethod
    def answer_about(cls, subject: Subject) -> Answer:
        return answers.one(subject.entity)

    def get(self, entity: Entity, path_id: str) -> Reply:
        request = asked()
        given = self.parse_options(request, self.allowed)
        chosen = chosen_content(given)
        fields = (*entity.shown, *content_fields(given, chosen))
        shown = render.shown(fields, chosen, has_full_type=entity is NODES)
        found = shown.objects([find(self.context, entity, fields, path_id)])
        # Users have no uuid, so their id is a number.
        return render.envelope(
            request, entity.name, {entity.name: found}, path_id=int(path_id) if entity is USERS else path_id
        )


class Node(Object):
    """`/nodes/338357f4-f2?attributes=true`: one node."""

    allowed = options.NODE


def fields_of(given: Options, entity: Entity, chosen: render.Chosen) -> tuple[Field, ...]:
    """Raises QueryError: there is no such key, or content is asked for in two ways."""
    if "fields" not in given:
        return (*entity.shown, *content_fields(given, chosen))
    if any(given.get(option) is not None for option in options.CONTENT):
        raise QueryError("fields is incompatible with attributes and extras: name them in it, as in attributes.cell")
    return projected(given.get("fields"), entity)


def chosen_content(given: Options) -> render.Chosen:
    """Paths below each column of content, where only some were asked for."""
    if not given.values:
        return {}
    return {
        column: tuple(dict.fromkeys(filter(None, given.get(f"{column}_filter"))))
        for column in _CONTENT
        if given.get(column) and f"{column}_filter" in given
    }


def content_fields(given: Options, chosen: render.Chosen) -> tuple[Field, ...]:
    if not given.values:
        return ()
    whole = (NODES.fields[column] for column in _CONTENT if given.get(column) and column not in chosen)
    parts = (render.part_field(NODES.fields[column], path) for column, paths in chosen.items() for path in paths)
    return (*whole, *parts)


def full_type_of(given: Options, entity: Entity) -> tuple[Condition, ...]:
    asked_type = given.get("full_type")
    return () if asked_type is None else conditions_of(asked_type, entity)


def order_of(terms: Sequence[OrderTerm], entity: Entity) -> tuple[Order, ...]:
    """By id last, so that each page begins where the one before it ends."""
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
            return fetch_by_id(context.storage, entity, fields, int(path_id))
        except NotFound:
            if entity is USERS:
                raise
    if entity is USERS:
        raise NotFound(f"users are asked for by their integer id, as in /users/2, not by {path_id!r}")
    return fetch_by_uuid(context.storage, entity, fields, path_id)
