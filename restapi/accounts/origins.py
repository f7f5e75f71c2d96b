"""Where a request of a browser comes from: pages of others may not write with a cookie of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from restapi.accounts.loopback import is_loopback
from restapi.http.exchange import SAFE

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_OURS = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site: a page of ours, or the user with an address bar."""

_PORTS = {"http": 80, "https": 443}


def is_foreign_write(environ: WSGIEnvironment) -> bool:
    """Whether a page of another origin may have sent this, or nothing says that none has.

    Another port of the same host is another origin, though the same site.
    """
    if environ["REQUEST_METHOD"] in SAFE:
        return False
    site, origin = environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_ORIGIN")
    if site is not None and site not in _OURS:
        return True
    return not _is_own(environ, origin) if origin is not None else site is None


def is_foreign(environ: WSGIEnvironment) -> bool:
    """Whether a page of another origin asks for more than that its user comes here by a link."""
    is_link = environ["REQUEST_METHOD"] in SAFE and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
    return environ.get("HTTP_SEC_FETCH_SITE", "none") not in _OURS and not is_link


def names_loopback(environ: WSGIEnvironment) -> bool:
    """Whether the request names this machine, as none does whose name somebody else gave this address (rebinding)."""
    host = environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "")
    try:
        return is_loopback(urlsplit(f"//{host}").hostname)
    except ValueError:
        return False


def _is_own(environ: WSGIEnvironment, origin: str) -> bool:
    """Where TLS ends in front of this server, the origin may say https where the request says http."""
    scheme = environ["wsgi.url_scheme"]
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"{scheme}://{environ.get('HTTP_HOST', '')}")
        if theirs.scheme != scheme and (theirs.scheme, scheme) != ("https", "http"):
            return False
        return _place(theirs.hostname, theirs.port, theirs.scheme) == _place(ours.hostname, ours.port, theirs.scheme)
    except ValueError:
        return False


def _place(name: str | None, port: int | None, scheme: str) -> tuple[str | None, int | None]:
    return name, port or _PORTS.get(scheme)
