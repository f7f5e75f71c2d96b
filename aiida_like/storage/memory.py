"""Results of statements that look at much for little, remembered until something is committed."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Rows = Sequence[Sequence[Any]]

SLOW = 0.002
"""Seconds: what takes a database so long is better remembered, be it only some rows."""

MAX_RESULTS = 500
MAX_LISTS = 100
"""Results of a memory, of one of lists; and as many again of those that are forgotten next."""

MAX_ROWS = 60_000
"""Of these results together. A count is a row, the days of the statistics of fifteen users and ten years are 55 000."""


@dataclass
class _Held:
    """`older` is what is forgotten next."""

    version: str | None
    older: Mapping[Hashable, Rows] = field(default_factory=dict)
    results: dict[Hashable, Rows] = field(default_factory=dict)
    rows: int = 0


class Memory:
    """Of one data version at a time; what was not asked for longest is forgotten first.

    `most` results are remembered, and as many again that were remembered before. Safe to use from several threads.
    """

    def __init__(self, most: int = MAX_RESULTS) -> None:
        self._most = most
        self._held = _Held(None)
        self._slow: set[Hashable] = set()

    @property
    def version(self) -> str | None:
        """That of what is remembered."""
        return self._held.version

    def recall(self, version: str, key: Hashable) -> Rows | None:
        held = self._held
        if held.version != version:
            return None
        rows = held.results.get(key)
        if rows is None:
            rows = held.older.get(key)
            if rows is not None:
                self.remember(version, key, rows)
        return rows

    def remember(self, version: str, key: Hashable, rows: Rows) -> None:
        """`rows` must have been read after the version."""
        if len(rows) > MAX_ROWS:
            return
        held = self._held
        # In one step: another thread never finds results of one version under the name of another.
        if held.version != version:
            held = self._held = _Held(version)
        elif len(held.results) >= self._most or held.rows + len(rows) > MAX_ROWS:
            held = self._held = _Held(version, held.results)
        held.rows += len(rows) - len(held.results.get(key, ()))
        held.results[key] = rows

    def is_slow(self, key: Hashable) -> bool:
        """Whether a statement has taken long before, at whatever version that was."""
        return key in self._slow

    def note_slow(self, key: Hashable) -> None:
        if len(self._slow) >= MAX_RESULTS:
            self._slow.clear()
        self._slow.add(key)
