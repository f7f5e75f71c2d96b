"""Comparisons with what lies in JSON -> conditions.

A comparison looks at values of the type that it names: a number is greater than another number, never than a text. What
is of another type is unequal. Where there is nothing, a comparison is neither true nor false, so that NOT leaves it so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from sqlalchemy import ColumnElement, func

from aiida_like.errors import QueryError
from aiida_like.storage import json_expressions as json
from aiida_like.storage.expressions import lower_case
from aiida_like.storage.patterns import Pattern, escape
from querylang.ast import Boolean, Float, Integer, Literal, Null, Operator, String
from querylang.condition import Condition
from querylang.schema import Field, FieldType
from querylang.terms import Every, Not, Some, Term
from querylang.unparse import unparse_key, unparse_value

MAX_PATH = 32
"""How many keys a path may have."""

Path = tuple[str, ...]
_Lower = Callable[["_Place", Literal], Term[Condition]]

_OF_THE_WHOLE = (Operator.HAS, Operator.CONTAINS, Operator.IS_NULL)

_TAKEN: Mapping[str, Callable[[ColumnElement[Any], Path], ColumnElement[Any]]] = {
    "number": json.json_number,
    "text": json.json_string,
    "boolean": json.json_boolean,
    "kind": json.json_kind,
    "kind or null": lambda column, path: func.coalesce(json.json_kind(column, path), "null"),
    "value": json.json_value,
}


def place_of(field: Field, path: Path, taken: str) -> Field:
    """What lies at a path, as a number, text, boolean, kind or value; NULL where it is of another type.

    As `kind or null` it is never NULL: where nothing is, it is the kind of null.
    """
    name = f"{field.name}{path!r} as {taken}"
    return Field(name, FieldType.JSON, _TAKEN[taken](field.expression, path), field.title, field.help, is_nullable=True)


def lower_json(
    field: Field, path: Path, operator: Operator, values: tuple[Literal, ...], parse: Callable[[str], Pattern]
) -> Term[Condition]:
    """Raises QueryError: the operator does not take a value of this type, or the path is too long."""
    if len(path) > MAX_PATH:
        raise QueryError(f"the path of {field.name} has {len(path)} keys; at most {MAX_PATH} are allowed")
    if not path and operator not in _OF_THE_WHOLE:
        raise QueryError(f"{field.name} is an object: ask for what lies in it, as in {field.name}.key{operator.value}")
    place = _Place(field, path, operator, parse)
    if operator in (Operator.IN, Operator.NOT_IN):
        found = _one_of(place, values)
        return Not(found) if operator is Operator.NOT_IN else found
    return _LOWER[operator](place, values[0])


class _Place:
    """Where a comparison looks, and by which operator."""

    def __init__(self, field: Field, path: Path, operator: Operator, parse: Callable[[str], Pattern]) -> None:
        self._field = field
        self._path = path
        self.operator = operator
        self.parse = parse

    def test(self, name: str, taken: str, *values: Any) -> Condition:
        return Condition(name, place_of(self._field, self._path, taken), values)

    def refused(self, value: Literal, expected: str) -> QueryError:
        key = unparse_key(self._field.name, self._path)
        return QueryError(f"{key}{self.operator.value} takes {expected}, not {unparse_value(value)}")


def _equal(place: _Place, value: Literal) -> Term[Condition]:
    match value:
        case String(value=text):
            return place.test("=", "text", text)
        case Integer(value=number) | Float(value=number):
            return place.test("=", "number", float(number))
        case Boolean(value=flag):
            return place.test("=", "boolean", flag)
        case Null():
            return place.test("=", "kind", "null")
        case _:
            raise place.refused(value, "a number, text, true, false or null (times are text there)")


def _one_of(place: _Place, values: tuple[Literal, ...]) -> Term[Condition]:
    """A test for all of a type: SQLite takes expressions of a depth of 1000 only."""
    terms: list[Term[Condition]] = []
    for name, kinds in (("text", (String,)), ("number", (Integer, Float))):
        group = [value for value in values if isinstance(value, kinds)]
        if group:
            tests = [_equal(place, value) for value in group]
            terms.append(place.test("in", name, *(test.values[0] for test in tests if isinstance(test, Condition))))
    others = dict.fromkeys(value for value in values if not isinstance(value, (String, Integer, Float)))
    return Some((*terms, *(_equal(place, value) for value in others)))


def _unequal(place: _Place, value: Literal) -> Term[Condition]:
    return Not(_equal(place, value))


def _ordered(place: _Place, value: Literal) -> Term[Condition]:
    match value:
        case String(value=text):
            return place.test(f"lowered {place.operator.value}", "text", lower_case(text))
        case Integer(value=number) | Float(value=number):
            return place.test(place.operator.value, "number", float(number))
        case _:
            raise place.refused(value, "a number or text")


def _like(place: _Place, value: Literal) -> Term[Condition]:
    text = _text(place, value)
    is_lowered = place.operator is Operator.ILIKE
    case = "lowered " if is_lowered else ""
    pattern = place.parse(lower_case(text) if is_lowered else text)
    candidates = place.test(case + "like", "text", pattern.like)
    if not pattern.optional:
        return candidates
    return Every((candidates, place.test(case + "matches", "text", pattern.text, pattern.regex)))


def _starts_with(place: _Place, value: Literal) -> Term[Condition]:
    return place.test("like", "text", escape(_text(place, value)) + "%")


def _contains(place: _Place, value: Literal) -> Term[Condition]:
    in_list = place.test("json contains", "value", orjson.dumps([_plain(place, value)]).decode())
    if not isinstance(value, String):
        return in_list
    return Some((place.test("like", "text", f"%{escape(value.value)}%"), in_list))


def _has(place: _Place, value: Literal) -> Term[Condition]:
    key = _text(place, value)
    return place.test("json has plain key" if json.is_plain(key) else "json has key", "value", key)


def _is_null(place: _Place, value: Literal) -> Term[Condition]:
    if not isinstance(value, Boolean):
        raise place.refused(value, "true or false")
    return place.test("=" if value.value else "!=", "kind or null", "null")


def _text(place: _Place, value: Literal) -> str:
    if not isinstance(value, String):
        raise place.refused(value, 'text in double quotes, as in "text"')
    return value.value


def _plain(place: _Place, value: Literal) -> str | float | bool | None:
    match value:
        case String(value=plain) | Boolean(value=plain) | Integer(value=plain) | Float(value=plain):
            return plain
        case Null():
            return None
        case _:
            raise place.refused(value, "a number, text, true, false or null (times are text there)")


_LOWER: Mapping[Operator, _Lower] = {
    Operator.EQUAL: _equal,
    Operator.UNEQUAL: _unequal,
    **dict.fromkeys((Operator.GREATER, Operator.LESS, Operator.GREATER_OR_EQUAL, Operator.LESS_OR_EQUAL), _ordered),
    Operator.LIKE: _like,
    Operator.ILIKE: _like,
    Operator.STARTS_WITH: _starts_with,
    Operator.CONTAINS: _contains,
    Operator.HAS: _has,
    Operator.IS_NULL: _is_null,
}
