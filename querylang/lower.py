"""Comparisons -> conditions: what they mean, in tests of one field with the values taken out.

Every type has its own sense of an operator: a time is an interval, text is alphabetical, a uuid has no case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from aiida_like.errors import QueryError
from aiida_like.storage.expressions import lower_case
from aiida_like.storage.patterns import Pattern, escape, prefix_end
from querylang.ast import Boolean, Comparison, DateTime, Integer, Literal, Operator, String
from querylang.condition import Condition, Order
from querylang.lower_json import lower_json, place_of
from querylang.options import OrderTerm
from querylang.relations import MAX_VALUES, lower_relation
from querylang.schema import OPERATORS, Entity, Field, FieldType
from querylang.terms import Every, Term, leaves, replaced
from querylang.unparse import unparse_key, unparse_value
from querylang.uuids import is_uuid, uuids_with

Parse = Callable[[str], Pattern]

MAX_COMPARISONS = 200
"""How many comparisons a query string may have: SQLite takes expressions of a depth of 1000."""


def lower(filters: Iterable[Term[Comparison]], entity: Entity) -> tuple[Term[Condition], ...]:
    """Raises QueryError: no such key, or an operator or a value that its type does not take; or too many of them."""
    filters = tuple(filters)
    number = sum(len(leaves(each)) for each in filters)
    if number > MAX_COMPARISONS:
        raise QueryError(f"the query has {number} comparisons; at most {MAX_COMPARISONS} are allowed")
    return tuple(replaced(each, lambda comparison: _lower(comparison, entity)) for each in filters)


@lru_cache(maxsize=256)
def order_by(terms: tuple[OrderTerm, ...], entity: Entity) -> tuple[Order, ...]:
    """Raises QueryError: no such key."""
    return tuple(order for term in terms for order in _orders(term, entity))


def _orders(term: OrderTerm, entity: Entity) -> Iterator[Order]:
    """In JSON numbers come first, then text, then booleans, and last where there is none of them."""
    field = entity.field(term.key)
    if field.type is not FieldType.JSON:
        _check_no_path(term.key, term.path)
        yield Order(field, term.descending)
        return
    if not term.path:
        raise QueryError(f"{field.name} is an object: order by what lies in it, as in {field.name}.key")
    for taken in ("number", "text", "boolean"):
        yield Order(place_of(field, term.path, taken), term.descending, missing_last=True)


def kind_of(entity: Entity) -> tuple[Condition, ...]:
    """What makes a row of the table one of the entity."""
    if entity.kind is None or entity.kind_field is None:
        return ()
    return (prefix_condition(entity.kind_field, entity.kind),)


def prefix_condition(field: Field, prefix: str) -> Condition:
    """Rows whose text starts so."""
    return Condition("has prefix", field, (escape(prefix) + "%", prefix, prefix_end(prefix)))


def uuid_prefix(field: Field, prefix: str) -> Condition | None:
    """Rows whose uuid starts so, None if none can."""
    within = uuids_with(prefix)
    if within is None:
        return None
    first, last = within
    # Of a range PostgreSQL knows only when it has its ends how few rows it has, so it would plan each statement anew.
    return Condition("=", field, (first,)) if first == last else Condition("within", field, within)


def uuid_like_tests(pattern: Pattern) -> Iterator[tuple[str, tuple[str, ...]]]:
    """As `like_tests`, for a pattern in lower case."""
    if pattern.literal is not None:
        yield "in", (pattern.literal,) if is_uuid(pattern.literal) else ()
    elif pattern.like == escape(pattern.prefix) + "%" and not pattern.optional:
        within = uuids_with(pattern.prefix)
        yield ("in", ()) if within is None else ("within", within)
    else:
        yield from like_tests(pattern, "uuid ")


def _lower(comparison: Comparison, entity: Entity) -> Term[Condition]:
    operator = comparison.operator
    relation = entity.relation(comparison.key)
    # `user=1` is a filter on a field too, and takes more operators then.
    if relation is not None and not (entity.has(comparison.key) and isinstance(comparison.values[0], Integer)):
        _check_no_path(comparison.key, comparison.path)
        return lower_relation(relation, operator, comparison.values)
    field = entity.field(comparison.key)
    _check(comparison, field)
    if field.type is FieldType.JSON:
        return lower_json(field, comparison.path, operator, comparison.values, entity.pattern)
    if operator is Operator.IS_NULL:
        return _lower_is_null(field, comparison)
    values = [_value(comparison.key, field, value) for value in comparison.values]
    if field.aliases is not None:
        values = [field.aliases(operator, value) for value in values]
    conditions = _LOWER[field.type](field, operator, values, entity.pattern)
    return conditions[0] if len(conditions) == 1 else Every(tuple(conditions))


def _check(comparison: Comparison, field: Field) -> None:
    """Raises QueryError: the type has no such path, takes no such operator, or not so many values."""
    if field.type is not FieldType.JSON:
        _check_no_path(comparison.key, comparison.path)
    key, operator, number = unparse_key(comparison.key, comparison.path), comparison.operator, len(comparison.values)
    if operator not in OPERATORS[field.type]:
        allowed = " ".join(known.value for known in Operator if known in OPERATORS[field.type])
        raise QueryError(
            f"the operator {operator.value} does not go with {key}, which is of type {field.type.value}; "
            f"it takes {allowed}"
        )
    if operator not in (Operator.IN, Operator.NOT_IN) and number > 1:
        raise QueryError(f"{key}{operator.value} takes one value; for a list write {key}=in=")
    if number > MAX_VALUES:
        raise QueryError(f"{key}{operator.value} has {number} values; at most {MAX_VALUES} are allowed")


def _check_no_path(key: str, path: tuple[str, ...]) -> None:
    if path:
        raise QueryError(f"{key} is no JSON, so there is no {unparse_key(key, path)} in it")


def _lower_is_null(field: Field, comparison: Comparison) -> Term[Condition]:
    (value,) = comparison.values
    if not isinstance(value, Boolean):
        raise QueryError(f"{comparison.key}{comparison.operator.value} takes true or false, not {unparse_value(value)}")
    return Condition("is null" if value.value else "is not null", field)


def _value(key: str, field: Field, literal: Literal) -> Any:
    expected = _LITERALS[field.type]
    if not isinstance(literal, expected):
        raise QueryError(f"{key} takes {_EXAMPLES[field.type]}, not {unparse_value(literal)}")
    return literal if isinstance(literal, DateTime) else literal.value


_LITERALS: Mapping[FieldType, type[Integer | String | Boolean | DateTime]] = {
    FieldType.INTEGER: Integer,
    FieldType.STRING: String,
    FieldType.UUID: String,
    FieldType.BOOLEAN: Boolean,
    FieldType.DATETIME: DateTime,
}

_EXAMPLES = {
    FieldType.INTEGER: "an integer",
    FieldType.STRING: 'text in double quotes, as in "text"',
    FieldType.UUID: 'text in double quotes, as in "text"',
    FieldType.BOOLEAN: "true or false",
    FieldType.DATETIME: "a time such as 2016-04-23 or 2016-04-23T05:45+03:45",
}

_RELATIONS = {
    Operator.EQUAL: "=",
    Operator.UNEQUAL: "!=",
    Operator.GREATER: ">",
    Operator.LESS: "<",
    Operator.GREATER_OR_EQUAL: ">=",
    Operator.LESS_OR_EQUAL: "<=",
    Operator.IN: "in",
    Operator.NOT_IN: "not in",
}


def _lower_plain(field: Field, operator: Operator, values: list[Any], _: Parse | None = None) -> list[Condition]:
    return [Condition(_RELATIONS[operator], field, tuple(values))]


def _lower_datetime(field: Field, operator: Operator, values: list[DateTime], _: Parse) -> list[Condition]:
    """A value is an interval: `=` is inside, `<` before, `>` behind it."""
    starts = [stored_time(value.start) for value in values]
    ends = [stored_time(value.start + value.width) for value in values]
    match operator:
        case Operator.GREATER:
            return [Condition(">=", field, (ends[0],))]
        case Operator.LESS_OR_EQUAL:
            return [Condition("<", field, (ends[0],))]
        case Operator.LESS | Operator.GREATER_OR_EQUAL:
            return [Condition(_RELATIONS[operator], field, (starts[0],))]
        case Operator.EQUAL | Operator.IN:
            return [Condition("in intervals", field, _interleaved(starts, ends))]
        case _:
            return [Condition("not in intervals", field, _interleaved(starts, ends))]


def _interleaved(starts: list[str], ends: list[str]) -> tuple[str, ...]:
    return tuple(text for interval in zip(starts, ends, strict=True) for text in interval)


def stored_time(time: datetime) -> str:
    """As SQLite stores times; PostgreSQL reads it in its session's time zone, which is UTC."""
    return time.astimezone(timezone.utc).replace(tzinfo=None).isoformat(" ", "microseconds")


