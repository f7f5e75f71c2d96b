"""The pages of one profile, as targets in the route tree of its application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiida_like.errors import AiidaLikeError
from aiida_like.profiles import Profile
from restapi.config import Settings
from restapi.dialects.run_api import RunApi
from restapi.dialects.target import Target
from restapi.explorer import failures
from restapi.explorer.ask import Api, ApiRefused
from restapi.explorer.routes import ROUTES, View
from restapi.explorer.visit import Visit
from restapi.http.encoding import json_reply
from restapi.http.errors import V4_STATUSES, FailureLog, told_of
from restapi.http.exchange import SAFE, Exchange
from restapi.http.reply import Answer, Reply
from restapi.http.route_tree import RouteTree
from restapi.layout import Frame, Page, Requested, answer_with, frame_of
from restapi.layout.frame import Place

if TYPE_CHECKING:
    from restapi.accounts.gate import Gate

_PLACES = (
    Place("/nodes", "Nodes"),
    Place("/processes", "Processes"),
    Place("/groups", "Groups"),
    Place("/api/v4/docs", "API"),
)


_RUNS = Place("/runs", "Runs")
"""Only where an engine is served."""


@dataclass(frozen=True, eq=False)
class Explorer:
    """The pages of a profile. `routes` are those of its application, where API v4 is asked.

    Where there are `run_apis`, the `gate` says who asks for pages of runs.
    """

    profile: Profile
    settings: Settings
    routes: RouteTree[Target]
    log: FailureLog
    run_apis: Sequence[RunApi] = ()
    gate: Gate | None = None

    def mount(self) -> Sequence[Place]:
        """Adds the pages to the routes; what is returned is in the head of each page."""
        for route in ROUTES:
            if route.path != "/":
                self.routes.add(route.path, _PageTarget(self, route.view, route.here), route.defaults, {})
        if self.run_apis and self.gate is not None:
            from restapi.explorer import runs

            runs.mount(self, self.gate)
        return self._places()

    def settles_itself(self, path: str) -> bool:
        """Whether a path is that of a page that answers each caller itself. `path` is as in PATH_INFO."""
        first, *others = path.strip("/").split("/")
        return bool(self.run_apis) and f"/{first}" == _RUNS.path and len(others) <= 1

    def answer(self, exchange: Exchange, view: View, arguments: Mapping[str, Any], here: str) -> Reply:
        """The page that a view makes, or the page that says why there is none."""
        visit = Visit(self, exchange, Api(self.routes, exchange))
        try:
            made = view(visit, **arguments)
        except ApiRefused as refused:
            made = failures.page_of(refused)
        except AiidaLikeError as error:
            told = told_of(error, V4_STATUSES, self.log, exchange)
            made = failures.page_of(ApiRefused(told.status, told.message, told.headers))
        return self._answer_with(made, visit, here) if isinstance(made, Page) else made

    def home(self, exchange: Exchange) -> Reply:
        """The page at the mount."""
        (first,) = (route for route in ROUTES if route.path == "/")
        return self.answer(exchange, first.view, {}, "/")

    def missing(self, exchange: Exchange) -> Reply:
        """The page of a path that leads nowhere."""
        visit = Visit(self, exchange, Api(self.routes, exchange))
        return self._answer_with(failures.missing(visit), visit, "")

    def broken(self, exchange: Exchange) -> Reply:
        """The page of a request that an error of ours ended; what it was stands in the log, under the request's id."""
        return self._answer_with(failures.broken(exchange), Visit(self, exchange, Api(self.routes, exchange)), "")

    def framed(self, page: Page, exchange: Exchange, requested: Sequence[Requested], here: str) -> Reply:
        """The answer with a page; `requested` is what the page has asked for."""
        return answer_with(page, self.frame(exchange, requested, here), exchange)

    def frame(self, exchange: Exchange, requested: Sequence[Requested] = (), here: str = "") -> Frame:
        """What stands around each page of the profile."""
        return frame_of(exchange, self.profile.name, self._places(), here, tuple(requested))

    def _answer_with(self, page: Page, visit: Visit, here: str) -> Reply:
        return self.framed(page, visit.exchange, visit.api.requested, here)

    def _places(self) -> Sequence[Place]:
        return (*_PLACES[:-1], _RUNS, *_PLACES[-1:]) if self.run_apis else _PLACES


@dataclass(frozen=True)
class _PageTarget:
    explorer: Explorer
    view: View
    here: str

    def answer(self, exchange: Exchange, arguments: Mapping[str, Any]) -> Answer:
        if exchange.method not in SAFE:
            reply = json_reply({"message": "pages are read by GET"}, HTTPStatus.METHOD_NOT_ALLOWED)
            reply.headers["Allow"] = "GET, HEAD"
            return reply
        return self.explorer.answer(exchange, self.view, arguments, self.here)
