"""How much of a database file stays mapped into memory between two statements.

Through a mapping SQLite scans a table several times as fast as page by page. But what it has once looked at counts as
memory of the process, though the kernel has it once for all of them and takes it back when it needs room: behind a few
scans each worker seems to be as large as the file. So it is let go of where it becomes much.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

MOST = 12_000_000
"""Bytes of files that may stay mapped, beside the program itself."""

SIZE = 1 << 30
"""Bytes of a file that are mapped while a statement runs."""

_STATM = Path("/proc/self/statm")


def map_file(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA mmap_size = {SIZE}")


class Mapping:
    """Of all connections of a process to a file. Safe to use from several threads."""

    def __init__(self) -> None:
        self._without = resident_files()

    def trim(self, connection: sqlite3.Connection) -> None:
        """Maps the file anew, with nothing of it in memory, if too much was. To be called between statements."""
        resident = resident_files()
        # Less than there was at first: somebody else has let go of something.
        self._without = min(self._without, resident)
        if resident - self._without > MOST:
            connection.execute("PRAGMA mmap_size = 0")
            map_file(connection)
            # Libraries that were loaded since are no part of what can be let go of.
            self._without = resident_files()


def resident_files() -> int:
    """Bytes of files that are in the memory of this process, programs among them; 0 where no system says so."""
    try:
        return int(_STATM.read_bytes().split()[2]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
