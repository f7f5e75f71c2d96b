"""A thread that ends late statements of SQLite that do not ask the clock themselves.

SQLite asks after many steps, and to look for a pattern in a long text is one step, which can take seconds.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from threading import Lock, Thread
from weakref import WeakSet

from aiida_like.storage.databases.clock import Clock

_INTERVAL_SECONDS = 0.5


class TimedConnection(sqlite3.Connection):
    clock: Clock


class Interrupter:
    """Interrupts connections whose clocks are overdue. Its thread lives as long as there are connections."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: WeakSet[TimedConnection] = WeakSet()
        self._thread: Thread | None = None

    def watch(self, connection: TimedConnection, clock: Clock) -> None:
        connection.clock = clock
        with self._lock:
            self._open.add(connection)
            # A process that was forked has none of the threads.
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._look, name="interrupts", daemon=True)
                self._thread.start()

    def _look(self) -> None:
        while True:
            time.sleep(_INTERVAL_SECONDS)
            with self._lock:
                if not self._open:
                    self._thread = None
                    return
                for each in self._open:
                    if each.clock.is_overdue:
                        with suppress(sqlite3.Error):
                            each.interrupt()


INTERRUPTER = Interrupter()
"""One for all connections of a process."""
