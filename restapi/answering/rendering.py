"""Rows -> the objects that AiiDA dialects show, and fields as they describe them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

from querylang.schema import Field, FieldType
from restapi.http.encoding import http_date, iso_time, stored_json

WRITERS: Mapping[FieldType, Callable[[Any], Any]] = {
    FieldType.BOOLEAN: bool,
    FieldType.DATETIME: http_date,
    FieldType.JSON: stored_json,
}
"""Values of all other types are shown as they are stored."""


MakeObjects = Callable[[Iterable[Sequence[Any]]], list[dict[str, Any]]]


@dataclass(frozen=True)
class RowRenderer:
    """A renderer of rows of these fields as objects, each with these `names` as its keys, in this order."""

    fields: tuple[Field, ...]
    names: tuple[str, ...]
    objects: MakeObjects


@lru_cache(maxsize=128)
def objects_of(fields: tuple[Field, ...]) -> MakeObjects:
    """A function that makes objects of rows of these fields.

    For two fields, the second one a time, it is `lambda rows: [{k0: v0, k1: w1(v1)} for v0, v1, in rows]`. This takes
    half the time of making objects of names and values, and replacing some of the values.
    """
    known: dict[str, Any] = {}
    values, entries = [], []
    for number, field in enumerate(fields):
        known[f"k{number}"] = field.name
        value = f"v{number}"
        values.append(f"{value},")
        write = field.write or WRITERS.get(field.type)
        if write is not None:
            known[f"w{number}"] = _or_null(write) if field.is_nullable else write
            value = f"w{number}({value})"
        entries.append(f"k{number}: {value}")
    # Names come from clients, so they are arguments of the code and no part of it.
    code = f"lambda rows: [{{{', '.join(entries)}}} for {' '.join(values)} in rows]"
    return cast("MakeObjects", eval(code, known))  # noqa: S307


def with_iso_times(renderer: RowRenderer) -> RowRenderer:
    """The renderer for files, which programs read: times are ISO 8601."""
    times = [(number, each.name) for number, each in enumerate(renderer.fields) if each.type is FieldType.DATETIME]

    def show(rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
        rows = list(rows)
        found = renderer.objects(rows)
        for each, row in zip(found, rows, strict=True):
            for number, name in times:
                each[name] = iso_time(row[number])
        return found

    return replace(renderer, objects=show)


def _or_null(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else write(value)


def described_field(field: Field, type_: str, *, is_display: bool) -> dict[str, Any]:
    """What a page is told of a field; `type_` is the name of its type there, `is_display`: it is shown at first."""
    described: dict[str, Any] = {
        "display_name": field.title,
        "help_text": field.help,
        "is_display": is_display,
        "is_foreign_key": field.refers_to is not None,
        "type": type_,
    }
    if field.refers_to is not None:
        described |= {"related_column": "id", "related_resource": field.refers_to}
    return described
