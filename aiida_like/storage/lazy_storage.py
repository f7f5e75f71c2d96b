"""A storage that is opened at its first use, and anew when its archive is replaced."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass

from aiida_like.errors import BeingOpened, TargetError
from aiida_like.stamp import Stamp
from aiida_like.storage.storage import Snapshot, Storage, close_parts

_SECONDS_BETWEEN_LOOKS = 0.9
"""A replaced archive is noticed within a second."""

_FAILING_AT_MOST = 0.1
"""Share of the time that opening the same archive may take, if that fails."""

_PATIENCE = 5.0
"""Seconds that a request waits for the opening. A large archive takes longer, and others need the thread."""

_BEING_OPENED = "it is being opened: ask again in some seconds"


class LazyStorage:
    """A storage that a thread of its own opens at the first use, in each process anew.

    `stamp` is that of the file now, if it is an archive: one that was replaced is opened while the old one serves. Safe
    to use from several threads.
    """

    def __init__(
        self,
        open_storage: Callable[[], Storage],
        stamp: Callable[[], Stamp | None] = lambda: None,
        name: str = "a profile",
    ) -> None:
        """`name` is that of the profile, for messages."""
        self._name = name
        self._open = open_storage
        self._stamp = stamp
        self._lock = threading.Lock()
        self._storage: Storage | None = None
        self._opening: Future[Storage] | None = None
        self._looks_again = float("inf")
        self._process = 0
        self._inherited: list[Storage] = []
        self._failure = _Failure(TargetError(""))

    def read(self) -> Snapshot:
        """A snapshot for one request. Raises TargetError: as `__call__`."""
        storage = self._storage
        if storage is None or self._process != os.getpid() or time.monotonic() >= self._looks_again:
            storage = self()
        return storage.read()

    def __call__(self, seconds: float | None = None) -> Storage:
        """The open storage, for which so many seconds are waited, or as long as a request waits.

        Raises:
            TargetError: it cannot be opened now, or that takes longer; a later request tries again.
        """
        storage = self._storage
        if storage is not None and self._process == os.getpid():
            if time.monotonic() >= self._looks_again:
                self._look(storage)
            return storage
        opening = self._begun()
        try:
            return opening.result(_PATIENCE if seconds is None else seconds)
        except NotYet:
            raise BeingOpened(f"{self._name} takes longer to open: requests do not wait", _BEING_OPENED) from None
        except TargetError as error:
            raise TargetError(str(error), error.reason) from error

    def close(self) -> None:
        with self._lock:
            self._opening = None
            if self._storage is not None and self._process == os.getpid():
                self._storage.close()
                self._storage = None

    def _look(self, storage: Storage) -> None:
        """Begins to open another archive that is in the place of the one that was opened.

        Raises:
            TargetError: it is one that could not be opened shortly before.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._looks_again = time.monotonic() + _SECONDS_BETWEEN_LOOKS
            stamp = self._stamp()
            if self._opening is None and stamp != storage.stamp:
                self._begin(stamp)
        except TargetError:
            self._replace(None)
            raise
        finally:
            self._lock.release()

    def _begun(self) -> Future[Storage]:
        """The opening that is under way, or begins now. Raises TargetError: the same file failed shortly before."""
        with self._lock:
            if self._process != os.getpid():
                if self._storage is not None:
                    # Closing it would end the sessions of the other process, and so would the garbage collector.
                    self._inherited.append(self._storage)
                self._storage = self._opening = None
                self._process = os.getpid()
            if self._storage is not None:  # since it was looked for
                found: Future[Storage] = Future()
                found.set_result(self._storage)
                return found
            return self._opening or self._begin(self._stamp())

    def _begin(self, stamp: Stamp | None) -> Future[Storage]:
        failure = self._failure
        if failure.stamp is not None and failure.stamp == stamp and time.monotonic() < failure.until:
            raise TargetError(str(failure.error), failure.error.reason)
        opening: Future[Storage] = Future()
        # If there can be no further thread now, nothing is under way. (A thread that is through waits for the lock.)
        threading.Thread(target=self._open_for, args=(opening, stamp), daemon=True).start()
        self._opening = opening
        return opening

    def _open_for(self, opening: Future[Storage], stamp: Stamp | None) -> None:
        began = time.monotonic()
        try:
            storage = self._open()
        except BaseException as error:  # noqa: BLE001 it is raised where it is waited for
            # Without its traceback, whose frames would keep the storage that was served before.
            shown = TargetError(str(error), error.reason) if isinstance(error, TargetError) else error
            with self._lock:
                if isinstance(shown, TargetError):
                    until = time.monotonic() + (time.monotonic() - began) / _FAILING_AT_MOST
                    self._failure = _Failure(shown, until, stamp)
                if self._opening is opening:
                    self._replace(None)
            opening.set_exception(shown)
            return
        with self._lock:
            is_wanted = self._opening is opening
            if is_wanted:
                self._replace(storage)
        if is_wanted:
            opening.set_result(storage)
        else:
            storage.close()
            opening.set_exception(TargetError("it was closed before it was open", "it was closed"))

    def _replace(self, storage: Storage | None) -> None:
        before, self._storage, self._opening = self._storage, storage, None
        is_archive = storage is not None and storage.stamp is not None
        self._looks_again = time.monotonic() + _SECONDS_BETWEEN_LOOKS if is_archive else float("inf")
        if before is not None:
            # When the last request that reads it has ended.
            weakref.finalize(before, close_parts, before.database, before.data_version, before.repository)


@dataclass(frozen=True)
class _Failure:
    """The last time that opening failed; `until` it is not tried again, if the stamp is the same."""

    error: TargetError
    until: float = float("-inf")
    stamp: Stamp | None = None
