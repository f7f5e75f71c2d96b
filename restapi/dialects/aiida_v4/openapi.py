"""The description of v4 as a whole, for its document of OpenAPI."""

from __future__ import annotations

from collections.abc import Iterable

from restapi.dialects.aiida_v4.entities import NODES, USERS
from restapi.dialects.aiida_v4.options import OPTIONS
from restapi.dialects.resource import Route
from restapi.http.route_tree import ID, PAGE
from restapi.openapi.about import LANGUAGE
from restapi.openapi.answer import JSON, Subject
from restapi.openapi.dialect import DescribedPath, Dialect, describe_path
from restapi.openapi.parameters import PAGE_NUMBER, in_path
from restapi.openapi.schema import TEXT
from restapi.openapi.shared import ERROR

_ABOUT = f"""Provenance that AiiDA stored, read-only, as `verdi restapi` of AiiDA 2 answers it.
{LANGUAGE}
A node, group or computer is named by its uuid, the beginning of one, or its id; a user by its id. In
patterns `_` is exactly one character here. All answers to GET have an `ETag`. `docs/api-v4.md` has the rest.
"""

_ID = in_path("id", {**TEXT, "pattern": "^[0-9A-Fa-f-]+$"}, "The uuid, the beginning of one, or the id")
_USER = in_path("id", {"type": "integer", "minimum": 1}, "The id")


def dialect_of(routes: Iterable[Route]) -> Dialect:
    """The dialect with these routes."""
    return Dialect(
        title="AiiDA REST API, version 4",
        about=_ABOUT,
        prefix="/api/v4",
        options=OPTIONS,
        paths=tuple(_described_path(route) for route in routes),
        names={"id": "by_id", "page": "n"},
        missing={JSON: ERROR},
    )


def _described_path(route: Route) -> DescribedPath:
    entity = route.defaults.get("entity", NODES)
    return describe_path(
        route, Subject(entity, (entity.name,)), {ID: _USER if entity is USERS else _ID, PAGE: PAGE_NUMBER}
    )
