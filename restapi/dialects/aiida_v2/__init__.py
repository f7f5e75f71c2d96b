"""The AiiDA REST API, version 2, at `/api/v2`: as its manual describes it, over today's storage."""

from __future__ import annotations

from restapi.dialects.aiida_v2.entities import ENTITIES, NODE_ENTITIES
from restapi.dialects.aiida_v2.options import OPTIONS
from restapi.dialects.aiida_v2.routes import DIALECT, ROUTES
from restapi.dialects.resource import Interface
from restapi.http.errors import STATUSES, no_route_as_text

__all__ = ["DIALECT", "INTERFACE", "ROUTES"]

INTERFACE = Interface(
    DIALECT.prefix, OPTIONS, ROUTES, {"v2_entity": ENTITIES, "v2_node_kind": NODE_ENTITIES}, STATUSES, no_route_as_text
)
