"""Queries of pages: text of the query language is read, pairs of it are added and removed, and it is written.

Each function gives a new query. A query is written by `querylang.unparse.unparse`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from querylang.ast import Boolean, Comparison, Filter, Float, Integer, Literal, Operator, Option, Query, String
from querylang.keys import KEY, split_key
from querylang.options import split
from querylang.parse import Parser
from querylang.schema import Entity
from querylang.terms import leaves
from querylang.unparse import unparse
from restapi.explorer.schema import OPTIONS, options_of

Value = str | bool | int | float

Pair = Comparison | Filter | Option

FILTERING = frozenset({"full_type"})
"""Options that decide which rows there are, as filters do."""

PLACES = ("cursor", "offset")
"""Options that say where in a list its rows begin: they mean nothing once its filters or its order are others."""

_PARSER = Parser(OPTIONS)


def read(text: str) -> Query:
    """Raises QuerySyntaxError."""
    return _PARSER.parse(text)


def check(query: Query, entity: Entity) -> None:
    """Raises QueryError: an option stands twice, is none of lists of this entity, or has a value that is none."""
    split(query, OPTIONS, options_of(entity))


def equal(key: str, value: Value | None) -> Comparison:
    """`key=value`, where a key is written as in a query: `attributes."a b"`. None is what `=isnull=true` finds."""
    name, path = split_key(key)
    if value is None:
        return Comparison(name, Operator.IS_NULL, (Boolean(value=True),), path)
    return Comparison(name, Operator.EQUAL, (_literal(value),), path)


def is_filter(pair: Pair) -> bool:
    return not isinstance(pair, Option) or pair.key in FILTERING


def comparisons_in(query: Query) -> Iterable[Comparison]:
    """Those of filters, also within expressions."""
    for pair in query.pairs:
        if isinstance(pair, Filter):
            yield from leaves(pair.term)
        elif isinstance(pair, Comparison):
            yield pair


def filters_of(query: Query) -> Query:
    """Only what decides which rows there are."""
    return Query(tuple(filter(is_filter, query.pairs)))


def without_filters(query: Query) -> Query:
    """Only what says how rows are shown, from the first row on."""
    return Query(tuple(each for each in from_start(query).pairs if not is_filter(each)))


def added(query: Query, *pairs: Pair) -> Query:
    """The query with further filters, from the first row on; one that is there already does not come twice."""
    found = from_start(query)
    return Query((*found.pairs, *(each for each in dict.fromkeys(pairs) if each not in found.pairs)))


def removed(query: Query, *pairs: Pair) -> Query:
    """The query without these filters, from the first row on."""
    return Query(tuple(each for each in from_start(query).pairs if each not in pairs))


def from_start(query: Query) -> Query:
    """The query from the first row on."""
    return without_options(query, *PLACES)


def with_option(query: Query, key: str, words: Iterable[str]) -> Query:
    """The query with an option of these words, in the place of the one it had."""
    return Query((*without_options(query, key).pairs, Option(key, tuple(words))))


def without_options(query: Query, *keys: str) -> Query:
    return Query(tuple(each for each in query.pairs if not (isinstance(each, Option) and each.key in keys)))


def words_of(query: Query, key: str) -> tuple[str, ...]:
    """The words of an option; none if it is not there."""
    return next((each.words for each in query.pairs if isinstance(each, Option) and each.key == key), ())


def has_option(query: Query, key: str) -> bool:
    return any(isinstance(each, Option) and each.key == key for each in query.pairs)


def is_key(text: str) -> bool:
    """Whether the text is a key of the query language: a name, with a path into JSON or without."""
    return re.fullmatch(KEY, text) is not None


def joined(*texts: str) -> str:
    """Queries, the pairs of one after those of the other."""
    return "&".join(filter(None, texts))


def pair_text(pair: Pair) -> str:
    return unparse(Query((pair,)))


def _literal(value: Value) -> Literal:
    match value:
        case bool():
            return Boolean(value)
        case int():
            return Integer(value)
        case float():
            return Float(value)
        case _:
            return String(value)
