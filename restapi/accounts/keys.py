"""The page of one's own keys: to see them, to make one, which is shown once, and to revoke one.

The engine's gateway writes them. Programs with a key send the same forms, and are answered in JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Response

from aiida_like_engine.errors import EngineAway, Refused
from aiida_like_engine.server_db.accounts import Account, Key
from restapi.accounts import origins
from restapi.accounts.caller import Caller, Carrier
from restapi.accounts.forms import HOSTILE, Form, not_allowed, page_of, see_other, target_of, wants_page
from restapi.accounts.gate import Gate
from restapi.http.encoding import json_response
from restapi.http.exchange import SAFE, Exchange
from restapi.layout import Frame

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_LIFETIMES = (("", "until it is revoked"), ("7", "a week"), ("30", "30 days"), ("365", "a year"))
"""Days, and what a form calls them."""

_AWAY = "The engine does not answer, and it alone makes and revokes keys. Try again later."


@dataclass(frozen=True)
class _Told:
    """What stands above the list: a key that was just made, or what went wrong."""

    key: str = ""
    problem: str = ""
    status: HTTPStatus = HTTPStatus.OK


class KeysPage:
    """`/keys` of a site."""

    def __init__(self, gate: Gate, frame: Callable[[Exchange], Frame]) -> None:
        self._gate = gate
        self._frame = frame

    def answer(self, environ: WSGIEnvironment, caller: Caller) -> Response:
        """The answer to any method.

        Raises:
            RootError: the accounts cannot be read now.
        """
        account = caller.account
        if account is None:
            return _whose(environ)
        form = Form(environ)
        if form.method in SAFE:
            return self._page(environ, account, _Told())
        if form.method != "POST":
            return not_allowed()
        told = self._done(environ, caller, account, form)
        if told.key or told.problem or not wants_page(environ):
            return self._page(environ, account, told)
        return see_other(f"{target_of(environ, '')}keys")

    def _done(self, environ: WSGIEnvironment, caller: Caller, account: Account, form: Form) -> _Told:
        """Does what a form says."""
        given = form.form
        is_ours = caller.carrier is Carrier.KEY or self._gate.sessions.is_from_form(environ, given.get("token", ""))
        if not is_ours or (caller.carrier is not Carrier.KEY and origins.is_foreign_write(environ)):
            return _Told(problem=HOSTILE, status=HTTPStatus.FORBIDDEN)
        revoked, days = given.get("revoke", ""), given.get("days", "")
        if not all(number.isascii() and (number.isdecimal() or not number) for number in (revoked, days)):
            return _Told(problem="Keys and days have numbers.", status=HTTPStatus.BAD_REQUEST)
        try:
            if revoked:
                self._gate.client.revoke_key(account.id, int(revoked))
                return _Told()
            key = self._gate.client.add_key(account.id, given.get("label", "").strip(), int(days) if days else None)
        except Refused as refused:
            text = str(refused)
            return _Told(problem=f"{text[:1].upper()}{text[1:]}.", status=HTTPStatus.BAD_REQUEST)
        except EngineAway:
            return _Told(problem=_AWAY, status=HTTPStatus.SERVICE_UNAVAILABLE)
        return _Told(key=key, status=HTTPStatus.CREATED)

    def _page(self, environ: WSGIEnvironment, account: Account, told: _Told) -> Response:
        if not wants_page(environ):
            return self._json(account, told)
        form = self._gate.sessions.form(environ)
        site = target_of(environ, "")
        keys = self._gate.directory.keys_of(account)
        answer = page_of(
            environ,
            "keys.html",
            "Your keys",
            told.status,
            action=f"{site}keys",
            frame=self._frame(Exchange(environ)),
            site=site,
            is_desktop=self._gate.is_desktop,
            token=form.token,
            told=told,
            name=account.name,
            keys=[(each, _time(each.created), _time(each.expires)) for each in keys if each.state == "valid"],
            ended=[(each, _time(each.created)) for each in keys if each.state != "valid"],
            lifetimes=_LIFETIMES,
            has_password_page=not self._gate.is_desktop,
        )
        answer.headers.add("Set-Cookie", form.cookie)
        return answer

    def _json(self, account: Account, told: _Told) -> Response:
        if told.problem:
            return json_response({"message": told.problem}, told.status)
        if told.key:
            return json_response({"key": told.key}, told.status)
        return json_response({"keys": list(map(_object, self._gate.directory.keys_of(account)))}, HTTPStatus.OK)


def _whose(environ: WSGIEnvironment) -> Response:
    site = target_of(environ, "")
    if wants_page(environ) and environ["REQUEST_METHOD"] in SAFE:
        return see_other(f"{site}login?next={site}keys")
    return json_response({"message": "whose keys? Send one of them: Authorization: Token KEY"}, HTTPStatus.UNAUTHORIZED)


def _object(key: Key) -> dict[str, object]:
    created, expires = _time(key.created), _time(key.expires)
    return {
        "id": key.id,
        "label": key.label,
        "state": key.state,
        "created": created and created.isoformat(),
        "expires": expires and expires.isoformat(),
    }


def _time(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else datetime.fromtimestamp(microseconds // 10**6, timezone.utc)
