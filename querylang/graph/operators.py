"""The operators of the QueryBuilder: what each one says of a column, and of a value in JSON.

In JSON an operator looks at values of its own type only: a number is greater than another number, never than a text,
and a value that is not there is not equal to anything. Source: what the QueryBuilder of aiida-core does on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from aiida_like.errors import QueryError
from aiida_like.storage.sql.expressions import casefold
from aiida_like.storage.sql.json_expressions import is_plain
from aiida_like.storage.sql.patterns import Pattern
from querylang.graph.ast import GraphCondition, Operand, Term
from querylang.graph.validation import json_of
from querylang.limits import VALUES
from querylang.lowering.as_type import AsType
from querylang.lowering.columns import like_term, stored_time, uuid_like_term
from querylang.lowering.predicates import Predicate
from querylang.lowering.uuids import is_uuid
from querylang.schema import FieldType
from querylang.terms import Every, Some

JSON_TYPES = ("object", "array", "string", "number", "boolean", "null")

_Lowering = Callable[[Operand, str, Any], Term]
"""Operand, operator and value -> term. Raises QueryError: the operator takes no such value."""

_COMPARED: Mapping[str, Predicate] = {
    "==": Predicate.EQUAL,
    ">": Predicate.GREATER,
    "<": Predicate.LESS,
    ">=": Predicate.GREATER_OR_EQUAL,
    "<=": Predicate.LESS_OR_EQUAL,
    "=>": Predicate.GREATER_OR_EQUAL,
    "=<": Predicate.LESS_OR_EQUAL,
}
"""The comparisons. Only JSON takes the last two, as in AiiDA."""

_INT64_END = 2**63


def condition_of(operand: Operand, operator: str, value: Any) -> Term:
    """The term of one comparison. Raises QueryError: the operand does not take the operator, or the value."""
    known = OPERATORS[operand.column.type]
    if operator not in known:
        raise QueryError(
            f"there is no operator {operator!r} for {_name(operand)}, which is of type "
            f"{operand.column.type.value}; it takes {' '.join(known)}"
        )
    if operand.column.name == "path":
        _check_path(operator, value)
    return known[operator](operand, operator, value)


def _check_path(operator: str, value: Any) -> None:
    """The path of a walk is a text that the statement makes, no stored JSON that has types and members."""
    values = value if isinstance(value, list) and operator == "in" else [value]
    if operator not in _OF_PATHS or not all(isinstance(each, str) for each in values):
        raise QueryError(
            f'path is compared with text, such as "[1,2]", by {" ".join(_OF_PATHS)}, '
            f"not by {operator} with {shown(value)}"
        )


def _is_null(operand: Operand) -> Term:
    return GraphCondition(Predicate.IS_NULL, operand)


def _compare_integer(operand: Operand, operator: str, value: Any) -> Term:
    if value is None and operator == "==":
        return _is_null(operand)
    return GraphCondition(_COMPARED[operator], operand, (_integer(operand, value),))


def _compare_string(operand: Operand, operator: str, value: Any) -> Term:
    if value is None and operator == "==":
        return _is_null(operand)
    text, predicate = _string(operand, value), _COMPARED[operator]
    if predicate is Predicate.EQUAL:
        return GraphCondition(predicate, operand, (text,))
    return GraphCondition(predicate, operand.casefolded, (casefold(text),))


def _compare_uuid(operand: Operand, operator: str, value: Any) -> Term:
    text, predicate = _string(operand, value).lower(), _COMPARED[operator]
    if predicate is Predicate.EQUAL:
        return GraphCondition(Predicate.IN, operand, (text,) if is_uuid(text) else ())
    return GraphCondition(predicate, operand.casefolded, (text,))


def _compare_datetime(operand: Operand, operator: str, value: Any) -> Term:
    return GraphCondition(_COMPARED[operator], operand, (_instant(operand, value),))


def _in(read: Callable[[Operand, Any], Any]) -> _Lowering:
    def lower(operand: Operand, operator: str, value: Any) -> Term:
        return GraphCondition(Predicate.IN, operand, tuple(read(operand, each) for each in _values(operator, value)))

    return lower


def _in_uuids(operand: Operand, operator: str, value: Any) -> Term:
    texts = (_string(operand, each).lower() for each in _values(operator, value))
    return GraphCondition(Predicate.IN, operand, tuple(filter(is_uuid, texts)))


def _like(operand: Operand, operator: str, value: Any) -> Term:
    text = _string(operand, value)
    if text == "%" and not operand.column.is_nullable:
        return Every(())
    return _like_text(operand, operator, text)


def _like_text(operand: Operand, operator: str, text: str) -> Term:
    if operator == "ilike":
        return like_term(GraphCondition, operand.casefolded, Pattern.parse_sql(casefold(text)))
    return like_term(GraphCondition, operand, Pattern.parse_sql(text), has_index=operand.as_type is AsType.ITSELF)


def _like_uuid(operand: Operand, _: str, value: Any) -> Term:
    return uuid_like_term(GraphCondition, operand, Pattern.parse_sql(_string(operand, value).lower()))


def _integer(operand: Operand, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -_INT64_END <= value < _INT64_END:
        raise QueryError(f"{_name(operand)} is compared with integers, not with {shown(value)}")
    return value


def _string(operand: Operand, value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise QueryError(f"{_name(operand)} is compared with text, not with {shown(value)}")
    return value


def _instant(operand: Operand, value: Any) -> str:
    """A time as it is stored, taken for UTC where it has no shift."""
    try:
        time = datetime.fromisoformat(_string(operand, value).replace("Z", "+00:00").replace("z", "+00:00"))
        return stored_time(time if time.tzinfo else time.replace(tzinfo=timezone.utc))
    except (ValueError, OverflowError):
        raise QueryError(
            f'{_name(operand)} is compared with times such as "2016-04-23T05:45:00+03:45", not with {shown(value)}'
        ) from None


def _compare_json(operand: Operand, operator: str, value: Any) -> Term:
    predicate = _COMPARED[operator]
    is_equality = predicate is Predicate.EQUAL
    match value:
        case bool():
            return _typed(operand, AsType.BOOLEAN, predicate, value)
        case int() | float():
            return _typed(operand, AsType.NUMBER, predicate, _double(operand, value))
        case str() if is_equality:
            return _typed(operand, AsType.TEXT, predicate, _string(operand, value))
        case str():
            return _typed(operand, AsType.CASEFOLDED_TEXT, predicate, casefold(_string(operand, value)))
        case dict() | list() if is_equality:
            return _typed(operand, AsType.JSON, Predicate.JSON_SAME, _json(value))
        case None if is_equality:
            # Nothing is equal to null, as in AiiDA; `of_type` finds it.
            return Some(())
        case _:
            raise QueryError(f"{_name(operand)} cannot be compared by {operator} with {shown(value)}")


def _typed(operand: Operand, as_type: AsType, predicate: Predicate, *values: Any) -> GraphCondition:
    return GraphCondition(predicate, replace(operand, as_type=as_type), values)


def _in_json(operand: Operand, operator: str, value: Any) -> Term:
    """The values must be of one type: AiiDA would take them all for the type of the first."""
    values = _values(operator, value)
    types = {type(each) for each in values}
    if types == {str}:
        return _typed(operand, AsType.TEXT, Predicate.IN, *(_string(operand, each) for each in values))
    if types <= {int, float}:
        return _typed(operand, AsType.NUMBER, Predicate.IN, *(_double(operand, each) for each in values))
    if len(types) > 1:
        raise QueryError(f"the values behind 'in' are of several types: {shown(value)}")
    return Some(tuple(_compare_json(operand, "==", each) for each in values))


def _like_json(operand: Operand, operator: str, value: Any) -> Term:
    return _like_text(replace(operand, as_type=AsType.TEXT), operator, _string(operand, value))


def _of_type(operand: Operand, _: str, value: Any) -> Term:
    if value not in JSON_TYPES:
        raise QueryError(f"of_type takes one of {', '.join(JSON_TYPES)}, not {shown(value)}")
    is_of_type = _typed(operand, AsType.TYPE, Predicate.EQUAL, value)
    return Some((is_of_type, _typed(operand, AsType.TYPE, Predicate.IS_NULL))) if value == "null" else is_of_type


def _length(predicate: Predicate) -> _Lowering:
    return lambda operand, _, value: _typed(operand, AsType.LENGTH, predicate, _integer(operand, value))


def _contains(operand: Operand, _: str, value: Any) -> Term:
    return _typed(operand, AsType.JSON, Predicate.JSON_CONTAINS, _json(value))


def _has_key(operand: Operand, _: str, value: Any) -> Term:
    key = _string(operand, value)
    predicate = Predicate.JSON_HAS_PLAIN_KEY if is_plain(key) else Predicate.JSON_HAS_KEY
    return _typed(operand, AsType.JSON, predicate, key)


_SIGNS = ("==", ">", "<", ">=", "<=")
_OF_PATHS = (*_COMPARED, "in", "like", "ilike")

OPERATORS: Mapping[FieldType, Mapping[str, _Lowering]] = {
    FieldType.INTEGER: {**dict.fromkeys(_SIGNS, _compare_integer), "in": _in(_integer)},
    FieldType.STRING: {
        **dict.fromkeys(_SIGNS, _compare_string),
        "in": _in(_string),
        "like": _like,
        "ilike": _like,
    },
    FieldType.UUID: {
        **dict.fromkeys(_SIGNS, _compare_uuid),
        "in": _in_uuids,
        "like": _like_uuid,
        "ilike": _like_uuid,
    },
    FieldType.DATETIME: {**dict.fromkeys(_SIGNS, _compare_datetime), "in": _in(_instant)},
    FieldType.JSON: {
        **dict.fromkeys(_COMPARED, _compare_json),
        "in": _in_json,
        "like": _like_json,
        "ilike": _like_json,
        "of_type": _of_type,
        "contains": _contains,
        "has_key": _has_key,
        "of_length": _length(Predicate.EQUAL),
        "longer": _length(Predicate.GREATER),
        "shorter": _length(Predicate.LESS),
    },
}
"""The operators of each type of columns, and what they mean for it. No column of AiiDA's tables is a boolean."""


def _double(operand: Operand, value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise QueryError(f"{_name(operand)} is compared with a number that no double can hold") from None


def _json(value: Any) -> str:
    return json_of(value).decode()


def _values(operator: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, list) or not value:
        raise QueryError(f"{operator!r} takes a list of values, not {shown(value)}")
    VALUES.check(len(value), repr(operator))
    return value


def _name(operand: Operand) -> str:
    return ".".join((operand.column.name, *operand.path))


def shown(value: Any, most: int = 40) -> str:
    """A value for the text of an error, cut off after `most` characters."""
    text = _json(value)
    return text if len(text) <= most else text[:most] + "..."
