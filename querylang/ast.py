"""The syntax tree of a query string, before its keys, operators and values are checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import ClassVar

from querylang.terms import Term


class Operator(Enum):
    """The value is how the operator is written, `meaning` is for the documentation.

    `operators.LOWERINGS` says what each one means for the types of fields.
    """

    _value_: str
    meaning: str

    def __new__(cls, text: str, meaning: str) -> Operator:  # noqa: PYI034 (Python 3.10 has no Self)
        self = object.__new__(cls)
        self._value_, self.meaning = text, meaning
        return self

    EQUAL = "=", "is equal to; for a time: lies in the year, month, day, hour, minute or second that is written"
    UNEQUAL = "!=", "is not equal to"
    GREATER = ">", "is greater than, follows in the alphabet, is later than"
    LESS = "<", "is less than, precedes in the alphabet, is earlier than"
    GREATER_OR_EQUAL = ">=", "is greater than or equal to"
    LESS_OR_EQUAL = "<=", "is less than or equal to"
    LIKE = "=like=", "matches the pattern: % is any sequence of characters, _ one; in version 2 one or none"
    ILIKE = "=ilike=", "matches the pattern, upper and lower case being the same"
    IN = "=in=", "is equal to one of a comma-separated list"
    NOT_IN = "=notin=", "is equal to none of a comma-separated list"
    HAS = "=has=", "the object has this key, the list this text, or it is this text"
    CONTAINS = "=contains=", "the text contains this text, or the list this value"
    STARTS_WITH = "=startswith=", "the text starts with this text"
    IS_NULL = "=isnull=", "true: there is no value; false: there is one"

    # That of Enum is a call in Python, for each comparison of a query.
    __hash__ = object.__hash__

    @property
    def takes_list(self) -> bool:
        return self in (Operator.IN, Operator.NOT_IN)

    @property
    def negates(self) -> bool:
        return self in (Operator.UNEQUAL, Operator.NOT_IN)


@dataclass(frozen=True)
class String:
    value: str


@dataclass(frozen=True)
class Integer:
    """An integer of 64 bits."""

    value: int


@dataclass(frozen=True)
class Float:
    """A finite number."""

    value: float


@dataclass(frozen=True)
class Boolean:
    value: bool


@dataclass(frozen=True)
class DateTime:
    """An interval of time, at most a year: `2016-04-23T05` is the hour that begins at `start`, an aware time.

    The last one of the calendar ends where no time is any more.
    """

    start: datetime
    width: timedelta


@dataclass(frozen=True)
class Null:
    """The null of JSON."""

    value: ClassVar[None] = None


Literal = String | Integer | Float | Boolean | DateTime | Null


@dataclass(frozen=True)
class Comparison:
    """`key operator value,...`; `path` are the keys that lead into JSON, as in `attributes.kinds.0.name`."""

    key: str
    operator: Operator
    values: tuple[Literal, ...]
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class Option:
    """`key=word,...` for a reserved key."""

    key: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Filter:
    """`filter=...`: a boolean expression."""

    term: Term[Comparison]


@dataclass(frozen=True)
class Query:
    pairs: tuple[Comparison | Filter | Option, ...]
