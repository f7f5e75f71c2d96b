"""The syntax tree of a query string, before its keys, operators and values are checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from querylang.terms import Term


class Operator(Enum):
    """The value is how the operator is written; `operators.OPERATORS` says what each one means."""

    EQUAL = "="
    UNEQUAL = "!="
    GREATER = ">"
    LESS = "<"
    GREATER_OR_EQUAL = ">="
    LESS_OR_EQUAL = "<="
    LIKE = "=like="
    ILIKE = "=ilike="
    IN = "=in="
    NOT_IN = "=notin="
    HAS = "=has="
    CONTAINS = "=contains="
    STARTS_WITH = "=startswith="
    IS_NULL = "=isnull="

    # That of Enum is a call in Python, for each comparison of a query.
    __hash__ = object.__hash__


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
    """An interval of time: `2016-04-23T05` is the hour that begins at `start`, an aware time."""

    start: datetime
    width: timedelta


@dataclass(frozen=True)
class Null:
    """The null of JSON."""


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
