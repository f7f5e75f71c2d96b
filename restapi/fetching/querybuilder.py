"""Dictionaries of the QueryBuilder -> rows, on the shortest way: see `querylang.graph.walk`."""

from __future__ import annotations

from aiida_like.models import node
from aiida_like.storage import Storage
from querylang.graph.ast import GraphQuery
from querylang.graph.compile import compile_graph
from querylang.graph.walk import along, compile_frequency, kinds_of
from querylang.walk import ONE_IN, compile_size
from restapi.fetching.reading import Rows, fetch_list, statistic


def fetch_graph(storage: Storage, query: GraphQuery, limit: int) -> Rows:
    """At most `limit` rows of the projections.

    Raises:
        StatementTimeout, StorageError.
    """
    return fetch_list(storage, compile_graph(_shortest(storage, query), limit))


def _shortest(storage: Storage, query: GraphQuery) -> GraphQuery:
    # Databases with statistics find the way themselves.
    kinds = () if storage.estimates else kinds_of(query)
    if not kinds:
        return query
    size = statistic(storage, compile_size(node))
    most = -(-size // ONE_IN)
    return along(query, min(statistic(storage, compile_frequency(kind, most)) for kind in kinds), size)
