"""The AiiDA REST API, version 2, at `/api/v2`: as its manual describes it, over today's storage."""

from __future__ import annotations

from flask import Blueprint

from querylang.grammar import grammar_of
from restapi.config import Settings
from restapi.context import Context
from restapi.dialects.aiida_v2.entities import ENTITIES, NODE_ENTITIES
from restapi.dialects.aiida_v2.options import OPTIONS
from restapi.dialects.aiida_v2.routes import DIALECT, ROUTES
from restapi.opening import LazyStorage
from restapi.routing import entity_converter, mount

__all__ = ["DIALECT", "ROUTES", "blueprint"]


def blueprint(storage: LazyStorage, settings: Settings) -> Blueprint:
    context = Context(DIALECT.prefix, storage, settings, OPTIONS, grammar_of(frozenset(OPTIONS)))
    converters = {"v2_entity": entity_converter(ENTITIES), "v2_node_kind": entity_converter(NODE_ENTITIES)}
    return mount("aiida_v2", context, ROUTES, converters)
