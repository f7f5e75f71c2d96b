"""The pages to sign in and to sign out, which work without JavaScript; whoever asks for no HTML is answered in JSON."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Response
from jinja2 import Environment, PackageLoader
from werkzeug.wrappers import Request

from aiida_like import __version__
from aiida_like_engine.accounts import Account
from aiida_like_engine.errors import Busy, EngineAway
from restapi.accounts import origins
from restapi.accounts.caller import Caller, Carrier, caller_of
from restapi.accounts.gate import Gate
from restapi.accounts.sessions import site_of_request
from restapi.http.encoding import json_response
from restapi.http.exchange import SAFE, Exchange

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_MOST_BYTES = 20_000
"""Bytes that a form may have."""

_LONGEST_NAME = 64
"""Characters of a name that are looked at; names are shorter."""

_is_local = re.compile(r"/(?![/\\])[!-~]*").fullmatch
"""Whether this is a path of this host: `//host` and `/\\host` are others to browsers."""

_WRONG = "Name or password is wrong."

_HOSTILE = "The form did not come from a page of this site, or your browser keeps no cookies. Try again."


class Pages:
    """`/login` and `/logout` of a site."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def answer(self, environ: WSGIEnvironment, caller: Caller, path: str) -> Response | None:
        """The page at a path below the mount of the application; None if there is none.

        Raises:
            RootError: the accounts cannot be read now.
        """
        make = {"/login": self._login, "/logout": self._logout}.get(path)
        if make is None or environ.get("SCRIPT_NAME", "").rstrip("/") != site_of_request(environ):
            return None
        return make(environ, caller)

    def login_in_place(self, environ: WSGIEnvironment, status: HTTPStatus, message: str = "") -> Response | None:
        """The page to sign in, where a browser asked for something else; None: nobody looks at a page."""
        if environ["REQUEST_METHOD"] not in SAFE or not _wants_page(environ):
            return None
        exchange = Exchange(environ)
        asked = exchange.decoded()
        target = quote(exchange.mount_path + asked.path, safe=_SAFE)
        query = f"?{quote(asked.query_string, safe=_SAFE)}" if asked.query_string else ""
        return self._form(environ, status, target + query, message)

    def _login(self, environ: WSGIEnvironment, caller: Caller) -> Response:
        request = _Form(environ)
        if request.method in SAFE:
            target = _target(environ, request.args.get("next", ""))
            is_here = caller.carrier is Carrier.SESSION
            return _see_other(target) if is_here else self._form(environ, HTTPStatus.OK, target)
        if request.method != "POST":
            return _not_allowed()
        target = _target(environ, request.form.get("next", ""))
        name, key = request.form.get("name", "")[:_LONGEST_NAME], request.form.get("key", "").strip()
        is_ours = self._gate.sessions.is_from_form(environ, request.form.get("token", ""))
        if not is_ours or origins.is_foreign_write(environ):
            return self._form(environ, HTTPStatus.FORBIDDEN, target, _HOSTILE, name)
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
        answer = _see_other(target)
        answer.headers.add("Set-Cookie", self._gate.sessions.begin(environ, account, key_id))
        return answer

    def _slow_down(self, environ: WSGIEnvironment, wait: int, target: str, name: str = "") -> Response:
        text = f"Too many attempts failed. Wait {wait} second{'s' if wait > 1 else ''}, then try again."
        answer = self._form(environ, HTTPStatus.TOO_MANY_REQUESTS, target, text, name)
        answer.headers["Retry-After"] = str(wait)
        return answer

    def _logout(self, environ: WSGIEnvironment, caller: Caller) -> Response:
        """Ends all sessions of the account: a cookie that somebody copied is worth nothing then."""
        site = _target(environ, "")
        if caller.account is None or caller.carrier is not Carrier.SESSION:
            return _see_other(f"{site}login")
        form = _Form(environ)
        if form.method in SAFE:
            return self._leave(environ, HTTPStatus.OK, caller.account)
        if form.method != "POST":
            return _not_allowed()
        if not self._gate.sessions.is_from_form(environ, form.form.get("token", "")):
            return self._leave(environ, HTTPStatus.FORBIDDEN, caller.account, _HOSTILE)
        try:
            self._gate.client.raise_generation(caller.account.id)
        except EngineAway:
            text = (
                "The engine does not answer, so this browser alone has forgotten you. To end what other browsers "
                "remember, sign in and out again later."
            )
            answer = self._form(environ, HTTPStatus.SERVICE_UNAVAILABLE, site, text)
        else:
            answer = _see_other(f"{site}login")
        answer.headers.add("Set-Cookie", self._gate.sessions.end(environ))
        return answer

    def _form(
        self, environ: WSGIEnvironment, status: HTTPStatus, target: str, message: str = "", name: str = ""
    ) -> Response:
        if message and not _wants_page(environ):
            return json_response({"message": message}, status)
        form = self._gate.sessions.form(environ)
        answer = _page(
            "login.html",
            status,
            action=f"{_target(environ, '')}login",
            target=target,
            token=form.token,
            message=message,
            name=name,
            is_desktop=self._gate.is_desktop,
            script=_FROM_FRAGMENT,
        )
        answer.headers.add("Set-Cookie", form.cookie)
        return answer

    def _leave(self, environ: WSGIEnvironment, status: HTTPStatus, account: Account, message: str = "") -> Response:
        form = self._gate.sessions.form(environ)
        site = _target(environ, "")
        answer = _page(
            "logout.html",
            status,
            action=f"{site}logout",
            site=site,
            token=form.token,
            message=message,
            name=account.name,
        )
        answer.headers.add("Set-Cookie", form.cookie)
        return answer


