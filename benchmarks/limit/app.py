"""The limit: a bare WSGI function with hand-written SQL and orjson that answers only the requests of `mix.py`.

No framework, no validation, no errors, no cache of answers: what it takes is what the database and the JSON take.

    AIIDA_PATH=FOLDER BENCHMARK_PROFILE=sqlite gunicorn -w 2 'benchmarks.limit.app:create_app()'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote

import orjson

from benchmarks.limit import lists, nodes, overviews, querybuilder
from benchmarks.limit.asked import Asked, asked
from benchmarks.limit.database import Database, opened

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

ROUTES = {**lists.ROUTES, **overviews.ROUTES, **nodes.ROUTES, **querybuilder.ROUTES}


def create_app() -> Application:
    """For the profile that the environment names."""
    return application(opened())


def application(database: Database) -> Application:
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else b""
        request = asked(environ["PATH_INFO"], unquote(environ["QUERY_STRING"]), body)
        data, total = ROUTES[request.route](database, request)
        is_file = isinstance(data, bytes)
        content = data if is_file else orjson.dumps(_envelope(environ, request, data))
        headers = [
            ("Content-Type", "application/octet-stream" if is_file else "application/json"),
            ("Content-Length", str(len(content))),
            ("Access-Control-Allow-Origin", "*"),
        ]
        start_response("200 OK", headers if is_file or total is None else [*headers, ("X-Total-Count", str(total))])
        return [content]

    return app


def _envelope(environ: Environ, request: Asked, data: Any) -> dict[str, Any]:
    path, root = environ["PATH_INFO"], f"http://{environ['HTTP_HOST']}/"
    shown = {
        "data": data,
        "method": environ["REQUEST_METHOD"],
        "path": path,
        "query_string": request.query,
        "resource_type": request.route.partition("/")[0],
        "url": root[:-1] + path + (f"?{request.query}" if request.query else ""),
        "url_root": root,
    }
    if request.body:
        return shown | {"resource_type": "QueryBuilder"}
    return shown | {"id": request.path_id}
