"""Numbers by which ways to rows are chosen, as planners of databases have them: a little old, they are as good."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import NamedTuple

SECONDS = 60.0
"""How old they may be if something was committed since."""

MOST = 1000


class _Number(NamedTuple):
    number: int
    version: str | None
    until: float


class Statistics:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, _Number] = {}

    def recall(self, key: Hashable, version: str | None) -> int | None:
        found = self._numbers.get(key)
        if found is None:
            return None
        is_exact = version is not None and found.version == version
        return found.number if is_exact or time.monotonic() < found.until else None

    def remember(self, key: Hashable, version: str | None, number: int) -> None:
        """`version` is the data version that it was counted at."""
        if len(self._numbers) >= MOST:
            self._numbers.clear()
        self._numbers[key] = _Number(number, version, time.monotonic() + SECONDS)
