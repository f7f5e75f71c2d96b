"""Results of statements that look at much for little, remembered until something is committed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

Rows = Sequence[Sequence[Any]]

SLOW = 0.002
"""Seconds: what takes a database so long is better remembered, be it only some rows."""

MAX_RESULTS = 1000
MAX_ROWS = 60_000
"""Of all results together: a count is a row, the days of the statistics of ten users and ten years are 36 500."""


@dataclass
class _Held:
    version: str | None
    results: dict[Hashable, Rows] = field(default_factory=dict)
    rows: int = 0


class Memory:
    """Of one data version at a time. Safe to use from several threads."""

    def __init__(self) -> None:
        self._held = _Held(None)
        self._slow: set[Hashable] = set()

    @property
    def version(self) -> str | None:
        """That of what is remembered."""
        return self._held.version

    def recall(self, version: str, key: Hashable) -> Rows | None:
        held = self._held
        return held.results.get(key) if held.version == version else None

    def remember(self, version: str, key: Hashable, rows: Rows) -> None:
        """`rows` must have been read after the version."""
        if len(rows) > MAX_ROWS:
            return
        held = self._held
        is_full = len(held.results) >= MAX_RESULTS or held.rows + len(rows) > MAX_ROWS
        if held.version != version or is_full:
            # In one step: another thread never finds results of one version under the name of another.
            held = self._held = _Held(version)
        held.rows += len(rows) - len(held.results.get(key, ()))
        held.results[key] = rows

    def is_slow(self, key: Hashable) -> bool:
        """Whether a statement has taken long before, at whatever version that was."""
        return key in self._slow

    def note_slow(self, key: Hashable) -> None:
        if len(self._slow) >= MAX_RESULTS:
            self._slow.clear()
        self._slow.add(key)
