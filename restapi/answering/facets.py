"""`facet=`: the values that rows have in common, with the number of rows of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from aiida_like.storage import Snapshot
from querylang.compile import RowsQuery, compile_facet
from querylang.facets import Facet
from querylang.schema import FieldType
from restapi.answering.rendering import WRITERS
from restapi.fetching.reading import fetch_remembered, narrowed

MAX_FACET_VALUES = 100
"""The most values of a facet that are listed, the most frequent ones."""


def count_facets(snapshot: Snapshot, query: RowsQuery, facets: Iterable[Facet]) -> dict[str, Any]:
    """The values of each facet, and how many different ones there are, of all rows that fulfil the conditions.

    Raises:
        StatementTimeout, StorageError.
    """
    with narrowed("narrow the list with filters, or ask for fewer facets"):
        return {facet.key: _counted(snapshot, query, facet) for facet in facets}


def _counted(snapshot: Snapshot, query: RowsQuery, facet: Facet) -> dict[str, Any]:
    # Of JSON whole: a large value is not streamed beside rows that are.
    write = {**WRITERS, FieldType.JSON: orjson.Fragment}.get(facet.field.type, lambda value: value)
    rows = fetch_remembered(snapshot, compile_facet(query, facet, MAX_FACET_VALUES))
    values: list[dict[str, Any]] = []
    for value, count, _, *names in rows:
        shown = {"value": None if value is None else write(value), "count": count}
        values.append(shown | {"name": names[0]} if names else shown)
    return {"values": values, "distinct": rows[0][2] if rows else 0}
