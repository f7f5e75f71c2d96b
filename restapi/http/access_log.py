"""One line of JSON for each request, on the logger `aiida_like.access`: what was asked, and what it took."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson
from werkzeug.wsgi import ClosingIterator

from restapi.http.exchange import ACCOUNT, Exchange
from restapi.http.proxies import Proxies

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("aiida_like.access")


class AccessLog:
    """Logs a request when the last byte of its answer is sent. `profile` is None for the list of profiles."""

    def __init__(self, application: WSGIApplication, profile: str | None, proxies: Proxies) -> None:
        self._application = application
        self._profile = profile
        self._proxies = proxies
        if log.level == logging.NOTSET:
            log.setLevel(logging.INFO)
        if not log.hasHandlers():
            # Nobody has set a handler: the log goes to standard error, or to the log of the server.
            log.addHandler(logging.StreamHandler())

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        sent: dict[str, Any] = {}

        def start(status: str, fields: list[tuple[str, str]], *arguments: Any) -> Any:
            sent["status"] = int(status[:3])
            sent["bytes"] = next((int(value) for name, value in fields if name.lower() == "content-length"), None)
            return start_response(status, fields, *arguments)

        body = self._application(environ, start)
        return ClosingIterator(body, partial(self._write, environ, sent, began))

    def _write(self, environ: WSGIEnvironment, sent: dict[str, Any], began: float) -> None:
        exchange = Exchange(environ)
        entry = {
            "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "profile": self._profile,
            "id": exchange.id,
            "client": self._proxies.client(environ),
            **({"account": environ[ACCOUNT]} if ACCOUNT in environ else {}),
            "method": environ.get("REQUEST_METHOD"),
            "url": _url(environ),
            **sent,
            "milliseconds": round((time.perf_counter() - began) * 1000, 3),
            "rows": sum(effort.rows for effort in exchange.efforts),
        }
        log.info(orjson.dumps(entry).decode())


def _url(environ: WSGIEnvironment) -> str:
    """Path and query, in ASCII: nothing that a client sends can begin a new line of the log."""
    path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}".encode("latin-1")
    query = environ.get("QUERY_STRING", "").encode("latin-1")
    return quote(path) + (f"?{quote(query, safe=_SAFE)}" if query else "")


_SAFE = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
