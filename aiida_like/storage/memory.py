"""Results of statements that look at whole tables, remembered until something is committed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

Rows = Sequence[Sequence[Any]]

MAX_RESULTS = 1000
MAX_ROWS = 20_000
"""Of one result; longer ones are not kept."""


class Memory:
    """Of one data version at a time. Safe to use from several threads."""

    def __init__(self) -> None:
        self._held: tuple[str | None, dict[Hashable, Rows]] = (None, {})

    def recall(self, version: str, key: Hashable) -> Rows | None:
        held, results = self._held
        return results.get(key) if held == version else None

    def remember(self, version: str, key: Hashable, rows: Rows) -> None:
        """`rows` must have been read after the version."""
        held, results = self._held
        if held != version or len(results) >= MAX_RESULTS:
            # Both at once: another thread never sees the results of one version under the name of another.
            results = {}
            self._held = (version, results)
        if len(rows) <= MAX_ROWS:
            results[key] = rows
