"""Statements: each is built and compiled once for all requests that differ in values only."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select

from aiida_like.storage.databases.row_sizes import LargeColumns
from aiida_like.storage.sql.expressions import IS_NARROW

_MOST, _MOST_CHARACTERS = 1024, 2_000_000
"""The most compiled statements of one storage, and characters of all; all are forgotten when there are more."""


@dataclass(frozen=True)
class Statement:
    """A SELECT that `build` makes, and the `values` of its bound parameters by name.

    It is compiled once for each `cache_key`, so `build` must depend on nothing else: what varies between requests are
    the values. (Building and compiling a SELECT takes several times as long as finding twenty rows.)
    """

    cache_key: Hashable
    build: Callable[[], Select[Any]]
    values: Mapping[str, Any]

    @property
    def result_key(self) -> Hashable:
        """The key of a result: the statement and its values."""
        return (self.cache_key, *self.values.values())


@dataclass(frozen=True)
class Prepared:
    """A compiled statement: its text, the values that are the same at each execution, and which columns can be large.

    `is_narrow`: it leaves out names of types that the database did not hold when it was compiled.
    """

    sql: str
    constants: Mapping[str, Any]
    large: LargeColumns
    is_narrow: bool = False


class StatementCache(dict[Hashable, Prepared]):
    """Compiled statements by their cache keys. Safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._characters = 0

    def add(self, statement: Statement) -> Prepared:
        """Compiles a statement and keeps it."""
        prepared = self.compile(statement.build())
        replaced = self.get(statement.cache_key)
        self._characters += len(prepared.sql) - (len(replaced.sql) if replaced else 0)
        if len(self) >= _MOST or self._characters > _MOST_CHARACTERS:
            self.clear()
            self._characters = len(prepared.sql)
        self[statement.cache_key] = prepared
        return prepared

    def prepared(self, statement: Statement) -> Prepared:
        return self.get(statement.cache_key) or self.add(statement)

    def compile(self, select: Select[Any]) -> Prepared:
        compiled = select.compile(self._engine, compile_kwargs={"render_postcompile": True})
        large = LargeColumns.of(select)
        return Prepared(str(compiled), dict(compiled.params), large, getattr(compiled, IS_NARROW, False))
