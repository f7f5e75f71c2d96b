"""Statements -> rows that are worth remembering, or that take too long."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import orjson

from aiida_like.errors import StatementTimeout
from aiida_like.storage import Snapshot, Statement
from restapi.http.encoding import dumps

Rows = Sequence[Sequence[Any]]


@contextmanager
def narrowed(way_out: str) -> Iterator[None]:
    """Makes the StatementTimeout of a block say how to ask for less."""
    try:
        yield
    except StatementTimeout as error:
        raise StatementTimeout(error.seconds, way_out) from error


def fetch_remembered(snapshot: Snapshot, statement: Statement, arrange: Callable[[Rows], Rows] | None = None) -> Rows:
    """The rows of a statement that reads many rows for few, as `arrange` makes them; remembered until a commit."""
    rows: Rows | None = snapshot.recall(statement)
    if rows is None:
        rows = snapshot.rows(statement)
        if arrange is not None:
            rows = arrange(rows)
        snapshot.remember(statement, rows)
    return rows


def json_remembered(
    snapshot: Snapshot, name: Hashable, values: Mapping[str, Any], make: Callable[[], Any]
) -> orjson.Fragment:
    """The JSON of what `make` returns; remembered until a commit, because making it takes long."""
    made = Statement(name, never_built, values)
    rows = snapshot.recall(made)
    if rows is None:
        rows = [(dumps(make()),)]
        snapshot.remember(made, rows)
    return orjson.Fragment(rows[0][0])


def never_built() -> NoReturn:
    """The `build` of a Statement that only names something remembered."""
    raise AssertionError
