"""Results of statements that read many rows for few, remembered until a commit; and numbers that may be older."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from aiida_like.storage.databases.row_sizes import Row
from aiida_like.tuning import Tuning

Rows = Sequence[Row]


@dataclass
class _Generation:
    """Results of one data version. `older`: those that are forgotten next."""

    version: str | None
    older: Mapping[Hashable, Rows] = field(default_factory=dict)
    results: dict[Hashable, Rows] = field(default_factory=dict)
    rows: int = 0


class ResultCache:
    """Results of one data version at a time; those that were not asked for longest are forgotten first.

    It keeps at most `most` results, and as many older ones. Safe to use from several threads.
    """

    def __init__(self, most: int, most_rows: int) -> None:
        self._most = most
        self._most_rows = most_rows
        self._current = _Generation(None)
        self._slow: set[Hashable] = set()

    @property
    def version(self) -> str | None:
        """The data version of what is remembered."""
        return self._current.version

    def __len__(self) -> int:
        return len(self._current.results)

    def recall(self, version: str, key: Hashable) -> Rows | None:
        current = self._current
        if current.version != version:
            return None
        rows = current.results.get(key)
        if rows is None:
            rows = current.older.get(key)
            if rows is not None:
                self.remember(version, key, rows)
        return rows

    def remember(self, version: str, key: Hashable, rows: Rows) -> None:
        """Keeps rows that were read after the version."""
        if len(rows) > self._most_rows:
            return
        current = self._current
        # In one step: no thread finds results of one version under the name of another.
        if current.version != version:
            current = self._current = _Generation(version)
        growth = len(rows) - len(current.results.get(key, ()))
        if len(current.results) >= self._most or current.rows + growth > self._most_rows:
            current = self._current = _Generation(version, current.results)
            growth = len(rows)
        current.rows += growth
        current.results[key] = rows

    def is_slow(self, key: Hashable) -> bool:
        """Whether a statement was slow before, at any data version."""
        return key in self._slow

    def note_slow(self, key: Hashable) -> None:
        if len(self._slow) >= self._most:
            self._slow.clear()
        self._slow.add(key)


@dataclass(frozen=True)
class ResultCaches:
    """The results that a storage remembers.

    `lists` are apart: they are many and found fast again, and would displace results that take long.
    """

    results: ResultCache
    lists: ResultCache

    @classmethod
    def of(cls, tuning: Tuning) -> ResultCaches:
        return cls(*(ResultCache(most, tuning.cached_rows) for most in (tuning.cached_results, tuning.cached_lists)))


class _Number(NamedTuple):
    number: int
    version: str | None
    until: float


@dataclass(frozen=True)
class RecentNumbers:
    """Numbers such as planners of databases have; they may be a little old. Safe to use from several threads."""

    tuning: Tuning
    _numbers: dict[Hashable, _Number] = field(default_factory=dict, repr=False)

    def recall(self, key: Hashable, version: str | None) -> int | None:
        """The number that a statement found at this data version, or not long ago; else None."""
        found = self._numbers.get(key)
        if found is None:
            return None
        is_exact = version is not None and found.version == version
        return found.number if is_exact or time.monotonic() < found.until else None

    def remember(self, key: Hashable, version: str | None, number: int) -> None:
        """Keeps a number that was counted at a data version."""
        if len(self._numbers) >= self.tuning.statistics:
            self._numbers.clear()
        self._numbers[key] = _Number(number, version, time.monotonic() + self.tuning.statistic_seconds)
