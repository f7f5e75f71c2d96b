"""What all dialects need of Flask-RESTful and of the router."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from types import MappingProxyType
from typing import Any, ClassVar

from flask import Blueprint, Response
from flask_restful import Api, Resource
from werkzeug.routing import BaseConverter

from querylang.options import OptionSpec
from querylang.schema import Entity
from restapi.http.conditional import Conditional, answer_as_response
from restapi.http.context import Context
from restapi.http.exchange import current
from restapi.http.reply import Reply
from restapi.http.route_tree import PAGE, Way, Ways
from restapi.openapi.answer import Answer, Parameter, Subject
from restapi.openapi.schema import Schema


class DialectApi(Api):  # type: ignore[misc]  # Flask-RESTful has no types
    def __init__(self, blueprint: Blueprint, conditional: Conditional) -> None:
        super().__init__(blueprint)
        self._conditional = conditional

    def output(self, resource: Callable[..., Reply]) -> Callable[..., Response]:
        """What Flask calls for a resource; Flask-RESTful would take a reply for data."""

        @wraps(resource)
        def answer(*args: Any, **kwargs: Any) -> Response:
            return answer_as_response(self._conditional.mark(current(), resource(*args, **kwargs)))

        return answer

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


def paged(path: str, resource: type[DialectResource], **defaults: Any) -> tuple[Route, ...]:
    return (
        Route(path, resource, defaults),
        Route(f"{path}/page", resource, {**defaults, "page": 1}),
        Route(f"{path}/page/{PAGE}", resource, defaults),
    )


def mount(
    name: str, context: Context, routes: Iterable[Route], entities: Mapping[str, Mapping[str, Entity]], ways: Ways
) -> Blueprint:
    """A blueprint that answers all routes of a dialect; they are added to `ways`.

    `entities` are those that can stand in a path, by what their converter is called there.
    """
    made = Blueprint(name, name, url_prefix=context.prefix)

    @made.record_once
    def add_converters(state: Any) -> None:
        state.app.url_map.converters.update({name: _entity_converter(among) for name, among in entities.items()})

    conditional = Conditional(context.opening, context.settings)

    @made.before_request
    def begin() -> Response | None:
        exchange = current()
        if exchange.raised is not None:
            error, exchange.raised = exchange.raised, None
            raise error
        again = conditional.answer_again(exchange)
        return None if again is None else answer_as_response(again)

    contexts = {frozenset[str](): context}

    def context_for(resource: type[DialectResource]) -> Context:
        keys = frozenset(resource.reserved)
        if keys not in contexts:
            contexts[keys] = context.reserving(resource.reserved)
        return contexts[keys]

    api = DialectApi(made, conditional)
    for number, route in enumerate(routes):
        api.add_resource(
            route.resource,
            route.path,
            endpoint=f"{route.resource.__name__}_{number}",
            defaults=dict(route.defaults),
            resource_class_kwargs={"context": context_for(route.resource)},
        )
        resource = route.resource(context_for(route.resource))
        answers = {method: getattr(resource, method.lower()) for method in route.resource.methods}
        ways.add(f"{context.prefix}{route.path}", Way(conditional, answers, route.defaults), entities)
    return made


def _entity_converter(entities: Mapping[str, Entity]) -> type[BaseConverter]:
    """A URL converter: the name of a resource is the entity that it lists."""

    class EntityConverter(BaseConverter):
        regex = "|".join(sorted(entities, key=len, reverse=True))

        def to_python(self, value: str) -> Entity:
            return entities[value]

    return EntityConverter
