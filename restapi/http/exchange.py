"""A request while it is answered: what the client sent, as it sent it, and what was found out on the way.

Frameworks decode too much of a URL for a query language with `%` and `+`. And this is all that resources know of a
request, so they can be asked through Flask and without it, see `restapi.http.fast_path`.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from werkzeug.wsgi import get_host

from aiida_like.storage import Storage
from querylang.decode import decode

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


ROWS = "aiida_like.rows"
"""Key of the environment of a request: how many rows the database gave for it, if they are counted."""

SAFE = frozenset({"GET", "HEAD"})
"""Methods that only read (RFC 9110, 9.2.1), so that an answer can be given again."""

READ = SAFE | {"POST"}
"""Methods whose answers are read from the database: what is posted is a query."""


class Exchange:
    """`storage` is what is read, at a data version that is remembered until it is answered; None: nothing, or no more.

    `key` tells requests apart that can have different answers. `raised` is an error that Flask is to turn into an
    answer.
    """

    __slots__ = ("environ", "key", "method", "raised", "storage")

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.storage: Storage | None = None
        self.key = ""
        self.raised: Exception | None = None

    @property
    def host(self) -> str:
        find = self.environ.get
        return _host(self.environ["wsgi.url_scheme"], find("HTTP_HOST"), find("SERVER_NAME"), find("SERVER_PORT"))


_current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


def current() -> Exchange:
    """The request that is being answered."""
    exchange = _current.get()
    assert exchange is not None
    return exchange


enter, leave = _current.set, _current.reset
"""Makes an exchange the current one, and gives what takes that back."""


def count_rows(number: int) -> None:
    """Adds to the rows that the database gave for the request that is being answered."""
    exchange = _current.get()
    if exchange is not None:
        exchange.environ[ROWS] = exchange.environ.get(ROWS, 0) + number


def version_of_request() -> str | None:
    """The data version that was there before anything was read.

    None: it cannot be told, or this is a request that does not ask for it.

    Raises:
        StatementTimeout, StorageError: as `Storage.version_begun`.
    """
    exchange = _current.get()
    return None if exchange is None or exchange.storage is None else exchange.storage.version_begun()


class Asked(NamedTuple):
    """One request. `path` and `query_string` are raw; `text` is the query string decoded for the grammar."""

    method: str
    url_root: str
    path: str
    query_string: str
    text: str

    @property
    def url(self) -> str:
        query = f"?{self.query_string}" if self.query_string else ""
        return self.url_root.rstrip("/") + self.path + query


def asked() -> Asked:
    """The request that is being answered."""
    exchange = current()
    environ = exchange.environ
    query = str(environ.get("QUERY_STRING", ""))
    return Asked(
        method="GET" if exchange.method == "HEAD" else exchange.method,  # its headers are those of GET
        url_root=f"{environ['wsgi.url_scheme']}://{exchange.host}{environ.get('SCRIPT_NAME', '')}/",
        path=_raw_path(environ),
        query_string=_readable(query),
        text=decode(query.encode("latin-1")) if query else "",
    )


def script_root() -> str:
    """The path that the application is mounted at, decoded; empty at the root."""
    return str(current().environ.get("SCRIPT_NAME", "")).rstrip("/").encode("latin-1").decode(errors="replace")


def _raw_path(environ: dict[str, Any]) -> str:
    """The path behind the mount point; gunicorn calls the raw URI RAW_URI, Apache REQUEST_URI."""
    uri = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    mount = str(environ.get("SCRIPT_NAME", ""))
    if not isinstance(uri, str) or not uri.startswith(mount + "/"):
        return "/" + str(environ.get("PATH_INFO", "")).lstrip("/").encode("latin-1").decode(errors="replace")
    path = uri.partition("?")[0].removeprefix(mount)
    return _readable(path)


def _readable(raw: str) -> str:
    """Bytes that are said to be Latin-1 (PEP 3333), as UTF-8 if they are that."""
    if raw.isascii():
        return raw
    try:
        return raw.encode("latin-1").decode()
    except UnicodeDecodeError:
        return raw


@lru_cache(maxsize=64)
def _host(scheme: str, *found: str | None) -> str:
    names = ("HTTP_HOST", "SERVER_NAME", "SERVER_PORT")
    named = {name: value for name, value in zip(names, found, strict=True) if value is not None}
    return get_host({"wsgi.url_scheme": scheme, **named})
