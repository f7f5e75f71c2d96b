"""Comparisons with columns -> conditions; `operators` says which function is which operator of which type.

Every type has its own sense of an operator: a time is an interval, text is alphabetical, a uuid has no case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TypeVar

from aiida_like.errors import QueryError
from aiida_like.storage.expressions import casefold
from aiida_like.storage.patterns import Pattern, escape, prefix_end
from querylang.ast import Boolean, DateTime, Integer, Literal, String
from querylang.condition import Condition
from querylang.lowering.predicates import Predicate
from querylang.lowering.resolved import Lowering, ResolvedComparison
from querylang.lowering.uuids import is_uuid, uuids_with
from querylang.schema import Field
from querylang.terms import Every, Term
from querylang.unparse import unparse_value

_Literal = TypeVar("_Literal", Integer, Boolean, DateTime)


def is_null(compared: ResolvedComparison) -> Condition:
    asks_for_null = compared.asks_for_null(compared.comparison.key)
    return Condition(Predicate.IS_NULL if asks_for_null else Predicate.IS_NOT_NULL, compared.field)


def integers(predicate: Predicate) -> Lowering:
    def lower(compared: ResolvedComparison) -> Condition:
        values = _read(compared, Integer, "an integer")
        return Condition(predicate, compared.field, tuple(value.value for value in values))

    return lower


def booleans(predicate: Predicate) -> Lowering:
    def lower(compared: ResolvedComparison) -> Condition:
        values = _read(compared, Boolean, "true or false")
        return Condition(predicate, compared.field, tuple(value.value for value in values))

    return lower


def texts(predicate: Predicate) -> Lowering:
    return lambda compared: Condition(predicate, compared.field, tuple(_texts(compared)))


def alphabetical(predicate: Predicate) -> Lowering:
    return lambda compared: Condition(predicate, compared.field, (casefold(_texts(compared)[0]),))


def like(compared: ResolvedComparison) -> Term[Condition]:
    return _all_of(compared.field, like_predicates(compared.parse_pattern(_texts(compared)[0]), PLAIN))


def ilike(compared: ResolvedComparison) -> Term[Condition]:
    return _all_of(compared.field, like_predicates(compared.parse_pattern(casefold(_texts(compared)[0])), CASEFOLDED))


def starts_with(compared: ResolvedComparison) -> Condition:
    return prefix_condition(compared.field, _texts(compared)[0])


def contains(compared: ResolvedComparison) -> Condition:
    return Condition(Predicate.LIKE, compared.field, (f"%{escape(_texts(compared)[0])}%",))


def uuids(predicate: Predicate) -> Lowering:
    """IN or NOT_IN: upper case is the same as lower case in a uuid, and what is no uuid equals none."""
    return lambda compared: Condition(predicate, compared.field, tuple(filter(is_uuid, _lower_case_texts(compared))))


def uuids_as_text(predicate: Predicate) -> Lowering:
    return lambda compared: Condition(predicate, compared.field, (_lower_case_texts(compared)[0],))


def uuid_like(compared: ResolvedComparison) -> Term[Condition]:
    """`=like=` and `=ilike=`, which are the same for uuids."""
    return _all_of(compared.field, uuid_like_predicates(compared.parse_pattern(_lower_case_texts(compared)[0])))


def uuid_starts_with(compared: ResolvedComparison) -> Condition:
    return uuid_prefix(compared.field, _lower_case_texts(compared)[0]) or Condition(Predicate.IN, compared.field)


def starts_of_intervals(predicate: Predicate) -> Lowering:
    """A time is an interval: `<` is before its start."""
    return lambda compared: Condition(predicate, compared.field, (stored_time(_intervals(compared)[0].start),))


def ends_of_intervals(predicate: Predicate) -> Lowering:
    """A time is an interval: `>` is at or after its end."""
    return lambda compared: Condition(predicate, compared.field, (_end(_intervals(compared)[0]),))


def intervals(predicate: Predicate) -> Lowering:
    """A time is an interval: `=` is inside."""

    def lower(compared: ResolvedComparison) -> Condition:
        bounds = ((stored_time(each.start), _end(each)) for each in _intervals(compared))
        return Condition(predicate, compared.field, tuple(bound for pair in bounds for bound in pair))

    return lower


def prefix_condition(field: Field, prefix: str) -> Condition:
    """A condition on the rows whose text starts with `prefix`."""
    return Condition(Predicate.HAS_PREFIX, field, (escape(prefix) + "%", prefix, prefix_end(prefix)))


def uuid_prefix(field: Field, prefix: str) -> Condition | None:
    """A condition on the rows whose uuid starts with `prefix`; None if no uuid can."""
    bounds = uuids_with(prefix)
    if bounds is None:
        return None
    first, last = bounds
    # PostgreSQL cannot tell how few rows a range has before it knows the bounds, and would plan each statement anew.
    return Condition(Predicate.EQUAL, field, (first,)) if first == last else Condition(Predicate.BETWEEN, field, bounds)


def stored_time(time: datetime) -> str:
    """The time as SQLite stores it, in UTC, which is the time zone of our sessions of PostgreSQL."""
    return time.astimezone(timezone.utc).replace(tzinfo=None).isoformat(" ", "microseconds")


@dataclass(frozen=True)
class TextForm:
    """The predicates of a text in one form. `has_index`: an index serves the predicates of what a text starts with."""

    equal: Predicate
    like: Predicate
    matches: Predicate
    has_index: bool = False


PLAIN = TextForm(Predicate.EQUAL, Predicate.LIKE, Predicate.MATCHES, has_index=True)
CASEFOLDED = TextForm(Predicate.CASEFOLDED_EQUAL, Predicate.CASEFOLDED_LIKE, Predicate.CASEFOLDED_MATCHES)
_UUID = TextForm(Predicate.EQUAL, Predicate.UUID_LIKE, Predicate.UUID_MATCHES)

Tested = tuple[Predicate, tuple[str, ...]]
"""A predicate and its values."""


def like_predicates(pattern: Pattern, form: TextForm) -> Iterator[Tested]:
    """The predicates that together find what matches, with their values."""
    if pattern.literal is not None:
        yield form.equal, (pattern.literal,)
        return
    if pattern.prefix and form.has_index:
        predicate = Predicate.HAS_PREFIX if pattern.is_prefix else Predicate.LIKE_WITHIN
        yield predicate, (pattern.like, pattern.prefix, prefix_end(pattern.prefix))
    else:
        yield form.like, (pattern.like,)
    if pattern.optional:
        yield form.matches, (pattern.text, pattern.regex)


def uuid_like_predicates(pattern: Pattern) -> Iterator[Tested]:
    """The predicates that together find the uuids which match a pattern in lower case, with their values."""
    if pattern.literal is not None:
        yield Predicate.IN, (pattern.literal,) if is_uuid(pattern.literal) else ()
    elif pattern.like == escape(pattern.prefix) + "%" and not pattern.optional:
        bounds = uuids_with(pattern.prefix)
        yield (Predicate.IN, ()) if bounds is None else (Predicate.BETWEEN, bounds)
    else:
        yield from like_predicates(pattern, _UUID)


def _all_of(field: Field, tested: Iterator[Tested]) -> Term[Condition]:
    conditions = tuple(Condition(predicate, field, values) for predicate, values in tested)
    return conditions[0] if len(conditions) == 1 else Every(conditions)


def _read(compared: ResolvedComparison, expected: type[_Literal], example: str) -> list[_Literal]:
    """The values of a comparison. Raises QueryError: one is of another type."""
    values = []
    for value in compared.comparison.values:
        if not isinstance(value, expected):
            raise _refused(compared, example, value)
        values.append(value)
    return values


def _refused(compared: ResolvedComparison, example: str, value: Literal) -> QueryError:
    return QueryError(f"{compared.comparison.key} takes {example}, not {unparse_value(value)}")


def _texts(compared: ResolvedComparison) -> list[str]:
    """The texts of a comparison, old names in them replaced by those of today."""
    texts = []
    replace = compared.field.aliases
    for value in compared.comparison.values:
        if not isinstance(value, String):
            raise _refused(compared, 'text in double quotes, as in "text"', value)
        texts.append(value.value if replace is None else replace(compared.comparison.operator, value.value))
    return texts


def _lower_case_texts(compared: ResolvedComparison) -> list[str]:
    return [text.lower() for text in _texts(compared)]


def _intervals(compared: ResolvedComparison) -> list[DateTime]:
    return _read(compared, DateTime, "a time such as 2016-04-23 or 2016-04-23T05:45+03:45")


def _end(interval: DateTime) -> str:
    return stored_time(interval.start + interval.width)
