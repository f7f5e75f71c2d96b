"""Comparisons with columns -> conditions; `operators` says which function is which operator of which type.

Every type has its own sense of an operator: a time is an interval, text is alphabetical, a uuid has no case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from aiida_like.core_names import lacks_core
from aiida_like.errors import QueryError
from aiida_like.storage.sql.expressions import casefold
from aiida_like.storage.sql.patterns import Pattern, anywhere, escape, prefix_end
from querylang.ast import Boolean, Comparison, DateTime, Integer, Literal, Operator, String
from querylang.condition import Condition
from querylang.lowering.predicates import Predicate
from querylang.lowering.uuids import is_uuid, uuids_with
from querylang.schema import Field
from querylang.terms import Every, L, Some, Spelled, Term
from querylang.times import interval_of_year
from querylang.unparse import unparse_value

_Literal = TypeVar("_Literal", Integer, Boolean)


class ResolvedComparison(NamedTuple):
    """`field` is what the key of the comparison names; `parse_pattern` reads the text after `=like=`."""

    comparison: Comparison
    field: Field
    parse_pattern: Callable[[str], Pattern]

    @property
    def operator(self) -> Operator:
        return self.comparison.operator

    @property
    def predicate(self) -> Predicate:
        """The predicate of the same name as the operator."""
        return Predicate[self.comparison.operator.name]

    @property
    def value(self) -> Literal:
        """The first value, which is the only one of all operators that take no list."""
        return self.comparison.values[0]


Lowering = Callable[[ResolvedComparison], Term[Condition]]
"""What an operator means for fields of one type. Raises QueryError: it does not take such a value."""


def asks_for_null(key: str, value: Literal) -> bool:
    """Whether `=isnull=` is followed by true. `key` is how the error names the field.

    Raises:
        QueryError: the value is neither true nor false.
    """
    if not isinstance(value, Boolean):
        raise QueryError(f"{key}{Operator.IS_NULL.value} takes true or false, not {unparse_value(value)}")
    return value.value


def is_null(compared: ResolvedComparison) -> Condition:
    return null_condition(compared.comparison.key, compared.field, compared.value)


def null_condition(key: str, field: Field, value: Literal) -> Condition:
    """Raises QueryError: as `asks_for_null`."""
    return Condition(Predicate.IS_NULL if asks_for_null(key, value) else Predicate.IS_NOT_NULL, field)


def integers(compared: ResolvedComparison) -> Condition:
    values = _read(compared, Integer, "an integer")
    return Condition(compared.predicate, compared.field, tuple(value.value for value in values))


def booleans(compared: ResolvedComparison) -> Condition:
    values = _read(compared, Boolean, "true or false")
    return Condition(compared.predicate, compared.field, tuple(value.value for value in values))


def texts(compared: ResolvedComparison) -> Condition:
    if compared.field.spellings is None:
        return Condition(compared.predicate, compared.field, tuple(_texts(compared)))
    return text_condition(compared.predicate, compared.field, *_texts(compared))


def alphabetical(compared: ResolvedComparison) -> Condition:
    return Condition(compared.predicate, compared.field.casefolded, (casefold(_texts(compared)[0]),))


def like(compared: ResolvedComparison) -> Term[Condition]:
    # No name has a wildcard, so a pattern starts as the text that it matches.
    return _spelled(compared.field, _texts(compared)[0], partial(_like, compared))


def _like(compared: ResolvedComparison, text: str) -> Term[Condition]:
    if compared.operator is Operator.ILIKE:
        return like_term(Condition, compared.field.casefolded, compared.parse_pattern(casefold(text)))
    return like_term(Condition, compared.field, compared.parse_pattern(text), has_index=True)


def starts_with(compared: ResolvedComparison) -> Term[Condition]:
    return prefix_term(compared.field, _texts(compared)[0])


def contains(compared: ResolvedComparison) -> Condition:
    return Condition(Predicate.LIKE, compared.field, (anywhere(_texts(compared)[0]),))


def uuids(compared: ResolvedComparison) -> Condition:
    """Upper case is the same as lower case in a uuid, and what is no uuid equals none."""
    predicate = Predicate.NOT_IN if compared.operator.negates else Predicate.IN
    return Condition(predicate, compared.field, tuple(filter(is_uuid, _lower_case_texts(compared))))


def uuids_as_text(compared: ResolvedComparison) -> Condition:
    return Condition(compared.predicate, compared.field.casefolded, (_lower_case_texts(compared)[0],))


def uuid_like(compared: ResolvedComparison) -> Term[Condition]:
    """`=like=` and `=ilike=`, which are the same for uuids."""
    return uuid_like_term(Condition, compared.field, compared.parse_pattern(_lower_case_texts(compared)[0]))


def uuid_starts_with(compared: ResolvedComparison) -> Condition:
    return uuid_prefix(compared.field, _lower_case_texts(compared)[0]) or Condition(Predicate.IN, compared.field)


def intervals(compared: ResolvedComparison) -> Condition:
    """A time is an interval: `=` is inside."""
    predicate = Predicate.NOT_IN_INTERVALS if compared.operator.negates else Predicate.IN_INTERVALS
    bounds = ((stored_time(each.start), _end(each)) for each in _intervals(compared))
    return Condition(predicate, compared.field, tuple(bound for pair in bounds for bound in pair))


def bounds_of_intervals(compared: ResolvedComparison) -> Condition:
    """A time is an interval: `<` is before its start, `>` is at or after its end."""
    (interval,) = _intervals(compared)
    match compared.operator:
        case Operator.GREATER:
            return Condition(Predicate.GREATER_OR_EQUAL, compared.field, (_end(interval),))
        case Operator.LESS_OR_EQUAL:
            return Condition(Predicate.LESS, compared.field, (_end(interval),))
        case _:
            return Condition(compared.predicate, compared.field, (stored_time(interval.start),))


def text_condition(predicate: Predicate, field: Field, *texts: str) -> Condition:
    """A condition on the rows whose text is, or is not, one of `texts` in any spelling."""
    names = tuple(name for text in texts for name in _spellings(field, text))
    return Condition(_AMONG.get(predicate, predicate) if len(names) > len(texts) else predicate, field, names)


_AMONG = {Predicate.EQUAL: Predicate.IN, Predicate.UNEQUAL: Predicate.NOT_IN}
"""What is said of several spellings of one name."""


def prefix_condition(field: Field, prefix: str) -> Condition:
    """A condition on the rows whose text starts with `prefix`."""
    return Condition(Predicate.HAS_PREFIX, field, (escape(prefix) + "%", prefix, prefix_end(prefix)))


def prefix_term(field: Field, prefix: str) -> Term[Condition]:
    """The term of the rows whose text starts with `prefix`, in any spelling."""
    return _spelled(field, prefix, partial(prefix_condition, field))


def _spellings(field: Field, text: str) -> Sequence[str]:
    return (text,) if field.spellings is None else field.spellings(text)


def _spelled(field: Field, text: str, condition: Callable[[str], Term[Condition]]) -> Term[Condition]:
    """The condition on any spelling of a text. Of types without `core.` most databases hold none."""
    texts = _spellings(field, text)
    if len(texts) == 1:
        return condition(texts[0])
    today, *others = (condition(text) for text in texts if not lacks_core(text))
    old = tuple(condition(text) for text in texts if lacks_core(text))
    known = Some((today, *others)) if others else today
    return Spelled((known, *old)) if old else known


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


class _Casefoldable(Protocol):
    """A field, or an operand of a graph query."""

    @property
    def casefolded(self: _Text) -> _Text: ...  # noqa: PYI019 (Python 3.10 has no Self)


_Text = TypeVar("_Text", bound=_Casefoldable)
_Make = Callable[[Predicate, _Text, tuple[str, ...]], L]
"""`Condition` or `GraphCondition`."""


def like_term(make: _Make[_Text, L], text: _Text, pattern: Pattern, *, has_index: bool = False) -> Term[L]:
    """The term of the rows whose text matches a pattern. `has_index`: one may serve what a text starts with."""
    if pattern.literal is not None:
        return make(Predicate.EQUAL, text, (pattern.literal,))
    if pattern.prefix and has_index:
        predicate = Predicate.HAS_PREFIX if pattern.is_prefix else Predicate.LIKE_WITHIN
        found = make(predicate, text, (pattern.like, pattern.prefix, prefix_end(pattern.prefix)))
    else:
        found = make(Predicate.LIKE, text, (pattern.like,))
    if not pattern.optional:
        return found
    return Every((found, make(Predicate.MATCHES, text, (pattern.text, pattern.regex))))


def uuid_like_term(make: _Make[_Text, L], uuid: _Text, pattern: Pattern) -> Term[L]:
    """The term of the rows whose uuid matches a pattern in lower case."""
    if pattern.literal is not None:
        return make(Predicate.IN, uuid, (pattern.literal,) if is_uuid(pattern.literal) else ())
    if pattern.like != escape(pattern.prefix) + "%" or pattern.optional:
        return like_term(make, uuid.casefolded, pattern)
    bounds = uuids_with(pattern.prefix)
    return make(Predicate.IN, uuid, ()) if bounds is None else make(Predicate.BETWEEN, uuid, bounds)


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
    texts = []
    for value in compared.comparison.values:
        if not isinstance(value, String):
            raise _refused(compared, 'text in double quotes, as in "text"', value)
        texts.append(value.value)
    return texts


def _lower_case_texts(compared: ResolvedComparison) -> list[str]:
    return [text.lower() for text in _texts(compared)]


def _intervals(compared: ResolvedComparison) -> list[DateTime]:
    intervals = []
    for value in compared.comparison.values:
        interval = interval_of_year(value.value) if isinstance(value, Integer) else value
        if not isinstance(interval, DateTime):
            raise _refused(compared, "a time such as 2016, 2016-04, 2016-04-23 or 2016-04-23T05:45+03:45", value)
        intervals.append(interval)
    return intervals


def _end(interval: DateTime) -> str:
    try:
        return stored_time(interval.start + interval.width)
    except OverflowError:
        return _END_OF_TIME


_END_OF_TIME = "9999-12-31 24:00:00.000000"
"""Where the last interval of the calendar ends. Both databases take it to be after all times of that day."""
