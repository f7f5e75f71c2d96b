"""What paths lead to, whatever the dialect; and what becomes of paths that lead nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from flask import Response
from werkzeug.utils import redirect

from restapi.http.exchange import Exchange
from restapi.http.reply import Answer, Reply
from restapi.http.route_tree import RouteTree


class Target(Protocol):
    """The resource at a path."""

    def answer(self, exchange: Exchange, arguments: Mapping[str, Any]) -> Answer:
        """The answer to any method, errors included."""


def answer_at(routes: RouteTree[Target], exchange: Exchange, missing: Callable[[Exchange], Reply]) -> Answer:
    """The answer at any URL; `missing` makes that to one that leads nowhere."""
    path = exchange.path_info
    found = routes.find(path)
    if found is not None:
        target, arguments = found
        return target.answer(exchange, arguments)
    merged = re.sub("/{2,}", "/", path)
    if merged != path and routes.find(merged) is not None:
        moved = redirect(exchange.url_of(merged), 308, Response)
        assert isinstance(moved, Response)
        return moved
    return missing(exchange)
