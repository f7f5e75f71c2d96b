"""Rows -> the JSON of v4."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from aiida_like.storage.sql.json_expressions import json_value
from querylang.decode import decode
from querylang.schema import Field, FieldType
from restapi.answering.rendering import RowRenderer, objects_of
from restapi.dialects.aiida_v4.full_type import full_type
from restapi.http.encoding import LargeJSON, json_reply, stored_json
from restapi.http.exchange import Request
from restapi.http.reply import Reply

Chosen = Mapping[str, tuple[str, ...]]
"""The paths to show of each JSON column that is not shown as a whole."""


def renderer(fields: tuple[Field, ...], chosen: Chosen, *, has_full_type: bool) -> RowRenderer:
    """The renderer of rows; values at `chosen` paths come in fields such as `attributes.cell`.

    `has_full_type`: the rows are nodes, whose types are among the fields.
    """
    parts = {_part(column, path) for column, paths in chosen.items() for path in paths}
    names = [field.name for field in fields if field.name not in parts]
    objects = objects_of(fields)

    def show(rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
        found = objects(rows)
        for each in found:
            if has_full_type:
                each["full_type"] = full_type(each["node_type"], each["process_type"])
            for column, paths in chosen.items():
                each[column] = {path: _stored(each.pop(_part(column, path))) for path in paths}
        return found

    return RowRenderer(fields, (*names, *(["full_type"] if has_full_type else []), *chosen), show)


@lru_cache(maxsize=256)
def part_field(content: Field, path: str) -> Field:
    """A field for the value at one path of a JSON column; its text is JSON, which `show` puts in place."""
    expression = json_value(content.expression, tuple(path.split(".")))
    return Field(_part(content.name, path), FieldType.STRING, expression, path, path)


def _part(column: str, path: str) -> str:
    return f"{column}.{path}"


def _stored(text: str | None) -> orjson.Fragment | LargeJSON | None:
    """The JSON; null if the node has no such value."""
    return None if text is None else stored_json(text)


def envelope(
    asked: Request, resource: str, data: Any, *, total: int | None, path_id: str | int | None, **_: int | None
) -> Reply:
    """The reply that holds data; all texts of the request are shown decoded."""
    return json_reply({**_envelope(asked, resource, data), "id": path_id}, total=total)


def envelope_without_id(asked: Request, resource: str, data: Any, *, total: int = 1, status: int = 200) -> Reply:
    return json_reply(_envelope(asked, resource, data), status, total=total)


def _envelope(asked: Request, resource: str, data: Any) -> dict[str, Any]:
    path = decode(asked.path.encode()) if "%" in asked.path else asked.path
    url = asked.url_root.rstrip("/") + path
    return {
        "data": data,
        "method": asked.method,
        "path": path,
        "query_string": asked.text,
        "resource_type": resource,
        "url": f"{url}?{asked.text}" if asked.text else url,
        "url_root": asked.url_root,
    }
