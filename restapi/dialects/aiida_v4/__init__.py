"""The AiiDA REST API, version 4, at `/api/v4`: what `verdi restapi` of AiiDA 2 answers, and today's clients ask."""

from __future__ import annotations

from restapi.dialects.aiida_v4.entities import NODES, USERS
from restapi.dialects.aiida_v4.options import ANYWHERE, OPTIONS
from restapi.dialects.aiida_v4.render import envelope
from restapi.dialects.aiida_v4.routes import ROUTES
from restapi.dialects.aiida_v4.rows import find, rows_query
from restapi.dialects.resource import Dialect, Route
from restapi.http.errors import V4_STATUSES, no_route
from restapi.http.route_tree import ID, PAGE
from restapi.openapi.answer import JSON, DescribedPath, Subject, describe_path
from restapi.openapi.document import LANGUAGE
from restapi.openapi.parameters import PAGE_NUMBER, USER_ID, in_path
from restapi.openapi.schema import TEXT
from restapi.openapi.shared import ERROR

_ABOUT = f"""Provenance that AiiDA stored, read-only, as `verdi restapi` of AiiDA 2 answers it.
{LANGUAGE}
A node, group or computer is named by its uuid, the beginning of one, or its id; a user by its id. In
patterns `_` is exactly one character. All answers to GET have an `ETag`. `docs/api-v4.md` has the rest.
"""

_ID = in_path("id", {**TEXT, "pattern": "^[0-9A-Fa-f-]+$"}, "The uuid, the beginning of one, or the id")


def _described_paths(route: Route) -> tuple[DescribedPath]:
    entity = route.defaults.get("entity", NODES)
    parameters = {ID: USER_ID if entity is USERS else _ID, PAGE: PAGE_NUMBER}
    return (describe_path(route.path, route.resource, Subject(entity, (entity.name,)), parameters),)


DIALECT = Dialect(
    prefix="/api/v4",
    title="AiiDA REST API, version 4",
    about=_ABOUT,
    options=OPTIONS,
    anywhere=ANYWHERE,
    routes=ROUTES,
    described=_described_paths,
    entities={},
    statuses=V4_STATUSES,
    missing=no_route,
    not_found={JSON: ERROR},
    find=find,
    rows_query=rows_query,
    envelope=envelope,
)
