"""Numbers by which ways to rows are chosen, as planners of databases have them: a little old, they are as good."""

from __future__ import annotations

import time
from collections.abc import Hashable

SECONDS = 60.0
"""How old they may be."""

MOST = 1000


class Statistics:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, tuple[float, int]] = {}

    def recall(self, key: Hashable) -> int | None:
        until, number = self._numbers.get(key, (0.0, 0))
        return number if time.monotonic() < until else None

    def remember(self, key: Hashable, number: int) -> None:
        if len(self._numbers) >= MOST:
            self._numbers.clear()
        self._numbers[key] = (time.monotonic() + SECONDS, number)
