"""Dictionaries of the QueryBuilder -> rows, on the shortest way: see `querylang.graph.walk`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from aiida_like.models import node
from aiida_like.storage import Storage
from querylang.graph.ast import GraphQuery
from querylang.graph.compile import compile_graph
from querylang.graph.numbers import numbers_of
from querylang.graph.walk import Kind, along, compile_extent, compile_frequency, kinds_of, lone_kind, of_type
from querylang.walk import ONE_IN, compile_size
from restapi.fetching.known_numbers import learn, recall_rows
from restapi.fetching.reading import Rows, fetch, fetch_list, fetch_remembered, statistic


def fetch_graph(storage: Storage, query: GraphQuery, limit: int) -> Rows:
    """At most `limit` rows of the projections.

    Raises:
        StatementTimeout, StorageError.
    """
    numbers = None if storage.memory is None else numbers_of(query)
    if numbers is None:
        return _fetch(storage, query, limit)
    rows = recall_rows(storage, numbers)
    if rows is None:
        rows = _fetch(storage, query, limit)
        learn(storage, numbers, partial(_fetch, storage))
    return rows


def _fetch(storage: Storage, query: GraphQuery, limit: int) -> Rows:
    # Databases with statistics find the way themselves.
    kinds = () if storage.estimates else kinds_of(query)
    kind = lone_kind(query, kinds)
    if kind is not None:
        rows = _fetch_of_type(storage, query, kind, limit)
        if rows is not None:
            return rows
    return fetch_list(storage, compile_graph(_shortest(storage, query, kinds), limit))


def _fetch_of_type(storage: Storage, query: GraphQuery, kind: Kind, limit: int) -> Rows | None:
    """None: there are several types of the kind, or none."""
    ((first, last),) = fetch_remembered(storage, compile_extent(kind))
    if first is None or first != last:
        return None
    version = storage.version_begun()
    rows = fetch_list(storage, compile_graph(of_type(query, kind, first), limit))
    if version is None or storage.version() != version:
        # Something was committed meanwhile: it may have brought another type.
        ((first, last),) = fetch(storage, compile_extent(kind))
    return rows if first == last else None


def _shortest(storage: Storage, query: GraphQuery, kinds: Sequence[Kind]) -> GraphQuery:
    if not kinds:
        return query
    size = statistic(storage, compile_size(node))
    most = -(-size // ONE_IN)
    return along(query, min(statistic(storage, compile_frequency(kind, most)) for kind in kinds), size)
