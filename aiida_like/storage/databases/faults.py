"""What an error of a database means: the query asks for too much, a stored value is odd, or the database is away."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from aiida_like.errors import DATABASE_DAMAGED, NO_ANSWER


class Fault(Enum):
    """`TIMEOUT`: the statement was stopped, by us or by others. `ODD_VALUE`: a stored value makes no sense to it.

    `TOO_LARGE`: the query asks for more than there is room for. `AWAY`: the database does not answer now.
    """

    TIMEOUT = auto()
    ODD_VALUE = auto()
    TOO_LARGE = auto()
    AWAY = auto()


@dataclass(frozen=True)
class Meaning:
    """`text` is what clients may know: why the query is too large, or why the database does not answer."""

    fault: Fault
    text: str = NO_ANSWER


TIMEOUT, ODD_VALUE, AWAY = Meaning(Fault.TIMEOUT), Meaning(Fault.ODD_VALUE), Meaning(Fault.AWAY)

TOO_LARGE = Meaning(
    Fault.TOO_LARGE,
    "the query sorts or joins more than fits: narrow it with more filters, or ask for fewer columns, a smaller limit "
    "or another order",
)

DAMAGED = Meaning(Fault.AWAY, DATABASE_DAMAGED)
