"""The data version of a storage: a token that is the same only while nothing was committed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement


class Version(NamedTuple):
    """`token`: None if there can be none; `server`: where it comes from, if there can be several."""

    token: str | None
    server: str | None = None


@dataclass(frozen=True)
class VersionColumn:
    """A column that brings the version with the rows of a statement.

    `column` is selected beside their columns; `decode` makes the token of its value and the name of the server.
    """

    column: ColumnElement[str]
    decode: Callable[[str, str | None], str | None]


@dataclass(frozen=True)
class DataVersion:
    """Two tokens are equal only if every reader between them found the same rows; they may differ for no reason.

    Files of the repository are covered too: nodes never change, and rows name their files by checksums.

    `read` gives the version now, or raises StorageError; nothing may be remembered by a version without a token.
    `constant`: the version, if it stays the same as long as the storage is open.
    `column`: the column that brings the version with rows; None: reading it alone costs next to nothing.
    `close` is called after the last connection to the database is closed.
    """

    read: Callable[[], Version]
    constant: Version | None = None
    column: VersionColumn | None = None
    close: Callable[[], None] = lambda: None
