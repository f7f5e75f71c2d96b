"""Keyset paging: a place in the order of rows, and the seek condition of the rows after it.

A place is the values by which one row is ordered. Rows that are inserted or deleted meanwhile do not move it, and an
index finds the rows after it at once, however deep in the list they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from aiida_like.storage.sql.json_expressions import json_string
from querylang.condition import Condition, Order
from querylang.lowering.predicates import Predicate
from querylang.schema import Entity, Field, FieldType
from querylang.terms import Every, Some, Term

Place = tuple[Any, ...]
"""One value for each term of a total order."""


_MAX_ORDERS = 128
"""How many orders are remembered: nearly all requests have one of a few."""


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
    """The fields whose values are the place of a row."""
    return tuple(replace(compared(term), name=f"place {number}") for number, term in enumerate(order))


@lru_cache(maxsize=_MAX_ORDERS)
def reversed_order(order: tuple[Order, ...]) -> tuple[Order, ...]:
    return tuple(replace(term, descending=not term.descending) for term in order)


def compared(order: Order) -> Field:
    """The field that rows are sorted by: text is casefolded, because `<` and `>` compare text alphabetically."""
    field = order.field
    is_text = field.type is FieldType.STRING or isinstance(field.expression, json_string)
    return field.casefolded if is_text else field


def nulls_are_last(order: Order) -> bool:
    return order.descending or order.missing_last


def rows_after(order: Sequence[Order], place: Place) -> Term[Condition]:
    """The seek condition: what the rows after a place fulfil, in a total order."""
    first = order[0]
    after = _after(order, place)
    if len(order) == 1 or first.field.is_nullable:
        return after
    # Implied by the other, and in a form that an index on the first term can serve.
    predicate = Predicate.LESS_OR_EQUAL if first.descending else Predicate.GREATER_OR_EQUAL
    return Every((Condition(predicate, compared(first), (place[0],)), after))


def _after(order: Sequence[Order], place: Place) -> Term[Condition]:
    (first, *rest), (value, *values) = order, place
    comes_later = _comes_later(first, value)
    if not rest:
        return comes_later
    return Some((comes_later, Every((_equal(first, value), _after(rest, tuple(values))))))


def _comes_later(order: Order, value: Any) -> Term[Condition]:
    """The condition of the rows that one term of an order puts after a value."""
    field = compared(order)
    if value is None:
        return Some(()) if nulls_are_last(order) else Condition(Predicate.IS_NOT_NULL, field)
    comes_later = Condition(Predicate.LESS if order.descending else Predicate.GREATER, field, (value,))
    if field.is_nullable and nulls_are_last(order):
        return Some((comes_later, Condition(Predicate.IS_NULL, field)))
    return comes_later


def _equal(order: Order, value: Any) -> Condition:
    field = compared(order)
    return Condition(Predicate.IS_NULL, field) if value is None else Condition(Predicate.EQUAL, field, (value,))
