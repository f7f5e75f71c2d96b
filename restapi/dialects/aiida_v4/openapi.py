"""The description of v4 as a whole, for its document of OpenAPI."""

from __future__ import annotations

from restapi.dialects.aiida_v4.entities import NODES, USERS
from restapi.dialects.resource import Route
from restapi.http.route_tree import ID, PAGE
from restapi.openapi.about import LANGUAGE
from restapi.openapi.answer import Subject
from restapi.openapi.parameters import PAGE_NUMBER, in_path
from restapi.openapi.paths import DescribedPath, describe_path
from restapi.openapi.schema import TEXT

ABOUT = f"""Provenance that AiiDA stored, read-only, as `verdi restapi` of AiiDA 2 answers it.
{LANGUAGE}
A node, group or computer is named by its uuid, the beginning of one, or its id; a user by its id. In
patterns `_` is exactly one character here. All answers to GET have an `ETag`. `docs/api-v4.md` has the rest.
"""

_ID = in_path("id", {**TEXT, "pattern": "^[0-9A-Fa-f-]+$"}, "The uuid, the beginning of one, or the id")
_USER = in_path("id", {"type": "integer", "minimum": 1}, "The id")


def described_paths(route: Route) -> tuple[DescribedPath]:
    entity = route.defaults.get("entity", NODES)
    parameters = {ID: _USER if entity is USERS else _ID, PAGE: PAGE_NUMBER}
    return (describe_path(route, Subject(entity, (entity.name,)), parameters),)
