"""The pages of runs as targets in the route tree: who asks is settled here, and that a form is one of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from restapi.accounts import origins
from restapi.accounts.caller import caller_of
from restapi.dialects.inner import ApiRefused, Inner
from restapi.dialects.run_pages import UPLOAD_PAGE
from restapi.explorer import failures
from restapi.explorer.runs import form, listing, run
from restapi.explorer.runs.visit import PRIVATE, RunVisit, see_other
from restapi.http.encoding import json_reply
from restapi.http.exchange import SAFE, Exchange
from restapi.http.reply import Answer, Reply
from restapi.http.route_tree import ID
from restapi.layout import Page

if TYPE_CHECKING:
    from restapi.accounts.gate import Gate
    from restapi.explorer.mount import Explorer

_HERE = "/runs"

RunView = Callable[..., Page | Reply]
"""Makes a page of a `RunVisit` and of the arguments in its path."""


@dataclass(frozen=True)
class RunPageRoute:
    """`read` answers GET, `take` POST; `has_token`: what is sent is a form with a token, which is looked at first."""

    path: str
    read: RunView | None = None
    take: RunView | None = None
    has_token: bool = True


ROUTES = (
    RunPageRoute("/runs", read=listing.read),
    RunPageRoute("/runs/new", read=form.read, take=form.take),
    # A token would come after the file, or stand in the URL: the origin of the request has to be enough.
    RunPageRoute(UPLOAD_PAGE, take=form.take_file, has_token=False),
    RunPageRoute(f"/runs/{ID}", read=run.read, take=run.take),
)

_ADVICE: Mapping[int, str] = {404: "It may have been removed: the list of runs has all that there are."}

_HOSTILE = "The form did not come from a page of this site, or your browser keeps no cookies"


def mount(explorer: Explorer, gate: Gate) -> None:
    for route in ROUTES:
        explorer.routes.add(route.path, _RunPageTarget(explorer, gate, route), {}, {})


@dataclass(frozen=True)
class _RunPageTarget:
    explorer: Explorer
    gate: Gate
    route: RunPageRoute

    def answer(self, exchange: Exchange, arguments: Mapping[str, Any]) -> Answer:
        caller = caller_of(exchange.environ)
        if caller.account is None:
            return _to_login(exchange)
        view = self.route.read if exchange.method in SAFE else self.route.take if exchange.method == "POST" else None
        if view is None:
            return self._not_allowed()
        settings = self.explorer.settings
        inner = Inner(self.explorer.routes, exchange)
        visit = RunVisit(
            exchange, caller.account, inner, self.explorer.run_apis, self.gate.sessions, settings.max_body_length
        )
        try:
            self._check(visit)
            made = view(visit, **arguments)
        except ApiRefused as refused:
            made = _failure(refused)
        return self.explorer.framed(made, exchange, inner.requested, _HERE) if isinstance(made, Page) else made

    def _check(self, visit: RunVisit) -> None:
        """Raises ApiRefused: what is sent may be of another's page."""
        exchange = visit.exchange
        if exchange.method in SAFE:
            return
        if origins.is_foreign_write(exchange.environ) or (self.route.has_token and not visit.is_from_form()):
            raise ApiRefused(HTTPStatus.FORBIDDEN, _HOSTILE, {})

    def _not_allowed(self) -> Reply:
        methods = [*(["GET", "HEAD"] if self.route.read else []), *(["POST"] if self.route.take else [])]
        reply = json_reply({"message": f"this page takes {' and '.join(methods)}"}, HTTPStatus.METHOD_NOT_ALLOWED)
        reply.headers["Allow"] = ", ".join(methods)
        reply.headers["Cache-Control"] = PRIVATE
        return reply


def _failure(refused: ApiRefused) -> Page:
    page = failures.page_of(refused)
    advice = _ADVICE.get(refused.status, page.values["advice"])
    return replace(page, values={**page.values, "advice": advice}, headers={**page.headers, "Cache-Control": PRIVATE})


def _to_login(exchange: Exchange) -> Reply:
    """Leads to the page to sign in, and from there back; what was sent is not taken."""
    asked = exchange.decoded()
    here = exchange.mount_path + asked.path + (f"?{asked.query_string}" if asked.query_string else "")
    wanted = here if exchange.method in SAFE else exchange.mount_path + _HERE
    return see_other(f"{exchange.site_path}/login?next={quote(wanted, safe='/')}")
