"""Filters in words that people read: `created is after 2024-04-16` of `ctime>2024-04-16`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from querylang.ast import Boolean, Comparison, DateTime, Filter, Literal, Operator, Option, String
from querylang.schema import Entity, FieldType
from querylang.terms import Every, Not, Some, Term
from querylang.unparse import unparse_key, unparse_value
from restapi.explorer.filters import Pair
from restapi.layout.kinds import short_type, shortened

_LONGEST = 120
"""Characters of a filter in words; its whole text is in the query line."""

OPERATORS: Mapping[Operator, str] = {
    Operator.EQUAL: "is",
    Operator.UNEQUAL: "is not",
    Operator.GREATER: "is above",
    Operator.LESS: "is below",
    Operator.GREATER_OR_EQUAL: "is at least",
    Operator.LESS_OR_EQUAL: "is at most",
    Operator.LIKE: "is like",
    Operator.ILIKE: "is like (any case)",
    Operator.IN: "is one of",
    Operator.NOT_IN: "is none of",
    Operator.HAS: "has",
    Operator.CONTAINS: "contains",
    Operator.STARTS_WITH: "starts with",
    Operator.IS_NULL: "is missing",
}

OF_TIMES: Mapping[Operator, str] = {
    Operator.GREATER: "is after",
    Operator.LESS: "is before",
    Operator.GREATER_OR_EQUAL: "is from",
    Operator.LESS_OR_EQUAL: "is until",
}

TITLES: Mapping[str, str] = {
    "id": "id",
    "uuid": "uuid",
    "label": "label",
    "description": "description",
    "node_type": "type",
    "type_string": "type",
    "process_type": "process type",
    "full_type": "full type",
    "ctime": "created",
    "time": "created",
    "mtime": "changed",
    "user_id": "user",
    "dbcomputer_id": "computer",
    "hostname": "host",
    "scheduler_type": "scheduler",
    "transport_type": "transport",
    "first_name": "first name",
    "last_name": "last name",
    "institution": "institution",
    "attributes.process_state": "state",
    "attributes.process_label": "process",
    "attributes.exit_status": "exit status",
    "attributes.exit_message": "exit message",
    "attributes.last_job_info.wallclock_time_seconds": "wall time",
    "incoming_of": "leads to",
    "outgoing_of": "comes from",
    "ancestor_of": "is an ancestor of",
    "descendant_of": "is a descendant of",
}
"""What keys are called on pages; others by themselves."""

_OF_PATTERNS = frozenset({Operator.LIKE, Operator.ILIKE, Operator.STARTS_WITH, Operator.CONTAINS})

_LINKED = frozenset({"incoming_of", "outgoing_of", "ancestor_of", "descendant_of"})


NAMED: Mapping[str, str] = {
    "user": "users",
    "user_id": "users",
    "computer": "computers",
    "dbcomputer_id": "computers",
    "group": "groups",
}
"""Keys whose values are ids, and the entities that these are ids of."""


@dataclass(frozen=True)
class Names:
    """Names of users, computers and groups by their ids, as far as they are known. `known` has them by entity."""

    known: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    def of(self, key: str) -> Mapping[int, str]:
        """Those of what a key of filters, or a column, has the ids of."""
        return self.known.get(NAMED.get(key, ""), {})


def title_of(key: str) -> str:
    """What a key is called; a path into JSON without what it begins in, where that leaves no doubt."""
    return TITLES.get(key, key)


def words_of(pair: Pair, entity: Entity, names: Names) -> str:
    """A filter in words."""
    match pair:
        case Option():
            found = f"{title_of(pair.key)} is {', '.join(pair.words)}"
        case Filter():
            found = _expression(pair.term, entity, names)
        case _:
            found = _comparison(pair, entity, names)
    return shortened(found, _LONGEST)


def operator_words(operator: Operator, type_: FieldType | None) -> str:
    return (OF_TIMES.get(operator) if type_ is FieldType.DATETIME else None) or OPERATORS[operator]


def _expression(term: Term[Comparison], entity: Entity, names: Names) -> str:
    match term:
        case Every(terms=terms):
            return " and ".join(_factors(terms, entity, names))
        case Some(terms=terms):
            return " or ".join(_factors(terms, entity, names))
        case Not(term=negated):
            return "not " + "".join(_factors((negated,), entity, names))
        case comparison:
            return _comparison(comparison, entity, names)


def _factors(terms: Iterable[Term[Comparison]], entity: Entity, names: Names) -> Iterable[str]:
    for term in terms:
        words = _expression(term, entity, names)
        yield words if isinstance(term, Comparison | Not) else f"({words})"


def _comparison(comparison: Comparison, entity: Entity, names: Names) -> str:
    key, operator = unparse_key(comparison.key, comparison.path), comparison.operator
    title = title_of(key)
    if comparison.key in _LINKED and operator in (Operator.EQUAL, Operator.UNEQUAL):
        node, *links = (_value(each, "", names) for each in comparison.values)
        not_ = "not: " if operator is Operator.UNEQUAL else ""
        return f"{not_}{title} {node}" + (f" by {', '.join(links)}" if links else "")
    if operator is Operator.IS_NULL:
        (value, *_) = comparison.values
        return f"{title} is there" if value == Boolean(value=False) else f"{title} is missing"
    known = entity.filterable.get(comparison.key)
    is_time = known is not None and known.type is FieldType.DATETIME
    words = operator_words(operator, FieldType.DATETIME if is_time else None)
    # A pattern is no name of a type.
    named = "" if operator in _OF_PATTERNS else key
    return f"{title} {words} " + ", ".join(_value(each, named, names) for each in comparison.values)


def _value(value: Literal, key: str, names: Names) -> str:
    match value:
        case String(value=text):
            return short_type(text) if key == "node_type" else text
        case DateTime():
            return unparse_value(value).replace("T", " ").replace("+00:00", "")
        case _:
            named = names.of(key).get(value.value) if isinstance(value.value, int) else None
            return named or unparse_value(value)
