"""How long a statement may take: some time is free, and after it few may go on at once, so that others have their turn.

Databases differ in who looks at the clock: SQLite itself, from within the statement, or a thread of ours, as PostgreSQL
knows one limit alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Lock

from aiida_like.errors import StatementCancelled, StatementTimeout, TooManySlowQueries

FREE_SECONDS = 0.5

_ROUNDED_SECONDS = 0.002
"""PostgreSQL counts its own limit in milliseconds."""

_GRACE_SECONDS = 0.3

IDLE = math.inf
"""When a statement began that does not run."""


@dataclass(frozen=True)
class Limits:
    """Limits of what requests may take of a storage.

    `connections` is how many statements may run at once in one process; further ones wait for their turn. Of those
    that take longer than FREE_SECONDS, `slow_statements` may: the places are the process's, as its threads are.
    `row_characters` is how many characters of text and JSON several rows of one statement may have.
    """

    statement_seconds: float = 10.0
    connections: int = 16
    slow_statements: int = 2
    row_characters: int = 64_000_000


class Clock:
    """The clock of a connection. `began`: when its statement did; IDLE if none runs.

    `was_slow`: the statement took longer than is free. `was_refused`: it got no place among those that may. `was_late`:
    it had no time left when it was stopped.
    """

    __slots__ = ("_limits", "_places", "began", "was_late", "was_refused", "was_slow")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._places: list[None] = []
        self.began = IDLE
        self.was_slow = self.was_refused = self.was_late = False

    def note_error(self) -> None:
        """The statement has ended with an error."""
        self.was_late = time.monotonic() - self.began >= self._limits.statement_seconds - _ROUNDED_SECONDS

    def is_late(self) -> bool:
        """Whether the statement has to stop. Another thread than the one that waits for it may ask."""
        began = self.began
        taken = time.monotonic() - began
        if taken >= self._limits.statement_seconds:
            self.was_late = True
            return True
        if taken < FREE_SECONDS or self._places:
            return False
        self.was_slow = True
        if not _take_place(self._limits.slow_statements):
            self.was_refused = self.began == began
            return self.was_refused
        self._places.append(None)
        if self.began != began:  # it has ended meanwhile
            self.leave()
        return False

    @property
    def is_overdue(self) -> bool:
        """Whether the statement had to stop a while ago: nothing has asked meanwhile. Another thread may look."""
        return time.monotonic() - self.began >= self._limits.statement_seconds + _GRACE_SECONDS

    def check(self) -> None:
        """Raises StatementTimeout, TooManySlowQueries: it is late."""
        if self.is_late():
            raise self.error()

    def error(self) -> StatementTimeout | TooManySlowQueries | StatementCancelled:
        """The error of a statement that was stopped."""
        if self.was_refused:
            return TooManySlowQueries(self._limits.slow_statements)
        return StatementTimeout(self._limits.statement_seconds) if self.was_late else StatementCancelled()

    def leave(self) -> None:
        """Gives the place back, if it has one."""
        self.was_slow = False
        with suppress(IndexError):
            self._places.pop()
            _give_place()


@contextmanager
def timed(limits: Limits) -> Iterator[Clock]:
    """A clock for many statements that together may take as long as one."""
    clock = Clock(limits)
    clock.began = time.monotonic()
    try:
        yield clock
    finally:
        clock.began = IDLE
        clock.leave()


_lock = Lock()
_taken = 0


def _take_place(most: int) -> bool:
    global _taken  # noqa: PLW0603 the threads of a process are what is scarce
    with _lock:
        if _taken >= most:
            return False
        _taken += 1
        return True


def _give_place() -> None:
    global _taken  # noqa: PLW0603
    with _lock:
        _taken -= 1
