"""The AiiDA REST API, version 2, at `/api/v2`: as its manual describes it, over today's storage."""

from __future__ import annotations

from flask import Blueprint

from querylang.grammar import Grammar
from restapi.config import Settings
from restapi.dialects.aiida_v2.context import Context
from restapi.dialects.aiida_v2.entities import ENTITIES, NODE_ENTITIES
from restapi.dialects.aiida_v2.options import OPTIONS
from restapi.dialects.aiida_v2.routes import ROUTES
from restapi.opening import LazyStorage
from restapi.routing import DialectApi, entity_converter

PREFIX = "/api/v2"


def blueprint(storage: LazyStorage, settings: Settings) -> Blueprint:
    context = Context(PREFIX, storage, settings, Grammar(OPTIONS))
    made = Blueprint("aiida_v2", __name__, url_prefix=PREFIX)

    @made.record_once
    def add_converters(state: object) -> None:
        converters = state.app.url_map.converters  # type: ignore[attr-defined]
        converters["v2_entity"] = entity_converter(ENTITIES)
        converters["v2_node_kind"] = entity_converter(NODE_ENTITIES)

    api = DialectApi(made)
    for number, route in enumerate(ROUTES):
        api.add_resource(
            route.resource,
            route.path,
            endpoint=f"{route.resource.__name__}_{number}",
            defaults=dict(route.defaults),
            resource_class_kwargs={"context": context},
        )
    return made
