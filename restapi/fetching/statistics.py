"""Numbers of nodes, by type and by day; the same for all AiiDA dialects."""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern
from typing import Any

from sqlalchemy import ColumnElement, func, select

from aiida_like.errors import QueryError
from aiida_like.models import node
from aiida_like.storage import Snapshot, Statement
from aiida_like.storage.expressions import unindexed, utc_day
from querylang.ast import Comparison, Integer, Operator
from querylang.index_scan import ONE_IN, compile_size
from querylang.terms import Term, leaves
from restapi.fetching.node_types import of_user, values_of
from restapi.fetching.reading import Rows, remembered


def statistics(snapshot: Snapshot, user: int | None) -> dict[str, Any]:
    """The number of nodes, also by type and by day of creation (UTC); of one user or of all."""
    types = _counts(snapshot, "type", user)
    return {"total": sum(types.values()), "types": types, "ctime_by_day": _counts(snapshot, "day", user)}


def user_of(filters: Iterable[Term[Comparison]]) -> int | None:
    """The only filter of a count, `user=ID`.

    Raises:
        QueryError: there is another filter.
    """
    user = None
    for term in filters:
        match term:
            case Comparison("user" | "user_id", Operator.EQUAL, (Integer(value),), ()) if user is None:
                user = value
            case _:
                key = leaves(term)[0].key
                raise QueryError(f"only the filter user=ID has a meaning here, not one of {key!r}")
    return user


_KEYS: dict[str, ColumnElement[Any]] = {"type": node.c.node_type, "day": utc_day(node.c.ctime).label("day")}


def _counts(snapshot: Snapshot, by: str, user: int | None) -> dict[str, int]:
    has_statistics = snapshot.storage.planner.has_statistics
    # SQLite would scan the index on the type, and look up the nodes of all users.
    key = _KEYS[by] if user is None or has_statistics else unindexed(_KEYS[by]).label(by)
    counts = _statement(by, user, key)
    if user is not None and has_statistics and snapshot.recall(counts) is None:
        _count_for_all(snapshot, by, user)
    rows: Iterable[Any] = remembered(snapshot, counts, lambda: _arranged(snapshot.rows(counts)))
    return dict(rows)


def _statement(by: str, user: int | None, key: ColumnElement[Any]) -> Statement:
    cache_key = ("statistics", by, user is None)
    return Statement(cache_key, lambda: of_user(select(key, func.count()).group_by(key), user), values_of(user))


def _arranged(rows: Rows) -> list[tuple[str, int]]:
    # Users share days and types, so each text is in memory once.
    return sorted((intern(str(key)), int(count)) for key, count in rows)


def _count_for_all(snapshot: Snapshot, by: str, user: int) -> None:
    """Counts for all users and remembers the counts, if one user has enough nodes that all are read anyway."""
    if snapshot.storage.caches is None or snapshot.version is None:
        return
    number = Statement(("nodes of a user",), lambda: of_user(select(func.count(node.c.id)), user), values_of(user))
    if snapshot.statistic(number) * ONE_IN < snapshot.statistic(compile_size(node)):
        return
    key = _KEYS[by]
    grouped = Statement(
        ("statistics of all", by), lambda: select(node.c.user_id, key, func.count()).group_by(node.c.user_id, key), {}
    )
    of_users: dict[int, list[tuple[Any, int]]] = {user: []}
    for owner, value, count in snapshot.rows(grouped):
        of_users.setdefault(owner, []).append((value, count))
    for owner, rows in of_users.items():
        snapshot.remember(_statement(by, owner, key), _arranged(rows))
