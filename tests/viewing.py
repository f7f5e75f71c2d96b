"""Panels of nodes without a page around them."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

from restapi.explorer.ask import Api
from restapi.explorer.node.found import Node
from restapi.explorer.viewers import panels_of
from restapi.explorer.visit import Visit
from restapi.http.exchange import Exchange
from restapi.layout.page import environment

if TYPE_CHECKING:
    from flask import Flask


def visit_of(app: Any, query: str = "") -> Visit:
    """A visit to a page with this query string."""
    from werkzeug.test import EnvironBuilder

    exchange = Exchange(EnvironBuilder(path="/nodes/1", query_string=query).get_environ())
    explorer: Any = None  # no viewer asks for it
    return Visit(explorer, exchange, Api(app.routes, exchange))


def node_of(app: Flask, path_id: object) -> dict[str, Any]:
    api = visit_of(app).api
    (node,) = api.get(f"/nodes/{path_id}", "attributes=true&extras=true")["nodes"]
    (more,) = api.get("/nodes", f"id={node['id']}&fields=description,dbcomputer_id")["nodes"]
    return {**node, **more}


def shown(app: Flask, node: dict[str, Any], query: str = "") -> str:
    """The HTML of the panels of a node; empty if it has none."""
    return "".join(
        environment().get_template(panel.template).render(panel=panel.values)
        for panel in panels_of(visit_of(app, query), Node(node))
    )


def words(html: str) -> str:
    """The text of a page, without what scripts read."""
    without = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", without)).split())
