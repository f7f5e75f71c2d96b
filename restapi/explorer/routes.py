"""Every path of the explorer, and the page at it: that of API v4 without `/api/v4`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from restapi.explorer import archive, node, profile
from restapi.explorer.comparison import page as compare
from restapi.explorer.files import page as files
from restapi.explorer.lineage import page as lineage
from restapi.explorer.node import plot
from restapi.explorer.search import page as search
from restapi.explorer.tables import form_redirect, group
from restapi.explorer.tables import page as table
from restapi.explorer.tables.definitions import TABLES, Table
from restapi.http.exchange import SAFE, Exchange
from restapi.http.reply import Reply
from restapi.http.route_tree import ID, PAGE, REST
from restapi.layout import Page

if TYPE_CHECKING:
    from restapi.explorer.mount import Explorer
    from restapi.explorer.visit import Visit

View = Callable[..., Page | Reply]
"""Makes a page of a `Visit` and of the arguments in its path."""


@dataclass(frozen=True)
class PageRoute:
    """`read` answers GET, `take` POST. `here` is the path of the page in the head that this one belongs to.

    `begin` makes the visit, or answers who may not make it; None: anybody may. `parts` of the page are fetched by its
    scripts, at `PATH/parts/NAME`.
    """

    path: str
    read: View | None = None
    take: View | None = None
    here: str = ""
    begin: Callable[[Explorer, Exchange], Visit | Reply] | None = None
    parts: Mapping[str, View] = field(default_factory=dict)

    @property
    def methods(self) -> Sequence[str]:
        return [*(["GET", "HEAD"] if self.read else []), *(["POST"] if self.take else [])]

    def with_parts(self) -> Iterator[PageRoute]:
        yield self
        for name, view in self.parts.items():
            yield replace(self, path=f"{self.path}/parts/{name}", read=view, take=None, parts={})

    def view_for(self, method: str) -> View | None:
        """None: the page does not take this method."""
        return (self.read if method in SAFE else self.take) if method in self.methods else None


HOME = PageRoute("/", profile.view, here="/")
"""Not in the tree: the mount answers in JSON too."""


def _of_table(listed: Table) -> Iterator[PageRoute]:
    path, show = listed.path, partial(table.show, table=listed)
    parts = {
        "facet": partial(table.show_facet, table=listed),
        "suggestions": partial(table.show_suggestions, table=listed),
    }
    yield PageRoute(path, show, here=path, parts=parts)
    yield PageRoute(f"{path}/page", partial(show, page=1), here=path)
    yield PageRoute(f"{path}/page/{PAGE}", show, here=path)


ROUTES: tuple[PageRoute, ...] = (
    PageRoute(f"/nodes/{ID}", node.view, here="/nodes"),
    PageRoute(f"/nodes/{ID}/files", files.view, here="/nodes"),
    PageRoute(f"/nodes/{ID}/files/{REST}", files.view, here="/nodes"),
    PageRoute("/compare", compare.view, here="/nodes"),
    PageRoute(f"/nodes/{ID}/lineage", lineage.view, here="/nodes"),
    PageRoute(f"/nodes/{ID}/lineage.svg", lineage.download),
    PageRoute(f"/nodes/{ID}/plot.svg", plot.download),
    PageRoute("/parts/states", profile.states),
    PageRoute("/archive", archive.view),
    *chain.from_iterable(map(_of_table, TABLES.values())),
    PageRoute(
        f"/groups/{ID}", group.view, here="/groups", parts={"facet": group.facet, "suggestions": group.suggestions}
    ),
    PageRoute("/filter", form_redirect.view),
    PageRoute("/search", search.view, parts={"found": search.part}),
)
