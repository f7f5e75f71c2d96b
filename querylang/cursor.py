"""A place in an order as text for a URL, and back."""

from __future__ import annotations

import binascii
import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from re import fullmatch
from typing import Any

from sqlalchemy import Boolean, Float, Integer, String
from sqlalchemy.types import TypeEngine

from aiida_like.errors import QueryError
from aiida_like.models import Timestamp, Uuid
from querylang.condition import Order
from querylang.keyset import Place, compared
from querylang.lowering.uuids import is_uuid

LONGEST = 1000
"""Characters of a cursor that holds the values of a row."""


def write_place(order: Sequence[Order], place: Place) -> str:
    """A text for a URL that stands for a place, and is valid in this order only.

    Where the values are too long for a URL it names the row alone, by its key, the last of them.
    """
    whole = _written(order, place)
    return whole if len(whole) <= LONGEST else _written(order, place[-1:])


def _written(order: Sequence[Order], values: Place) -> str:
    # Not orjson, which cannot write an infinite number; JSON in a profile can hold one.
    return urlsafe_b64encode(json.dumps([_signature(order), *values]).encode()).decode().rstrip("=")


def read_place(order: Sequence[Order], text: str) -> Place:
    """The place that a text stands for, or the key alone of the row there, if it names that.

    Raises:
        QueryError: `write_place` did not write it, or for another order.
    """
    try:
        signature, *values = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if signature != _signature(order):
            raise QueryError("the cursor is of a list with another order: take it along with the same orderby=")
        if len(values) not in (1, len(order)):
            raise ValueError  # noqa: TRY301 (handled below with all other faults of the text)
        terms = order[-len(values) :]
        return tuple(_checked(term, value) for term, value in zip(terms, values, strict=True))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise QueryError(
            "the cursor is none of this server, or at a row with an odd value: begin with an empty cursor=, follow the "
            "next of the Link header, or order by id"
        ) from error


def _signature(order: Sequence[Order]) -> str:
    terms = [f"{'-' if term.descending else '+'}{term.field.name}" for term in order]
    return f"{binascii.crc32(','.join(terms).encode()):x}"


def _checked(order: Order, value: Any) -> Any:
    field = compared(order)
    if value is None:
        if field.is_nullable:
            return None
        raise ValueError
    type_ = field.expression.type
    return next(check for known, check in _CHECKS.items() if isinstance(type_, known))(value)


def _text(value: Any) -> str:
    # Databases refuse NUL, and drivers refuse half of a surrogate pair.
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    value.encode()
    return value


def _integer(value: Any) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise ValueError
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or math.isnan(value):
        raise ValueError
    return float(value)


def _flag(value: Any) -> bool:
    if value not in (0, 1):
        raise ValueError
    return bool(value)


def _time(value: Any) -> str:
    text = _text(value)
    if text in {"infinity", "-infinity"}:  # of PostgreSQL
        return text
    found = fullmatch(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(\.\d{1,6})?(\+00)?", text)
    if found is None or not text.isascii():
        raise ValueError
    datetime(*map(int, found.groups()[:6]))  # type: ignore[arg-type]  # noqa: DTZ001 (whether there is such a time)
    return text


def _uuid(value: Any) -> str:
    text = _text(value)
    if not is_uuid(text):
        raise ValueError
    return text


_CHECKS: Mapping[type[TypeEngine[Any]], Callable[[Any], Any]] = {
    String: _text,
    Integer: _integer,
    Float: _number,
    Boolean: _flag,
    Timestamp: _time,
    Uuid: _uuid,
}
"""The checks of values by the type of their column: a client may have made up the cursor."""
