"""Rows -> the JSON of v2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from querylang.schema import Field, FieldType
from restapi.answering.rendering import described_field
from restapi.http.encoding import json_reply
from restapi.http.exchange import Request
from restapi.http.reply import Reply

_SCHEMA_TYPES = {
    FieldType.INTEGER: "int",
    FieldType.STRING: "str",
    FieldType.UUID: "str",
    FieldType.BOOLEAN: "bool",
    FieldType.DATETIME: "datetime.datetime",
    FieldType.JSON: "dict",
}


def envelope(
    asked: Request, resource: str, data: Any, *, total: int | None, pk: int | None, path_id: str | int | None
) -> Reply:
    """The reply that holds data; texts of the request are shown as they were sent."""
    return json_reply(
        {
            "data": data,
            "id": path_id,
            "method": asked.method,
            "path": asked.path,
            "pk": pk,
            "query_string": asked.query_string,
            "resource_type": resource,
            "url": asked.url,
            "url_root": asked.url_root,
        },
        total=total,
    )


def schema(fields: Sequence[Field]) -> dict[str, Any]:
    return {
        "fields": {
            field.name: described_field(field, _SCHEMA_TYPES[field.type], is_display=field.is_shown) for field in fields
        },
        "ordering": [field.name for field in fields],
    }
