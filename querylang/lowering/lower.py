"""Comparisons -> conditions, and order terms -> orders: keys become fields, operators become predicates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import ColumnElement

from aiida_like.errors import QueryError
from aiida_like.storage.sql.expressions import casefolded
from aiida_like.storage.sql.json_expressions import AtPath
from querylang.ast import Comparison, Integer
from querylang.condition import Condition, Order
from querylang.limits import COMPARISONS, JSON_COMPARISONS, PATH, PATTERNS, RELATIONS, TIMES, VALUES, WALKS, Limit
from querylang.lowering.as_type import AsType
from querylang.lowering.columns import ResolvedComparison, prefix_term
from querylang.lowering.json_values import OF_OBJECTS, json_at
from querylang.lowering.operators import LOWERINGS
from querylang.lowering.predicates import Predicate
from querylang.lowering.relations import check_number, lower_relation
from querylang.options import OrderTerm
from querylang.schema import Entity, Field, FieldType
from querylang.terms import Term, leaves, replaced
from querylang.unparse import unparse_key

_FEW, _FEW_VALUES = 5, 20
"""So few comparisons, with so few values each, are below all limits."""

_RELATED = frozenset(
    {
        Predicate.IN_GROUPS,
        Predicate.IN_GROUPS_NAMED,
        Predicate.OF_USERS_NAMED,
        Predicate.OF_COMPUTERS_NAMED,
        Predicate.INCOMING_OF,
        Predicate.INCOMING_OF_NAMED,
        Predicate.OUTGOING_OF,
        Predicate.OUTGOING_OF_NAMED,
    }
)
_WALKS = frozenset(
    {
        Predicate.ANCESTORS_OF,
        Predicate.ANCESTORS_OF_NAMED,
        Predicate.DESCENDANTS_OF,
        Predicate.DESCENDANTS_OF_NAMED,
    }
)
_INTERVALS = frozenset({Predicate.IN_INTERVALS, Predicate.NOT_IN_INTERVALS})
PATTERN_PREDICATES = frozenset({Predicate.LIKE, Predicate.LIKE_WITHIN, Predicate.MATCHES})

_COUNTED: Mapping[Limit, Callable[[Condition], int]] = {
    JSON_COMPARISONS: lambda each: _is_in_json(each.field.expression),
    RELATIONS: lambda each: each.predicate in _RELATED,
    WALKS: lambda each: each.predicate in _WALKS,
    PATTERNS: lambda each: each.predicate in PATTERN_PREDICATES,
    TIMES: lambda each: len(each.values) // 2 if each.predicate in _INTERVALS else 0,
    VALUES: lambda each: len(each.values),
}
"""How much of each limit a condition takes."""


def lower(filters: Sequence[Term[Comparison]], entity: Entity) -> tuple[Term[Condition], ...]:
    """The conditions of filters.

    Raises:
        QueryError: there is no such key, its type does not take the operator or value, or there are too many.
    """
    lower_one = partial(_lower, entity)
    alone = [each for each in filters if isinstance(each, Comparison) and len(each.values) <= _FEW_VALUES]
    if len(alone) == len(filters) <= _FEW:
        return tuple(map(lower_one, alone))
    COMPARISONS.check(sum(len(leaves(each)) for each in filters))
    lowered = tuple(replaced(each, lower_one) for each in filters)
    conditions = [condition for term in lowered for condition in leaves(term)]
    for limit, taken in _COUNTED.items():
        limit.check(sum(map(taken, conditions)))
    return lowered


@lru_cache(maxsize=128)
def order_by(terms: tuple[OrderTerm, ...], entity: Entity) -> tuple[Order, ...]:
    """The orders of terms. Raises QueryError: there is no such key."""
    return tuple(order for term in terms for order in _orders(term, entity))


def _orders(term: OrderTerm, entity: Entity) -> Iterator[Order]:
    """The orders of one term. In JSON numbers come first, then text, then booleans, then everything else."""
    field = entity.field(term.key)
    if field.type is not FieldType.JSON:
        _check_no_path(term.key, term.path)
        yield Order(field, term.descending)
        return
    if not term.path:
        raise QueryError(f"{field.name} is an object: order by what lies in it, as in {field.name}.key")
    PATH.check(len(term.path), f"the path of {field.name}")
    for as_type in (AsType.NUMBER, AsType.TEXT, AsType.BOOLEAN):
        yield Order(json_at(field, term.path, as_type), term.descending, missing_last=True)


@lru_cache(maxsize=256)
def type_prefix_conditions(entity: Entity) -> tuple[Term[Condition], ...]:
    """The condition that makes a row of the table one of the entity; none where all rows are."""
    if entity.type_prefix is None or entity.type_field is None:
        return ()
    return (prefix_term(entity.type_field, entity.type_prefix),)


def _lower(entity: Entity, comparison: Comparison) -> Term[Condition]:
    key, path = comparison.key, comparison.path
    relation = entity.relations_by_key.get(key)
    # `user` is a field too in some entities, and takes more operators with an integer.
    if relation is not None and not (key in entity.filterable and isinstance(comparison.values[0], Integer)):
        _check_no_path(key, path)
        return lower_relation(relation, comparison.operator, comparison.values)
    field = entity.filterable.get(key) or entity.field(key)
    _check(comparison, field)
    return LOWERINGS[field.type][comparison.operator](ResolvedComparison(comparison, field, entity.pattern))


def _check(comparison: Comparison, field: Field) -> None:
    """Raises QueryError: the type of the field does not take the path, the operator, or that many values."""
    if comparison.path and field.type is not FieldType.JSON:
        _check_no_path(comparison.key, comparison.path)
    operator, number = comparison.operator, len(comparison.values)
    if operator not in LOWERINGS[field.type]:
        allowed = " ".join(known.value for known in LOWERINGS[field.type])
        raise QueryError(
            f"the operator {operator.value} does not go with {_written(comparison)}, which is of type "
            f"{field.type.value}; it takes {allowed}"
        )
    if number > 1:
        check_number(_written(comparison), operator, number)
    if comparison.path:
        PATH.check(len(comparison.path), f"the path of {field.name}")
    if field.type is FieldType.JSON and not comparison.path and operator not in OF_OBJECTS:
        raise QueryError(f"{field.name} is an object: ask for what lies in it, as in {field.name}.key{operator.value}")


def _is_in_json(expression: ColumnElement[Any]) -> bool:
    (value,) = expression.clauses if isinstance(expression, casefolded) else (expression,)
    return isinstance(value, AtPath)


def _check_no_path(key: str, path: tuple[str, ...]) -> None:
    if path:
        raise QueryError(f"{key} is no JSON, so there is no {unparse_key(key, path)} in it")


def _written(comparison: Comparison) -> str:
    """The key and path as they are written in a query."""
    return unparse_key(comparison.key, comparison.path)
