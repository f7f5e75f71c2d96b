"""The AiiDA REST API, version 4, at `/api/v4`: what `verdi restapi` of AiiDA 2 answers, and today's clients ask."""

from __future__ import annotations

from restapi.dialects.aiida_v4.openapi import ABOUT, described_paths
from restapi.dialects.aiida_v4.options import ANYWHERE, OPTIONS
from restapi.dialects.aiida_v4.render import envelope
from restapi.dialects.aiida_v4.routes import ROUTES
from restapi.dialects.aiida_v4.rows import find, rows_query
from restapi.dialects.resource import Dialect
from restapi.http.errors import V4_STATUSES, no_route
from restapi.openapi.answer import JSON
from restapi.openapi.shared import ERROR

DIALECT = Dialect(
    prefix="/api/v4",
    title="AiiDA REST API, version 4",
    about=ABOUT,
    options=OPTIONS,
    anywhere=ANYWHERE,
    routes=ROUTES,
    described=described_paths,
    entities={},
    statuses=V4_STATUSES,
    missing=no_route,
    not_found={JSON: ERROR},
    find=find,
    rows_query=rows_query,
    envelope=envelope,
)
