"""A copy of PostgreSQL's tables, as temporary tables of one session, which end with it.

The copies have the names of the tables and come first in the search path, so statements read them unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress

import orjson
from sqlalchemy import URL, Table

from aiida_like.advice.index import Index
from aiida_like.advice.trial import MOST_BYTES, NotTried, Sample, Tell, Trial
from aiida_like.errors import StorageError
from aiida_like.storage import Limits, Storage
from aiida_like.storage.databases import postgresql
from aiida_like.storage.databases.database import Database

_SCHEMA = "pg_temp."
"""The schema before each name that is changed, so that no stored table can be."""


@contextmanager
def trial(storage: Storage, tables: Iterable[Table], most_rows: int, tell: Tell) -> Iterator[Trial]:
    """A trial on copies of at most `most_rows` rows of each table. Raises NotTried."""
    url = storage.profile.database
    assert isinstance(url, URL)
    # One connection, because temporary tables belong to a session.
    database = postgresql.connect(url, Limits(storage.database.limits.statement_seconds, connections=1))
    try:
        try:
            samples = dict(_copied(database, tables, most_rows, tell))
        except StorageError as error:
            reason = str(error).strip().partition("\n")[0]
            raise NotTried(f"no temporary tables can be made: {reason}") from error
        yield _trial(database, samples)
    finally:
        database.close()


def _trial(database: Database, samples: Mapping[str, Sample]) -> Trial:
    def size() -> int:
        ((total,),) = database.rows(_SIZE, {"names": orjson.dumps(list(samples)).decode()})
        return int(total)

    def has_twin(index: Index) -> bool:
        ((number,),) = database.rows(_TWINS, {"name": f"{_SCHEMA}{index.name}"})
        return bool(number)

    return Trial(
        database,
        samples,
        lambda statement: _change(database, statement),
        lambda asked: postgresql.plan_of(database, asked.sql, asked.values),
        size,
        has_twin,
        _SCHEMA,
        needs_statistics=True,
    )


def _change(database: Database, statement: str) -> None:
    """Runs a statement in a transaction that may write; all others of ours are read-only.

    Raises:
        StorageError.
    """
    _run(database, "BEGIN READ WRITE", "SET LOCAL statement_timeout = 0", statement, "COMMIT")


def _vacuum(database: Database, name: str) -> None:
    """Vacuums and analyses a copy, as autovacuum would: for index-only scans, and for the planner.

    Raises:
        StorageError.
    """
    free = {"default_transaction_read_only": "off", "statement_timeout": "0"}
    _run(
        database,
        *(f"SET {setting} = {value}" for setting, value in free.items()),
        f"VACUUM (ANALYZE) {name}",
        *(f"RESET {setting}" for setting in free),
    )


def _run(database: Database, *statements: str) -> None:
    with database.connected() as connection, closing(connection.cursor()) as cursor:
        try:
            for statement in statements:
                cursor.execute(statement)
        except database.driver_error as error:
            connection.rollback()
            raise StorageError(str(error)) from error


_SIZE = """
SELECT sum(pg_indexes_size(to_regclass('pg_temp.' || name)))
FROM json_array_elements_text(CAST(%(names)s AS json)) AS t (name)
"""

_TWINS = """
SELECT count(*) FROM pg_index AS i JOIN pg_index AS other ON other.indrelid = i.indrelid,
    LATERAL (SELECT pg_get_indexdef(i.indexrelid), pg_get_indexdef(other.indexrelid)) AS made (one, two)
WHERE i.indexrelid = to_regclass(%(name)s) AND other.indexrelid <> i.indexrelid
    AND split_part(one, ' USING ', 2) = split_part(two, ' USING ', 2)
"""
"""Indexes with the same definition. PostgreSQL rewrites expressions, so only it can compare them."""

_FACTS = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), pg_table_size(c.oid), (
    SELECT coalesce(json_agg(pg_get_indexdef(i.indexrelid)), '[]') FROM pg_index AS i
    WHERE i.indrelid = c.oid AND i.indisvalid
)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(%(name)s)
"""


def _copied(database: Database, tables: Iterable[Table], most_rows: int, tell: Tell) -> Iterator[tuple[str, Sample]]:
    tables = list(tables)
    # All facts are read before a copy hides the first table.
    facts = {table: database.rows(_FACTS, {"name": table.name})[0] for table in tables}
    counts = {table: database.rows(f"SELECT count(*) FROM {table.name}", {})[0][0] for table in tables}  # noqa: S608
    for number, (table, (stored, size, definitions)) in enumerate(facts.items()):
        tell(f"copying {table.name}", number / len(facts))
        name, rows = f"{_SCHEMA}{table.name}", counts[table]
        part = min(1.0, most_rows / max(1, rows), MOST_BYTES / max(1, size))
        sampled = f" TABLESAMPLE SYSTEM ({100 * part}) REPEATABLE (1)" if part < 1 else ""
        columns = ", ".join(column.name for column in table.columns)
        _change(
            database,
            f"CREATE TEMPORARY TABLE {table.name} AS SELECT {columns} FROM {stored}{sampled}",  # noqa: S608 (of models)
        )
        for definition in orjson.loads(definitions):
            with suppress(StorageError):  # on a column that is not copied
                _change(
                    database,
                    f"CREATE {'UNIQUE ' * definition.startswith('CREATE UNIQUE')}INDEX ON {name} "
                    f"USING {definition.partition(' USING ')[2]}",
                )
        _vacuum(database, name)
        ((copied,),) = database.rows(f"SELECT count(*) FROM {name}", {})  # noqa: S608
        yield str(table.name), Sample(copied, rows)
