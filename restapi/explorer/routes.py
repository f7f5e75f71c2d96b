"""Every path of the explorer, and the page at it: that of API v4 without `/api/v4`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from restapi.explorer import archive, node, profile
from restapi.explorer.comparison import page as compare
from restapi.explorer.files import page as files
from restapi.explorer.lineage import page as lineage
from restapi.explorer.node import plot
from restapi.explorer.search import page as search
from restapi.explorer.tables import form_target as filter_target
from restapi.explorer.tables import group
from restapi.explorer.tables import page as table
from restapi.explorer.tables.definitions import TABLES
from restapi.http.reply import Reply
from restapi.http.route_tree import ID, PAGE, REST
from restapi.layout import Page

View = Callable[..., Page | Reply]
"""Makes a page of a `Visit` and of the arguments in its path."""


@dataclass(frozen=True)
class PageRoute:
    """`here` is the path of the page in the head that this one belongs to."""

    path: str
    view: View
    here: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)


ROUTES: tuple[PageRoute, ...] = (
    PageRoute("/", profile.view, here="/"),
    PageRoute(f"/nodes/{ID}", node.view, here="/nodes"),
    PageRoute(f"/nodes/{ID}/files", files.view, here="/nodes"),
    PageRoute(f"/nodes/{ID}/files/{REST}", files.view, here="/nodes"),
    PageRoute("/compare", compare.view, here="/nodes"),
    PageRoute(f"/nodes/{ID}/lineage", lineage.view, here="/nodes"),
    PageRoute(f"/nodes/{ID}/lineage.svg", lineage.download),
    PageRoute(f"/nodes/{ID}/plot.svg", plot.download),
    PageRoute("/parts/states", profile.states),
    PageRoute("/archive", archive.view),
    *(PageRoute(path, table.rows, here=path, defaults={"path": path}) for path in TABLES),
    *(PageRoute(f"{path}/page", table.rows, here=path, defaults={"path": path, "page": 1}) for path in TABLES),
    *(PageRoute(f"{path}/page/{PAGE}", table.rows, here=path, defaults={"path": path}) for path in TABLES),
    *(PageRoute(f"{path}/facets", table.facet, here=path, defaults={"path": path}) for path in TABLES),
    *(PageRoute(f"{path}/paths", table.paths, here=path, defaults={"path": path}) for path in TABLES),
    PageRoute(f"/groups/{ID}", group.view, here="/groups"),
    PageRoute(f"/groups/{ID}/facets", group.facet, here="/groups"),
    PageRoute(f"/groups/{ID}/paths", group.paths, here="/groups"),
    PageRoute("/filter", filter_target.redirect_to_table),
    PageRoute("/search", search.view),
    PageRoute("/search/found", search.part),
)
