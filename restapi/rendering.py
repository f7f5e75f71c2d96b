"""Rows -> the objects that both AiiDA dialects show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from querylang.schema import Field, FieldType
from restapi.encoding import http_date, stored_json

WRITERS: Mapping[FieldType, Callable[[Any], Any]] = {
    FieldType.BOOLEAN: bool,
    FieldType.DATETIME: http_date,
    FieldType.JSON: stored_json,
}
"""Values of all other types are shown as they are stored."""


@dataclass(frozen=True)
class Shown:
    """How rows are shown: as objects, each with these `names` as its keys, in this order."""

    names: tuple[str, ...]
    objects: Callable[[Sequence[Sequence[Any]]], list[dict[str, Any]]]


def objects(fields: Sequence[Field], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    names = [field.name for field in fields]
    written = [
        (field.name, _or_null(WRITERS[field.type]) if field.is_nullable else WRITERS[field.type])
        for field in fields
        if field.type in WRITERS
    ]
    shown = [dict(zip(names, row, strict=True)) for row in rows]
    for each in shown:
        for name, write in written:
            each[name] = write(each[name])
    return shown


def _or_null(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else write(value)
