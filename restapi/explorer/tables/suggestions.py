"""Paths into the JSON of some rows of a table, which its forms suggest as fields and columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from querylang.ast import Query
from querylang.schema import FieldType
from querylang.unparse import unparse, unparse_key
from restapi.explorer import filters
from restapi.explorer.ask import ApiRefused
from restapi.explorer.tables.definitions import Table
from restapi.explorer.visit import Visit

_ROWS = 4
_MOST = 100
_DEPTH = 4
_LONGEST = 100


def suggestions_of(visit: Visit, table: Table, query: Query) -> Sequence[str]:
    """Paths into attributes and extras of the first rows of a query; none if they cannot be had."""
    if table.entity.name != "nodes":
        return ()
    text = filters.joined(table.scope, unparse(filters.filters_of(query)), "attributes=true&extras=true")
    try:
        answer = visit.api.ask(
            table.api_path, f"{text}&orderby={table.order}&limit={visit.at_most(_ROWS)}", prefer="count=none"
        )
    except ApiRefused:
        return ()
    columns = [name for name, known in table.entity.fields.items() if known.type is FieldType.JSON]
    found: dict[str, None] = {}
    for row in answer.data["nodes"]:
        for name in columns:
            for path in _below(row.get(name), ()):
                written = unparse_key(name, path)
                if len(written) <= _LONGEST:
                    found.setdefault(written)
                if len(found) >= _MOST:
                    return tuple(found)
    return tuple(found)


def _below(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The paths to what is no object, or is too deep to go on; of a list of objects the first one stands for all."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = {"0": value[0]}
    if isinstance(value, dict) and len(path) < _DEPTH:
        for key, each in value.items():
            yield from _below(each, (*path, key))
    elif path:
        yield path
