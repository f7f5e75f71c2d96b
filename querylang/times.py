"""Years and months, as intervals of time; times in other forms are read in `values`."""

from __future__ import annotations

from calendar import monthrange
from datetime import MAXYEAR, datetime, timedelta, timezone

from querylang.ast import DateTime

_FOUR_DIGITS = 1000


def interval_of_year(number: int) -> DateTime | None:
    """The year in UTC; None: it has not four digits, or no time comes after it."""
    if not _FOUR_DIGITS <= number < MAXYEAR:
        return None
    start = datetime(number, 1, 1, tzinfo=timezone.utc)
    return DateTime(start, start.replace(year=number + 1) - start)


def length_of_month(start: datetime) -> timedelta:
    return timedelta(days=monthrange(start.year, start.month)[1])