def _lower_string(field: Field, operator: Operator, values: list[str], parse: Parse) -> list[Condition]:
    match operator:
        case Operator.LIKE:
            return _lower_like(field, parse(values[0]), "")
        case Operator.ILIKE:
            return _lower_like(field, parse(lower_case(values[0])), "lowered ")
        case Operator.STARTS_WITH:
            return [prefix_condition(field, values[0])]
        case Operator.CONTAINS:
            return [Condition("like", field, (f"%{escape(values[0])}%",))]
        case Operator.GREATER | Operator.LESS | Operator.GREATER_OR_EQUAL | Operator.LESS_OR_EQUAL:
            return [Condition("lowered " + _RELATIONS[operator], field, (lower_case(values[0]),))]
        case _:
            return _lower_plain(field, operator, values)


def _lower_like(field: Field, pattern: Pattern, case: str) -> list[Condition]:
    return [Condition(test, field, values) for test, values in like_tests(pattern, case)]


def like_tests(pattern: Pattern, case: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The tests that find what matches, with their values; `case` is a prefix of their names."""
    if pattern.literal is not None:
        yield case + "=", (pattern.literal,)
        return
    if pattern.prefix and not case:
        yield (
            "has prefix" if pattern.is_prefix else "starts with",
            (pattern.like, pattern.prefix, prefix_end(pattern.prefix)),
        )
    else:
        yield case + "like", (pattern.like,)
    if pattern.optional:
        yield case + "matches", (pattern.text, pattern.regex)


def _lower_uuid(field: Field, operator: Operator, values: list[str], parse: Parse) -> list[Condition]:
    """Upper case is the same as lower case in a uuid; what is no uuid equals none."""
    values = [value.lower() for value in values]
    match operator:
        case Operator.EQUAL | Operator.UNEQUAL | Operator.IN | Operator.NOT_IN:
            is_negative = operator in (Operator.UNEQUAL, Operator.NOT_IN)
            return [Condition("not in" if is_negative else "in", field, tuple(filter(is_uuid, values)))]
        case Operator.LIKE | Operator.ILIKE:
            return [Condition(test, field, values) for test, values in uuid_like_tests(parse(values[0]))]
        case Operator.STARTS_WITH:
            return [uuid_prefix(field, values[0]) or Condition("in", field)]
        case _:
            return [Condition("uuid " + _RELATIONS[operator], field, (values[0],))]


_LOWER: Mapping[FieldType, Callable[[Field, Operator, list[Any], Parse], list[Condition]]] = {
    FieldType.INTEGER: _lower_plain,
    FieldType.STRING: _lower_string,
    FieldType.UUID: _lower_uuid,
    FieldType.BOOLEAN: _lower_plain,
    FieldType.DATETIME: _lower_datetime,
}
