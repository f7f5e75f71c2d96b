"""Dialects that run something: who asks decides what is answered, and what is written the engine writes.

Their answers are for one account alone: they have no data version and are never kept, neither here nor on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Response
from flask_restful import Resource

from restapi.dialects.run_pages import RunPages
from restapi.dialects.target import Target
from restapi.http.errors import FailureLog
from restapi.http.exchange import Exchange
from restapi.http.ranges import RANGE, part_of
from restapi.http.reply import Answer, Reply
from restapi.http.route_tree import RouteTree

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

METHODS: Mapping[str, str] = {
    "GET": "get",
    "HEAD": "get",
    "POST": "post",
    "PUT": "put",
    "PATCH": "patch",
    "DELETE": "delete",
}
"""Methods of requests, and those of resources that answer them."""


@dataclass(eq=False)
class RunResource(Resource):  # type: ignore[misc]  # Flask-RESTful has no types
    """A resource of a run-API: `asked` is what its dialect makes of a request; each dialect says more of it."""

    asked: Any


@dataclass(frozen=True)
class RunRoute:
    path: str
    resource: type[RunResource]


@dataclass(frozen=True, eq=False)
class RunApi:
    """A run-API as it is mounted.

    `docs` and `openapi.json` are below `prefix`; `document` makes the latter of the path of the mount point.
    `routes` by the prefixes below which they are. `pages` are paths that pages answer, which are no part of it, though
    they fit a route. `below` are paths, as Flask writes them, below which no other dialect has any; `is_own` says of a
    path whether it is one of these routes or of none.
    `begin` makes what resources are given, of a request and of the arguments in its path, and takes those out that no
    resource is given. `refused` makes the answer to an error, None if it is no error of this dialect; `missing` that to
    a path that leads nowhere, `not_allowed` that to a method that a resource does not have. Errors that no dialect
    makes have their message under `message_key`. `streams` says whether the body of a request is read while it comes.
    `shown` is what the pages of runs show of this API.
    """

    prefix: str
    title: str
    document: Callable[[str], bytes]
    routes: Mapping[str, Sequence[RunRoute]]
    pages: Sequence[str]
    below: Sequence[str]
    begin: Callable[[Exchange, dict[str, Any]], Any]
    refused: Callable[[Exception, Exchange], Reply | None]
    missing: Callable[[Exchange], Reply]
    not_allowed: Callable[[Exchange], Reply]
    message_key: str
    is_own: Callable[[str], bool]
    streams: Callable[[WSGIEnvironment], bool]
    log: FailureLog
    shown: RunPages

    def add_to(self, tree: RouteTree[Target]) -> None:
        for prefix, routes in self.routes.items():
            for route in routes:
                tree.add(prefix + route.path, _Endpoint(self, route.resource), {}, {})
        for page in self.pages:
            tree.leave(page)


@dataclass(frozen=True)
class _Endpoint:
    """The resource at a path, made anew for each request."""

    api: RunApi
    resource: type[RunResource]

    def answer(self, exchange: Exchange, arguments: Mapping[str, Any]) -> Answer:
        """The answer to any method, errors included."""
        try:
            reply = self._answer(exchange, dict(arguments))
        except Exception as error:  # one that the dialect knows no answer to is raised again
            refused = self.api.refused(error, exchange)
            if refused is None:
                raise
            reply = refused
        if isinstance(reply, Response) and reply.is_streamed:
            if exchange.method == "HEAD":
                reply.close()
            else:
                self.api.log.watch(exchange, reply)
        return as_private(reply)

    def _answer(self, exchange: Exchange, arguments: dict[str, Any]) -> Reply:
        if exchange.method == "OPTIONS":
            return self._allowing(Response(status=200, content_type="application/json"))
        asked = self.api.begin(exchange, arguments)
        name = METHODS.get(exchange.method)
        if name is None or not hasattr(self.resource, name):
            return self._allowing(self.api.not_allowed(exchange))
        reply: Reply = getattr(self.resource(asked), name)(**arguments)
        return part_of(reply, exchange, self.api.message_key) if RANGE in exchange.environ else reply

    def _allowing(self, reply: Reply) -> Reply:
        methods = {name for name, own in METHODS.items() if hasattr(self.resource, own)}
        reply.headers["Allow"] = ", ".join(sorted({*methods, "OPTIONS"}))
        return reply


def as_private(reply: Reply) -> Reply:
    """The reply, as nobody may keep it."""
    reply.headers["Cache-Control"] = "private, no-store"
    return reply
