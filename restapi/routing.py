"""What all dialects need of Flask-RESTful and of the router."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from flask import Blueprint
from flask_restful import Api, Resource
from werkzeug.routing import BaseConverter

from querylang.options import OptionSpec
from querylang.schema import Entity
from restapi.conditional import Conditional
from restapi.context import Context


class DialectApi(Api):  # type: ignore[misc]  # Flask-RESTful has no types
    def error_router(self, original_handler: Callable[[Exception], Any], e: Exception) -> Any:
        """Flask-RESTful would turn our errors into its own 500; the application's handlers know better."""
        return original_handler(e)


class DialectResource(Resource):  # type: ignore[misc]  # Flask-RESTful has no types
    """`reserved` are reserved keys of this resource only; elsewhere they may be keys of filters."""

    reserved: Mapping[str, OptionSpec] = MappingProxyType({})

    def __init__(self, context: Context) -> None:
        self.context = context


@dataclass(frozen=True)
class Route:
    """`defaults` are arguments that the path does not name."""

    path: str
    resource: type[DialectResource]
    defaults: Mapping[str, Any] = field(default_factory=dict)


PAGE = "<int:page>"


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
    made.before_request(conditional.answer_unchanged)
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
