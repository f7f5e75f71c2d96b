"""How many nodes there are, of which type, from which day; the same for all AiiDA dialects."""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern
from typing import Any

from sqlalchemy import ColumnElement, func, select

from aiida_like.errors import QueryError
from aiida_like.models import node
from aiida_like.storage import Storage
from aiida_like.storage.expressions import unindexed, utc_day
from querylang.ast import Comparison, Integer, Operator
from querylang.compile import Statement
from querylang.terms import Term, leaves
from querylang.walk import ONE_IN, compile_size
from restapi.fetching.node_types import of_user, values_of
from restapi.fetching.reading import Rows, fetch, fetch_remembered, statistic
from restapi.http.exchange import version_of_request


def statistics(storage: Storage, user: int | None) -> dict[str, Any]:
    """How many nodes there are, of which type, created on which day (UTC); of one user or of all."""
    types = _counts(storage, "type", user)
    return {"total": sum(types.values()), "types": types, "ctime_by_day": _counts(storage, "day", user)}


def user_of(filters: Iterable[Term[Comparison]]) -> int | None:
    """The only filter of a count, `user=ID`.

    Raises:
        QueryError: something else was asked.
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


def _counts(storage: Storage, by: str, user: int | None) -> dict[str, int]:
    if user is not None and storage.estimates:
        _count_for_all(storage, by, user)
    # SQLite would go along an index on the type, and look up the nodes of all users.
    key = _KEYS[by] if user is None or storage.estimates else unindexed(_KEYS[by]).label(by)
    counts = Statement(
        _shape(by, user), lambda: of_user(select(key, func.count()).group_by(key), user), values_of(user)
    )
    rows: Iterable[Any] = fetch_remembered(storage, counts, _arranged)
    return dict(rows)


def _arranged(rows: Rows) -> list[tuple[str, int]]:
    # Users have days and types in common, so these texts are there once for all who are remembered.
    return sorted((intern(str(key)), int(count)) for key, count in rows)


def _count_for_all(storage: Storage, by: str, user: int) -> None:
    """Where the nodes of one user are so many that all nodes are read, those of all users are counted, for later."""
    version, shape = version_of_request(), _shape(by, user)
    if version is None or storage.memory is None or storage.recall(version, shape, values_of(user)) is not None:
        return
    number = Statement(("nodes of a user",), lambda: of_user(select(func.count(node.c.id)), user), values_of(user))
    if statistic(storage, number) * ONE_IN < statistic(storage, compile_size(node)):
        return
    key = _KEYS[by]
    grouped = Statement(
        ("statistics of all", by), lambda: select(node.c.user_id, key, func.count()).group_by(node.c.user_id, key), {}
    )
    of_users: dict[int, list[tuple[Any, int]]] = {user: []}
    for owner, value, count in fetch(storage, grouped):
        of_users.setdefault(owner, []).append((value, count))
    for owner, rows in of_users.items():
        storage.remember(version, shape, values_of(owner), _arranged(rows))


def _shape(by: str, user: int | None) -> tuple[str, str, bool]:
    return "statistics", by, user is None
