"""Times as pages show them: in UTC, down to the minute. API v4 gives them as dates of HTTP."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

_MONTHS = {
    name: f"{number:02d}"
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], start=1
    )
}


class ShownTime(NamedTuple):
    """`text` is `2024-04-16 13:23`, `full` the whole time in words, `iso` the time for programs."""

    text: str
    full: str
    iso: str


def shown_time(http_date: str | None) -> ShownTime:
    """The time of `Tue, 16 Apr 2024 13:23:07 GMT`; empty texts for None."""
    if http_date is None:
        return ShownTime("", "", "")
    _, day, month, year, time, *_ = http_date.split()
    date = f"{year}-{_MONTHS[month]}-{day}"
    return ShownTime(f"{date} {time[:5]}", http_date, f"{date}T{time}Z")


def moment(written: Any) -> datetime | None:
    """The time that the API writes as in HTTP; None of what is no time."""
    if not isinstance(written, str):
        return None
    try:
        return parsedate_to_datetime(written).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
