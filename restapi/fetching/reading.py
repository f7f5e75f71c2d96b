"""Statements -> rows: the one stage that waits for the database."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import orjson

from aiida_like.errors import StatementTimeout
from aiida_like.storage import Storage
from aiida_like.storage.memory import SLOW
from querylang.compile import RowsQuery, Statement, compile_rows
from querylang.options import Window
from restapi.http.encoding import dumps
from restapi.http.exchange import version_of_request

Rows = Sequence[Sequence[Any]]

FEW, SHORT = 50, 16_000
"""So many rows, with so many characters in all, are remembered of a list."""


@contextmanager
def narrowed(way_out: str) -> Iterator[None]:
    """What takes too long says how to ask for less."""
    try:
        yield
    except StatementTimeout as error:
        raise StatementTimeout(error.seconds, way_out) from error


def fetch(storage: Storage, statement: Statement) -> Rows:
    return storage.rows(statement.shape, statement.build, statement.values)


def fetch_remembered(
    storage: Storage, statement: Statement, arranged: Callable[[Rows], Rows] = lambda rows: rows
) -> Rows:
    """Of a statement that looks at many rows for few: from memory, if nothing was committed since.

    They are remembered as `arranged` has made them.
    """
    version = version_of_request()
    rows = storage.recall(version, statement.shape, statement.values)
    if rows is None:
        rows = arranged(fetch(storage, statement))
        storage.remember(version, statement.shape, statement.values, rows)
    return rows


def json_remembered(
    storage: Storage, name: Hashable, values: Mapping[str, Any], make: Callable[[], Any]
) -> orjson.Fragment:
    """JSON of what is made of remembered rows; remembered beside them, as making it takes long."""
    version = version_of_request()
    rows = storage.recall(version, name, values)
    if rows is None:
        rows = [(dumps(make()),)]
        storage.remember(version, name, values, rows)
    return orjson.Fragment(rows[0][0])


def fetch_rows(storage: Storage, query: RowsQuery, window: Window) -> Rows:
    """The rows of a list in one window, as `compile_rows` has them."""
    return fetch_list(storage, compile_rows(query, window, keys_first=storage.database.indexes_have_keys))


def fetch_list(storage: Storage, statement: Statement) -> Rows:
    """Rows of a list; small results of statements that were measured to be slow are remembered until a commit."""
    shape, values = statement.shape, statement.values
    is_kept = storage.is_slow(shape, values)
    if is_kept:
        rows = storage.recall(version_of_request(), shape, values, is_list=True)
        if rows is not None:
            return rows
    began = perf_counter()
    rows = fetch(storage, statement)
    if perf_counter() - began >= SLOW:
        storage.note_slow(shape, values)
        is_kept = True
    if is_kept and _is_small(rows):
        storage.remember(version_of_request(), shape, values, rows, is_list=True)
    return rows


def _is_small(rows: Rows) -> bool:
    return len(rows) <= FEW and sum(len(value) for row in rows for value in row if isinstance(value, str)) <= SHORT


def statistic(storage: Storage, statement: Statement) -> int:
    """One number, such as planners have of tables: that of the last minute is as good, and changes no answer."""
    return storage.statistic(statement.shape, statement.build, statement.values)
