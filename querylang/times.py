"""Years and months, as intervals of time; times in other forms are read in `values`."""

from __future__ import annotations

from calendar import isleap, monthrange
from datetime import MAXYEAR, datetime, timedelta, timezone

from querylang.ast import DateTime

_FOUR_DIGITS = 1000


def interval_of_year(number: int) -> DateTime | None:
    """The year in UTC; None: it has not four digits."""
    if not _FOUR_DIGITS <= number <= MAXYEAR:
        return None
    return DateTime(datetime(number, 1, 1, tzinfo=timezone.utc), timedelta(days=366 if isleap(number) else 365))


def length_of_month(start: datetime) -> timedelta:
    return timedelta(days=monthrange(start.year, start.month)[1])
