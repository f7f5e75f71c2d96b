"""Statements -> rows: the one stage that waits for the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from aiida_like.errors import StatementTimeout
from aiida_like.storage import Storage
from querylang.compile import Statement
from restapi.exchange import version_of_request

Rows = Sequence[Sequence[Any]]


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


def statistic(storage: Storage, statement: Statement) -> int:
    """One number, such as planners have of tables: that of the last minute is as good, and changes no answer."""
    return storage.statistic(statement.shape, statement.build, statement.values)
