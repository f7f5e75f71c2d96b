"""What a query string says, before anybody asks whether it makes sense."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from querylang.terms import Term


class Operator(Enum):
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


@dataclass(frozen=True)
class String:
    value: str


@dataclass(frozen=True)
class Integer:
    """Of 64 bits."""

    value: int


@dataclass(frozen=True)
class Float:
    """Finite."""

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
    """JSON's null."""


Literal = String | Integer | Float | Boolean | DateTime | Null


@dataclass(frozen=True)
class Comparison:
    """`key operator value,...`; `path` is where in the JSON of the key, as in `attributes.kinds.0.name`."""

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
