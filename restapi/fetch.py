"""Queries -> rows: the one stage that waits for the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiida_like.errors import AmbiguousUuid, NotFound, QueryError
from aiida_like.storage import Storage
from querylang.compile import RowsQuery, Statement, compile_rows, compile_total
from querylang.condition import Condition
from querylang.lower import kind_of, uuid_prefix
from querylang.options import Window
from querylang.schema import Entity, Field
from restapi.headers import last_page


@dataclass(frozen=True)
class Page:
    """Rows of the fields that were asked for, and how many rows there are in all."""

    rows: Sequence[Sequence[Any]]
    total: int


def fetch(storage: Storage, statement: Statement) -> Sequence[Sequence[Any]]:
    return storage.rows(statement.shape, statement.build, statement.values)


def fetch_page(storage: Storage, query: RowsQuery, window: Window) -> Page:
    """Raises QueryError: there is no such page."""
    rows = fetch(storage, compile_rows(replace(query, with_total=True), window))
    if rows:
        return Page([row[1:] for row in rows], rows[0][0])
    # No row came that could have brought the total along.
    total = fetch_total(storage, query) if window.offset or not window.limit else 0
    if window.page is not None and window.page > last_page(total, window.limit):
        last = last_page(total, window.limit)
        raise QueryError(f"Non existent page requested. The page range is [1 : {last}]")
    return Page([], total)


def fetch_total(storage: Storage, query: RowsQuery) -> int:
    return int(fetch(storage, compile_total(query))[0][0])


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
    return fetch(storage, compile_rows(RowsQuery(entity, fields, conditions), Window(2)))


def _absence(storage: Storage, entity: Entity, prefix: str, start: Condition) -> str:
    message = f"there is no object among the {entity.name} whose uuid begins with {prefix!r}"
    if entity.kind_field is not None:
        others = _at_most_two(storage, entity, (entity.kind_field,), (start,))
        if others:
            message += f"; a node of type {others[0][0]} does"
    return message
