"""Numbers of nodes, by type and by day, and the types that occur; the same for all AiiDA dialects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from sys import intern
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    String,
    bindparam,
    func,
    literal,
    not_,
    null,
    select,
    union_all,
)

from aiida_like.errors import QueryError
from aiida_like.models import node
from aiida_like.storage import Snapshot, Statement
from aiida_like.storage.sql.expressions import has_prefix, unindexed, utc_day
from aiida_like.storage.sql.patterns import prefix_end
from querylang.ast import Comparison, Integer, Operator
from querylang.index_scan import ONE_IN, compile_size
from querylang.terms import Term, leaves
from restapi.fetching.reading import Rows, fetch_remembered, remembered


def statistics(snapshot: Snapshot, user: int | None) -> dict[str, Any]:
    """The number of nodes, also by type and by day of creation (UTC); of one user or of all."""
    by_type = _counts(snapshot, "type", user)
    return {"total": sum(by_type.values()), "types": by_type, "ctime_by_day": _counts(snapshot, "day", user)}


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


def _of_user(counts: Select[Any], user: int | None) -> Select[Any]:
    return counts if user is None else counts.where(node.c.user_id == bindparam("user", type_=BigInteger()))


def bound_user(user: int | None) -> dict[str, int]:
    return {} if user is None else {"user": user}


_KEYS: Mapping[str, ColumnElement[Any]] = {"type": node.c.node_type, "day": utc_day(node.c.ctime).label("day")}


def _counts(snapshot: Snapshot, by: str, user: int | None) -> dict[str, int]:
    has_statistics = snapshot.storage.database.has_statistics
    # SQLite would scan the index on the type, and look up the nodes of all users.
    key = _KEYS[by] if user is None or has_statistics else unindexed(_KEYS[by]).label(by)
    counts = _statement(by, user, key)
    if user is not None and has_statistics and snapshot.recall(counts) is None:
        _count_for_all(snapshot, by, user)
    rows: Iterable[Any] = remembered(snapshot, counts, lambda: _arranged(snapshot.rows(counts)))
    return dict(rows)


def _statement(by: str, user: int | None, key: ColumnElement[Any]) -> Statement:
    cache_key = ("statistics", by, user is None)
    return Statement(cache_key, lambda: _of_user(select(key, func.count()).group_by(key), user), bound_user(user))


def _arranged(rows: Rows) -> list[tuple[str, int]]:
    # Users share days and types, so each text is in memory once.
    return sorted((intern(str(key)), int(count)) for key, count in rows)


def _count_for_all(snapshot: Snapshot, by: str, user: int) -> None:
    """Counts for all users and remembers the counts, if one user has enough nodes that all are read anyway."""
    if snapshot.storage.caches is None or snapshot.version is None:
        return
    number = Statement(("nodes of a user",), lambda: _of_user(select(func.count(node.c.id)), user), bound_user(user))
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


Types = tuple[str, str | None]
"""Node type and process type."""


def type_counts(snapshot: Snapshot, user: int | None) -> dict[Types, int]:
    """The number of nodes of each node type and process type."""
    if user is None:
        found = _types_of(fetch_remembered(snapshot, _QUICK_TYPE_COUNTS))
        with_process_type = found.pop(_NO_TYPES)
        if with_process_type == sum(count for (_, process_type), count in found.items() if process_type is not None):
            return found
    counts = Statement(
        ("type counts", user is None),
        lambda: _of_user(select(*_TYPES, func.count()).group_by(*_TYPES), user),
        bound_user(user),
    )
    return _types_of(fetch_remembered(snapshot, counts))


def types(snapshot: Snapshot) -> Iterable[Types]:
    """Each node type and process type that occurs."""
    found = _types_of(fetch_remembered(snapshot, Statement(("quick types",), _quick_types, {})))
    of_data = found.pop(_NO_TYPES)
    is_exact = of_data == 0 and not any(key[0].startswith(_PROCESS) and key[1] is None for key in found)
    return found if is_exact else type_counts(snapshot, None)


# No index has both types. So only the rows of processes are read; for data, which has no process type, the index of
# node types is enough. AiiDA writes nothing else; a count of all nodes with a process type verifies it.

_NO_TYPES: tuple[Any, None] = (None, None)
"""The key of that count, in place of types."""


def _types_of(rows: Iterable[Sequence[Any]]) -> dict[Types, int]:
    return {(node_type, process_type): number for node_type, process_type, number in rows}


def _quick_type_counts() -> Select[Any]:
    processes = select(*_TYPES, func.count()).where(_is_process(node.c.node_type)).group_by(*_TYPES)
    data = select(node.c.node_type, null(), func.count()).where(not_(_is_process(node.c.node_type)))
    return _union(processes, data.group_by(node.c.node_type), _with_process_type())


_QUICK_TYPE_COUNTS = Statement(("quick type counts",), _quick_type_counts, {})


def _quick_types() -> Select[Any]:
    """A SELECT of the types; those of data from one to the next in the index."""
    processes = select(*_TYPES, literal(0)).where(_is_process(node.c.node_type)).distinct()
    following = node.alias("following")
    first = select(func.min(node.c.node_type).label("node_type")).cte("occurring", recursive=True)
    after = select(func.min(following.c.node_type)).where(following.c.node_type > first.c.node_type)
    occurring = first.union_all(select(after.scalar_subquery()).where(first.c.node_type.is_not(None)))
    data = select(occurring.c.node_type, null(), literal(0)).where(not_(_is_process(occurring.c.node_type)))
    number = select(func.count()).where(_is_process(node.c.node_type)).scalar_subquery()
    return _union(processes, data, _with_process_type() - number)


def _union(processes: Select[Any], data: Select[Any], number: ColumnElement[int]) -> Select[Any]:
    return select(union_all(processes, data, select(null(), null(), number)).subquery())


def _with_process_type() -> ColumnElement[int]:
    # `>= ""` is true for any text: SQLite takes no index for IS NOT NULL.
    return select(func.count()).where(node.c.process_type >= "").scalar_subquery()


def _is_process(node_type: ColumnElement[str]) -> ColumnElement[bool]:
    texts = (f"{_PROCESS}%", _PROCESS, prefix_end(_PROCESS))
    return has_prefix(node_type, *(literal(text, String()) for text in texts))


_PROCESS = "process."
_TYPES = (node.c.node_type, node.c.process_type)
