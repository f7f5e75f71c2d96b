"""Lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from benchmarks.limit.asked import Asked
from benchmarks.limit.database import Database, Route, Row
from benchmarks.limit.query import Query, read
from benchmarks.limit.values import COLUMNS, http_date, node

FAR = 400
"""From here on it pays to find the ids in an index first, and to read only the rows of the page."""
ORDERS = {"id": "id", "-id": "id DESC", "-ctime": "ctime DESC, id", "-time": "time DESC, id"}


def _page(
    database: Database, request: Asked, query: Query, table: str, columns: Sequence[str]
) -> tuple[list[Row], int]:
    """Rows of one page, the number of all rows behind their columns; and that number."""
    order = ORDERS[query.options.get("orderby", "id")]
    limit = int(query.options.get("perpage", query.options.get("limit", "400")))
    offset = (request.page - 1) * limit if request.page else int(query.options.get("offset", 0))
    count = f"(SELECT count(*) FROM {table} {query.where.format(hidden='')})"
    selected = f"SELECT {', '.join(columns)}, {count} FROM {table}"
    window = f"{query.where.format(hidden=database.hidden)} ORDER BY {order} LIMIT {limit} OFFSET ?"
    if offset >= FAR:
        window = f"WHERE id IN (SELECT id FROM {table} {window}) ORDER BY {order}"
    found = database.rows(f"{selected} {window}", *query.values, *query.values, offset)
    if found:
        return found, found[0][-1]
    return [], database.rows(f"SELECT {count}", *query.values)[0][0] if offset else 0


def nodes(database: Database, request: Asked) -> tuple[Any, int]:
    query = read(request.query)
    keys = query.options["attributes_filter"].split(",") if "attributes_filter" in query.options else []
    more = [database.value.format("db_dbnode", key) for key in keys]
    if "attributes" in query.options and not keys:
        more = ["attributes"]
    found, total = _page(database, request, query, "db_dbnode", (*COLUMNS, *more))
    shown = list(map(node, found))
    for each, row in zip(shown, found, strict=True):
        if keys:
            each["attributes"] = dict(zip(keys, map(database.shown, row[len(COLUMNS) :]), strict=False))
        elif more:
            each["attributes"] = orjson.Fragment(row[len(COLUMNS)])
    return {"nodes": shown}, total


ENTITIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "computers": (
        "db_dbcomputer",
        ("description", "hostname", "id", "label", "metadata", "scheduler_type", "transport_type", "uuid"),
    ),
    "groups": ("db_dbgroup", ("description", "extras", "id", "label", "time", "type_string", "user_id", "uuid")),
    "users": ("db_dbuser", ("id", "first_name", "institution", "last_name")),
}
SHOWN: Mapping[str, Callable[[str], Any]] = {
    "metadata": orjson.Fragment,
    "extras": orjson.Fragment,
    "time": http_date,
}


def entities(database: Database, request: Asked) -> tuple[Any, int]:
    table, columns = ENTITIES[request.route]
    found, total = _page(database, request, read(request.query), table, columns)
    return {request.route: [entity(columns, row) for row in found]}, total


def entity(columns: tuple[str, ...], row: Row) -> dict[str, Any]:
    values = zip(columns, row, strict=False)
    return {column: SHOWN[column](value) if column in SHOWN else value for column, value in values}


ROUTES: Mapping[str, Route] = {"nodes": nodes, "nodes/page": nodes, **dict.fromkeys(ENTITIES, entities)}
