"""Ports that browsers do not open, whatever listens there."""

from __future__ import annotations

_REFUSED = frozenset(
    {
        *(1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061),
        *(6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
    }
)
"""Those from 1024 on which the Fetch standard calls bad, because other protocols own them."""


def warning_of(port: int) -> str | None:
    """A sentence for who starts a server at a port that browsers refuse; None for other ports."""
    if port not in _REFUSED:
        return None
    return f"Warning: browsers refuse port {port}; choose another one with -P"
