"""The pages to sign in and to sign out, which work without JavaScript; whoever asks for no HTML is answered in JSON."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Response

from aiida_like_engine.errors import Busy, EngineAway
from aiida_like_engine.server_db.accounts import Account
from restapi.accounts import origins
from restapi.accounts.caller import Caller, Carrier
from restapi.accounts.forms import (
    HOSTILE,
    SAFE_IN_TARGETS,
    Form,
    not_allowed,
    page_of,
    see_other,
    target_of,
    wants_page,
)
from restapi.accounts.gate import Gate
from restapi.accounts.keys import KeysPage
from restapi.accounts.password import PasswordPage
from restapi.accounts.sessions import site_of_request
from restapi.http.encoding import json_response
from restapi.http.exchange import SAFE, Exchange
from restapi.layout import Frame

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_LONGEST_NAME = 64
"""Characters of a name that are looked at; names are shorter."""

_WRONG = "Name or password is wrong."


class Pages:
    """`/login`, `/logout`, `/password` and `/keys` of a site."""

    def __init__(self, gate: Gate, frame: Callable[[Exchange], Frame]) -> None:
        self._gate = gate
        self._pages = {
            "/login": self._login,
            "/logout": self._logout,
            "/password": PasswordPage(gate, frame).answer,
            "/keys": KeysPage(gate, frame).answer,
        }

    def answer(self, environ: WSGIEnvironment, caller: Caller, path: str) -> Response | None:
        """The page at a path below the mount of the application; None if there is none.

        Raises:
            RootError: the accounts cannot be read now.
        """
        make = self._pages.get(path)
        if make is None or environ.get("SCRIPT_NAME", "").rstrip("/") != site_of_request(environ):
            return None
        return make(environ, caller)

    def login_in_place(self, environ: WSGIEnvironment, status: HTTPStatus, message: str = "") -> Response | None:
        """The page to sign in, where a browser asked for something else; None: nobody looks at a page."""
        if environ["REQUEST_METHOD"] not in SAFE or not wants_page(environ):
            return None
        exchange = Exchange(environ)
        asked = exchange.decoded()
        target = quote(exchange.mount_path + asked.path, safe=SAFE_IN_TARGETS)
        query = f"?{quote(asked.query_string, safe=SAFE_IN_TARGETS)}" if asked.query_string else ""
        return self._form(environ, status, target + query, message)

    def _login(self, environ: WSGIEnvironment, caller: Caller) -> Response:
        request = Form(environ)
        if request.method in SAFE:
            target = target_of(environ, request.args.get("next", ""))
            is_here = caller.carrier is Carrier.SESSION
            return see_other(target) if is_here else self._form(environ, HTTPStatus.OK, target)
        if request.method != "POST":
            return not_allowed()
        target = target_of(environ, request.form.get("next", ""))
        name, key = request.form.get("name", "")[:_LONGEST_NAME], request.form.get("key", "").strip()
        is_ours = self._gate.sessions.is_from_form(environ, request.form.get("token", ""))
        if not is_ours or origins.is_foreign_write(environ):
            return self._form(environ, HTTPStatus.FORBIDDEN, target, HOSTILE, name)
        if key:
            return self._by_key(environ, key, target)
        if self._gate.is_desktop:
            return self._form(environ, HTTPStatus.UNAUTHORIZED, target, "Enter the key.")
        return self._by_password(environ, name, request.form.get("password", ""), target)

    def _by_key(self, environ: WSGIEnvironment, key: str, target: str) -> Response:
        caller = self._gate.of_key(environ, key)
        if caller.wait:
            return self._slow_down(environ, caller.wait, target)
        found = self._gate.directory.by_key(key)
        if caller.account is None or found is None:
            return self._form(environ, HTTPStatus.UNAUTHORIZED, target, f"{(caller.problem or '').capitalize()}.")
        return self._begin(environ, caller.account, found.id, target)

    def _by_password(self, environ: WSGIEnvironment, name: str, password: str, target: str) -> Response:
        gate, address = self._gate, self._gate.address(environ)
        both, account = ("both", name, address), ("account", name)
        failures = [both, account, ("address", address)]
        wait = gate.throttle.seconds(failures)
        if wait:
            return self._slow_down(environ, wait, target, name)
        found = gate.directory.by_name(name)
        try:
            is_right = gate.passwords.fits(found, password)
        except Busy:
            text = "Many people sign in at this moment. Try again."
            answer = self._form(environ, HTTPStatus.SERVICE_UNAVAILABLE, target, text, name)
            answer.headers["Retry-After"] = "1"
            return answer
        if not is_right or found is None:
            gate.throttle.failed(failures)
            return self._form(environ, HTTPStatus.UNAUTHORIZED, target, _WRONG, name)
        gate.throttle.succeeded(both)
        return self._begin(environ, found, None, target)

    def _begin(self, environ: WSGIEnvironment, account: Account, key_id: int | None, target: str) -> Response:
        answer = see_other(target)
        answer.headers.add("Set-Cookie", self._gate.sessions.begin(environ, account, key_id))
        return answer

    def _slow_down(self, environ: WSGIEnvironment, wait: int, target: str, name: str = "") -> Response:
        text = f"Too many attempts failed. Wait {wait} second{'s' if wait > 1 else ''}, then try again."
        answer = self._form(environ, HTTPStatus.TOO_MANY_REQUESTS, target, text, name)
        answer.headers["Retry-After"] = str(wait)
        return answer

    def _logout(self, environ: WSGIEnvironment, caller: Caller) -> Response:
        """Ends all sessions of the account: a cookie that somebody copied is worth nothing then."""
        site = target_of(environ, "")
        if caller.account is None or caller.carrier is not Carrier.SESSION:
            return see_other(f"{site}login")
        form = Form(environ)
        if form.method in SAFE:
            return self._leave(environ, HTTPStatus.OK, caller.account)
        if form.method != "POST":
            return not_allowed()
        if not self._gate.sessions.is_from_form(environ, form.form.get("token", "")):
            return self._leave(environ, HTTPStatus.FORBIDDEN, caller.account, HOSTILE)
        try:
            self._gate.client.raise_generation(caller.account.id)
        except EngineAway:
            text = (
                "The engine does not answer, so this browser alone has forgotten you. To end what other browsers "
                "remember, sign in and out again later."
            )
            answer = self._form(environ, HTTPStatus.SERVICE_UNAVAILABLE, site, text)
        else:
            answer = see_other(f"{site}login")
        answer.headers.add("Set-Cookie", self._gate.sessions.end(environ))
        return answer

    def _form(
        self, environ: WSGIEnvironment, status: HTTPStatus, target: str, message: str = "", name: str = ""
    ) -> Response:
        if message and not wants_page(environ):
            return json_response({"message": message}, status)
        form = self._gate.sessions.form(environ)
        answer = page_of(
            environ,
            "login.html",
            "Sign in",
            status,
            action=f"{target_of(environ, '')}login",
            target=target,
            token=form.token,
            message=message,
            name=name,
            is_desktop=self._gate.is_desktop,
        )
        answer.headers.add("Set-Cookie", form.cookie)
        return answer

    def _leave(self, environ: WSGIEnvironment, status: HTTPStatus, account: Account, message: str = "") -> Response:
        form = self._gate.sessions.form(environ)
        site = target_of(environ, "")
        answer = page_of(
            environ,
            "logout.html",
            "Sign out",
            status,
            action=f"{site}logout",
            site=site,
            token=form.token,
            message=message,
            name=account.name,
            is_desktop=self._gate.is_desktop,
        )
        answer.headers.add("Set-Cookie", form.cookie)
        return answer
