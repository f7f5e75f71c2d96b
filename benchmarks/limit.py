"""The limit: a bare WSGI function with hand-written SQL and orjson that answers only the URLs of the benchmark.

No framework, no validation, no errors: what it takes is what the database and the JSON take.

    BENCHMARK_PROFILE=FOLDER gunicorn -w 2 benchmarks.limit:app
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import orjson

STATE = """CASE WHEN node_type >= 'process.' AND node_type < 'process/' THEN
    CASE WHEN json_extract(attributes, '$.process_state') = 'finished'
        AND json_extract(attributes, '$.exit_status') != 0
    THEN 'FAILED' ELSE upper(json_extract(attributes, '$.process_state')) END END"""
COLUMNS = f"ctime, id, label, mtime, {STATE}, node_type, user_id, uuid"
KEYS = ("ctime", "id", "label", "mtime", "state", "type", "user_id", "uuid")
ONE = re.compile(r"/api/v2/nodes/([0-9a-f-]{36})(/content/attributes|/io/inputs)?$")


@cache
def database() -> sqlite3.Connection:
    file = Path(os.environ["BENCHMARK_PROFILE"]) / "database.sqlite"
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None, cached_statements=256)
    connection.execute("PRAGMA mmap_size = 1073741824")
    return connection


@cache
def day(text: str) -> str:
    return date.fromisoformat(text).strftime("%a, %d %b %Y")


def node(row: tuple[Any, ...]) -> dict[str, Any]:
    shown = dict(zip(KEYS, row, strict=False))
    for key in ("ctime", "mtime"):
        shown[key] = f"{day(shown[key][:10])} {shown[key][11:19]} GMT"
    return shown


def rows(query: str) -> tuple[dict[str, Any], int, int | None]:
    options = dict(pair.split("=") for pair in query.split("&"))
    order = {"-id": "id DESC", "-ctime": "ctime DESC, id DESC"}[options["orderby"]]
    execute = database().execute
    found = execute(
        f"SELECT {COLUMNS} FROM db_dbnode WHERE id IN "
        f"(SELECT id FROM db_dbnode ORDER BY {order} LIMIT ? OFFSET ?) ORDER BY {order}",
        (options["limit"], options.get("offset", 0)),
    ).fetchall()
    return {"nodes": list(map(node, found))}, execute("SELECT count(*) FROM db_dbnode").fetchone()[0], None


def one(uuid: str, part: str | None) -> tuple[dict[str, Any], int, int | None]:
    execute = database().execute
    if part is None:
        row = execute(f"SELECT {COLUMNS}, attributes FROM db_dbnode WHERE uuid = ?", (uuid,)).fetchone()
        return {"nodes": [node(row[:-1]) | {"attributes": orjson.Fragment(row[-1])}]}, 1, row[1]
    if part == "/content/attributes":
        pk, text = execute("SELECT id, attributes FROM db_dbnode WHERE uuid = ?", (uuid,)).fetchone()
        return {"attributes": orjson.Fragment(text)}, 1, pk
    (pk,) = execute("SELECT id FROM db_dbnode WHERE uuid = ?", (uuid,)).fetchone()
    found = execute(
        f"SELECT {COLUMNS} FROM db_dbnode WHERE id IN (SELECT input_id FROM db_dblink WHERE output_id = ?) "
        "ORDER BY id LIMIT 400",
        (pk,),
    ).fetchall()
    return {"inputs": list(map(node, found))}, len(found), pk


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    match = ONE.match(path)
    data, total, pk = one(match[1], match[2]) if match else rows(query)
    root = f"http://{environ['HTTP_HOST']}/"
    body = orjson.dumps(
        {
            "data": data,
            "id": match[1] if match else None,
            "method": "GET",
            "path": path,
            "pk": pk,
            "query_string": query,
            "resource_type": "nodes",
            "url": root[:-1] + path + (f"?{query}" if query else ""),
            "url_root": root,
        }
    )
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("X-Total-Counts", str(total)),
        ("X-Total-Count", str(total)),
        ("Access-Control-Allow-Origin", "*"),
    ]
    start_response("200 OK", headers)
    return [body]
