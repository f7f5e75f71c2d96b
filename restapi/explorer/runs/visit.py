"""One request for a page of runs, by an account."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from aiida_like_engine.server_db.accounts import Account
from restapi.accounts import origins
from restapi.accounts.caller import caller_of
from restapi.accounts.sessions import Form, Sessions
from restapi.dialects.inner import ApiRefused, Inner
from restapi.dialects.run_pages import Fields, RunPages, ShownRun
from restapi.explorer.ask import Api
from restapi.explorer.visit import Visit
from restapi.http.body import BodyBreaksOff, BodyTooLong, read_body
from restapi.http.exchange import SAFE, Exchange
from restapi.http.reply import Reply, redirect
from restapi.layout import Page, Panel

if TYPE_CHECKING:
    from restapi.explorer.mount import Explorer

_PRIVATE = "private, no-store"

_HOSTILE = "The form did not come from a page of this site, or your browser keeps no cookies"


@dataclass
class RunVisit(Visit):
    """What pages of runs are made of; they are for this account alone."""

    account: Account
    sessions: Sessions

    headers: ClassVar[Mapping[str, str]] = {"Cache-Control": _PRIVATE}
    advice: ClassVar[Mapping[int, str]] = {404: "It may have been removed: the list of runs has all that there are."}
    most_fields: ClassVar[int] = 2000

    @cached_property
    def inner(self) -> Inner:
        """Asks run-APIs. What is read so counts as what the page has asked for."""
        return Inner(self.explorer.routes, self.exchange, self.api.requested)

    @property
    def apis(self) -> Sequence[RunPages]:
        return [each.shown for each in self.explorer.run_apis]

    @cached_property
    def form(self) -> Form:
        """What guards the forms of the page."""
        return self.sessions.form(self.exchange.environ)

    @cached_property
    def fields(self) -> Fields:
        """What a form has sent. Raises ApiRefused: it is too long, or breaks off."""
        longest = self.explorer.settings.max_body_length
        try:
            body = read_body(self.exchange.environ, longest)
        except BodyTooLong:
            message = f"The form has more than {longest} bytes: put long texts into a file"
            raise ApiRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message) from None
        except BodyBreaksOff:
            raise ApiRefused(HTTPStatus.BAD_REQUEST, "The form breaks off") from None
        return self._fields_in(body.decode(errors="replace"))

    def check(self, *, has_token: bool) -> None:
        """Raises ApiRefused: what is sent may be of another's page."""
        environ = self.exchange.environ
        is_foreign = origins.is_foreign_write(environ)
        if is_foreign or (has_token and not self.sessions.is_from_form(environ, self.fields.get("token", [""])[-1])):
            raise ApiRefused(HTTPStatus.FORBIDDEN, _HOSTILE)

    def api_named(self, name: str) -> RunPages:
        """The run-API of that name; without one, the first. Raises ApiRefused: there is none such."""
        found = next((each for each in self.apis if name in {"", each.name}), None)
        if found is None:
            raise ApiRefused(HTTPStatus.NOT_FOUND, f"Nothing here runs {name!r}")
        return found

    def find(self, run: str) -> tuple[RunPages, ShownRun]:
        """A run that the account may see, and whose it is. Raises ApiRefused: there is none such."""
        for api in self.apis:
            found = api.shown(self.inner, run)
            if found is not None:
                return api, found
        message = f"There is no run {run!r}, or it is somebody else's"
        raise ApiRefused(HTTPStatus.NOT_FOUND, message)

    def page(
        self,
        template: str,
        title: str,
        values: Mapping[str, Any],
        *scripts: str,
        panel: Panel | None = None,
        status: int = 200,
    ) -> Page:
        """A page whose forms have a token, with what a panel of a run-API loads."""
        of_panel = Panel("", {}) if panel is None else panel
        return Page(
            template,
            title,
            {**values, "visit": self, "token": self.form.token},
            styles=("runs.css", *of_panel.styles),
            scripts=(*scripts, *of_panel.scripts),
            status=status,
            headers={"Set-Cookie": self.form.cookie},
        )

    def see(self, path: str, options: Mapping[str, Any] | None = None) -> Reply:
        """Leads the browser to a page, which it asks for by GET."""
        return redirect(self.link(path, options), cache_control=_PRIVATE)


def begin(explorer: Explorer, exchange: Exchange) -> RunVisit | Reply:
    """The visit of who has signed in; others are led to the page to do so."""
    account = caller_of(exchange.environ).account
    if account is None or explorer.gate is None:
        return _to_login(exchange)
    return RunVisit(explorer, exchange, Api(explorer.routes, exchange), account, explorer.gate.sessions)


def guarded(view: Callable[..., Page | Reply], *, has_token: bool = True) -> Callable[..., Page | Reply]:
    """A view that takes what a page of ours has sent, and nothing else; `has_token`: as a form with a token."""

    @wraps(view)
    def checked(visit: RunVisit, **arguments: Any) -> Page | Reply:
        visit.check(has_token=has_token)
        return view(visit, **arguments)

    return checked


def _to_login(exchange: Exchange) -> Reply:
    """Leads to the page to sign in, and from there back; what was sent is not taken."""
    asked = exchange.decoded()
    here = asked.path + (f"?{asked.query_string}" if asked.query_string else "")
    wanted = exchange.mount_path + (here if exchange.method in SAFE else "/runs")
    return redirect(f"{exchange.site_path}/login?next={quote(wanted, safe='/')}", cache_control=_PRIVATE)
