"""The AiiDA REST API, version 2, at `/api/v2`: as its manual describes it, over today's storage."""

from __future__ import annotations

from restapi.dialects.aiida_v2.entities import ENTITIES, NODE_ENTITIES
from restapi.dialects.aiida_v2.openapi import ABOUT, described_paths
from restapi.dialects.aiida_v2.options import ANYWHERE, OPTIONS
from restapi.dialects.aiida_v2.render import envelope
from restapi.dialects.aiida_v2.routes import ROUTES
from restapi.dialects.aiida_v2.rows import find, rows_query
from restapi.dialects.resource import Dialect
from restapi.http.errors import STATUSES, no_route_as_text
from restapi.openapi.answer import PLAIN
from restapi.openapi.schema import TEXT

DIALECT = Dialect(
    prefix="/api/v2",
    title="AiiDA REST API, version 2",
    about=ABOUT,
    options=OPTIONS,
    anywhere=ANYWHERE,
    routes=ROUTES,
    described=described_paths,
    entities={"v2_entity": ENTITIES, "v2_node_kind": NODE_ENTITIES},
    statuses=STATUSES,
    missing=no_route_as_text,
    not_found={PLAIN: TEXT},
    find=find,
    rows_query=rows_query,
    envelope=envelope,
)
