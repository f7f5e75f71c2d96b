"""What a client sent, as it sent it: frameworks decode too much of it for a query language with `%` and `+`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import request

from querylang.decode import decode


@dataclass(frozen=True)
class Asked:
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
    environ = request.environ
    raw = str(environ.get("QUERY_STRING", ""))
    query = raw.encode("latin-1")
    return Asked(
        method="GET" if request.method == "HEAD" else request.method,  # its headers are those of GET
        # Not request.url_root, which encodes and decodes the whole address at each request.
        url_root=f"{request.scheme}://{request.host}{environ.get('SCRIPT_NAME', '')}/",
        path=_raw_path(environ),
        query_string=_readable(query),
        text=decode(query),
    )


def _raw_path(environ: dict[str, Any]) -> str:
    """The path behind the mount point; gunicorn calls the raw URI RAW_URI, Apache REQUEST_URI."""
    uri = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    mount = str(environ.get("SCRIPT_NAME", ""))
    if not isinstance(uri, str) or not uri.startswith(mount + "/"):
        return request.path
    path = uri.partition("?")[0].removeprefix(mount)
    return _readable(path.encode("latin-1"))


def _readable(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
