"""Queries -> rows: those of lists, and of single objects. A total comes before, with or after the rows of a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiida_like.errors import AmbiguousUuid, NotFound, QueryError
from aiida_like.storage import Snapshot
from querylang.compile import RowsQuery, compile_matches, compile_object, compile_rows, compile_total
from querylang.condition import Condition, Order
from querylang.index_scan import can_scan_in_order, compile_size, is_shorter, scan_in_order
from querylang.lowering.columns import uuid_prefix
from querylang.lowering.lower import type_prefix_conditions
from querylang.lowering.predicates import Predicate
from querylang.options import Window, last_page
from querylang.schema import Entity, Field
from restapi.fetching.deep_pages import fetch_deep
from restapi.fetching.reading import Rows, fetch_remembered
from restapi.fetching.totals import keep_total, may_know_total, total_from_bookmark
from restapi.http.preferences import Count


@dataclass(frozen=True)
class PageOfRows:
    """Rows of the fields that were asked for, and whether further rows were seen.

    `total` is the number of all rows, None if it was not asked for; `count` says how it was found.
    """

    rows: Rows
    total: int | None
    count: Count
    has_next: bool


def fetch_with_total(snapshot: Snapshot, query: RowsQuery, window: Window) -> tuple[Rows, int]:
    """The rows of a window, and the number of all rows.

    Raises:
        QueryError: there is no such page.
        StatementTimeout, StorageError.
    """
    has_statistics, tuning = snapshot.storage.database.has_statistics, snapshot.storage.tuning
    if not has_statistics or window.offset >= tuning.deep_offset:
        # The total comes first, because it decides which way to the rows is shorter.
        total = find_total(snapshot, query)
        check_page(window, total)
        if total >= tuning.scanned_rows and not has_statistics:
            query = _shortest(snapshot, query, window, total)
        return fetch_window(snapshot, query, window, total), total
    # Rows and total in one statement, because a round trip takes longer than most statements.
    with_total = not may_know_total(snapshot, query)
    rows = fetch_window(snapshot, replace(query, with_total=with_total), window)
    if rows and with_total:
        return [row[1:] for row in rows], keep_total(snapshot, query, int(rows[0][0]), "with the rows")
    if len(rows) < window.limit and (rows or not window.offset) and not query.after:
        total = window.offset + len(rows)
        snapshot.effort.totals.append("last rows")
    else:
        total = find_total(snapshot, query)
    check_page(window, total)
    return rows, total


def fetch_window(snapshot: Snapshot, query: RowsQuery, window: Window, total: int | None = None) -> Rows:
    """The rows of a window; `total` is the number of all rows, if known."""
    storage = snapshot.storage
    if window.offset >= storage.tuning.deep_offset and not query.after:
        return fetch_deep(snapshot, query, window, total)
    return snapshot.list_rows(compile_rows(query, window, keys_first=storage.database.indexes_have_keys))


def _shortest(snapshot: Snapshot, query: RowsQuery, window: Window, total: int) -> RowsQuery:
    """The query, as an index-order scan if that is shorter. Databases with statistics decide that themselves."""
    if not can_scan_in_order(query):
        return query
    size = snapshot.statistic(compile_size(query.entity.table))
    return scan_in_order(query) if is_shorter(window, total, size, snapshot.storage.tuning.scanned_rows) else query


def fetch_page(
    snapshot: Snapshot, query: RowsQuery, window: Window, count: Count = Count.EXACT, *, looks_ahead: bool = False
) -> PageOfRows:
    """The rows of a page. `looks_ahead`: one more row is fetched, to see whether further rows follow.

    Raises:
        QueryError: there is no such page.
    """
    if count is Count.ESTIMATED and window.page is None and not snapshot.storage.database.has_statistics:
        # All are counted anyway, and a total that is known decides which way to the rows is shorter.
        count = Count.EXACT
    part = replace(window, limit=window.limit + 1) if looks_ahead else window
    total: int | None = None
    if count is Count.EXACT:
        rows, total = fetch_with_total(snapshot, query, part)
    else:
        rows = fetch_window(snapshot, query, part)
        if count is Count.ESTIMATED:
            total, is_exact = estimate_total(snapshot, query)
            count = Count.EXACT if is_exact else count
    return PageOfRows(rows[: window.limit], total, count, len(rows) > window.limit)


def find_total(snapshot: Snapshot, query: RowsQuery) -> int:
    """The number of all rows, by the first strategy that can tell it, which `Server-Timing` names.

    Raises:
        StatementTimeout, StorageError.
    """
    counted = compile_total(query)
    if snapshot.storage.caches is None:
        ((total,),) = snapshot.rows(counted)
        snapshot.effort.totals.append("counted")
        return int(total)
    remembered = snapshot.recall(counted)
    if remembered is not None:
        snapshot.effort.totals.append("remembered")
        return int(remembered[0][0])
    total = total_from_bookmark(snapshot, query)
    if total is not None:
        return keep_total(snapshot, query, total, "from a bookmark")
    return keep_total(snapshot, query, int(snapshot.rows(counted)[0][0]), "counted")


def estimate_total(snapshot: Snapshot, query: RowsQuery) -> tuple[int, bool]:
    """An estimate of the number of all rows, and whether it is exact: few rows are counted.

    Raises:
        StatementTimeout, StorageError.
    """
    most = snapshot.storage.tuning.estimated_rows
    if not snapshot.storage.database.has_statistics:
        return find_total(snapshot, query), True
    counted = int(fetch_remembered(snapshot, compile_total(query, most + 1))[0][0])
    snapshot.effort.totals.append("counted" if counted <= most else "estimated")
    if counted <= most:
        return counted, True
    return max(snapshot.storage.expected_rows(compile_matches(query)), counted), False


def check_page(window: Window, total: int) -> None:
    """Raises QueryError: there is no such page."""
    if window.page is not None and window.page > last_page(total, window.limit):
        last = last_page(total, window.limit)
        raise QueryError(f"Non existent page requested. The page range is [1 : {last}]")


def fetch_by_uuid(snapshot: Snapshot, entity: Entity, fields: tuple[Field, ...], prefix: str) -> Sequence[Any]:
    """The row whose uuid starts with `prefix`.

    Raises:
        NotFound: there is none, or it is of another kind than the entity.
        AmbiguousUuid: there are several.
    """
    start = uuid_prefix(entity.fields["uuid"], prefix.lower())
    if start is None:
        raise NotFound(f"{prefix!r} is not the beginning of a uuid, such as 338357f4-f2")
    query = RowsQuery(entity, fields, (start, *type_prefix_conditions(entity)))
    rows = snapshot.rows(compile_object(query))
    if len(rows) > 1:
        raise AmbiguousUuid(
            f"the uuid prefix {prefix!r} is ambiguous: several {entity.name} begin so; add characters. There are "
            + ", ".join(_candidates(snapshot, query))
        )
    if not rows:
        raise NotFound(_absence(snapshot, entity, prefix, start))
    return rows[0]


def fetch_by_id(snapshot: Snapshot, entity: Entity, fields: tuple[Field, ...], number: int) -> Sequence[Any]:
    """The row with this id. Raises NotFound."""
    conditions = (Condition(Predicate.EQUAL, entity.fields["id"], (number,)), *type_prefix_conditions(entity))
    rows = snapshot.rows(compile_object(RowsQuery(entity, fields, conditions)))
    if not rows:
        raise NotFound(f"there is no object with id {number} among the {entity.name}")
    return rows[0]


def _candidates(snapshot: Snapshot, query: RowsQuery) -> Iterator[str]:
    """The first uuids that fulfil the conditions of a query; if there are further ones, dots at the end."""
    uuid = query.entity.fields["uuid"]
    first = replace(query, fields=(uuid,), order=(Order(uuid, descending=False),))
    rows = snapshot.rows(compile_rows(first, Window(_MOST_CANDIDATES + 1)))
    yield from (row[0] for row in rows[:_MOST_CANDIDATES])
    if len(rows) > _MOST_CANDIDATES:
        yield "..."


_MOST_CANDIDATES = 10


def _absence(snapshot: Snapshot, entity: Entity, prefix: str, start: Condition) -> str:
    message = f"there is no object among the {entity.name} whose uuid begins with {prefix!r}"
    if entity.type_field is not None:
        others = snapshot.rows(compile_object(RowsQuery(entity, (entity.type_field,), (start,))))
        if others:
            message += f"; a node of type {others[0][0]} does"
    return message
