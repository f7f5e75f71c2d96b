"""The page to change one's own password, which works without JavaScript; programs with a key send the same form.

The engine's gateway writes it, and all sessions of the account end but the one that has asked.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Response

from aiida_like_engine.errors import Busy, EngineAway
from aiida_like_engine.server_db.accounts import Account, AccountError
from aiida_like_engine.server_db.passwords import LONGEST_PASSWORD, SHORTEST_PASSWORD
from restapi.accounts.caller import Caller, Carrier
from restapi.accounts.forms import HOSTILE, Form, not_allowed, page_of, see_other, target_of, wants_page
from restapi.accounts.gate import Gate
from restapi.http.encoding import json_response
from restapi.http.exchange import SAFE, Exchange
from restapi.layout import Frame

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_CHANGED = "changed"
"""The key of the query string of the page that says so."""


class _NotChanged(Exception):
    """The password stays as it is; the message says why."""

    def __init__(self, status: HTTPStatus, message: str, wait: int = 0) -> None:
        self.status, self.wait = status, wait
        super().__init__(message)


class PasswordPage:
    """`/password` of a site."""

    def __init__(self, gate: Gate, frame: Callable[[Exchange], Frame]) -> None:
        self._gate = gate
        self._frame = frame

    def answer(self, environ: WSGIEnvironment, caller: Caller) -> Response | None:
        """The answer to any method; None where nobody has a password.

        Raises:
            EngineError: the accounts cannot be read now, or the account has gone.
        """
        if self._gate.is_desktop:
            return None
        account = caller.account
        if account is None or caller.carrier is Carrier.GATEWAY:
            return self._whose(environ, caller)
        form = Form(environ)
        if form.method in SAFE:
            text = "The password was changed. Other browsers have to sign in again." if _CHANGED in form.args else ""
            return self._page(environ, HTTPStatus.OK, account, done=text)
        return self._post(environ, caller.carrier, account, form) if form.method == "POST" else not_allowed()

    def _whose(self, environ: WSGIEnvironment, caller: Caller) -> Response:
        """The answer to nobody in particular, and to whom a gateway names: it looks at passwords of its own."""
        if caller.account is None and wants_page(environ):
            site = target_of(environ, "")
            return see_other(f"{site}login?next={site}password")
        status = HTTPStatus.UNAUTHORIZED if caller.account is None else HTTPStatus.FORBIDDEN
        return json_response({"message": "whose password? Sign in, or send a key: Authorization: Token KEY"}, status)

    def _post(self, environ: WSGIEnvironment, carrier: Carrier, account: Account, form: Form) -> Response:
        try:
            self._change(environ, carrier, account, form)
        except _NotChanged as refused:
            answer = self._page(environ, refused.status, account, str(refused))
            if refused.wait:
                answer.headers["Retry-After"] = str(refused.wait)
            return answer
        if carrier is not Carrier.SESSION:
            return json_response({"message": "the password was changed"}, HTTPStatus.OK)
        answer = see_other(f"{target_of(environ, '')}password?{_CHANGED}")
        session, changed = self._gate.sessions.read(environ), self._gate.directory.by_id(account.id)
        if session is not None and changed is not None:
            answer.headers.add("Set-Cookie", self._gate.sessions.begin(environ, changed, session.key_id))
        return answer

    def _change(self, environ: WSGIEnvironment, carrier: Carrier, account: Account, form: Form) -> None:
        """Raises _NotChanged."""
        given = form.form
        if carrier is Carrier.SESSION and not self._gate.sessions.is_from_form(environ, given.get("token", "")):
            raise _NotChanged(HTTPStatus.FORBIDDEN, HOSTILE)
        new = given.get("new", "")
        if given.get("again", new) != new:
            raise _NotChanged(HTTPStatus.BAD_REQUEST, "The new password was not written twice in the same way.")
        try:
            # Whoever has no password yet came by a key.
            if account.password_hash is not None:
                self._check(environ, account, given.get("password", ""))
            hashed = self._gate.passwords.hash(new)
            self._gate.client.set_password(account.id, hashed)
        except AccountError as error:
            raise _NotChanged(HTTPStatus.BAD_REQUEST, f"{str(error)[0].upper()}{str(error)[1:]}.") from None
        except Busy:
            text = "Many passwords are compared at this moment. Try again."
            raise _NotChanged(HTTPStatus.SERVICE_UNAVAILABLE, text, wait=1) from None
        except EngineAway:
            text = "The engine does not answer, and it alone can change the password. Try again later."
            raise _NotChanged(HTTPStatus.SERVICE_UNAVAILABLE, text, wait=5) from None

    def _check(self, environ: WSGIEnvironment, account: Account, password: str) -> None:
        """Compares the password of now; failures count as those of signing in. Raises _NotChanged, Busy."""
        throttle, address = self._gate.throttle, self._gate.address(environ)
        both = ("both", account.name, address)
        failures = [both, ("account", account.name), ("address", address)]
        wait = throttle.seconds(failures)
        if wait:
            text = f"Too many attempts failed. Wait {wait} second{'s' if wait > 1 else ''}, then try again."
            raise _NotChanged(HTTPStatus.TOO_MANY_REQUESTS, text, wait)
        if not self._gate.passwords.fits(account, password):
            throttle.failed(failures)
            raise _NotChanged(HTTPStatus.FORBIDDEN, "The password of now is wrong.")
        throttle.succeeded(both)

    def _page(
        self, environ: WSGIEnvironment, status: HTTPStatus, account: Account, message: str = "", done: str = ""
    ) -> Response:
        if message and not wants_page(environ):
            return json_response({"message": message}, status)
        form = self._gate.sessions.form(environ)
        site = target_of(environ, "")
        answer = page_of(
            environ,
            "password.html",
            "Change your password",
            status,
            action=f"{site}password",
            frame=self._frame(Exchange(environ)),
            site=site,
            token=form.token,
            message=message,
            done=done,
            name=account.name,
            has_password=account.password_hash is not None,
            shortest=SHORTEST_PASSWORD,
            longest=LONGEST_PASSWORD,
        )
        answer.headers.add("Set-Cookie", form.cookie)
        return answer
