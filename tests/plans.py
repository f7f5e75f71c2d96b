"""What a database says of how it runs a statement."""

from __future__ import annotations

from aiida_like.storage import Storage
from querylang.compile import RowsQuery, Statement, Window, compile_rows


def listed(storage: Storage, query: RowsQuery) -> Statement:
    return compile_rows(query, Window(20), keys_first=storage.database.indexes_have_keys)


def explained(storage: Storage, statement: Statement) -> str:
    """What the database does, one step a line; of PostgreSQL with indexes preferred, as the golden graph is small."""
    prepared = storage.statements.compile(statement.build())
    values = {**prepared.constants, **statement.values}
    connection = storage.database.engine.raw_connection()
    cursor = connection.cursor()
    if storage.database.engine.dialect.name == "postgresql":
        for step in ("seqscan", "bitmapscan", "sort", "hashjoin"):
            cursor.execute(f"SET enable_{step} = off")
        cursor.execute("SET plan_cache_mode = force_custom_plan")
        cursor.execute("EXPLAIN " + prepared.sql, values)
        steps = [row[0] for row in cursor.fetchall()]
        cursor.execute("RESET ALL")
    else:
        cursor.execute("EXPLAIN QUERY PLAN " + prepared.sql, values)
        steps = [row[3] for row in cursor.fetchall()]
    cursor.close()
    connection.close()
    return "\n".join(steps)
