"""What each operator means for the fields of each type.

A new operator is a member of `ast.Operator` and stands here for each type that takes it, and is a word in
`expression.WORDS` if `filter=` has one. Error texts, OpenAPI documents and `lower` read this table. What `forgotten`
finds is an error when this is imported, not when somebody asks.
"""

from __future__ import annotations

from collections.abc import Mapping

from querylang.ast import Operator
from querylang.lowering import columns
from querylang.lowering import json_values as json
from querylang.lowering.predicates import Predicate
from querylang.schema import FieldType

_EQUALITIES = (Operator.EQUAL, Operator.UNEQUAL)
_ORDERS = (Operator.GREATER, Operator.LESS, Operator.GREATER_OR_EQUAL, Operator.LESS_OR_EQUAL)
_LIKES = (Operator.LIKE, Operator.ILIKE)
_LISTS = (Operator.IN, Operator.NOT_IN)

LOWERINGS: Mapping[FieldType, Mapping[Operator, columns.Lowering]] = {
    FieldType.INTEGER: {
        **dict.fromkeys((*_EQUALITIES, *_ORDERS, *_LISTS), columns.integers),
        Operator.IS_NULL: columns.is_null,
    },
    FieldType.STRING: {
        **dict.fromkeys(_EQUALITIES, columns.texts),
        **dict.fromkeys(_ORDERS, columns.alphabetical),
        **dict.fromkeys(_LIKES, columns.like),
        **dict.fromkeys(_LISTS, columns.texts),
        Operator.CONTAINS: columns.contains,
        Operator.STARTS_WITH: columns.starts_with,
        Operator.IS_NULL: columns.is_null,
    },
    FieldType.UUID: {
        **dict.fromkeys(_EQUALITIES, columns.uuids),
        **dict.fromkeys(_ORDERS, columns.uuids_as_text),
        **dict.fromkeys(_LIKES, columns.uuid_like),
        **dict.fromkeys(_LISTS, columns.uuids),
        Operator.STARTS_WITH: columns.uuid_starts_with,
        Operator.IS_NULL: columns.is_null,
    },
    FieldType.BOOLEAN: {
        **dict.fromkeys(_EQUALITIES, columns.booleans),
        Operator.IS_NULL: columns.is_null,
    },
    FieldType.DATETIME: {
        **dict.fromkeys(_EQUALITIES, columns.intervals),
        **dict.fromkeys(_ORDERS, columns.bounds_of_intervals),
        **dict.fromkeys(_LISTS, columns.intervals),
        Operator.IS_NULL: columns.is_null,
    },
    FieldType.JSON: {
        **dict.fromkeys(_EQUALITIES, json.equal),
        **dict.fromkeys(_ORDERS, json.ordered),
        **dict.fromkeys(_LIKES, json.like),
        **dict.fromkeys(_LISTS, json.equal),
        Operator.HAS: json.has,
        Operator.CONTAINS: json.contains,
        Operator.STARTS_WITH: json.starts_with,
        Operator.IS_NULL: json.is_null,
    },
}
"""The operators that a field of each type takes, in the order of `Operator`, and what they mean for it.

What lies in a JSON field takes those of the type of the value.
"""

BY_NAME = (
    *(columns.integers, columns.texts, columns.alphabetical, columns.uuids_as_text, columns.booleans),
    *(columns.bounds_of_intervals, json.ordered),
)
"""The functions that look for the predicate of the name of the operator."""


def forgotten(lowerings: Mapping[FieldType, Mapping[Operator, columns.Lowering]]) -> set[FieldType | Operator]:
    """Types that take nothing, operators that JSON does not take, and those that have no predicate of their name."""
    named = {each for taken in lowerings.values() for each, lowering in taken.items() if lowering in BY_NAME}
    nameless = {each for each in named if each.name not in Predicate.__members__}
    return {*FieldType} - {*lowerings} | {*Operator} - {*lowerings.get(FieldType.JSON, ())} | nameless


if forgotten(LOWERINGS):
    raise TypeError(f"these mean nothing yet: {forgotten(LOWERINGS)}")
