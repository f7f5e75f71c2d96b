"""A thread that looks at the clocks of PostgreSQL's sessions: no session looks at one of ours itself."""

from __future__ import annotations

import time
from contextlib import suppress
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from aiida_like.storage.databases.clock import Clock

if TYPE_CHECKING:
    import psycopg

_INTERVAL_SECONDS = 0.1
_CANCEL_SECONDS = 2.0


class Watchdog:
    """Cancels statements that are late. Its thread lives as long as there are sessions.

    A session whose statement was refused is closed after it, because the cancellation may still be under way.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._sessions: list[tuple[psycopg.Connection[Any], Clock]] = []

    def watch(self, session: psycopg.Connection[Any], clock: Clock) -> None:
        with self._lock:
            self._sessions.append((session, clock))
            if len(self._sessions) == 1:
                Thread(target=self._look, name="watchdog", daemon=True).start()

    def _look(self) -> None:
        import psycopg

        while True:
            time.sleep(_INTERVAL_SECONDS)
            with self._lock:
                self._sessions = [each for each in self._sessions if not each[0].closed]
                if not self._sessions:
                    return
                sessions = list(self._sessions)
            for session, clock in sessions:
                was_refused = clock.was_refused
                if clock.is_late() and clock.was_refused and not was_refused:
                    with suppress(psycopg.Error):
                        session.cancel_safe(timeout=_CANCEL_SECONDS)
