"""Rows -> the JSON of v4."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from flask import Response

from querylang.decode import decode
from querylang.schema import Field
from restapi.dialects.aiida_v4.full_type import full_type
from restapi.encoding import json_response
from restapi.exchange import Asked
from restapi.headers import set_total
from restapi.rendering import objects


def nodes(fields: Sequence[Field], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """With the full type, and what was asked for of the content, `attributes.cell`, below `attributes`."""
    shown = objects(fields, rows)
    for each in shown:
        each["full_type"] = full_type(each["node_type"], each["process_type"])
    return shown


def gather(shown: Iterable[dict[str, Any]], chosen: Mapping[str, Sequence[str]]) -> None:
    """Puts each `attributes.cell` below `attributes`; what a node does not have is null."""
    for each in shown:
        for column, paths in chosen.items():
            values = {path: each.pop(f"{column}.{path}") for path in paths}
            each[column] = {path: None if text is None else orjson.Fragment(text) for path, text in values.items()}


def envelope(
    asked: Asked, resource: str, data: Any, *, total: int = 1, path_id: str | int | None = None, status: int = 200
) -> Response:
    """`path_id` is what stood for one object in the path; all texts are shown decoded."""
    response = json_response(_envelope(asked, resource, data) | {"id": path_id}, status)
    set_total(response, total)
    return response


def envelope_without_id(asked: Asked, resource: str, data: Any, *, total: int = 1, status: int = 200) -> Response:
    response = json_response(_envelope(asked, resource, data), status)
    set_total(response, total)
    return response


def _envelope(asked: Asked, resource: str, data: Any) -> dict[str, Any]:
    path = decode(asked.path.encode())
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
