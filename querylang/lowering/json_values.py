"""Comparisons with what lies in JSON -> conditions; `operators` says which function is which operator.

A comparison looks at values of the type that it names: a number is greater than another number, never than a text. A
value of another type is unequal. Where there is no value, a comparison is neither true nor false, with NOT too.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

import orjson

from aiida_like.errors import QueryError
from aiida_like.storage.expressions import casefold
from aiida_like.storage.json_expressions import is_plain
from aiida_like.storage.patterns import Pattern, escape
from querylang.ast import Boolean, Float, Integer, Literal, Null, String
from querylang.condition import Condition
from querylang.lowering.as_type import EXPRESSIONS, AsType, Path
from querylang.lowering.columns import CASEFOLDED, PLAIN, TextForm
from querylang.lowering.predicates import Predicate
from querylang.lowering.resolved import Lowering, ResolvedComparison
from querylang.schema import Field, FieldType
from querylang.terms import Every, Not, Some, Term
from querylang.unparse import unparse_key, unparse_value

MAX_PATH = 32
"""How many keys a path may have."""

_ANYTHING = "a number, text, true, false or null (times are text there)"


def json_at(field: Field, path: Path, as_type: AsType) -> Field:
    """The value at a path of a JSON field, as a field of its own."""
    name = f"{field.name}{path!r} as {as_type.value}"
    expression = EXPRESSIONS[as_type](field.expression, path)
    return Field(name, FieldType.JSON, expression, field.title, field.help, is_nullable=True)


def _of_a_value(lower: Lowering) -> Lowering:
    """Refuses a field without a path: the operator compares a value in it, and the field is an object."""

    @wraps(lower)
    def lower_value(compared: ResolvedComparison) -> Term[Condition]:
        if not compared.comparison.path:
            name, operator = compared.field.name, compared.comparison.operator.value
            raise QueryError(f"{name} is an object: ask for what lies in it, as in {name}.key{operator}")
        return lower(compared)

    return lower_value


@_of_a_value
def equal(compared: ResolvedComparison) -> Term[Condition]:
    return _equal(compared, compared.value)


@_of_a_value
def unequal(compared: ResolvedComparison) -> Term[Condition]:
    return Not(_equal(compared, compared.value))


@_of_a_value
def one_of(compared: ResolvedComparison) -> Term[Condition]:
    return _one_of(compared)


@_of_a_value
def none_of(compared: ResolvedComparison) -> Term[Condition]:
    return Not(_one_of(compared))


def ordered(number: Predicate, text: Predicate) -> Lowering:
    """An operator of numbers and of text, with the predicates of each."""

    @_of_a_value
    def lower(compared: ResolvedComparison) -> Term[Condition]:
        match compared.value:
            case String(value=written):
                return _condition(compared, text, AsType.TEXT, casefold(written))
            case Integer(value=written) | Float(value=written):
                return _condition(compared, number, AsType.NUMBER, float(written))
            case _:
                raise _refused(compared, compared.value, "a number or text")

    return lower


@_of_a_value
def like(compared: ResolvedComparison) -> Term[Condition]:
    return _like(compared, compared.parse_pattern(_text(compared)), PLAIN)


@_of_a_value
def ilike(compared: ResolvedComparison) -> Term[Condition]:
    return _like(compared, compared.parse_pattern(casefold(_text(compared))), CASEFOLDED)


@_of_a_value
def starts_with(compared: ResolvedComparison) -> Term[Condition]:
    return _condition(compared, Predicate.LIKE, AsType.TEXT, escape(_text(compared)) + "%")


def contains(compared: ResolvedComparison) -> Term[Condition]:
    value = compared.value
    in_list = _condition(
        compared, Predicate.JSON_CONTAINS, AsType.JSON, orjson.dumps([_plain(compared, value)]).decode()
    )
    if not isinstance(value, String):
        return in_list
    return Some((_condition(compared, Predicate.LIKE, AsType.TEXT, f"%{escape(value.value)}%"), in_list))


def has(compared: ResolvedComparison) -> Term[Condition]:
    key = _text(compared)
    predicate = Predicate.JSON_HAS_PLAIN_KEY if is_plain(key) else Predicate.JSON_HAS_KEY
    return _condition(compared, predicate, AsType.JSON, key)


def is_null(compared: ResolvedComparison) -> Term[Condition]:
    predicate = Predicate.EQUAL if compared.asks_for_null(_name(compared)) else Predicate.UNEQUAL
    return _condition(compared, predicate, AsType.TYPE_OR_NULL, "null")


def _condition(compared: ResolvedComparison, predicate: Predicate, as_type: AsType, *values: Any) -> Condition:
    return Condition(predicate, json_at(compared.field, compared.comparison.path, as_type), values)


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
    texts = [value.value for value in compared.values if isinstance(value, String)]
    numbers = [float(value.value) for value in compared.values if isinstance(value, (Integer, Float))]
    others = dict.fromkeys(value for value in compared.values if not isinstance(value, (String, Integer, Float)))
    terms: list[Term[Condition]] = []
    if texts:
        terms.append(_condition(compared, Predicate.IN, AsType.TEXT, *texts))
    if numbers:
        terms.append(_condition(compared, Predicate.IN, AsType.NUMBER, *numbers))
    return Some((*terms, *(_equal(compared, value) for value in others)))


def _like(compared: ResolvedComparison, pattern: Pattern, form: TextForm) -> Term[Condition]:
    candidates = _condition(compared, form.like, AsType.TEXT, pattern.like)
    if not pattern.optional:
        return candidates
    return Every((candidates, _condition(compared, form.matches, AsType.TEXT, pattern.text, pattern.regex)))


def _text(compared: ResolvedComparison) -> str:
    if not isinstance(compared.value, String):
        raise _refused(compared, compared.value, 'text in double quotes, as in "text"')
    return compared.value.value


def _plain(compared: ResolvedComparison, value: Literal) -> str | float | bool | None:
    match value:
        case String(value=plain) | Boolean(value=plain) | Integer(value=plain) | Float(value=plain):
            return plain
        case Null():
            return None
        case _:
            raise _refused(compared, value, _ANYTHING)


def _name(compared: ResolvedComparison) -> str:
    return unparse_key(compared.field.name, compared.comparison.path)


def _refused(compared: ResolvedComparison, value: Literal, expected: str) -> QueryError:
    operator = compared.comparison.operator.value
    return QueryError(f"{_name(compared)}{operator} takes {expected}, not {unparse_value(value)}")
