"""Boolean expressions over leaves of any type: comparisons of a text, conditions on a field.

A condition has a `cache_key`: conditions with equal keys differ in their values only.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, Union

L = TypeVar("L")
M = TypeVar("M")


@dataclass(frozen=True)
class Every(Generic[L]):
    """A conjunction, true if it has no terms."""

    terms: tuple[Term[L], ...]


@dataclass(frozen=True)
class Some(Generic[L]):
    """A disjunction, false if it has no terms."""

    terms: tuple[Term[L], ...]


@dataclass(frozen=True)
class Spelled(Some[L]):
    """The same of a type in each of its spellings, today's first: most databases hold no other."""


@dataclass(frozen=True)
class Not(Generic[L]):
    term: Term[L]


Term = Union[L, Every[L], Some[L], Not[L]]  # noqa: UP007 (Python 3.10 has no other spelling for an alias of a variable)


def leaves(term: Term[L]) -> Sequence[L]:
    """The leaves from left to right."""
    match term:
        case Every(terms=terms) | Some(terms=terms):
            return [leaf for each in terms for leaf in leaves(each)]
        case Not(term=negated):
            return leaves(negated)
        case _:
            return (term,)


def cache_key_of(term: Term[Any]) -> Hashable:
    """The form of the expression, with the cache keys of its leaves."""
    match term:
        case Every(terms=terms):
            return "and", tuple(map(cache_key_of, terms))
        case Some(terms=terms):
            return type(term).__name__, tuple(map(cache_key_of, terms))
        case Not(term=negated):
            return "not", cache_key_of(negated)
        case _:
            return term.cache_key  # type: ignore[no-any-return]


def replaced(term: Term[L], replace: Callable[[L], Term[M]]) -> Term[M]:
    """The expression with each leaf replaced by what `replace` makes of it."""
    match term:
        case Every(terms=terms):
            return Every(tuple(replaced(each, replace) for each in terms))
        case Spelled(terms=terms):
            return Spelled(tuple(replaced(each, replace) for each in terms))
        case Some(terms=terms):
            return Some(tuple(replaced(each, replace) for each in terms))
        case Not(term=negated):
            return Not(replaced(negated, replace))
        case _:
            return replace(term)
