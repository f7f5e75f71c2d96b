"""The data version of a storage: a token that is the same only while nothing was committed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sqlalchemy import ColumnElement


class Version(NamedTuple):
    """`token` is None where no token can be told; `server` is the one that told it, where there can be several."""

    token: str | None
    server: str | None = None


@dataclass(frozen=True)
class VersionColumn:
    """How the version comes with the rows of a statement.

    `column` is selected beside theirs; `decode` makes the token of its value and the name of the server.
    """

    column: ColumnElement[str]
    decode: Callable[[str, str | None], str | None]


class DataVersion(Protocol):
    """Two tokens are equal only if every reader between them found the same rows; they may differ for no reason.

    Files of the repository are covered too: nodes never change, and rows name their files by checksums.
    """

    @property
    def constant(self) -> Version | None:
        """The version, if it stays the same as long as the storage is open."""

    def read(self) -> Version:
        """The version now. Whoever remembers something must not trust one without a token.

        Raises StorageError.
        """

    @property
    def column(self) -> VersionColumn | None:
        """How the version comes with rows. None: asking for it alone costs next to nothing."""

    def close(self) -> None:
        """To be called after the last connection to the database is closed."""


class Constant:
    """The version of an archive: `token` is the checksum of its database."""

    column = None

    def __init__(self, token: str) -> None:
        self.constant = Version(token)

    def read(self) -> Version:
        return self.constant

    def close(self) -> None:
        """Nothing is kept open."""
