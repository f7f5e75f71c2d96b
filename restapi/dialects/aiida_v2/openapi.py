"""The description of v2 as a whole, for its document of OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from restapi.dialects.aiida_v2.entities import COMPUTERS, GROUPS, NODE_ENTITIES, NODES, USERS
from restapi.dialects.aiida_v2.paths import ENTITY, KIND
from restapi.dialects.resource import Route
from restapi.http.route_tree import ID, PAGE
from restapi.openapi.about import LANGUAGE
from restapi.openapi.answer import Subject
from restapi.openapi.parameters import PAGE_NUMBER, in_path
from restapi.openapi.paths import DescribedPath, describe_path
from restapi.openapi.schema import TEXT

ABOUT = f"""Provenance that AiiDA stored, read-only, as the manual of AiiDA's REST API, version 2, describes it.
{LANGUAGE}
`kind` is `nodes`, or a resource that lists the nodes of one kind. An object is named by its uuid or the beginning of
one, a user by its id; an object that is not found is status 400. All answers to GET have an `ETag`. `docs/api-v2.md`
has the rest.
"""

_ID = in_path("id", {**TEXT, "pattern": "^[0-9A-Fa-f-]+$"}, "The uuid, or the beginning of one")
_USER = in_path("id", {"type": "integer", "minimum": 1}, "The id")
_KIND = in_path("kind", {**TEXT, "enum": list(NODE_ENTITIES)}, "All nodes, or those of one kind")


@dataclass(frozen=True)
class _Resource:
    """The first part of a path. `path` names the resource, `id` is the parameter for one object."""

    path: str
    subject: Subject
    id: Mapping[str, Any]


_OF_NODES = (_Resource(KIND, Subject(NODES, tuple(NODE_ENTITIES)), _ID),)
_ALL = (
    *_OF_NODES,
    _Resource("computers", Subject(COMPUTERS, ("computers",)), _ID),
    _Resource("groups", Subject(GROUPS, ("groups",)), _ID),
    _Resource("users", Subject(USERS, ("users",)), _USER),
)


def described_paths(route: Route) -> Iterator[DescribedPath]:
    """A path for each sort of entities; the kinds of nodes are values of a parameter."""
    marker = ENTITY if ENTITY in route.path else KIND
    for each in _ALL if marker == ENTITY else _OF_NODES:
        path = route.path.replace(marker, each.path)
        yield describe_path(route, each.subject, {KIND: _KIND, ID: each.id, PAGE: PAGE_NUMBER}, path)
