"""Rows -> the objects that both AiiDA dialects show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
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


def objects(fields: tuple[Field, ...], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    names, written = _writing(fields)
    shown = [dict(zip(names, row, strict=True)) for row in rows]
    for each in shown:
        for name, write in written:
            each[name] = write(each[name])
    return shown


@lru_cache(maxsize=1024)
def _writing(fields: tuple[Field, ...]) -> tuple[Sequence[str], Sequence[tuple[str, Callable[[Any], Any]]]]:
    """The names of all fields, and how those are written that are not shown as they are stored."""
    written = [
        (field.name, _or_null(WRITERS[field.type]) if field.is_nullable else WRITERS[field.type])
        for field in fields
        if field.type in WRITERS
    ]
    return [field.name for field in fields], written


def _or_null(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else write(value)
