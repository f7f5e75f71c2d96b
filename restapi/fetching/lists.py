"""Queries -> rows: lists with their numbers, and single objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from aiida_like.errors import AmbiguousUuid, NotFound, QueryError
from aiida_like.storage import Storage
from querylang.compile import RowsQuery, compile_matches, compile_object, compile_total
from querylang.condition import Condition
from querylang.lower import kind_of, uuid_prefix
from querylang.options import Window
from querylang.schema import Entity, Field
from querylang.walk import MANY, along, can_walk, compile_size, is_shorter
from restapi.fetching.deep_pages import fetch_window, is_deep
from restapi.fetching.reading import fetch, fetch_remembered, fetch_rows, statistic
from restapi.fetching.totals import fetch_total, may_be_known, recall_total, remember_total
from restapi.http.headers import last_page


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


def fetch_with_total(storage: Storage, query: RowsQuery, window: Window) -> tuple[Sequence[Sequence[Any]], int]:
    """The rows, and the number of all.

    Raises:
        QueryError: there is no such page.
    """
    deep = is_deep(query, window)
    if storage.awaits_version and storage.memory is not None and not deep:
        # A statement brings the version along, and that says whether the number is remembered.
        if not may_be_known(storage, query):
            return _fetch_both(storage, query, window)
        rows = fetch_rows(storage, query, window)
        return rows, _total_behind(storage, rows, query, window)
    total = recall_total(storage, query)
    walkable = not storage.estimates and can_walk(query)
    if total is None and (walkable or deep):
        # The number tells which way to the rows is shorter, and one statement for both would not be faster.
        total = fetch_total(storage, query)
    if total is None:
        return _fetch_both(storage, query, window)
    check_page(window, total)
    if walkable and total >= MANY:
        size = statistic(storage, compile_size(query.entity.table))
        query = along(query) if is_shorter(window, total, size) else query
    return fetch_window(storage, query, window, total), total


def _fetch_both(storage: Storage, query: RowsQuery, window: Window) -> tuple[Sequence[Sequence[Any]], int]:
    rows = fetch_rows(storage, replace(query, with_total=True), window)
    if not rows:
        # None came that could have brought the total along.
        return [], _total_behind(storage, rows, query, window)
    total = int(rows[0][0])
    remember_total(storage, query, total)
    return [row[1:] for row in rows], total


def _total_behind(storage: Storage, rows: Sequence[Sequence[Any]], query: RowsQuery, window: Window) -> int:
    """How many rows there are in all, once those of the window have come: they tell it, if they are too few."""
    are_last = len(rows) < window.limit and (rows or not window.offset) and not query.behind
    total = window.offset + len(rows) if are_last else fetch_total(storage, query)
    check_page(window, total)
    return total


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
        rows = fetch_window(storage, query, part)
        total = _estimated_total(storage, query) if count is Count.ESTIMATED else Total(None, count)
    return Page(rows[: window.limit], total, len(rows) > window.limit)


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
    return fetch(storage, compile_object(RowsQuery(entity, fields, conditions)))


def _absence(storage: Storage, entity: Entity, prefix: str, start: Condition) -> str:
    message = f"there is no object among the {entity.name} whose uuid begins with {prefix!r}"
    if entity.kind_field is not None:
        others = _at_most_two(storage, entity, (entity.kind_field,), (start,))
        if others:
            message += f"; a node of type {others[0][0]} does"
    return message
