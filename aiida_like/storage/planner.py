"""Numbers that are known of tables without reading them, by which the faster way to rows is chosen."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from aiida_like.storage.database import Database
from aiida_like.storage.statements import Statement, StatementCache
from aiida_like.tuning import Tuning


class _Number(NamedTuple):
    number: int
    version: str | None
    until: float


@dataclass(frozen=True)
class Planner:
    """Numbers such as planners of databases have; they may be a little old. Safe to use from several threads.

    `has_statistics`: the database keeps statistics of its tables, and finds the fastest way itself.
    """

    database: Database
    statements: StatementCache
    tuning: Tuning
    has_statistics: bool
    _numbers: dict[Hashable, _Number] = field(default_factory=dict, repr=False)

    def expected_rows(self, statement: Statement) -> int:
        """The number of rows that the database expects of a statement, which is not run.

        Raises:
            StatementTimeout, StorageError: as `Database.rows`.
        """
        prepared = self.statements.prepared(statement)
        explained = f"{self.database.explain} {prepared.sql}"
        ((plan,),) = self.database.rows(explained, {**prepared.constants, **statement.values})
        return int(orjson.loads(plan)[0]["Plan"]["Plan Rows"])

    def recall(self, statement: Statement, version: str | None) -> int | None:
        """The number that a statement found at this data version, or not long ago; else None."""
        found = self._numbers.get(statement.result_key)
        if found is None:
            return None
        is_exact = version is not None and found.version == version
        return found.number if is_exact or time.monotonic() < found.until else None

    def remember(self, statement: Statement, version: str | None, number: int) -> None:
        """Keeps a number that was counted at a data version."""
        if len(self._numbers) >= self.tuning.statistics:
            self._numbers.clear()
        until = time.monotonic() + self.tuning.statistic_seconds
        self._numbers[statement.result_key] = _Number(number, version, until)
