"""Times as databases store them -> times of Python."""

from __future__ import annotations

from datetime import datetime, timezone


def instant(stored: str) -> datetime:
    """The time of a stored text in UTC: `2016-04-29 19:24:12.123`, with or without `+00`; `NO_TIME` of any other."""
    try:
        second, _, fraction = stored.removesuffix("+00").partition(".")
        return datetime.fromisoformat(second).replace(microsecond=int(fraction.ljust(6, "0")), tzinfo=timezone.utc)
    except (AttributeError, ValueError):
        return NO_TIME


NO_TIME = datetime(1980, 1, 1, tzinfo=timezone.utc)
"""The first that a zip file can have; stands for what is no time."""
