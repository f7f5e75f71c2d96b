"""Tables over an enum that must have a row for each of its members."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import TypeVar

Member = TypeVar("Member", bound=Enum)
Row = TypeVar("Row")


def covering(enum: type[Member], table: Mapping[Member, Row]) -> Mapping[Member, Row]:
    """The table, read-only and in the order of the enum.

    It is called while a module is imported, so a member that was forgotten stops the program at its start.

    Raises:
        TypeError: a member has no row; the message says which.
    """
    missing = [str(member) for member in enum if member not in table]
    if missing:
        raise TypeError(f"a table over {enum.__name__} has no row for {', '.join(missing)}")
    return MappingProxyType({member: table[member] for member in enum})
