"""What there is in all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.limit.asked import Asked
from benchmarks.limit.database import Database, Route
from benchmarks.limit.query import read
from benchmarks.limit.types import tree_of_types


def statistics(database: Database, request: Asked) -> tuple[Any, None]:
    """Both counts read nothing but an index, unless they are those of a user."""
    query = read(request.query)
    counts = f"SELECT {{}}, count(*) FROM db_dbnode {query.where} GROUP BY 1 ORDER BY 1"
    key = f"{database.hidden}node_type" if query.where else "node_type"
    types: dict[str, int] = dict(database.rows(counts.format(key), *query.values))
    days: dict[str, int] = dict(database.rows(counts.format(database.day), *query.values))
    return {"total": sum(types.values()), "types": types, "ctime_by_day": days}, None


PROCESSES = "node_type >= 'process.' AND node_type < 'process/'"
COUNTED = f"""
SELECT node_type, NULL, count(*) FROM db_dbnode WHERE NOT ({PROCESSES}) GROUP BY 1
UNION ALL SELECT node_type, process_type, count(*) FROM db_dbnode WHERE {PROCESSES} GROUP BY 1, 2"""
"""Data has no process type, so an index is enough to count it."""
TYPES = f"""
WITH RECURSIVE types(node_type) AS (
    SELECT min(node_type) FROM db_dbnode
    UNION ALL
    SELECT (SELECT min(node_type) FROM db_dbnode WHERE node_type > types.node_type) FROM types
    WHERE node_type IS NOT NULL
)
SELECT node_type, NULL FROM types WHERE NOT ({PROCESSES})
UNION ALL SELECT * FROM (SELECT DISTINCT node_type, process_type FROM db_dbnode WHERE {PROCESSES}) AS processes"""
"""From one type of data to the next, by the index."""

ROUTES: Mapping[str, Route] = {
    "nodes/statistics": statistics,
    "nodes/full_types": lambda database, _: (tree_of_types(database.rows(TYPES)), None),
    "nodes/full_types_count": lambda database, _: (tree_of_types(database.rows(COUNTED)), None),
}
