"""The guard in front of an application: it settles who asks before anything is answered, from a cache or anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Response
from werkzeug.exceptions import HTTPException

from aiida_like.errors import TargetError
from aiida_like_engine.errors import EngineError, SchemaMismatch
from restapi.accounts import origins
from restapi.accounts.caller import Caller, Carrier, remember
from restapi.accounts.gate import Gate
from restapi.accounts.pages import Pages
from restapi.config import ReadAccess
from restapi.http import errors, headers
from restapi.http.encoding import json_response
from restapi.http.errors import FailureLog
from restapi.http.exchange import Exchange
from restapi.http.proxies import GIVEN_ID
from restapi.layout import Frame, frame_of, is_static

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_OPEN = frozenset({"/healthz", "/readyz", "/healthz/", "/readyz/"})
"""Paths that anybody may ask for: they say nothing of what is stored. Static files are the others."""

_FOR_ALL = frozenset({"access-control-allow-origin", "access-control-expose-headers"})

_REALM = 'Bearer realm="aiida-like"'

_RETRY_SECONDS = "10"


class Guard:
    """Lets through who may read. `settles_itself`: whether a path is of a run-API, which answers each caller itself.

    `frame` is what stands around pages of somebody who has signed in.

    What is refused is told in JSON, under the key that `message_key` tells of the request; a browser gets the page to
    sign in.
    """

    def __init__(
        self,
        application: WSGIApplication,
        gate: Gate,
        failures: FailureLog,
        settles_itself: Callable[[str], bool] = lambda _: False,
        frame: Callable[[Exchange], Frame] = frame_of,
        message_key: Callable[[WSGIEnvironment], str] = lambda _: errors.MESSAGE,
    ) -> None:
        self._application = application
        self._gate = gate
        self._failures = failures
        self._settles_itself = settles_itself
        self._message_key = message_key
        self._pages = Pages(gate, frame)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path in _OPEN or is_static(path):
            return self._application(environ, start_response)
        if GIVEN_ID in environ:
            self._gate.proxies.take_id(environ)
        try:
            caller = self._gate.settle(environ)
            remember(environ, caller)
            answer = self._refusal(environ, caller) or self._pages.answer(environ, caller, path)
            answer = answer or self._locked(environ, caller, path)
        except EngineError as error:
            answer = self._away(environ, error)
        except HTTPException as error:
            answer = errors.reply_to_http(error, self._message_key(environ))
        if answer is not None:
            start_response = _private(start_response)
            return headers.complete(answer, Exchange(environ))(environ, start_response)
        if caller.account is not None or self._gate.access is not ReadAccess.PUBLIC:
            start_response = _private(start_response)
        return self._application(environ, start_response)

    def _refusal(self, environ: WSGIEnvironment, caller: Caller) -> Response | None:
        """The answer to what nobody may ask so, whoever it is."""
        if self._gate.is_desktop:
            if not origins.names_loopback(environ):
                return self._refuse(environ, "this server is asked as localhost or 127.0.0.1 alone")
            if origins.is_foreign(environ):
                return self._refuse(environ, "pages of other sites may not ask this server")
        if caller.wait and not self._settles_itself(environ.get("PATH_INFO", "")):
            answer = _message(HTTPStatus.TOO_MANY_REQUESTS, f"too many keys were wrong: wait {caller.wait} s")
            answer.headers["Retry-After"] = str(caller.wait)
            return answer
        if caller.carrier is Carrier.SESSION and origins.is_foreign_write(environ):
            return self._refuse(
                environ,
                "with a cookie, only pages of this site may send this; a program sends a key: Authorization: Token KEY",
            )
        return None

    def _refuse(self, environ: WSGIEnvironment, message: str) -> Response:
        return _message(HTTPStatus.FORBIDDEN, message, key=self._message_key(environ))

    def _locked(self, environ: WSGIEnvironment, caller: Caller, path: str) -> Response | None:
        """The answer to who may not read here."""
        if self._settles_itself(path):
            return None
        if caller.problem is not None:
            answer = _message(HTTPStatus.UNAUTHORIZED, caller.problem)
            answer.headers["WWW-Authenticate"] = f'{_REALM}, error="invalid_token"'
            return answer
        access = self._gate.access
        if access is ReadAccess.PUBLIC or caller.is_superuser:
            return None
        if caller.account is None:
            answer = self._pages.login_in_place(environ, HTTPStatus.UNAUTHORIZED) or _message(
                HTTPStatus.UNAUTHORIZED, "an account is needed to read here: send a key, as in Authorization: Token KEY"
            )
            answer.headers["WWW-Authenticate"] = _REALM
            return answer
        if access is ReadAccess.SUPERUSER:
            message = f"only superusers may read here, and the account {caller.name} is none"
            text = f"Only superusers may read here, and you are signed in as {caller.name}."
            return self._pages.login_in_place(environ, HTTPStatus.FORBIDDEN, text) or self._refuse(environ, message)
        return None

    def _away(self, environ: WSGIEnvironment, error: EngineError) -> Response:
        reason = error.reason if isinstance(error, SchemaMismatch) else "its accounts cannot be read"
        exchange = Exchange(environ)
        self._failures.write_once(exchange, TargetError(str(error), reason))
        message = f"this site cannot be served now: {reason}"
        answer = _message(HTTPStatus.SERVICE_UNAVAILABLE, message, exchange.id, self._message_key(environ))
        answer.headers["Retry-After"] = _RETRY_SECONDS
        return answer


def _message(status: HTTPStatus, message: str, request_id: str | None = None, key: str = errors.MESSAGE) -> Response:
    return json_response({key: message} | ({"request_id": request_id} if request_id else {}), status)


def _private(start_response: StartResponse) -> StartResponse:
    """What is answered to one caller is for no cache that several share, and for no page of another site."""

    def start(status: str, fields: list[tuple[str, str]], *more: Any) -> Any:
        kept = [(name, value) for name, value in fields if name.lower() not in _REPLACED]
        kept += [("Vary", _vary(fields)), ("Cache-Control", _cache_control(fields)), *_OF_PRIVATE]
        return start_response(status, kept, *more)

    return start


_OF_PRIVATE = (("Cross-Origin-Resource-Policy", "same-origin"),)

_REPLACED = frozenset({*_FOR_ALL, "vary", "cache-control"})


def _vary(fields: Iterable[tuple[str, str]]) -> str:
    return ", ".join([*(value for name, value in fields if name.lower() == "vary"), "Authorization, Cookie"])


def _cache_control(fields: Iterable[tuple[str, str]]) -> str:
    """`no-store` stays; else the caller's own cache asks again each time: an account can end."""
    is_stored = not any(name.lower() == "cache-control" and "no-store" in value for name, value in fields)
    return "private, no-cache" if is_stored else "private, no-store"
