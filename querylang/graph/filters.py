"""Filters of a dictionary -> conditions.

    filters   = { column-and-path: value | operators, "and" | "or" | "!and" | ...: [filters, ...] }
    operators = { operator: value, "and" | "or": [operators, ...] }

`!` or `~` in front of an operator negates it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from aiida_like.errors import QueryError
from querylang.graph.ast import GraphCondition, Operand, Term
from querylang.graph.operators import condition_of, shown
from querylang.graph.schema import Source
from querylang.limits import DEPTH, PATH
from querylang.terms import Every, Not, Some

Terms = Mapping[str, tuple[Term, ...]]
"""Terms by the key of their filter: a column and a path, or a junction."""

_JUNCTIONS: Mapping[str, Callable[[tuple[Term, ...]], Term]] = {"and": Every, "or": Some}


@dataclass(frozen=True)
class FilterReader:
    """Reads the filters of one tag. `is_outer`: it is joined by an outer join, so all its columns can be NULL."""

    tag: str
    source: Source
    is_outer: bool

    def read(self, filters: Any) -> Terms:
        """The terms of the filters, all of which must be fulfilled.

        Raises:
            QueryError: there is no such column, operator or value.
        """
        try:
            return dict(self._filters(filters, 1))
        except QueryError as error:
            raise QueryError(f"filters.{self.tag}: {error}") from None

    def _filters(self, filters: Any, depth: int) -> Iterator[tuple[str, tuple[Term, ...]]]:
        if not isinstance(filters, dict):
            raise QueryError(f'filters are an object such as {{"id": {{">": 5}}}}, not {shown(filters)}')
        _check_depth(depth)
        for key, value in filters.items():
            word = key.lstrip("~!")
            if word in _JUNCTIONS and (len(key) - len(word)) <= 1:
                yield key, tuple(_joined(word, key, tuple(self._every(each, depth + 1) for each in _list(key, value))))
            else:
                operators = value if isinstance(value, dict) else {"==": value}
                yield key, tuple(self._operators(self._operand(key), operators, depth))

    def _every(self, filters: Any, depth: int) -> Term:
        return Every(tuple(chain.from_iterable(terms for _, terms in self._filters(filters, depth))))

    def _operators(self, operand: Operand, operators: Mapping[str, Any], depth: int) -> Iterator[Term]:
        _check_depth(depth)
        for name, value in operators.items():
            word = name.lstrip("~!")
            if word in _JUNCTIONS:
                terms = tuple(
                    term for each in _list(name, value) for term in self._operators(operand, _object(each), depth + 1)
                )
                yield from _joined(word, name, terms)
            else:
                term = condition_of(operand, word, value)
                yield Not(term) if word != name else term

    def _operand(self, key: str) -> Operand:
        name, *path = key.split(".")
        PATH.check(len(path), f"the path of {name}")
        column = self.source.column_at(name, path)
        return Operand(self.tag, column.nullable if self.is_outer else column, tuple(path))


_TRUE, _FALSE = Every[GraphCondition](()), Some[GraphCondition](())


def _joined(word: str, name: str, terms: tuple[Term, ...]) -> Iterator[Term]:
    """The junction, without what decides nothing: there can be any number of filters that compare nothing."""
    if terms:
        neutral, decisive = (_TRUE, _FALSE) if word == "and" else (_FALSE, _TRUE)
        kept = tuple(term for term in terms if term != neutral)
        term = decisive if decisive in kept else _JUNCTIONS[word](kept)
        yield _negated(term) if name != word else term


def _negated(term: Term) -> Term:
    if term in (_TRUE, _FALSE):
        return _FALSE if term == _TRUE else _TRUE
    return Not(term)


def _list(name: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise QueryError(f"{name!r} takes a list of filters, not {shown(value)}")
    return value


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise QueryError(f'an operator and its value are written {{">": 5}}, not {shown(value)}')
    return value


def _check_depth(depth: int) -> None:
    if depth > DEPTH.most:
        raise QueryError(f"filters are nested more than {DEPTH.most} deep")
