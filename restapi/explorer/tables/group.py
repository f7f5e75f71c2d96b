"""`/groups/ID`: a group, and the table of its nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from restapi.explorer.node.found import check_name, reference
from restapi.explorer.tables.definitions import TABLES, Table
from restapi.explorer.tables.names import names_in_rows
from restapi.explorer.tables.page import show, show_facet, show_suggestions
from restapi.explorer.times import shown_time
from restapi.explorer.visit import Visit
from restapi.http.reply import Reply
from restapi.layout import Page

_LONGEST = 4000
"""Characters of a description; the API has all."""


def view(visit: Visit, path_id: str) -> Page | Reply:
    group = _find(visit, path_id)
    heading = {
        "template": "tables/group.html",
        "group": group,
        "description": group["description"][:_LONGEST],
        "created": shown_time(group["time"]),
        "user": names_in_rows(visit, [group]).of("user_id").get(group["user_id"]) or f"user {group['user_id']}",
    }
    return show(visit, _nodes_of(group), heading=heading)


def facet(visit: Visit, path_id: str) -> Page:
    return show_facet(visit, _nodes_of(_find(visit, path_id)))


def suggestions(visit: Visit, path_id: str) -> Page:
    return show_suggestions(visit, _nodes_of(_find(visit, path_id)))


def _nodes_of(group: Mapping[str, Any]) -> Table:
    name = reference(group)
    title = group["label"] or name
    return replace(TABLES["/nodes"], path=f"/groups/{name}", title=title, scope=f"group={group['id']}")


def _find(visit: Visit, path_id: str) -> Mapping[str, Any]:
    """Raises ApiRefused: there is no such group."""
    check_name(path_id)
    (found,) = visit.api.get(f"/groups/{path_id}")["groups"]
    return dict(found)
