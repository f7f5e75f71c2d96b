"""The pages of one profile, as targets in the route tree of its application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiida_like.errors import AiidaLikeError
from aiida_like.profiles import Profile
from aiida_like.tuning import Tuning
from restapi.config import Settings
from restapi.dialects.run_api import RunApi
from restapi.dialects.target import Target
from restapi.explorer import failures
from restapi.explorer.ask import ApiRefused
from restapi.explorer.routes import HOME, ROUTES, PageRoute
from restapi.explorer.visit import Visit
from restapi.http.encoding import json_reply
from restapi.http.errors import V4_STATUSES, FailureLog, told_of
from restapi.http.exchange import Exchange
from restapi.http.reply import Answer, Reply
from restapi.http.route_tree import RouteTree
from restapi.layout import API, Frame, Page, Requested, answer_with, frame_of
from restapi.layout.frame import NavLink

if TYPE_CHECKING:
    from restapi.accounts.gate import Gate

_NAV = (
    NavLink("/nodes", "Nodes"),
    NavLink("/processes", "Processes"),
    NavLink("/groups", "Groups"),
)
_RUNS = NavLink("/runs", "Runs")
"""Only where an engine is served."""

_API = NavLink(f"{API}/docs", "API")


@dataclass(frozen=True, eq=False)
class Explorer:
    """The pages of a profile. `routes` are those of its application, where API v4 is asked.

    Where there are `run_apis`, the `gate` says who asks for pages of runs.
    """

    profile: Profile
    settings: Settings
    routes: RouteTree[Target]
    log: FailureLog
    tuning: Tuning
    run_apis: Sequence[RunApi] = ()
    gate: Gate | None = None

    def mount(self) -> Sequence[NavLink]:
        """Adds the pages to the routes; what is returned is in the head of each page."""
        for page in (*ROUTES, *self._run_routes()):
            for route in page.with_parts():
                self.routes.add(route.path, _PageTarget(self, route), {}, {})
        return self._nav

    def _run_routes(self) -> Sequence[PageRoute]:
        if not self.run_apis:
            return ()
        from restapi.explorer.runs.routes import RUN_ROUTES

        return RUN_ROUTES

    def settles_itself(self, path: str) -> bool:
        """Whether a path is that of a page that answers each caller itself. `path` is as in PATH_INFO."""
        target, _ = self.routes.find(path) or (None, {})
        return isinstance(target, _PageTarget) and target.route.begin is not None

    def answer(self, route: PageRoute, exchange: Exchange, arguments: Mapping[str, Any]) -> Reply:
        """The page at a route, or the page that says why there is none."""
        visit = (route.begin or Visit.begin)(self, exchange)
        if not isinstance(visit, Visit):
            return visit
        view = route.view_for(exchange.method)
        if view is None:
            return _not_allowed(route, visit)
        try:
            made = view(visit, **arguments)
        except ApiRefused as refused:
            made = failures.page_of(refused, visit.advice)
        except AiidaLikeError as error:
            told = told_of(error, V4_STATUSES, self.log, exchange)
            made = failures.page_of(ApiRefused(told.status, told.message, told.headers), visit.advice)
        return self._framed(made, visit, route.here) if isinstance(made, Page) else made

    def home(self, exchange: Exchange) -> Reply:
        """The page at the mount, where others than browsers get JSON."""
        return self.answer(HOME, exchange, {})

    def missing(self, exchange: Exchange) -> Reply:
        """The page of a path that leads nowhere."""
        return self._framed(failures.missing(exchange), Visit.begin(self, exchange))

    def broken(self, exchange: Exchange) -> Reply:
        """The page of a request that an error of ours ended; what it was stands in the log, under the request's id."""
        return self._framed(failures.broken(exchange), Visit.begin(self, exchange))

    def frame(self, exchange: Exchange, requested: Sequence[Requested] = (), here: str = "") -> Frame:
        """What stands around each page of the profile."""
        return frame_of(exchange, self.profile.name, self._nav, here, tuple(requested))

    def _framed(self, page: Page, visit: Visit, here: str = "") -> Reply:
        frame = self.frame(visit.exchange, visit.api.requested, here)
        return answer_with(replace(page, headers={**visit.headers, **page.headers}), frame, visit.exchange)

    @property
    def _nav(self) -> Sequence[NavLink]:
        return (*_NAV, *([_RUNS] if self.run_apis else []), _API)


@dataclass(frozen=True)
class _PageTarget:
    explorer: Explorer
    route: PageRoute

    def answer(self, exchange: Exchange, arguments: Mapping[str, Any]) -> Answer:
        return self.explorer.answer(self.route, exchange, arguments)


def _not_allowed(route: PageRoute, visit: Visit) -> Reply:
    reply = json_reply({"message": f"this page takes {' and '.join(route.methods)}"}, HTTPStatus.METHOD_NOT_ALLOWED)
    reply.headers.update({"Allow": ", ".join(route.methods), **visit.headers})
    return reply
