"""Dialects, their resources and routes, and how a dialect answers all URLs below its prefix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, ClassVar, Protocol

from flask import Response
from flask_restful import Resource

from aiida_like.errors import AiidaLikeError, QueryError
from aiida_like.storage import Effort, LazyStorage
from querylang.ast import Comparison
from querylang.compile import RowsQuery
from querylang.condition import Condition
from querylang.options import NO_OPTIONS, Options, OptionSpec, split
from querylang.parse import Parser
from querylang.schema import Entity, Field
from querylang.terms import Term, leaves
from restapi.answering.lists import answer_list
from restapi.answering.rendering import RowRenderer
from restapi.config import Settings
from restapi.dialects.no_engine import nothing_runs
from restapi.dialects.target import Target, answer_at
from restapi.http.conditional import Conditional, key_of
from restapi.http.errors import FailureLog, Statuses, not_allowed, reply_to
from restapi.http.exchange import SAFE, Context, Exchange, Mount, Request
from restapi.http.headers import IF_MATCH, allow_preflight, check_match
from restapi.http.ranges import RANGE, part_of
from restapi.http.reply import Answer, CachedAnswer, Reply
from restapi.http.route_tree import PAGE, RouteTree
from restapi.openapi.answer import AnswerSpec, DescribedPath, Subject
from restapi.openapi.schema import Parameter, Schema, Shape

Filters = tuple[Term[Comparison], ...]


class Envelope(Protocol):
    """Makes the reply that holds data; see `DialectResource.envelope`."""

    def __call__(
        self, asked: Request, resource: str, data: Any, *, total: int | None, pk: int | None, path_id: str | int | None
    ) -> Reply: ...


@dataclass(frozen=True, eq=False)
class Dialect:
    """All that a dialect is.

    `title` and `about`, in Markdown, head its document; `described` are the paths of a route there.
    `options` are the reserved keys of its query strings; each resource takes those in `anywhere`.
    `entities` are the words of each converter in paths.
    `missing` makes the answer to a URL that no resource has, of the path that lists those there are.
    `not_found` is the content of status 404.
    `find` is the row of the object that a path names; `rows_query` the rows that options, filters and conditions ask
    for, and how they are shown; `envelope` the reply that holds data.
    """

    prefix: str
    title: str
    about: str
    options: Mapping[str, OptionSpec]
    anywhere: frozenset[str]
    routes: tuple[Route, ...]
    described: Callable[[Route], Iterable[DescribedPath]]
    entities: Mapping[str, Mapping[str, Entity]]
    statuses: Statuses
    missing: Callable[[str], Reply]
    not_found: Mapping[str, Shape]
    find: Callable[[Context, Entity, tuple[Field, ...], str], Sequence[Any]]
    rows_query: Callable[[Entity, Options, Filters, Iterable[Condition], Settings], tuple[RowsQuery, RowRenderer]]
    envelope: Envelope

    def offered(self, settings: Settings) -> Iterator[Route]:
        """The routes that no setting has switched off."""
        return (each for each in self.routes if each.setting is None or getattr(settings, each.setting))


@dataclass(eq=False)
class DialectResource(Resource):  # type: ignore[misc]  # Flask-RESTful has no types
    """A resource: the answer at a path, and its description for the document of OpenAPI.

    `reserved` are reserved keys of this resource only; elsewhere they may be keys of filters.
    `allowed` are the reserved keys that it takes besides those of all resources, and `required` those that it needs.
    `parameters` are keys of filters that only this resource has.
    `body` is what is posted; None: the resource is asked by GET. Where something is posted, `refusal` is the answer to
    GET, status 405.
    """

    dialect: Dialect
    context: Context

    reserved: ClassVar[Mapping[str, OptionSpec]] = {}
    allowed: ClassVar[frozenset[str]] = frozenset()
    required: ClassVar[frozenset[str]] = frozenset()
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    body: ClassVar[Schema | None] = None
    refusal: ClassVar[AnswerSpec | None] = None
    answer: ClassVar[AnswerSpec]

    @classmethod
    def answer_about(cls, _: Subject) -> AnswerSpec:
        """The answer; some depend on what the path names."""
        return cls.answer

    def parse(self, *, takes_filters: bool = True) -> tuple[Options, Filters]:
        """The options and filters of the request. Raises QuerySyntaxError, QueryError."""
        context = self.context
        query, mount = context.request.query_string, context.mount
        longest = mount.settings.max_query_length
        if len(query) > longest:
            raise QueryError(f"the query string has {len(query)} characters; at most {longest} are allowed")
        if not context.request.text:
            return NO_OPTIONS, ()
        usable = self.allowed | self.dialect.anywhere
        given, filters = split(mount.parser.parse(context.request.text), mount.options, usable)
        if filters and not takes_filters:
            key = leaves(filters[0])[0].key
            raise QueryError(f"this resource takes no filters, so {key!r} has no meaning here")
        if "profile" in given:
            served = context.snapshot.storage.profile.name
            if given["profile"] != served:
                raise QueryError(f"there is no profile {given['profile']!r} here: {served!r} is served")
        return given, filters

    def parse_options(self) -> Options:
        """The options of a resource that cannot be filtered."""
        given, _ = self.parse(takes_filters=False) if self.context.request.text else (NO_OPTIONS, ())
        return given

    def values(self, entity: Entity, path_id: str, *names: str) -> Sequence[Any]:
        """The values of these fields, of the object that the path names. Raises NotFound, AmbiguousUuid."""
        return self.dialect.find(self.context, entity, tuple(entity.fields[name] for name in names), path_id)

    def envelope(
        self,
        resource: str,
        data: Any,
        *,
        total: int | None = 1,
        pk: int | None = None,
        path_id: str | int | None = None,
    ) -> Reply:
        """A reply. `pk` is the integer id of the one object asked for, `path_id` its name in the path.

        `total` is the number of all rows; None: the header is left out.
        """
        return self.dialect.envelope(self.context.request, resource, data, total=total, pk=pk, path_id=path_id)


class ListResource(DialectResource):
    """A list of the rows of an entity, by whose keys it can be filtered."""

    def answer_rows(
        self,
        given: Options,
        filters: Filters,
        entity: Entity,
        page: int | None,
        relation: Iterable[Condition] = (),
        *,
        resource: str | None = None,
        key: str | None = None,
        pk: int | None = None,
        path_id: str | None = None,
    ) -> Reply:
        """The rows that fulfil the filters of the request, and stand in a relation to a node.

        `relation` may be an iterator: then a walk through the graph begins only after the fields to show are known.
        `resource` is what the path names, `key` the name of the list in the answer; both are else that of the entity.
        """
        query, renderer = self.dialect.rows_query(entity, given, filters, relation, self.context.settings)
        envelope = partial(self.envelope, resource or entity.name, pk=pk, path_id=path_id)
        return answer_list(self.context, given, query, renderer, page=page, name=key or entity.name, envelope=envelope)


@dataclass(frozen=True)
class Route:
    """`defaults` are arguments that the path does not name. `setting` is the name of one that can switch it off."""

    path: str
    resource: type[DialectResource]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    setting: str | None = None


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


@dataclass(frozen=True)
class Endpoint:
    """The resource at a path, made anew for each request."""

    mounted: MountedDialect
    resource: type[DialectResource]
    mount: Mount

    def answer(self, exchange: Exchange, arguments: Mapping[str, Any]) -> Answer:
        """The answer to any method, errors included."""
        method = exchange.method
        name = _METHODS.get(method)
        if name is None or not hasattr(self.resource, name):
            return self._refuse(method)
        mounted = self.mounted
        reply: Reply | None = None
        try:
            snapshot = mounted.storage.read()
            exchange.efforts.append(snapshot.effort)
            key = key_of(exchange) if method in SAFE else None
            if key is not None:
                again = mounted.conditional.answer_again(exchange, snapshot, key)
                if isinstance(again, CachedAnswer):
                    return again
                reply = again
            if reply is None:
                resource = self.resource(mounted.dialect, Context(self.mount, exchange, exchange.decoded(), snapshot))
                made: Reply = getattr(resource, name)(**arguments)
                reply = made if key is None else mounted.conditional.mark(exchange, snapshot, key, made)
            if IF_MATCH in exchange.environ:
                reply = check_match(reply, exchange)
            if RANGE in exchange.environ:
                reply = part_of(reply, exchange)
        except AiidaLikeError as error:
            reply = reply_to(error, mounted.dialect.statuses, mounted.log, exchange)
        if isinstance(reply, Response) and reply.is_streamed:
            mounted.log.watch(exchange, reply)
        if exchange.efforts:
            reply.headers["Server-Timing"] = _server_timing(exchange.efforts[0])
        return reply

    def _refuse(self, method: str) -> Reply:
        """The answer to OPTIONS, and 405."""
        allowed = {"HEAD", "OPTIONS", *self.resource.methods} if self.resource.body is None else {"OPTIONS", "POST"}
        reply = allow_preflight(Response()) if method == "OPTIONS" else not_allowed()
        reply.headers["Allow"] = ", ".join(sorted(allowed))
        return reply


_METHODS = {"GET": "get", "HEAD": "get", "POST": "post"}
"""The methods that a resource can have."""


@dataclass(frozen=True, eq=False)
class MountedDialect:
    """A dialect of one storage. Its routes are added to a tree that it shares with other dialects."""

    dialect: Dialect
    settings: Settings
    routes: RouteTree[Target]
    storage: LazyStorage
    conditional: Conditional
    log: FailureLog

    def __post_init__(self) -> None:
        dialect = self.dialect
        mount = Mount(dialect.prefix, self.settings, dialect.options, Parser(dialect.options))
        reserving = cache(lambda keys: mount.reserving(dict(keys)) if keys else mount)
        for route in dialect.routes:
            endpoint = Endpoint(self, route.resource, reserving(tuple(route.resource.reserved.items())))
            self.routes.add(dialect.prefix + route.path, endpoint, route.defaults, dialect.entities)

    def answer(self, exchange: Exchange) -> Answer:
        """The answer at any URL below the prefix. One that no resource has opens no storage."""
        return answer_at(self.routes, exchange, self.missing)

    def missing(self, exchange: Exchange) -> Reply:
        """The answer to a URL that no resource has."""
        of_run_api = nothing_runs(exchange, self.settings)
        return of_run_api or self.dialect.missing(exchange.mount_path + self.dialect.prefix)
