"""Comparisons with what lies in JSON -> conditions; `operators` says which function is which operator.

A comparison looks at values of the type that it names: a number is greater than another number, never than a text. A
value of another type is unequal. Where there is no value, a comparison is neither true nor false, with NOT too.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from aiida_like.errors import QueryError
from aiida_like.storage.sql.expressions import casefold
from aiida_like.storage.sql.json_expressions import is_plain
from aiida_like.storage.sql.patterns import anywhere, escape
from querylang.ast import Boolean, DateTime, Float, Integer, Literal, Null, Operator, String
from querylang.condition import Condition
from querylang.lowering.as_type import AsType, Path
from querylang.lowering.columns import ResolvedComparison, asks_for_null, like_term
from querylang.lowering.predicates import Predicate
from querylang.schema import Field, FieldType
from querylang.terms import Not, Some, Term
from querylang.unparse import unparse_key, unparse_value

OF_OBJECTS = frozenset({Operator.HAS, Operator.CONTAINS, Operator.IS_NULL})
"""The operators that a JSON field takes itself, not only what lies in it."""

_ANYTHING = "a number, text, true, false or null (times are text there)"


@lru_cache(maxsize=256)
def json_at(field: Field, path: Path, as_type: AsType) -> Field:
    """The value at a path of a JSON field, as a field of its own."""
    name = f"{field.name}{path!r} as {as_type.value}"
    expression = as_type.sql(field.expression, path)
    return Field(name, FieldType.JSON, expression, field.title, field.help, is_nullable=True)


def equal(compared: ResolvedComparison) -> Term[Condition]:
    """`=`, `!=` and both with lists."""
    found = _one_of(compared) if compared.operator.takes_list else _equal(compared, compared.value)
    return Not(found) if compared.operator.negates else found


def ordered(compared: ResolvedComparison) -> Condition:
    match compared.value:
        case String(value=written):
            return _condition(compared, compared.predicate, AsType.CASEFOLDED_TEXT, casefold(written))
        case Integer(value=written) | Float(value=written):
            return _condition(compared, compared.predicate, AsType.NUMBER, float(written))
        case _:
            raise _refused(compared, compared.value, "a number or text")


def like(compared: ResolvedComparison) -> Term[Condition]:
    text = _text(compared)
    if compared.operator is Operator.ILIKE:
        return like_term(Condition, _at(compared, AsType.CASEFOLDED_TEXT), compared.parse_pattern(casefold(text)))
    return like_term(Condition, _at(compared, AsType.TEXT), compared.parse_pattern(text))


def starts_with(compared: ResolvedComparison) -> Condition:
    return _condition(compared, Predicate.LIKE, AsType.TEXT, escape(_text(compared)) + "%")


def contains(compared: ResolvedComparison) -> Term[Condition]:
    value = compared.value
    if isinstance(value, DateTime):
        raise _refused(compared, value, _ANYTHING)
    in_list = _condition(compared, Predicate.JSON_CONTAINS, AsType.JSON, orjson.dumps([value.value]).decode())
    if not isinstance(value, String):
        return in_list
    return Some((_condition(compared, Predicate.LIKE, AsType.TEXT, anywhere(value.value)), in_list))


def has(compared: ResolvedComparison) -> Condition:
    key = _text(compared)
    predicate = Predicate.JSON_HAS_PLAIN_KEY if is_plain(key) else Predicate.JSON_HAS_KEY
    return _condition(compared, predicate, AsType.JSON, key)


def is_null(compared: ResolvedComparison) -> Condition:
    predicate = Predicate.EQUAL if asks_for_null(_name(compared), compared.value) else Predicate.UNEQUAL
    return _condition(compared, predicate, AsType.TYPE_OR_NULL, "null")


def _condition(compared: ResolvedComparison, predicate: Predicate, as_type: AsType, *values: Any) -> Condition:
    return Condition(predicate, _at(compared, as_type), values)


def _at(compared: ResolvedComparison, as_type: AsType) -> Field:
    return json_at(compared.field, compared.comparison.path, as_type)


def _equal(compared: ResolvedComparison, value: Literal) -> Condition:
    match value:
        case String(value=text):
            return _condition(compared, Predicate.EQUAL, AsType.TEXT, text)
        case Integer(value=number) | Float(value=number):
            return _condition(compared, Predicate.EQUAL, AsType.NUMBER, float(number))
        case Boolean(value=flag):
            return _condition(compared, Predicate.EQUAL, AsType.BOOLEAN, flag)
        case Null():
            return _condition(compared, Predicate.EQUAL, AsType.TYPE, "null")
        case _:
            raise _refused(compared, value, _ANYTHING)


def _one_of(compared: ResolvedComparison) -> Term[Condition]:
    """One condition for all values of a type: SQLite takes expressions of a depth of 1000 only."""
    values = compared.comparison.values
    texts = [value.value for value in values if isinstance(value, String)]
    numbers = [float(value.value) for value in values if isinstance(value, (Integer, Float))]
    others = dict.fromkeys(value for value in values if not isinstance(value, (String, Integer, Float)))
    terms: list[Term[Condition]] = []
    if texts:
        terms.append(_condition(compared, Predicate.IN, AsType.TEXT, *texts))
    if numbers:
        terms.append(_condition(compared, Predicate.IN, AsType.NUMBER, *numbers))
    return Some((*terms, *(_equal(compared, value) for value in others)))


def _text(compared: ResolvedComparison) -> str:
    if not isinstance(compared.value, String):
        raise _refused(compared, compared.value, 'text in double quotes, as in "text"')
    return compared.value.value


def _name(compared: ResolvedComparison) -> str:
    return unparse_key(compared.field.name, compared.comparison.path)


def _refused(compared: ResolvedComparison, value: Literal, expected: str) -> QueryError:
    return QueryError(f"{_name(compared)}{compared.operator.value} takes {expected}, not {unparse_value(value)}")
