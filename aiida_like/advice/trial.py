"""A copy of a few tables, where indexes can be made and statements timed: the stored database is never changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select

from aiida_like.advice.index import Index
from aiida_like.errors import AiidaLikeError, StatementTimeout, StorageError
from aiida_like.storage.databases.database import Database

RUNS = 5
"""Runs of a statement that is timed, fewer if they take too long; the shortest counts, as nothing makes one shorter."""
_PATIENCE_SECONDS = 3.0
MOST_BYTES = 2_000_000_000
"""The largest size of a copy."""

Tell = Callable[[str, float], None]
"""A progress callback: what is being done, and the fraction that is done, from 0 to 1."""


class NotTried(AiidaLikeError):
    """No copy can be made here; the message says why."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A statement that a query made. `seconds`: its time on the database itself, cut off by the limit."""

    query: str
    select: Select[Any]
    sql: str
    values: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True)
class Sample:
    """The number of rows of a table that were copied, and of all."""

    copied: int
    rows: int

    @property
    def is_whole(self) -> bool:
        return self.copied >= self.rows


@dataclass(frozen=True)
class Trial:
    """A copy on trial. `change` runs a statement that changes it, `plan` explains one, `size` is its size in bytes.

    `has_twin`: whether the copy has the same index under another name. `schema`: the prefix of its tables and indexes.
    `needs_statistics`: the planner takes no index on an expression before ANALYZE.
    """

    database: Database
    samples: Mapping[str, Sample]
    change: Callable[[str], None]
    plan: Callable[[Asked], str]
    size: Callable[[], int]
    has_twin: Callable[[Index], bool] = lambda _: False
    schema: str = ""
    needs_statistics: bool = False

    def seconds(self, asked: Asked) -> float:
        """The shortest time of a statement; the limit, if it takes longer than that."""
        taken: list[float] = []
        while len(taken) < RUNS and sum(taken) < _PATIENCE_SECONDS:
            started = time.perf_counter()
            try:
                self.database.rows(asked.sql, asked.values)
            except StatementTimeout as error:
                return error.seconds
            taken.append(time.perf_counter() - started)
        return min(taken)

    def uses(self, asked: Asked, index: Index) -> bool:
        return index.name in self.plan(asked)

    def build(self, index: Index) -> int | None:
        """Makes an index: its bytes, scaled to the whole table; None: it is refused, or there already."""
        table, without = f"{self.schema}{index.table}", self.size()
        try:
            self.change(f"CREATE INDEX {index.name} ON {table} {index.target}")
        except StorageError:
            return None
        if self.has_twin(index):
            self.drop(index)
            return None
        if self.needs_statistics and index.has_expression:
            self.change(f"ANALYZE {table}")
        sample = self.samples[index.table]
        return round((self.size() - without) * sample.rows / max(1, sample.copied))

    def drop(self, index: Index) -> None:
        self.change(f"DROP INDEX {self.schema}{index.name}")

    @contextmanager
    def having(self, index: Index) -> Iterator[int | None]:
        size = self.build(index)
        yield size
        if size is not None:
            self.drop(index)
