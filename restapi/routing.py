"""What all dialects need of Flask-RESTful and of the router."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

from flask import Blueprint
from flask_restful import Api, Resource
from werkzeug.routing import BaseConverter

from querylang.options import OptionSpec
from querylang.schema import Entity
from restapi.conditional import Conditional
from restapi.context import Context
from restapi.openapi.answer import Answer, Parameter, Subject
from restapi.openapi.schema import Schema


class DialectApi(Api):  # type: ignore[misc]  # Flask-RESTful has no types
    def error_router(self, original_handler: Callable[[Exception], Any], e: Exception) -> Any:
        """Flask-RESTful would turn our errors into its own 500; the application's handlers know better."""
        return original_handler(e)


class DialectResource(Resource):  # type: ignore[misc]  # Flask-RESTful has no types
    """What stands at a path, and what it says of itself for the document of OpenAPI.

    `reserved` are reserved keys of this resource only; elsewhere they may be keys of filters.
    `allowed` are the reserved keys that it takes, and `required` those that it needs.
    `filters` has the keys that it can be filtered by, and `parameters` are filters of another sort.
    `body` is what is posted; without one it is asked by GET. Where something is posted, `refusal` is what GET is
    answered with, status 405.
    """

    reserved: ClassVar[Mapping[str, OptionSpec]] = MappingProxyType({})
    allowed: ClassVar[frozenset[str]] = frozenset()
    required: ClassVar[frozenset[str]] = frozenset()
    filters: ClassVar[Entity | None] = None
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    body: ClassVar[Schema | None] = None
    refusal: ClassVar[Answer | None] = None
    answer: ClassVar[Answer]

    def __init__(self, context: Context) -> None:
        self.context = context

    @classmethod
    def answer_about(cls, _: Subject) -> Answer:
        """For resources whose answer depends on what the path names."""
        return cls.answer

    @classmethod
    def filters_about(cls, _: Subject) -> Entity | None:
        return cls.filters


@dataclass(frozen=True)
class Route:
    """`defaults` are arguments that the path does not name."""

    path: str
    resource: type[DialectResource]
    defaults: Mapping[str, Any] = field(default_factory=dict)


ID, PAGE = "<path_id>", "<int:page>"
"""What stands in paths for an object, and for the number of a page."""


def paged(path: str, resource: type[DialectResource], **defaults: Any) -> tuple[Route, ...]:
    return (
        Route(path, resource, defaults),
        Route(f"{path}/page", resource, {**defaults, "page": 1}),
        Route(f"{path}/page/{PAGE}", resource, defaults),
    )


def mount(
    name: str, context: Context, routes: Iterable[Route], converters: Mapping[str, type[BaseConverter]]
) -> Blueprint:
    """A blueprint that answers all routes of a dialect; `converters` are those that their paths name."""
    made = Blueprint(name, name, url_prefix=context.prefix)

    @made.record_once
    def add_converters(state: Any) -> None:
        state.app.url_map.converters.update(converters)

    conditional = Conditional(context.opening, context.settings)
    made.before_request(conditional.answer_again)
    made.after_request(conditional.mark)

    contexts = {frozenset[str](): context}

    def context_for(resource: type[DialectResource]) -> Context:
        keys = frozenset(resource.reserved)
        if keys not in contexts:
            contexts[keys] = context.reserving(resource.reserved)
        return contexts[keys]

    api = DialectApi(made)
    for number, route in enumerate(routes):
        api.add_resource(
            route.resource,
            route.path,
            endpoint=f"{route.resource.__name__}_{number}",
            defaults=dict(route.defaults),
            resource_class_kwargs={"context": context_for(route.resource)},
        )
    return made


def entity_converter(entities: Mapping[str, Entity]) -> type[BaseConverter]:
    """A URL converter: the name of a resource is the entity that it lists."""

    class EntityConverter(BaseConverter):
        regex = "|".join(sorted(entities, key=len, reverse=True))

        def to_python(self, value: str) -> Entity:
            return entities[value]

    return EntityConverter
