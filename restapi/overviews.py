"""Counts over all nodes; the same for all AiiDA dialects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
from aiida_like.storage import Storage
from aiida_like.storage.expressions import has_prefix, utc_day
from aiida_like.storage.patterns import prefix_end
from querylang.ast import Comparison, Integer, Operator
from querylang.compile import Statement
from querylang.terms import Term, leaves
from restapi.fetch import fetch_remembered


def statistics(storage: Storage, user: int | None) -> dict[str, Any]:
    """How many nodes there are, of which type, created on which day (UTC); of one user or of all."""
    types = _counts(storage, "type", user)
    return {"total": sum(types.values()), "types": types, "ctime_by_day": _counts(storage, "day", user)}


def type_counts(storage: Storage, user: int | None) -> dict[tuple[str, str | None], int]:
    """How many nodes there are of each node type and process type."""
    if user is None:
        found = _rows(storage, "quick type counts", _quick_type_counts)
        with_process_type = found.pop(_OF_ALL)
        if with_process_type == sum(count for (_, process_type), count in found.items() if process_type is not None):
            return found
    statement = Statement(
        ("type counts", user is None),
        lambda: _of_user(select(*_TYPES, func.count()).group_by(*_TYPES), user),
        _values(user),
    )
    return {(node_type, process_type): count for node_type, process_type, count in fetch_remembered(storage, statement)}


def types(storage: Storage) -> Iterable[tuple[str, str | None]]:
    """Each node type and process type that occurs."""
    found = _rows(storage, "quick types", _quick_types)
    of_data = found.pop(_OF_ALL)
    is_usual = of_data == 0 and not any(key[0].startswith(_PROCESS) and key[1] is None for key in found)
    return found if is_usual else type_counts(storage, None)


# No index has both types. So of processes alone the rows are read, and for data, which has no process type, an index of
# node types is enough. AiiDA writes nothing else; whether that is so is seen from a number of all nodes.

_OF_ALL: tuple[Any, None] = (None, None)
"""In place of types."""


def _rows(storage: Storage, name: str, build: Callable[[], Select[Any]]) -> dict[tuple[str, str | None], int]:
    rows = fetch_remembered(storage, Statement((name,), build, {}))
    return {(node_type, process_type): number for node_type, process_type, number in rows}


def _quick_type_counts() -> Select[Any]:
    processes = select(*_TYPES, func.count()).where(_is_process(node.c.node_type)).group_by(*_TYPES)
    data = select(node.c.node_type, null(), func.count()).where(not_(_is_process(node.c.node_type)))
    return _together(processes, data.group_by(node.c.node_type), _with_process_type())


def _quick_types() -> Select[Any]:
    """Of data from one type to the next, by the index."""
    processes = select(*_TYPES, literal(0)).where(_is_process(node.c.node_type)).distinct()
    following = node.alias("following")
    first = select(func.min(node.c.node_type).label("node_type")).cte("occurring", recursive=True)
    after = select(func.min(following.c.node_type)).where(following.c.node_type > first.c.node_type)
    occurring = first.union_all(select(after.scalar_subquery()).where(first.c.node_type.is_not(None)))
    data = select(occurring.c.node_type, null(), literal(0)).where(not_(_is_process(occurring.c.node_type)))
    number = select(func.count()).where(_is_process(node.c.node_type)).scalar_subquery()
    return _together(processes, data, _with_process_type() - number)


def _together(processes: Select[Any], data: Select[Any], of_all: ColumnElement[int]) -> Select[Any]:
    return select(union_all(processes, data, select(null(), null(), of_all)).subquery())


def _with_process_type() -> ColumnElement[int]:
    # Any text: SQLite takes no index for IS NOT NULL.
    return select(func.count()).where(node.c.process_type >= "").scalar_subquery()


def _is_process(node_type: ColumnElement[str]) -> ColumnElement[bool]:
    texts = (f"{_PROCESS}%", _PROCESS, prefix_end(_PROCESS))
    return has_prefix(node_type, *(literal(text, String()) for text in texts))


_PROCESS = "process."
_TYPES = (node.c.node_type, node.c.process_type)
_KEYS: dict[str, ColumnElement[Any]] = {"type": node.c.node_type, "day": utc_day(node.c.ctime).label("day")}


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
                key = next(leaves(term)).key
                raise QueryError(f"only the filter user=ID has a meaning here, not one of {key!r}")
    return user


def _counts(storage: Storage, by: str, user: int | None) -> dict[str, int]:
    key = _KEYS[by]
    counts = Statement(
        ("statistics", by, user is None),
        lambda: _of_user(select(key, func.count()).group_by(key), user),
        _values(user),
    )
    return dict(sorted((str(key), int(count)) for key, count in fetch_remembered(storage, counts)))


def _of_user(counts: Select[Any], user: int | None) -> Select[Any]:
    return counts if user is None else counts.where(node.c.user_id == bindparam("user", type_=BigInteger()))


def _values(user: int | None) -> dict[str, int]:
    return {} if user is None else {"user": user}
