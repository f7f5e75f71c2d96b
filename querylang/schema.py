"""What can be asked of an entity: its fields, their types, and the operators of each type."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, FromClause

from aiida_like.errors import QueryError
from aiida_like.storage.patterns import Pattern
from querylang.ast import Operator


class FieldType(Enum):
    """The value is what clients call the type."""

    INTEGER = "integer"
    STRING = "string"
    UUID = "uuid"
    BOOLEAN = "bool"
    DATETIME = "datetime"
    JSON = "dict"

    # That of Enum is a call in Python, for each value that is looked up by its type.
    __hash__ = object.__hash__


_IDENTITY = frozenset({Operator.EQUAL, Operator.UNEQUAL})
_MEMBERSHIP = frozenset({Operator.IN, Operator.NOT_IN})
_RELATION = frozenset(
    {Operator.GREATER, Operator.LESS, Operator.GREATER_OR_EQUAL, Operator.LESS_OR_EQUAL},
)
_PATTERN = frozenset({Operator.LIKE, Operator.ILIKE, Operator.STARTS_WITH})
_ABSENCE = frozenset({Operator.IS_NULL})

OPERATORS: Mapping[FieldType, frozenset[Operator]] = MappingProxyType(
    {
        FieldType.INTEGER: _IDENTITY | _MEMBERSHIP | _RELATION | _ABSENCE,
        FieldType.STRING: _IDENTITY | _MEMBERSHIP | _RELATION | _PATTERN | _ABSENCE | {Operator.CONTAINS},
        FieldType.UUID: _IDENTITY | _MEMBERSHIP | _RELATION | _PATTERN | _ABSENCE,
        FieldType.BOOLEAN: _IDENTITY | _ABSENCE,
        FieldType.DATETIME: _IDENTITY | _MEMBERSHIP | _RELATION | _ABSENCE,
        FieldType.JSON: frozenset(Operator),
    },
)
"""The operators that a field of each type takes; what lies in a JSON field takes those of the value's type."""

MEANINGS: Mapping[Operator, str] = MappingProxyType(
    {
        Operator.EQUAL: "is equal to; for a time: lies in the day, hour, minute or second that is written",
        Operator.UNEQUAL: "is not equal to",
        Operator.GREATER: "is greater than, follows in the alphabet, is later than",
        Operator.LESS: "is less than, precedes in the alphabet, is earlier than",
        Operator.GREATER_OR_EQUAL: "is greater than or equal to",
        Operator.LESS_OR_EQUAL: "is less than or equal to",
        Operator.LIKE: "matches the pattern, in which % is any sequence and _ at most one character",
        Operator.ILIKE: "matches the pattern, upper and lower case being the same",
        Operator.IN: "is equal to one of a comma-separated list",
        Operator.NOT_IN: "is equal to none of a comma-separated list",
        Operator.HAS: "the object has this key, the list this text, or it is this text",
        Operator.CONTAINS: "the text contains this text, or the list this value",
        Operator.STARTS_WITH: "the text starts with this text",
        Operator.IS_NULL: "true: there is no value; false: there is one",
    },
)
"""What each operator says, for the documentation."""


@dataclass(frozen=True, eq=False)
class Field:
    """One key of an entity; each is only equal to itself, so what is made for some of them can be looked up fast.

    `expression` is its SQL; `is_nullable` says that it can be NULL, which no comparison matches.
    `aliases` turns an old name, or an old pattern, into today's.
    `is_shown`, `is_filterable`: what can be seen, what can be asked and ordered by.
    """

    name: str
    type: FieldType
    expression: ColumnElement[Any]
    title: str
    help: str
    is_nullable: bool = False
    is_shown: bool = True
    is_filterable: bool = True
    refers_to: str | None = None
    aliases: Callable[[Operator, str], str] | None = None


@dataclass(frozen=True)
class Relation:
    """A key that asks for what a row is related to.

    `field` is what is looked at, `named` the test for names or uuids, `numbered` that for ids. `links` are the types of
    links over which it is a relation to a node; None: it is none.
    """

    key: str
    field: Field
    named: str
    numbered: str
    help: str
    links: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class Entity:
    """What a resource lists; each is only equal to itself, as its fields are.

    `narrow` is a part of `table` that has the same rows, for statements that need no column of the rest.
    `key` is the integer column that names a row; `kind` is the prefix that `kind_field` has in each row.
    `synonyms` are other names of fields, `withheld` keys that exist and are kept back, with the reason.
    `pattern` reads what stands behind `=like=`. `relations` are keys for what a row is related to.
    """

    name: str
    table: FromClause
    key: ColumnElement[int]
    fields: Mapping[str, Field]
    kind: str | None = None
    kind_field: Field | None = None
    synonyms: Mapping[str, str] = field(default_factory=dict)
    withheld: Mapping[str, str] = field(default_factory=dict)
    pattern: Callable[[str], Pattern] = Pattern.parse
    relations: tuple[Relation, ...] = ()
    narrow: FromClause | None = None

    def relation(self, key: str) -> Relation | None:
        return next((relation for relation in self.relations if relation.key == key), None)

    def has(self, key: str) -> bool:
        """Whether there is a field that can be filtered by under `key`."""
        found = self.fields.get(self.synonyms.get(key, key))
        return found is not None and found.is_filterable

    def field(self, key: str) -> Field:
        """The field that can be filtered and ordered by under `key`.

        Raises:
            QueryError: there is none; the message lists what there is.
        """
        found = self.fields.get(self.synonyms.get(key, key))
        if found is not None and found.is_filterable:
            return found
        if key in self.withheld:
            raise QueryError(f"the key {key!r} of {self.name} is withheld: {self.withheld[key]}")
        keys = [name for name, known in self.fields.items() if known.is_filterable] + list(self.synonyms)
        keys += [relation.key for relation in self.relations if relation.key not in keys]
        similar = difflib.get_close_matches(key, keys, n=1, cutoff=0.7)
        hint = f"; did you mean {similar[0]!r}?" if similar else ""
        raise QueryError(
            f"{self.name} have no key {key!r} to filter or order by{hint or '.'} There are: {', '.join(keys)}"
        )

    @cached_property
    def shown(self) -> tuple[Field, ...]:
        return tuple(known for known in self.fields.values() if known.is_shown)
