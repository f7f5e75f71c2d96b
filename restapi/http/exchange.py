"""One request while it is answered: what the client sent, as it sent it, and what a resource is given.

Frameworks decode too much of a URL for a query language with `%` and `+`, so none is used here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count, repeat, starmap
from os import getpid
from secrets import token_hex
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from werkzeug.exceptions import BadRequest
from werkzeug.wsgi import get_host

from aiida_like.storage import Effort, Snapshot
from querylang.decode import decode
from querylang.options import OptionSpec
from querylang.parse import Parser
from restapi.config import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

SAFE = frozenset({"GET", "HEAD"})
"""Methods that only read (RFC 9110, 9.2.1), so that an answer can be given again."""

_EFFORTS = "aiida_like.efforts"

SITE = "aiida_like.site"
"""Key of the environment of a request: where the site is mounted that the application is a part of, as SCRIPT_NAME."""

REQUEST_ID = "aiida_like.request_id"
"""Key of the environment of a request: its id."""

ACCOUNT = "aiida_like.account"
"""Key of the environment of a request: the name of the account that asks, None for nobody; only where accounts are."""

BY_COOKIE = "aiida_like.by_cookie"
"""Key of the environment of a request: whether the account signed in by a page; only where accounts are."""

new_ids: Iterator[str] = map(f"{token_hex(4)}-{{:x}}-{{:x}}".format, starmap(getpid, repeat(())), count(1))
"""Ids of requests. They are counted, in C alone: to make a random one takes as long as a small answer."""


class Exchange:
    """One request, and what its snapshots have cost; nothing but that and its id is kept in the environment itself.

    `id`: that of a proxy, of Apache's mod_unique_id, or a new one. `path_info`: the path after the mount point, bytes
    decoded as Latin-1 (PEP 3333). `accepts` and `prefers`: headers that decide what an answer is; None if they make no
    difference, as for nearly all clients.
    """

    __slots__ = ("accepts", "efforts", "environ", "id", "method", "path_info", "prefers")

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.path_info: str = environ.get("PATH_INFO", "")
        accepted = environ.get("HTTP_ACCEPT", "").lower()
        self.accepts: str | None = accepted if "csv" in accepted or "ndjson" in accepted else None
        self.prefers: str | None = environ.get("HTTP_PREFER")
        self.efforts: list[Effort] = environ.setdefault(_EFFORTS, [])
        self.id: str = environ.get(REQUEST_ID) or environ.get("UNIQUE_ID") or next(new_ids)
        environ[REQUEST_ID] = self.id

    @property
    def path(self) -> str:
        """The path after the mount point, for messages."""
        return _as_text(self.path_info)

    @property
    def host(self) -> str:
        """Raises BadRequest: the client names none."""
        find = self.environ.get
        return _host(self.environ["wsgi.url_scheme"], find("HTTP_HOST"), find("SERVER_NAME"), find("SERVER_PORT"))

    @property
    def mount_path(self) -> str:
        """The path that the application is mounted at, as it stands in URLs; empty at the root."""
        return _in_urls(self.environ.get("SCRIPT_NAME", "").rstrip("/"))

    @property
    def site_path(self) -> str:
        """`mount_path` of the whole site, which may have several applications."""
        found = self.environ.get(SITE)
        return self.mount_path if found is None else _in_urls(found.rstrip("/"))

    def url_of(self, path: str) -> str:
        """The URL of another path with the same query. `path` is as `path_info`."""
        environ = self.environ
        query = environ.get("QUERY_STRING", "")
        url = f"{environ['wsgi.url_scheme']}://{self.host}{self.mount_path}{_in_urls(path)}"
        return f"{url}?{query}" if query else url

    def decoded(self) -> Request:
        """The request as resources read it."""
        environ = self.environ
        mount = _in_urls(environ.get("SCRIPT_NAME", ""))
        # gunicorn calls the raw URI RAW_URI, Apache REQUEST_URI.
        uri: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
        is_raw = uri.startswith(mount + "/")
        path = uri.partition("?")[0].removeprefix(mount) if is_raw else "/" + self.path.lstrip("/")
        query: str = environ.get("QUERY_STRING", "")
        return Request(
            method="GET" if self.method == "HEAD" else self.method,  # its headers are those of GET
            url_root=f"{environ['wsgi.url_scheme']}://{self.host}{mount}/",
            path=path if path.isascii() or not is_raw else _readable(path),
            query_string=query if query.isascii() else _readable(query),
            text=decode(query.encode("latin-1")) if "%" in query or not query.isascii() else query,
        )


class Request(NamedTuple):
    """A client's request. `path` and `query_string` are raw; `text` is the query string decoded for the grammar."""

    method: str
    url_root: str
    path: str
    query_string: str
    text: str

    @property
    def url(self) -> str:
        query = f"?{self.query_string}" if self.query_string else ""
        return self.url_root.rstrip("/") + self.path + query


@dataclass(frozen=True)
class Mount:
    """A dialect below its `prefix`. `options` are its reserved keys; `parser` knows them too."""

    prefix: str
    settings: Settings
    options: Mapping[str, OptionSpec]
    parser: Parser

    def reserving(self, more: Mapping[str, OptionSpec]) -> Mount:
        """The mount for resources that have further reserved keys."""
        options = {**self.options, **more}
        return replace(self, options=options, parser=Parser(options))


@dataclass(slots=True)
class Context:
    """One request to a resource: where the dialect is mounted, what was sent and asked, and the snapshot to read."""

    mount: Mount
    exchange: Exchange
    request: Request
    snapshot: Snapshot

    @property
    def settings(self) -> Settings:
        return self.mount.settings


def _as_text(raw: str) -> str:
    """Bytes that were decoded as Latin-1 (PEP 3333), as UTF-8."""
    return raw if raw.isascii() else raw.encode("latin-1").decode(errors="replace")


def _readable(raw: str) -> str:
    """Bytes that were decoded as Latin-1, as UTF-8 if they are valid."""
    try:
        return raw.encode("latin-1").decode()
    except UnicodeDecodeError:
        return raw


_is_host = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])?(?::[0-9]{0,5})?").fullmatch
"""Whether a header names a host (RFC 9110, 7.2); one that names none may be empty."""


@lru_cache(maxsize=64)
def _in_urls(raw: str) -> str:
    """A path, as in PATH_INFO, as it stands in URLs."""
    return quote(raw.encode("latin-1"), safe="!$&'()*+,/:;=@~")


@lru_cache(maxsize=64)
def _host(scheme: str, *found: str | None) -> str:
    names = ("HTTP_HOST", "SERVER_NAME", "SERVER_PORT")
    named = {name: value for name, value in zip(names, found, strict=True) if value is not None}
    if not _is_host(found[0] or ""):
        raise BadRequest("the header Host is no name of a host")
    return get_host({"wsgi.url_scheme": scheme, **named})
