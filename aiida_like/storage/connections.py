"""Connections that stay open between statements.

The pool of SQLAlchemy looks at more at each of them than a statement takes that an index serves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from sqlalchemy import PoolProxiedConnection

from aiida_like.errors import StorageError

PATIENCE = 30.0
"""Seconds that a thread waits for its turn."""


@dataclass(frozen=True)
class Taken:
    """`generation` tells connections apart that were opened before `forget` and after it."""

    connection: PoolProxiedConnection
    generation: int


class Connections:
    """At most `most` at once; further threads wait for their turn. For several threads."""

    def __init__(self, connect: Callable[[], PoolProxiedConnection], most: int) -> None:
        self._connect = connect
        # Not a semaphore, which is written in Python and takes as long as the rest of this class.
        self._turns: SimpleQueue[None] = SimpleQueue()
        for _ in range(most):
            self._turns.put(None)
        self._idle: deque[Taken] = deque()
        self._generation = 0

    def take(self) -> Taken:
        """Raises StorageError: all are taken, and nobody gave one back."""
        try:
            self._turns.get(timeout=PATIENCE)
        except Empty:
            raise StorageError(f"no connection to the database became free within {PATIENCE:g} seconds") from None
        try:
            # The one that was used last: it knows its statements best.
            return self._idle.pop()
        except IndexError:
            pass
        try:
            generation = self._generation
            opened = self._connect()
            # Else SQLAlchemy closes it when a process ends, also one that only inherited it: that of another process.
            opened.detach()
        except BaseException:
            self._turns.put(None)
            raise
        return Taken(opened, generation)

    def give(self, taken: Taken) -> None:
        """Each that was taken comes back."""
        if taken.generation != self._generation:
            taken.connection.close()
        else:
            self._idle.append(taken)
        self._turns.put(None)

    def forget(self) -> None:
        """Closes all, those that are taken when they come back."""
        self._generation += 1
        with suppress(IndexError):
            while True:
                self._idle.pop().connection.close()
