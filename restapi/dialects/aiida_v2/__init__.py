"""The AiiDA REST API, version 2, at `/api/v2`: as its manual describes it, over today's storage."""

from __future__ import annotations

from flask import Blueprint

from querylang.parse import Parser
from restapi.config import Settings
from restapi.dialects.aiida_v2.entities import ENTITIES, NODE_ENTITIES
from restapi.dialects.aiida_v2.options import OPTIONS
from restapi.dialects.aiida_v2.routes import DIALECT, ROUTES
from restapi.dialects.resource import mount
from restapi.http.context import Context
from restapi.http.lazy_storage import LazyStorage
from restapi.http.route_tree import Ways

__all__ = ["DIALECT", "ROUTES", "blueprint"]


def blueprint(storage: LazyStorage, settings: Settings, ways: Ways) -> Blueprint:
    context = Context(DIALECT.prefix, storage, settings, OPTIONS, Parser(OPTIONS))
    entities = {"v2_entity": ENTITIES, "v2_node_kind": NODE_ENTITIES}
    return mount("aiida_v2", context, ROUTES, entities, ways)
