"""The data version of a storage: a token that is the same only while nothing was committed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import ColumnElement


@dataclass(frozen=True)
class Along:
    """`column` is to be selected with rows, and `told` makes the token of a value that this thread was answered."""

    column: ColumnElement[str]
    told: Callable[[str], str | None]


class DataVersion(Protocol):
    """Two tokens are equal only if every reader between them found the same rows; they may differ for no reason.

    Files of the repository are covered too: nodes never change, and rows name their files by checksums.
    """

    @property
    def is_constant(self) -> bool:
        """Whether the token stays the same as long as the storage is open."""

    def read(self) -> str | None:
        """The token now; None: it cannot be told now, so whoever remembers something must not trust it.

        Raises StorageError.
        """

    @property
    def along(self) -> Along | None:
        """How the token comes along with rows. None: asking for it costs next to nothing."""

    def close(self) -> None:
        """After the last connection to the database."""


class Reading(threading.local):
    """What one thread reads for one request. `awaits`: its first statement is to tell the version."""

    awaits = False
    version: str | None = None


@dataclass(frozen=True)
class Constant:
    """Of an archive: `token` is the checksum of its database."""

    token: str
    is_constant = True
    along = None

    def read(self) -> str:
        return self.token

    def close(self) -> None:
        """Nothing is kept open."""
