"""What can be asked of an entity: its fields, their types, and what its rows are related to."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, FromClause

from aiida_like.errors import QueryError
from aiida_like.storage.sql.expressions import casefolded
from aiida_like.storage.sql.patterns import Pattern
from querylang.lowering.predicates import Predicate


class FieldType(Enum):
    """The types of fields; the value of each is its name for clients."""

    INTEGER = "integer"
    STRING = "string"
    UUID = "uuid"
    BOOLEAN = "bool"
    DATETIME = "datetime"
    JSON = "dict"

    # That of Enum is a call in Python, for each value that is looked up by its type.
    __hash__ = object.__hash__


@dataclass(frozen=True, eq=False)
class Field:
    """One key of an entity. A field is equal to itself alone, so that what is made for fields can be looked up fast.

    `expression` is its SQL; `is_nullable` says that it can be NULL, which no comparison matches.
    `spellings` are the names that a name, or the start of a pattern, stands for: those of today, and old ones; None:
    itself alone.
    `write` makes what answers show of a stored value, if that is not as usual for the type.
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
    spellings: Callable[[str], tuple[str, ...]] | None = None
    write: Callable[[Any], Any] | None = None

    @cached_property
    def casefolded(self) -> Field:
        """The text or uuid in lower case, as it is compared alphabetically."""
        return replace(self, name=f"casefolded {self.name}", expression=casefolded(self.expression))


@dataclass(frozen=True)
class Relation:
    """A key that compares the rows to which a row is related.

    `field` is what is looked at, `named` the predicate for names or uuids, `numbered` the one for ids. `links` are the
    types of the links that lead to the related node; None: it is related to something else, over no links.
    """

    key: str
    field: Field
    named: Predicate
    numbered: Predicate
    help: str
    links: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class Entity:
    """The rows that a resource lists. An entity is equal to itself alone, as its fields are.

    `narrow` is a part of `table` that has the same rows, for statements that need no column of the rest.
    `key` is the integer column that names a row; `type_prefix` is what `type_field` starts with in each row.
    `synonyms` are other names of fields, `withheld` keys that exist and are kept back, with the reason.
    `pattern` reads the text after `=like=`. `relations` are keys for what a row is related to.
    """

    name: str
    table: FromClause
    key: ColumnElement[int]
    fields: Mapping[str, Field]
    type_prefix: str | None = None
    type_field: Field | None = None
    synonyms: Mapping[str, str] = field(default_factory=dict)
    withheld: Mapping[str, str] = field(default_factory=dict)
    pattern: Callable[[str], Pattern] = Pattern.parse
    relations: tuple[Relation, ...] = ()
    narrow: FromClause | None = None

    @cached_property
    def relations_by_key(self) -> Mapping[str, Relation]:
        return {relation.key: relation for relation in self.relations}

    @cached_property
    def filterable(self) -> Mapping[str, Field]:
        """The fields that can be filtered and ordered by, under all their names."""
        fields = {name: known for name, known in self.fields.items() if known.is_filterable}
        return fields | {name: fields[of] for name, of in self.synonyms.items() if of in fields}

    def field(self, key: str) -> Field:
        """The field called `key`, by which rows can be filtered and ordered.

        Raises:
            QueryError: there is none; the message lists what there is.
        """
        found = self.filterable.get(key)
        if found is not None:
            return found
        if key in self.withheld:
            raise QueryError(f"the key {key!r} of {self.name} is withheld: {self.withheld[key]}")
        if any(relation.key == key for relation in self.relations):
            raise QueryError(f"{self.name} can be filtered by {key!r}, but not in this way: it is a relation, no key")
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
