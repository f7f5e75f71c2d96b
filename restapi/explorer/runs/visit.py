"""One request for a page of runs, by an account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from flask import Response

from aiida_like_engine.server_db.accounts import Account
from restapi.accounts.sessions import Form, Sessions
from restapi.dialects.inner import ApiRefused, Inner
from restapi.dialects.run_pages import Fields, RunPages, ShownRun
from restapi.http.body import BodyBreaksOff, BodyTooLong, read_body
from restapi.http.exchange import Exchange
from restapi.http.reply import Reply
from restapi.layout import Page, url_below

if TYPE_CHECKING:
    from restapi.dialects.run_api import RunApi

_MOST_FIELDS = 2000

PRIVATE = "private, no-store"


@dataclass
class RunVisit:
    """What pages of runs are made of. `longest` are the bytes that a form may send."""

    exchange: Exchange
    account: Account
    inner: Inner
    run_apis: Sequence[RunApi]
    sessions: Sessions
    longest: int

    @property
    def apis(self) -> Sequence[RunPages]:
        return [each.shown for each in self.run_apis]

    @cached_property
    def form(self) -> Form:
        """What guards the forms of the page."""
        return self.sessions.form(self.exchange.environ)

    @cached_property
    def options(self) -> Mapping[str, Sequence[str]]:
        """The query string, as a form sends it."""
        return _fields_in(self.exchange.environ.get("QUERY_STRING", ""))

    def option(self, name: str) -> str:
        """The last value of that name; empty without one."""
        return self.options.get(name, [""])[-1]

    @cached_property
    def fields(self) -> Fields:
        """What a form has sent. Raises ApiRefused: it is too long, or breaks off."""
        try:
            body = read_body(self.exchange.environ, self.longest)
        except BodyTooLong:
            message = f"The form has more than {self.longest} bytes: put long texts into a file"
            raise ApiRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, {}) from None
        except BodyBreaksOff:
            raise ApiRefused(HTTPStatus.BAD_REQUEST, "The form breaks off", {}) from None
        return _fields_in(body.decode(errors="replace"))

    def is_from_form(self) -> bool:
        """Whether a form of ours was sent. Raises ApiRefused: as `fields`."""
        token = self.fields.get("token", [""])[-1]
        return self.sessions.is_from_form(self.exchange.environ, token)

    def api(self, name: str) -> RunPages:
        """The run-API of that name; without one, the first. Raises ApiRefused: there is none such."""
        found = next((each for each in self.apis if name in {"", each.name}), None)
        if found is None:
            raise ApiRefused(HTTPStatus.NOT_FOUND, f"Nothing here runs {name!r}", {})
        return found

    def find(self, run: str) -> tuple[RunPages, ShownRun]:
        """A run that the account may see, and whose it is. Raises ApiRefused: there is none such."""
        for api in self.apis:
            found = api.shown(self.inner, run)
            if found is not None:
                return api, found
        message = f"There is no run {run!r}, or it is somebody else's"
        raise ApiRefused(HTTPStatus.NOT_FOUND, message, {})

    def link(self, path: str, options: Mapping[str, Any] | None = None) -> str:
        """The path of a page in URLs, with a query string as forms send it; empty options are left out."""
        given = {name: value for name, value in (options or {}).items() if value}
        query = f"?{urlencode(given, doseq=True)}" if given else ""
        return url_below(self.exchange.mount_path, path) + query

    def page(self, template: str, title: str, values: Mapping[str, Any], *scripts: str, status: int = 200) -> Page:
        """A page for this account alone, whose forms have a token."""
        return Page(
            template,
            title,
            {**values, "visit": self, "token": self.form.token},
            styles=("runs.css",),
            scripts=scripts,
            status=status,
            headers={"Cache-Control": PRIVATE, "Set-Cookie": self.form.cookie},
        )

    def see(self, path: str, options: Mapping[str, Any] | None = None) -> Reply:
        """Leads the browser to a page, which it asks for by GET."""
        return see_other(self.link(path, options))


def see_other(location: str) -> Reply:
    answer = Response(status=HTTPStatus.SEE_OTHER, headers={"Location": location})
    answer.autocorrect_location_header = False
    answer.headers["Cache-Control"] = PRIVATE
    return answer


def _fields_in(text: str) -> dict[str, list[str]]:
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="replace")
    except ValueError:
        message = f"A form has at most {_MOST_FIELDS} fields"
        raise ApiRefused(HTTPStatus.BAD_REQUEST, message, {}) from None
