"""The AiiDA REST API, version 2, at `/api/v2`: as its manual describes it, over today's storage."""

from __future__ import annotations

from collections.abc import Iterator

from restapi.dialects.aiida_v2.entities import COMPUTERS, ENTITIES, ENTITY, GROUPS, KIND, NODE_ENTITIES, NODES, USERS
from restapi.dialects.aiida_v2.options import ANYWHERE, OPTIONS
from restapi.dialects.aiida_v2.render import envelope
from restapi.dialects.aiida_v2.routes import ROUTES
from restapi.dialects.aiida_v2.rows import find, rows_query
from restapi.dialects.resource import Dialect, Route
from restapi.http.errors import STATUSES, no_route_as_text
from restapi.http.route_tree import ID, PAGE
from restapi.openapi.answer import PLAIN, DescribedPath, Subject, describe_path
from restapi.openapi.document import LANGUAGE
from restapi.openapi.parameters import PAGE_NUMBER, USER_ID, in_path
from restapi.openapi.schema import TEXT

_ABOUT = f"""Provenance that AiiDA stored, read-only, as the manual of AiiDA's REST API, version 2, describes it.
{LANGUAGE}
`kind` is `nodes`, or a resource that lists the nodes of one kind. An object is named by its uuid or the beginning of
one, a user by its id; an object that is not found is status 400. In patterns `_` is one character or none. All answers
to GET have an `ETag`. `docs/api-v2.md` has the rest.
"""

_ID = in_path("id", {**TEXT, "pattern": "^[0-9A-Fa-f-]+$"}, "The uuid, or the beginning of one")
_KIND = in_path("kind", {**TEXT, "enum": list(NODE_ENTITIES)}, "All nodes, or those of one kind")


_OF_NODES = ((KIND, Subject(NODES, tuple(NODE_ENTITIES)), _ID),)
_ALL = (
    *_OF_NODES,
    ("computers", Subject(COMPUTERS, ("computers",)), _ID),
    ("groups", Subject(GROUPS, ("groups",)), _ID),
    ("users", Subject(USERS, ("users",)), USER_ID),
)
"""The first part of a path, what it names, and the parameter for one object."""


def _described_paths(route: Route) -> Iterator[DescribedPath]:
    """A path for each sort of entities; the kinds of nodes are values of a parameter."""
    marker = ENTITY if ENTITY in route.path else KIND
    for name, subject, id_ in _ALL if marker == ENTITY else _OF_NODES:
        path = route.path.replace(marker, name)
        yield describe_path(path, route.resource, subject, {KIND: _KIND, ID: id_, PAGE: PAGE_NUMBER})


DIALECT = Dialect(
    prefix="/api/v2",
    title="AiiDA REST API, version 2",
    about=_ABOUT,
    options=OPTIONS,
    anywhere=ANYWHERE,
    routes=ROUTES,
    described=_described_paths,
    entities={"v2_entity": ENTITIES, "v2_node_kind": NODE_ENTITIES},
    statuses=STATUSES,
    missing=no_route_as_text,
    not_found={PLAIN: TEXT},
    find=find,
    rows_query=rows_query,
    envelope=envelope,
)
