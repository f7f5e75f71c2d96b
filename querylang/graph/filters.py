"""Filters of a dictionary -> tests.

    filters  = { column-and-path: value | operators, "and" | "or" | "!and" | ...: [filters, ...] }
    operators = { operator: value, "and" | "or": [operators, ...] }

`!` or `~` in front of an operator negates it. In JSON an operator looks at values of its own type only: a number is
greater than another number, never than a text, and what is not there is not equal to anything. Source: what the
QueryBuilder of aiida-core does on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import orjson

from aiida_like.errors import QueryError
from aiida_like.storage.expressions import lower_case
from aiida_like.storage.json_expressions import is_plain
from aiida_like.storage.patterns import Pattern
from querylang.graph.ast import As, Every, Not, Operand, Some, Term, Test
from querylang.graph.schema import Source
from querylang.lower import MAX_VALUES, is_uuid, like_tests, stored_time, uuid_like_tests
from querylang.schema import FieldType

MAX_DEPTH = 32
"""How deep filters may be nested."""

MAX_INTEGER = 2**63

_JUNCTIONS: Mapping[str, Callable[[tuple[Term, ...]], Term]] = {"and": Every, "or": Some}

_RELATIONS = {"==": "=", ">": ">", "<": "<", ">=": ">=", "<=": "<=", "=>": ">=", "=<": "<="}
"""Comparisons, and their names as tests."""

KINDS = ("object", "array", "string", "number", "boolean", "null")


class FilterReader:
    """Reads the filters of one tag. `where` is what an error says first."""

    def __init__(self, tag: str, source: Source, where: str) -> None:
        self._tag = tag
        self._source = source
        self._where = where

    def read(self, filters: Any) -> Term:
        """Raises QueryError."""
        try:
            return Every(tuple(self._filters(filters, 1)))
        except QueryError as error:
            raise QueryError(f"{self._where}: {error}") from None

    def _filters(self, filters: Any, depth: int) -> Iterator[Term]:
        if not isinstance(filters, dict):
            raise QueryError(f'filters are an object such as {{"id": {{">": 5}}}}, not {_shown(filters)}')
        _check_depth(depth)
        for key, value in filters.items():
            word = key.lstrip("~!")
            if word in _JUNCTIONS and (len(key) - len(word)) <= 1:
                terms = tuple(Every(tuple(self._filters(each, depth + 1))) for each in _list(key, value))
                yield from _joined(word, key, terms)
            else:
                yield from self._operators(
                    self._operand(key), value if isinstance(value, dict) else {"==": value}, depth
                )

    def _operators(self, operand: Operand, operators: Mapping[str, Any], depth: int) -> Iterator[Term]:
        _check_depth(depth)
        for name, value in operators.items():
            word = name.lstrip("~!")
            if word in _JUNCTIONS:
                terms = tuple(
                    term for each in _list(name, value) for term in self._operators(operand, _object(each), depth + 1)
                )
                yield from _joined(word, name, terms)
            else:
                term = _test(operand, word, value)
                yield Not(term) if word != name else term

    def _operand(self, key: str) -> Operand:
        name, *path = key.split(".")
        column = self._source.column(name)
        if path and column.type is not FieldType.JSON:
            raise QueryError(f"{name!r} is no JSON, so there is no {key!r} in it")
        return Operand(self._tag, column, tuple(path))


def _joined(word: str, name: str, terms: tuple[Term, ...]) -> Iterator[Term]:
    if terms:
        term = _JUNCTIONS[word](terms)
        yield Not(term) if name != word else term


def _test(operand: Operand, operator: str, value: Any) -> Term:
    tests = TESTS[operand.column.type]
    if operator not in tests:
        raise QueryError(
            f"there is no operator {operator!r} for {_name(operand)}, which is of type "
            f"{operand.column.type.value}; it takes {' '.join(tests)}"
        )
    return tests[operator](operand, operator, value)


# Columns


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
    if isinstance(value, bool) or not isinstance(value, int) or not -MAX_INTEGER <= value < MAX_INTEGER:
        raise QueryError(f"{_name(operand)} is compared with integers, not with {_shown(value)}")
    return value


def _string(operand: Operand, value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise QueryError(f"{_name(operand)} is compared with text, not with {_shown(value)}")
    return value


def _instant(operand: Operand, value: Any) -> str:
    """UTC where no shift is given."""
    try:
        time = datetime.fromisoformat(_string(operand, value).replace("Z", "+00:00").replace("z", "+00:00"))
        return stored_time(time if time.tzinfo else time.replace(tzinfo=timezone.utc))
    except (ValueError, OverflowError):
        raise QueryError(
            f'{_name(operand)} is compared with times such as "2016-04-23T05:45:00+03:45", not with {_shown(value)}'
        ) from None


_COLUMNS: Mapping[FieldType, _Tests] = {
    FieldType.INTEGER: {**_with_relations(_compare_integer), "in": _in(_integer)},
    FieldType.STRING: {**_with_relations(_compare_string), "in": _in(_string), "like": _like, "ilike": _like},
    FieldType.UUID: {**_with_relations(_compare_uuid), "in": _in_uuids, "like": _like_uuid, "ilike": _like_uuid},
    FieldType.DATETIME: {**_with_relations(_compare_datetime), "in": _in(_instant)},
}


# JSON


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
            raise QueryError(f"{_name(operand)} cannot be compared by {operator} with {_shown(value)}")


def _typed(operand: Operand, taken: As, name: str, *values: Any) -> Test:
    return Test(name, Operand(operand.tag, operand.column, operand.path, taken), values)


def _in_json(operand: Operand, operator: str, value: Any) -> Term:
    """AiiDA takes all for the type of the first."""
    values = _values(operator, value)
    if all(isinstance(each, str) for each in values):
        return _typed(operand, As.STRING, "in", *(_string(operand, each) for each in values))
    if all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in values):
        return _typed(operand, As.NUMBER, "in", *(_double(operand, each) for each in values))
    if len({type(each) for each in values}) > 1:
        raise QueryError(f"the values behind 'in' are of several types: {_shown(value)}")
    return Some(tuple(_compare_json(operand, "==", each) for each in values))


def _like_json(operand: Operand, operator: str, value: Any) -> Term:
    case = "lowered " if operator == "ilike" else ""
    text = _string(operand, value)
    pattern = Pattern.parse_sql(lower_case(text) if case else text)
    return _typed(operand, As.STRING, f"{case}like", pattern.like)


def _of_type(operand: Operand, _: str, value: Any) -> Term:
    if value not in KINDS:
        raise QueryError(f"of_type takes one of {', '.join(KINDS)}, not {_shown(value)}")
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
    return orjson.dumps(value).decode()


# Shapes of the dictionary


def _list(name: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise QueryError(f"{name!r} takes a list of filters, not {_shown(value)}")
    return value


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise QueryError(f'an operator and its value are written {{">": 5}}, not {_shown(value)}')
    return value


def _values(operator: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, list) or not value:
        raise QueryError(f"{operator!r} takes a list of values, not {_shown(value)}")
    if len(value) > MAX_VALUES:
        raise QueryError(f"{operator!r} has {len(value)} values; at most {MAX_VALUES} are allowed")
    return value


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise QueryError(f"filters are nested more than {MAX_DEPTH} deep")


def _name(operand: Operand) -> str:
    return ".".join((operand.column.name, *operand.path))


def _shown(value: Any, most: int = 40) -> str:
    text = _json(value)
    return text if len(text) <= most else text[:most] + "..."
