"""Queries -> rows: the one stage that waits for the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from aiida_like.errors import AmbiguousUuid, NotFound, QueryError, StatementTimeout
from aiida_like.storage import Storage
from querylang.compile import RowsQuery, Statement, compile_matches, compile_rows, compile_some, compile_total
from querylang.condition import Condition
from querylang.lower import kind_of, uuid_prefix
from querylang.options import Window
from querylang.schema import Entity, Field
from querylang.walk import MANY, along, can_walk, compile_size, is_shorter
from restapi.data_version import version_of_request
from restapi.headers import last_page


class Count(Enum):
    """How the number of all rows is found."""

    EXACT = "exact"
    ESTIMATED = "estimated"
    NONE = "none"


COUNTED = 10_000
"""Up to so many rows even an estimate is exact."""


@dataclass(frozen=True)
class Total:
    """How many rows there are in all, as far as it was asked for."""

    number: int | None
    count: Count


@dataclass(frozen=True)
class Page:
    """Rows of the fields that were asked for, how many rows there are in all, and whether further ones were seen."""

    rows: Sequence[Sequence[Any]]
    total: Total
    has_next: bool


@contextmanager
def narrowed(way_out: str) -> Iterator[None]:
    """What takes too long says how to ask for less."""
    try:
        yield
    except StatementTimeout as error:
        raise StatementTimeout(error.seconds, way_out) from error


def fetch(storage: Storage, statement: Statement) -> Sequence[Sequence[Any]]:
    return storage.rows(statement.shape, statement.build, statement.values)


def fetch_remembered(storage: Storage, statement: Statement) -> Sequence[Sequence[Any]]:
    """Of a statement that looks at many rows for few: from memory, if nothing was committed since."""
    version = version_of_request()
    rows = storage.recall(version, statement.shape, statement.values)
    if rows is None:
        rows = fetch(storage, statement)
        storage.remember(version, statement.shape, statement.values, rows)
    return rows


def statistic(storage: Storage, statement: Statement) -> int:
    """One number, such as planners have of tables: that of the last minute is as good, and changes no answer."""
    return storage.statistic(statement.shape, statement.build, statement.values)


def fetch_with_total(storage: Storage, query: RowsQuery, window: Window) -> tuple[Sequence[Sequence[Any]], int]:
    """The rows, and the number of all, from one statement.

    Raises:
        QueryError: there is no such page.
    """
    counted, version = compile_total(query), version_of_request()
    known = storage.recall(version, counted.shape, counted.values)
    walkable = not storage.estimates and can_walk(query)
    if known is None and walkable:
        # The number tells which way to the rows is shorter, and one statement for both would not be faster.
        known = fetch_remembered(storage, counted)
    if known is not None:
        total = known[0][0]
        check_page(window, total)
        if walkable and total >= MANY:
            size = statistic(storage, compile_size(query.entity.table))
            query = along(query) if is_shorter(window, total, size) else query
        return fetch(storage, compile_rows(query, window)), total
    rows = fetch(storage, compile_rows(replace(query, with_total=True), window))
    if rows:
        total = rows[0][0]
        storage.remember(version, counted.shape, counted.values, [(total,)])
        return [row[1:] for row in rows], total
    # No row came that could have brought the total along.
    total = fetch_total(storage, query) if window.offset or query.behind or not window.limit else 0
    check_page(window, total)
    return [], total


def fetch_page(
    storage: Storage, query: RowsQuery, window: Window, count: Count = Count.EXACT, *, looks_ahead: bool = False
) -> Page:
    """`looks_ahead`: it matters whether further rows follow, and one more is fetched to see.

    Raises:
        QueryError: there is no such page.
    """
    part = replace(window, limit=window.limit + 1) if looks_ahead else window
    if count is Count.EXACT:
        rows, number = fetch_with_total(storage, query, part)
        total = Total(number, count)
    else:
        rows = fetch(storage, compile_rows(query, part))
        total = _estimated_total(storage, query) if count is Count.ESTIMATED else Total(None, count)
    return Page(rows[: window.limit], total, len(rows) > window.limit)


def fetch_total(storage: Storage, query: RowsQuery) -> int:
    return int(fetch_remembered(storage, compile_total(query))[0][0])


def check_page(window: Window, total: int) -> None:
    """Raises QueryError: there is no such page."""
    if window.page is not None and window.page > last_page(total, window.limit):
        last = last_page(total, window.limit)
        raise QueryError(f"Non existent page requested. The page range is [1 : {last}]")


def _estimated_total(storage: Storage, query: RowsQuery) -> Total:
    if not storage.estimates:
        return Total(fetch_total(storage, query), Count.EXACT)
    counted = int(fetch_remembered(storage, compile_total(query, COUNTED + 1))[0][0])
    if counted <= COUNTED:
        return Total(counted, Count.EXACT)
    matches = compile_matches(query)
    expected = storage.estimated_rows(matches.shape, matches.build, matches.values)
    return Total(max(expected, counted), Count.ESTIMATED)


def fetch_by_uuid(storage: Storage, entity: Entity, fields: tuple[Field, ...], prefix: str) -> Sequence[Any]:
    """The row whose uuid starts with `prefix`.

    Raises:
        NotFound: there is none, or it is of another kind than the entity.
        AmbiguousUuid: there are several.
    """
    start = uuid_prefix(entity.fields["uuid"], prefix.lower())
    if start is None:
        raise NotFound(f"{prefix!r} is not the beginning of a uuid, such as 338357f4-f2")
    rows = _at_most_two(storage, entity, fields, (start, *kind_of(entity)))
    if len(rows) > 1:
        raise AmbiguousUuid(f"the uuid prefix {prefix!r} is ambiguous: several {entity.name} begin so; add characters")
    if not rows:
        raise NotFound(_absence(storage, entity, prefix, start))
    return rows[0]


def fetch_by_id(storage: Storage, entity: Entity, fields: tuple[Field, ...], number: int) -> Sequence[Any]:
    """Raises NotFound."""
    rows = _at_most_two(storage, entity, fields, (Condition("=", entity.fields["id"], (number,)), *kind_of(entity)))
    if not rows:
        raise NotFound(f"there is no object with id {number} among the {entity.name}")
    return rows[0]


def _at_most_two(
    storage: Storage, entity: Entity, fields: tuple[Field, ...], conditions: tuple[Condition, ...]
) -> Sequence[Sequence[Any]]:
    return fetch(storage, compile_some(RowsQuery(entity, fields, conditions), 2))


def _absence(storage: Storage, entity: Entity, prefix: str, start: Condition) -> str:
    message = f"there is no object among the {entity.name} whose uuid begins with {prefix!r}"
    if entity.kind_field is not None:
        others = _at_most_two(storage, entity, (entity.kind_field,), (start,))
        if others:
            message += f"; a node of type {others[0][0]} does"
    return message
