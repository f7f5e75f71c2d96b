"""Passwords in the arguments of this process, which every user of the machine sees in the list of processes."""

from __future__ import annotations

import ctypes
from pathlib import Path

from aiida_like.profiles import PASSWORD

_ARG_START = 45
"""The place of `arg_start` after the name of the program; `arg_end` follows. See proc_pid_stat(5)."""


def hide_passwords() -> None:
    """Writes stars over them where the system shows them, as curl and mysql do; Python has its own copy."""
    try:
        facts = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
        start, end = map(int, facts[_ARG_START : _ARG_START + 2])
    except (OSError, ValueError):
        return  # no Linux
    if 0 < start < end:
        arguments = ctypes.string_at(start, end - start).decode("latin-1").split("\0")
        hidden = [PASSWORD.sub(lambda found: "*" * len(found[0]), each) for each in arguments]
        ctypes.memmove(start, "\0".join(hidden).encode("latin-1"), end - start)
