"""The catalogue of a database: the indexes it has, and the tables that its planner has no statistics of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import orjson

from aiida_like import models
from aiida_like.advice.index import Index
from aiida_like.storage import Storage


@dataclass(frozen=True)
class Existing:
    """An existing index, compared by table, method and columns, not by name."""

    table: str
    method: str | None
    parts: tuple[str, ...]

    def serves_as(self, index: Index) -> bool:
        wanted = tuple(part.sql for part in index.parts)
        return (self.table, self.method) == (index.table, index.method) and self.parts[: len(wanted)] == wanted


_OF_SQLITE = """
SELECT t.name, coalesce(s.sql, ''), json_group_array(i.name)
FROM sqlite_master AS t, pragma_index_list(t.name) AS l, pragma_index_info(l.name) AS i
LEFT JOIN sqlite_master AS s ON s.type = 'index' AND s.name = l.name
WHERE t.type = 'table' AND NOT l.partial
GROUP BY l.name
"""

_OF_POSTGRESQL = """
SELECT t.relname, m.amname, (
    SELECT json_agg(pg_get_indexdef(i.indexrelid, k, true) ORDER BY k) FROM generate_series(1, i.indnatts) AS k
)
FROM pg_index AS i JOIN pg_class AS t ON t.oid = i.indrelid JOIN pg_class AS x ON x.oid = i.indexrelid
JOIN pg_am AS m ON m.oid = x.relam
WHERE t.oid = to_regclass(quote_ident(t.relname)) AND t.relname LIKE 'db_db' || chr(37)
    AND i.indisvalid AND i.indpred IS NULL
    AND NOT EXISTS (SELECT FROM pg_opclass AS o WHERE o.oid = ANY (i.indclass) AND NOT o.opcdefault)
"""
"""Indexes of other operator classes are left out, such as those that AiiDA makes for LIKE: their order is another."""


def existing_indexes(storage: Storage) -> list[Existing]:
    """The indexes of a database. Raises StatementTimeout, StorageError."""
    if storage.database.engine.dialect.name == "postgresql":
        rows = storage.database.rows(_OF_POSTGRESQL, {})
        return [Existing(table, method, tuple(orjson.loads(parts))) for table, method, parts in rows]
    rows = storage.database.rows(_OF_SQLITE, {})
    return [Existing(table, None, tuple(_parts_of_sqlite(sql, orjson.loads(names)))) for table, sql, names in rows]


def _parts_of_sqlite(sql: str, names: list[str | None]) -> Iterable[str]:
    """The columns of an index; if one is an expression (None in `names`), as its CREATE INDEX writes them."""
    known = [name for name in names if name is not None]
    if len(known) == len(names):
        return known
    return list(_split(sql[sql.index("(") + 1 : sql.rindex(")")]))


def _split(text: str) -> Iterator[str]:
    """The parts between the commas outside of parentheses."""
    depth, start = 0, 0
    for found in re.finditer(r"'(?:[^']|'')*'|[(),]", text):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if found[0] == "," and depth == 0:
            yield text[start : found.start()].strip()
            start = found.end()
    yield text[start:].strip()


_STATISTICS: Mapping[str, str] = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'db\\_db%' ESCAPE '\\'"
    " AND NOT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1') ORDER BY name",
    "postgresql": "SELECT relname FROM pg_class WHERE oid = to_regclass(quote_ident(relname)) AND relkind = 'r'"
    " AND relname LIKE 'db_db' || chr(37) AND reltuples <= 0 AND pg_relation_size(oid) > 0 ORDER BY relname",
}


def without_statistics(storage: Storage) -> list[str]:
    """Tables without statistics, because nobody has run ANALYZE.

    Raises:
        StatementTimeout, StorageError.
    """
    rows = storage.database.rows(_STATISTICS[storage.database.engine.dialect.name], {})
    return [table for (table,) in rows if table in models.metadata.tables]
