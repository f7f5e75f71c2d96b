"""Lets a process end with the one that started it, however that ends: the system sees to it."""

from __future__ import annotations

import ctypes
import signal

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """End this process with SIGKILL when its parent ends. Children of this one are not meant."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
