"""Sessions: who signed in by a page has a signed cookie, and forms of ours carry a token that no other page knows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from secrets import compare_digest, token_urlsafe
from typing import TYPE_CHECKING, Any

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer
from werkzeug.http import dump_cookie, parse_cookie

from aiida_like_engine.server_db.accounts import Account
from restapi.http.exchange import SITE

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_SECONDS_OF_A_DAY = 86_400
_LONGEST_COOKIE = 4096


@dataclass(frozen=True)
class Session:
    """A session: the account and its generation when it began, and the key, if it began with one."""

    account_id: int
    generation: int
    key_id: int | None


@dataclass(frozen=True)
class Form:
    """What guards a form: `token` stands in it, and `cookie` has the other half of it."""

    token: str
    cookie: str


def cookie_name(secret: str, of: str = "") -> str:
    """The name of the cookie of a session, or of a form. No two engines of one host have the same."""
    return f"aiida_like_{of}{hashlib.sha256(f'name {secret}'.encode()).hexdigest()[:8]}"


class Sessions:
    """Makes cookies, and reads them."""

    def __init__(self, secret: str, days: float) -> None:
        self._name, self._form_name = cookie_name(secret), cookie_name(secret, "form_")
        self._seconds = int(days * _SECONDS_OF_A_DAY)
        kind: dict[str, Any] = {"signer_kwargs": {"digest_method": hashlib.sha256}}
        self._signer = URLSafeTimedSerializer(secret, salt="session", **kind)
        self._forms = URLSafeSerializer(secret, salt="form", **kind)

    def read(self, environ: WSGIEnvironment) -> Session | None:
        """The session of a request; None if there is none, or its cookie is not ours or too old."""
        value = _cookie(environ, self._name)
        if value is None:
            return None
        try:
            return Session(*self._signer.loads(value, max_age=self._seconds))
        except (BadData, TypeError):
            return None

    def begin(self, environ: WSGIEnvironment, account: Account, key_id: int | None) -> str:
        """The cookie of a new session."""
        value = self._signer.dumps((account.id, account.generation, key_id))
        assert isinstance(value, str)
        return _dump(environ, self._name, value, self._seconds)

    def end(self, environ: WSGIEnvironment) -> str:
        """The cookie that removes it from the browser."""
        return _dump(environ, self._name, "", 0)

    def form(self, environ: WSGIEnvironment) -> Form:
        """A token for a form. All forms of a browser share their other half, so that each of its tabs works."""
        half = _cookie(environ, self._form_name) or token_urlsafe(16)
        token = self._forms.dumps(half)
        assert isinstance(token, str)
        return Form(token, _dump(environ, self._form_name, half, None))

    def is_from_form(self, environ: WSGIEnvironment, token: str) -> bool:
        """Whether the token is of a form of ours, in this browser."""
        half = _cookie(environ, self._form_name)
        try:
            signed = self._forms.loads(token)
        except BadData:
            return False
        return half is not None and isinstance(signed, str) and compare_digest(signed.encode(), half.encode())


def site_of_request(environ: WSGIEnvironment) -> str:
    """The mount of the whole site, decoded as Latin-1 (PEP 3333)."""
    return str(environ.get(SITE, environ.get("SCRIPT_NAME", ""))).rstrip("/")


def _cookie(environ: WSGIEnvironment, name: str) -> str | None:
    sent = environ.get("HTTP_COOKIE", "")
    value = parse_cookie(sent).get(name) if name in sent else None
    return value if value and len(value) < _LONGEST_COOKIE else None


def _dump(environ: WSGIEnvironment, name: str, value: str, seconds: int | None) -> str:
    is_secure = environ["wsgi.url_scheme"] == "https"
    path = site_of_request(environ).encode("latin-1").decode(errors="replace") or "/"
    return dump_cookie(name, value, max_age=seconds, path=path, httponly=True, samesite="Lax", secure=is_secure)
