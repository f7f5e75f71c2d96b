"""Reading the first bytes of SQLite's files, which SQLite itself has open at the same time.

When a process closes any descriptor of a file, POSIX takes away all locks that the process has on it, those of SQLite
in other threads too (fcntl(2); "How To Corrupt An SQLite Database File", 2.2). So our descriptors stay open until no
storage of this process reads the database any more. They are the one state that all applications of a process share,
because locks belong to the process; SQLite does likewise with its own descriptors.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

Inode = tuple[int, int]
"""Device and inode number of a file."""


@dataclass
class _Opened:
    """Descriptors of one database and of the files beside it."""

    users: int = 0
    descriptors: list[tuple[Inode, int]] = field(default_factory=list)


_lock = threading.Lock()
_opened: dict[Inode, _Opened] = {}


def inode_of(facts: os.stat_result) -> Inode:
    return facts.st_dev, facts.st_ino


@dataclass(frozen=True)
class DatabaseFile:
    """The file that was at the path when it was opened. It must be opened before SQLite opens it."""

    inode: Inode
    _own: _Opened

    @classmethod
    def open(cls, path: Path) -> DatabaseFile:
        """Raises OSError."""
        with _lock:
            inode = inode_of(path.stat())
            own = _opened.get(inode)
            if own is None:
                inode, descriptor = _open(path)
                # If the path leads to another file since the last line, that may be open already.
                own = _opened.setdefault(inode, _Opened())
                own.descriptors.append((inode, descriptor))
            own.users += 1
            return cls(inode, own)

    def begin(self, size: int) -> bytes:
        """The first bytes, at most `size`."""
        return os.pread(self._own.descriptors[0][1], size, 0)

    def begin_beside(self, path: Path, size: int) -> bytes:
        """The first bytes of another file of the database, at most `size`.

        Raises:
            OSError: there is no such file, or it cannot be read.
        """
        with _lock:
            inode = inode_of(path.stat())
            descriptor = next((each for known, each in self._own.descriptors if known == inode), None)
            if descriptor is None:
                opened = _open(path)
                self._own.descriptors.append(opened)
                descriptor = opened[1]
        return os.pread(descriptor, size, 0)

    def close(self) -> None:
        with _lock:
            self._own.users -= 1
            if self._own.users == 0:
                del _opened[self.inode]
                for _, descriptor in self._own.descriptors:
                    os.close(descriptor)


def _open(path: Path) -> tuple[Inode, int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return inode_of(os.fstat(descriptor)), descriptor
