"""What each operator of the QueryBuilder says of a column, and of what lies in JSON.

In JSON an operator looks at values of its own type only: a number is greater than another number, never than a text,
and what is not there is not equal to anything. Source: what the QueryBuilder of aiida-core does on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from aiida_like.errors import QueryError
from aiida_like.storage.expressions import lower_case
from aiida_like.storage.json_expressions import is_plain
from aiida_like.storage.patterns import Pattern
from querylang.graph.ast import As, Operand, Term, Test
from querylang.graph.shape import json_of
from querylang.lower import like_tests, stored_time, uuid_like_tests
from querylang.relations import MAX_VALUES
from querylang.schema import FieldType
from querylang.terms import Every, Some
from querylang.uuids import is_uuid

KINDS = ("object", "array", "string", "number", "boolean", "null")

_RELATIONS = {"==": "=", ">": ">", "<": "<", ">=": ">=", "<=": "<=", "=>": ">=", "=<": "<="}
"""Comparisons, and their names as tests."""

_INT64_END = 2**63


def test_of(operand: Operand, operator: str, value: Any) -> Term:
    """Raises QueryError: the type of the operand takes no such operator, or no such value."""
    tests = TESTS[operand.column.type]
    if operator not in tests:
        raise QueryError(
            f"there is no operator {operator!r} for {_name(operand)}, which is of type "
            f"{operand.column.type.value}; it takes {' '.join(tests)}"
        )
    return tests[operator](operand, operator, value)


def _is_null(operand: Operand) -> Term:
    return Test("is null", operand)


def _compare_integer(operand: Operand, operator: str, value: Any) -> Term:
    if value is None and operator == "==":
        return _is_null(operand)
    return Test(_RELATIONS[operator], operand, (_integer(operand, value),))


def _compare_string(operand: Operand, operator: str, value: Any) -> Term:
    if value is None and operator == "==":
        return _is_null(operand)
    text = _string(operand, value)
    return Test("=", operand, (text,)) if operator == "==" else _compare_lowered(operand, operator, text)


def _compare_lowered(operand: Operand, operator: str, text: str) -> Term:
    return Test(f"lowered {_RELATIONS[operator]}", operand, (lower_case(text),))


def _compare_uuid(operand: Operand, operator: str, value: Any) -> Term:
    text = _string(operand, value).lower()
    if operator == "==":
        return Test("in", operand, (text,) if is_uuid(text) else ())
    return Test(f"uuid {_RELATIONS[operator]}", operand, (text,))


def _compare_datetime(operand: Operand, operator: str, value: Any) -> Term:
    return Test(_RELATIONS[operator], operand, (_instant(operand, value),))


def _in(read: Callable[[Operand, Any], Any]) -> Callable[[Operand, str, Any], Term]:
    def test(operand: Operand, operator: str, value: Any) -> Term:
        return Test("in", operand, tuple(read(operand, each) for each in _values(operator, value)))

    return test


def _in_uuids(operand: Operand, operator: str, value: Any) -> Term:
    texts = (_string(operand, each).lower() for each in _values(operator, value))
    return Test("in", operand, tuple(filter(is_uuid, texts)))


def _like(operand: Operand, operator: str, value: Any) -> Term:
    text = _string(operand, value)
    if text == "%" and not operand.column.is_nullable:
        return Every(())
    case = "lowered " if operator == "ilike" else ""
    pattern = Pattern.parse_sql(lower_case(text) if case else text)
    return Every(tuple(Test(name, operand, values) for name, values in like_tests(pattern, case)))


def _like_uuid(operand: Operand, _: str, value: Any) -> Term:
    pattern = Pattern.parse_sql(_string(operand, value).lower())
    return Every(tuple(Test(name, operand, values) for name, values in uuid_like_tests(pattern)))


def _with_relations(compare: Callable[[Operand, str, Any], Term]) -> dict[str, Callable[[Operand, str, Any], Term]]:
    return dict.fromkeys(("==", ">", "<", ">=", "<="), compare)


_Tests = Mapping[str, Callable[[Operand, str, Any], Term]]


def _integer(operand: Operand, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -_INT64_END <= value < _INT64_END:
        raise QueryError(f"{_name(operand)} is compared with integers, not with {shown(value)}")
    return value


def _string(operand: Operand, value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise QueryError(f"{_name(operand)} is compared with text, not with {shown(value)}")
    return value


def _instant(operand: Operand, value: Any) -> str:
    """UTC where no shift is given."""
    try:
        time = datetime.fromisoformat(_string(operand, value).replace("Z", "+00:00").replace("z", "+00:00"))
        return stored_time(time if time.tzinfo else time.replace(tzinfo=timezone.utc))
    except (ValueError, OverflowError):
        raise QueryError(
            f'{_name(operand)} is compared with times such as "2016-04-23T05:45:00+03:45", not with {shown(value)}'
        ) from None


_COLUMNS: Mapping[FieldType, _Tests] = {
    FieldType.INTEGER: {**_with_relations(_compare_integer), "in": _in(_integer)},
    FieldType.STRING: {**_with_relations(_compare_string), "in": _in(_string), "like": _like, "ilike": _like},
    FieldType.UUID: {**_with_relations(_compare_uuid), "in": _in_uuids, "like": _like_uuid, "ilike": _like_uuid},
    FieldType.DATETIME: {**_with_relations(_compare_datetime), "in": _in(_instant)},
}


def _compare_json(operand: Operand, operator: str, value: Any) -> Term:
    relation = _RELATIONS[operator]
    match value:
        case bool():
            return _typed(operand, As.BOOLEAN, relation, value)
        case int() | float():
            return _typed(operand, As.NUMBER, relation, _double(operand, value))
        case str() if relation == "=":
            return _typed(operand, As.STRING, relation, _string(operand, value))
        case str():
            return _typed(operand, As.STRING, f"lowered {relation}", lower_case(_string(operand, value)))
        case dict() | list() if relation == "=":
            return Test("json same", operand, (_json(value),))
        case None if relation == "=":
            # As in AiiDA: nothing is equal to null. `of_type` finds it.
            return Some(())
        case _:
            raise QueryError(f"{_name(operand)} cannot be compared by {operator} with {shown(value)}")


def _typed(operand: Operand, taken: As, name: str, *values: Any) -> Test:
    return Test(name, Operand(operand.tag, operand.column, operand.path, taken), values)


def _in_json(operand: Operand, operator: str, value: Any) -> Term:
    """All of one type: AiiDA would take them for the type of the first."""
    values = _values(operator, value)
    if all(isinstance(each, str) for each in values):
        return _typed(operand, As.STRING, "in", *(_string(operand, each) for each in values))
    if all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in values):
        return _typed(operand, As.NUMBER, "in", *(_double(operand, each) for each in values))
    if len({type(each) for each in values}) > 1:
        raise QueryError(f"the values behind 'in' are of several types: {shown(value)}")
    return Some(tuple(_compare_json(operand, "==", each) for each in values))


def _like_json(operand: Operand, operator: str, value: Any) -> Term:
    case = "lowered " if operator == "ilike" else ""
    text = _string(operand, value)
    pattern = Pattern.parse_sql(lower_case(text) if case else text)
    return _typed(operand, As.STRING, f"{case}like", pattern.like)


def _of_type(operand: Operand, _: str, value: Any) -> Term:
    if value not in KINDS:
        raise QueryError(f"of_type takes one of {', '.join(KINDS)}, not {shown(value)}")
    taken = Operand(operand.tag, operand.column, operand.path, As.KIND)
    kind = Test("=", taken, (value,))
    return Some((kind, Test("is null", taken))) if value == "null" else kind


def _length(relation: str) -> Callable[[Operand, str, Any], Term]:
    def test(operand: Operand, _: str, value: Any) -> Term:
        return _typed(operand, As.LENGTH, relation, _integer(operand, value))

    return test


def _has_key(operand: Operand, _: str, value: Any) -> Term:
    key = _string(operand, value)
    return Test("json has plain key" if is_plain(key) else "json has key", operand, (key,))


_JSON: _Tests = {
    **dict.fromkeys(_RELATIONS, _compare_json),
    "in": _in_json,
    "like": _like_json,
    "ilike": _like_json,
    "of_type": _of_type,
    "contains": lambda operand, _, value: Test("json contains", operand, (_json(value),)),
    "has_key": _has_key,
    "of_length": _length("="),
    "longer": _length(">"),
    "shorter": _length("<"),
}


TESTS: Mapping[FieldType, _Tests] = {**_COLUMNS, FieldType.JSON: _JSON}
"""The operators of each type, and what they mean."""


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
    if len(value) > MAX_VALUES:
        raise QueryError(f"{operator!r} has {len(value)} values; at most {MAX_VALUES} are allowed")
    return value


def _name(operand: Operand) -> str:
    return ".".join((operand.column.name, *operand.path))


def shown(value: Any, most: int = 40) -> str:
    """A value in an error."""
    text = _json(value)
    return text if len(text) <= most else text[:most] + "..."
