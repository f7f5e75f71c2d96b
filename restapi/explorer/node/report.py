"""The log of a process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, takewhile
from typing import Any

from restapi.explorer.times import moment
from restapi.explorer.visit import Visit

MOST_ENTRIES = 100
_MOST_TEXT, _MOST_OF_ALL = 2000, 50_000
"""Characters of an entry, and of all."""

_TONES: Mapping[str, str] = {"WARNING": "warn", "ERROR": "bad", "CRITICAL": "bad"}
"""How serious an entry is, a class of CSS, by its level; all others are plain."""


@dataclass(frozen=True)
class Entry:
    time: datetime | None
    level: str
    text: str
    is_cut: bool

    @property
    def tone(self) -> str:
        return _TONES.get(self.level, "plain")


@dataclass(frozen=True)
class Report:
    """The last entries of a log of `total`."""

    entries: Sequence[Entry]
    total: int

    @property
    def tones(self) -> Mapping[str, int]:
        """How many entries there are of each tone."""
        return {tone: sum(each.tone == tone for each in self.entries) for tone in ("plain", "warn", "bad")}


def report_of(visit: Visit, ref: str) -> Report:
    """The end of the log of a process; `ref` is its name in paths. Raises ApiRefused."""
    found = visit.api.get(f"/processes/{ref}/report", f"tail={MOST_ENTRIES}")
    return Report(_last([_entry(each) for each in found["logs"]]), found["total"])


def _last(entries: Sequence[Entry]) -> Sequence[Entry]:
    """The last entries that are together not too long."""
    lengths = accumulate(len(each.text) for each in reversed(entries))
    number = sum(1 for _ in takewhile(lambda length: length <= _MOST_OF_ALL, lengths))
    return entries[len(entries) - number :]


def _entry(log: Mapping[str, Any]) -> Entry:
    text = str(log["message"] or "").rstrip()
    return Entry(moment(log["time"]), str(log["levelname"] or ""), text[:_MOST_TEXT], len(text) > _MOST_TEXT)
