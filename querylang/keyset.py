"""Keyset paging: a place in the order of rows, and what makes a row follow it.

A place is the values by which one row is ordered. Rows that are inserted or deleted meanwhile do not move it, and an
index finds it at once, however deep it lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from aiida_like.storage.expressions import lowered
from aiida_like.storage.json_expressions import json_string
from querylang.condition import Condition, Order
from querylang.schema import Entity, Field, FieldType
from querylang.terms import Every, Some, Term

Place = tuple[Any, ...]
"""One value for each term of a total order."""


_MAX_ORDERS = 256
"""So many are worked out once: nearly each request has one of few."""


@lru_cache(maxsize=_MAX_ORDERS)
def total_order(order: tuple[Order, ...], entity: Entity) -> tuple[Order, ...]:
    """The order with the key of the rows at its end, so that no two rows are equal in it."""
    for position, term in enumerate(order):
        if term.field.expression is entity.key:
            return order[: position + 1]
    # An index gives rows of equal value in the order of their ids, forwards or backwards.
    return (*order, Order(row_key(entity), descending=bool(order) and order[-1].descending))


def row_key(entity: Entity) -> Field:
    return Field("key", FieldType.INTEGER, entity.key, "Key", "What names a row")


@lru_cache(maxsize=_MAX_ORDERS)
def place_fields(order: tuple[Order, ...]) -> tuple[Field, ...]:
    """What is to be selected of a row to know its place."""
    return tuple(replace(compared(term), name=f"place {number}") for number, term in enumerate(order))


@lru_cache(maxsize=_MAX_ORDERS)
def reversed_order(order: tuple[Order, ...]) -> tuple[Order, ...]:
    return tuple(replace(term, descending=not term.descending) for term in order)


def compared(order: Order) -> Field:
    """What is ordered by: of text its lower case, as alphabetical is what `<` and `>` mean by it."""
    field = order.field
    is_text = field.type is FieldType.STRING or isinstance(field.expression, json_string)
    return replace(field, name=f"lowered {field.name}", expression=lowered(field.expression)) if is_text else field


def nulls_are_last(order: Order) -> bool:
    return order.descending or order.missing_last


def following(order: Sequence[Order], place: Place) -> Term[Condition]:
    """What a row fulfils that comes behind the place in a total order."""
    first, value = order[0], place[0]
    behind = _behind(order, place)
    if len(order) == 1 or value is None or first.field.is_nullable:
        return behind
    # The same once more, in a form that an index on the first term can serve.
    return Every((Condition("<=" if first.descending else ">=", compared(first), (value,)), behind))


def _behind(order: Sequence[Order], place: Place) -> Term[Condition]:
    (first, *rest), (value, *values) = order, place
    further = _further(first, value)
    if not rest:
        return further
    return Some((further, Every((_equal(first, value), _behind(rest, tuple(values))))))


def _further(order: Order, value: Any) -> Term[Condition]:
    field = compared(order)
    if value is None:
        return Some(()) if nulls_are_last(order) else Condition("is not null", field)
    further = Condition("<" if order.descending else ">", field, (value,))
    if field.is_nullable and nulls_are_last(order):
        return Some((further, Condition("is null", field)))
    return further


def _equal(order: Order, value: Any) -> Condition:
    field = compared(order)
    return Condition("is null", field) if value is None else Condition("=", field, (value,))
