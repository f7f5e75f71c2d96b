"""Durations and sizes as people read them."""

from __future__ import annotations

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400

_LONGEST = 1e15
"""Seconds, for what strangers store as numbers may be infinite."""

_THOUSAND = 1000


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds < 10:  # noqa: PLR2004
        return f"{max(seconds, 0):.1f} s"
    whole = round(min(seconds, _LONGEST))
    for unit, name, smaller, smaller_name in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", 1, "s"),
    ):
        if whole >= unit:
            rest = whole % unit // smaller
            return f"{whole // unit} {name} {rest} {smaller_name}" if rest else f"{whole // unit} {name}"
    return f"{whole} s"


def size(count: int) -> str:
    """Bytes: `999 bytes`, `1.2 MB`, in units of 1000."""
    if count < _THOUSAND:
        return f"{count} byte{'s' if count != 1 else ''}"
    amount, power = count / _THOUSAND, 0
    while round(amount) >= _THOUSAND and power < len(_UNITS) - 1:
        amount, power = amount / _THOUSAND, power + 1
    return f"{amount:.0f} {_UNITS[power]}" if amount >= _THOUSAND else f"{amount:.3g} {_UNITS[power]}"


_UNITS = ("kB", "MB", "GB", "TB")