def signed_in(environ: WSGIEnvironment) -> dict[str, object]:
    """What all pages show of who is signed in by a page of ours."""
    caller = caller_of(environ)
    if caller.carrier is not Carrier.SESSION:
        return {}
    return {"signed_in": {"name": caller.name, "site": _target(environ, "").removesuffix("/")}}


class _Form(Request):
    max_content_length = _MOST_BYTES
    max_form_memory_size = _MOST_BYTES


_SAFE = "!$%&'()*+,-./:;=?@_~[]"
"""Characters that stay raw in the URL that somebody wanted; it may have escapes."""

_FROM_FRAGMENT = """
const key = location.hash.slice(1)
if (key.startsWith("alk_")) {
  history.replaceState(null, "", location.pathname + location.search)
  const form = document.querySelector("form[data-keys]")
  form.elements.key.value = key
  form.submit()
}
"""
"""Posts a key that stands in the fragment of the URL, which no browser sends and no log has."""


@cache
def _policy() -> str:
    digest = b64encode(sha256(_FROM_FRAGMENT.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("restapi", "hosting/templates"), autoescape=True)


def _page(template: str, status: HTTPStatus, **values: object) -> Response:
    text = _templates().get_template(template).render(version=__version__, **values)
    answer = Response(text, status, content_type="text/html; charset=utf-8")
    answer.headers["Content-Security-Policy"] = _policy()
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Vary"] = "Accept"
    return answer


def _wants_page(environ: WSGIEnvironment) -> bool:
    return "text/html" in environ.get("HTTP_ACCEPT", "").lower()


def _target(environ: WSGIEnvironment, wanted: str) -> str:
    """Where to go after signing in: what was wanted, if it is here, else the site's first page."""
    site = quote(site_of_request(environ).encode("latin-1"), safe=_SAFE) + "/"
    return wanted if _is_local(wanted) else site


def _see_other(path: str) -> Response:
    answer = Response(status=HTTPStatus.SEE_OTHER, headers={"Location": path})
    answer.autocorrect_location_header = False
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _not_allowed() -> Response:
    answer = json_response({"message": "this page is read by GET, and its form sent by POST"}, 405)
    answer.headers["Allow"] = "GET, HEAD, POST"
    return answer
