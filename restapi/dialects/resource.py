"""Resources and routes of a dialect, and how it answers all URLs below its prefix."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar

from flask import Response
from flask_restful import Resource
from werkzeug.utils import redirect

from aiida_like.errors import AiidaLikeError
from aiida_like.storage import Effort, LazyStorage
from querylang.options import OptionSpec
from querylang.parse import Parser
from querylang.schema import Entity
from restapi.config import Settings
from restapi.http.conditional import Conditional, key_of
from restapi.http.errors import FailureLog, Statuses, not_allowed, reply_to
from restapi.http.exchange import SAFE, Context, Exchange, Mount
from restapi.http.headers import allow_preflight
from restapi.http.reply import Answer, CachedAnswer, Reply
from restapi.http.route_tree import PAGE, RouteTree
from restapi.openapi.answer import AnswerSpec, Subject
from restapi.openapi.schema import Schema


@dataclass(eq=False)
class DialectResource(Resource):  # type: ignore[misc]  # Flask-RESTful has no types
    """A resource: the answer at a path, and its description for the document of OpenAPI.

    `reserved` are reserved keys of this resource only; elsewhere they may be keys of filters.
    `allowed` are the reserved keys that it takes, and `required` those that it needs.
    `filters` has the keys that it can be filtered by, and `parameters` are filters of another sort.
    `body` is what is posted; None: the resource is asked by GET. Where something is posted, `refusal` is the answer to
    GET, status 405.
    """

    context: Context

    reserved: ClassVar[Mapping[str, OptionSpec]] = MappingProxyType({})
    allowed: ClassVar[frozenset[str]] = frozenset()
    required: ClassVar[frozenset[str]] = frozenset()
    filters: ClassVar[Entity | None] = None
    parameters: ClassVar[tuple[Schema, ...]] = ()
    body: ClassVar[Schema | None] = None
    refusal: ClassVar[AnswerSpec | None] = None
    answer: ClassVar[AnswerSpec]

    @classmethod
    def answer_about(cls, _: Subject) -> AnswerSpec:
        """The answer; some depend on what the path names."""
        return cls.answer

    @classmethod
    def filters_about(cls, _: Subject) -> Entity | None:
        return cls.filters


@dataclass(frozen=True)
class Route:
    """`defaults` are arguments that the path does not name."""

    path: str
    resource: type[DialectResource]
    defaults: Mapping[str, Any] = field(default_factory=dict)


def paged(path: str, resource: type[DialectResource], **defaults: Any) -> tuple[Route, ...]:
    return (
        Route(path, resource, defaults),
        Route(f"{path}/page", resource, {**defaults, "page": 1}),
        Route(f"{path}/page/{PAGE}", resource, defaults),
    )


def _server_timing(effort: Effort) -> str:
    """W3C Server-Timing: statements and their milliseconds, remembered results, how rows were counted."""
    found = [f'db;dur={effort.seconds * 1000:.3f};desc="{effort.statements} statements"']
    if effort.remembered:
        found.append(f'memory;desc="{effort.remembered} results"')
    if effort.totals:
        found.append(f'total;desc="{", ".join(effort.totals)}"')
    return ", ".join(found)


@dataclass(frozen=True, eq=False)
class Interface:
    """All that a dialect is: the reserved keys of its query strings, its routes, and how it tells errors.

    `entities` are the words of each converter in paths; `missing` makes the answer to a URL that no resource has.
    """

    prefix: str
    options: Mapping[str, OptionSpec]
    routes: Iterable[Route]
    entities: Mapping[str, Mapping[str, Entity]]
    statuses: Statuses
    missing: Callable[[str], Reply]


@dataclass(frozen=True)
class Endpoint:
    """The resource at a path, made anew for each request."""

    dialect: MountedDialect
    resource: type[DialectResource]
    mount: Mount

    def answer(self, exchange: Exchange, arguments: Mapping[str, Any]) -> Answer:
        """The answer to any method, errors included."""
        method = exchange.method
        name = _METHODS.get(method)
        if name is None or not hasattr(self.resource, name):
            return self._refuse(method)
        dialect = self.dialect
        reply: Reply | None = None
        try:
            snapshot = dialect.storage.read()
            exchange.efforts.append(snapshot.effort)
            key = key_of(exchange) if method in SAFE else None
            if key is not None:
                again = dialect.conditional.answer_again(exchange, snapshot, key)
                if isinstance(again, CachedAnswer):
                    return again
                reply = again
            if reply is None:
                resource = self.resource(Context(self.mount, exchange, exchange.decoded(), snapshot))
                made: Reply = getattr(resource, name)(**arguments)
                reply = made if key is None else dialect.conditional.mark(exchange, snapshot, key, made)
        except AiidaLikeError as error:
            reply = reply_to(error, dialect.interface.statuses, dialect.log, exchange)
        if exchange.efforts:
            reply.headers["Server-Timing"] = _server_timing(exchange.efforts[0])
        return reply

    def _refuse(self, method: str) -> Reply:
        """The answer to OPTIONS, and 405."""
        allowed = sorted({"HEAD", "OPTIONS", *self.resource.methods})
        reply = allow_preflight(Response()) if method == "OPTIONS" else not_allowed()
        reply.headers["Allow"] = ", ".join(allowed)
        return reply


_METHODS = {"GET": "get", "HEAD": "get", "POST": "post"}
"""The methods that a resource can have."""


class MountedDialect:
    """An interface to one storage. Its routes are added to a tree that it shares with other dialects."""

    def __init__(
        self,
        interface: Interface,
        settings: Settings,
        routes: RouteTree[Endpoint],
        storage: LazyStorage,
        conditional: Conditional,
        log: FailureLog,
    ) -> None:
        self.interface = interface
        self.storage = storage
        self.conditional = conditional
        self.log = log
        self._routes = routes
        mount = Mount(interface.prefix, settings, interface.options, Parser(interface.options))
        reserving = cache(lambda keys: mount.reserving(dict(keys)) if keys else mount)
        for route in interface.routes:
            endpoint = Endpoint(self, route.resource, reserving(tuple(route.resource.reserved.items())))
            routes.add(interface.prefix + route.path, endpoint, route.defaults, interface.entities)

    def answer(self, exchange: Exchange) -> Answer:
        """The answer at any URL below the prefix. One that no resource has opens no storage."""
        path = exchange.path_info
        found = self._routes.find(path)
        if found is not None:
            endpoint, arguments = found
            return endpoint.answer(exchange, arguments)
        merged = re.sub("/{2,}", "/", path)
        if merged != path and self._routes.find(merged) is not None:
            moved = redirect(exchange.url_of(merged), 308, Response)
            assert isinstance(moved, Response)
            return moved
        return self.interface.missing(self.interface.prefix)
