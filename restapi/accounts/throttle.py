"""Failed attempts to sign in, slowed: per account and address together, per address, and per account."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

FREE_FAILURES = {"both": 5, "address": 20, "account": 50, "key": 30}
"""Failures that cost no time, by what they are counted for. Alone, a name must not be easy to lock for others."""

_LONGEST_SECONDS = 300.0
_FORGOTTEN_SECONDS = 900.0
_MOST_ENTRIES = 10_000


@dataclass
class _Failures:
    number: int
    until: float
    last: float


class Throttle:
    """Counts failures of one process. After the free ones the next attempts wait 1, 2, 4 ... 300 s; 15 min forgive all.

    Safe to use from several threads.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[tuple[str, ...], _Failures] = OrderedDict()

    def seconds(self, keys: Iterable[tuple[str, ...]]) -> int:
        """Whole seconds until the next attempt is looked at; 0: it is now."""
        with self._lock:
            now = self._clock()
            return max([0, *(ceil(found.until - now) for key in keys if (found := self._found(key, now)))])

    def failed(self, keys: Iterable[tuple[str, ...]]) -> None:
        with self._lock:
            now = self._clock()
            for key in keys:
                found = self._found(key, now) or _Failures(0, now, now)
                found.number += 1
                found.last = now
                beyond = found.number - FREE_FAILURES[key[0]]
                found.until = now + min(2.0 ** min(beyond, 20), _LONGEST_SECONDS) if beyond >= 0 else now
                self._failures[key] = found
                self._failures.move_to_end(key)
            while len(self._failures) > _MOST_ENTRIES:
                self._failures.popitem(last=False)

    def succeeded(self, key: tuple[str, ...]) -> None:
        """Forgets the failures of one key."""
        with self._lock:
            self._failures.pop(key, None)

    def _found(self, key: tuple[str, ...], now: float) -> _Failures | None:
        found = self._failures.get(key)
        return found if found is not None and now - found.last < _FORGOTTEN_SECONDS + found.until - found.last else None


def neighbourhood(address: str | None) -> str:
    """The address that failures are counted for; of IPv6 its /64, of which a client can take any."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return "unknown"
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else str(parsed)
