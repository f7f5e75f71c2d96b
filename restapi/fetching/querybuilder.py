"""Dictionaries of the QueryBuilder -> rows, by the shortest way.

See `querylang.graph.index_scan` and `querylang.graph.one_group`.
"""

from __future__ import annotations

from aiida_like.models import node
from aiida_like.storage import Snapshot
from querylang.graph.ast import GraphQuery
from querylang.graph.compile import compile_graph
from querylang.graph.index_scan import compile_frequency, scan_in_order, type_filters_of
from querylang.graph.one_group import compile_groups, of_group
from querylang.index_scan import ONE_IN, compile_size
from restapi.fetching.reading import Rows


def fetch_graph(snapshot: Snapshot, query: GraphQuery, limit: int) -> Rows:
    """The rows of the projections, at most `limit`.

    Raises:
        QueryError: its vertices are joined or sorted in more than there is room for.
        StatementTimeout, StorageError.
    """
    statement = compile_graph(_shortest(snapshot, query), limit)
    if len(query.steps) > 1:
        snapshot.storage.check_files(statement, None if query.limit is None else query.offset + query.limit)
    return snapshot.list_rows(statement)


def _shortest(snapshot: Snapshot, query: GraphQuery) -> GraphQuery:
    has_statistics = snapshot.storage.database.has_statistics
    kinds = type_filters_of(query, has_statistics=has_statistics)
    if not kinds:
        # To ask PostgreSQL takes as long as it takes to sort a thousand.
        groups = None if has_statistics else compile_groups(query)
        found = [] if groups is None else snapshot.rows(groups)
        return of_group(query, found[0][0]) if len(found) == 1 else query
    size = snapshot.statistic(compile_size(node))
    most = -(-size // ONE_IN)
    frequency = min(snapshot.statistic(compile_frequency(kind, most)) for kind in kinds)
    return scan_in_order(query, frequency, size, snapshot.storage.tuning.scanned_rows)
