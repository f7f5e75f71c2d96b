"""Counts over all nodes; the same for all AiiDA dialects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, func, select

from aiida_like.errors import QueryError
from aiida_like.models import node
from aiida_like.storage import Storage
from aiida_like.storage.expressions import utc_day
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
    counts = Statement(
        ("type counts", user is None),
        lambda: _of_user(select(func.count(), *_TYPES).group_by(*_TYPES), user),
        _values(user),
    )
    rows = fetch_remembered(storage, counts)
    return {(node_type, process_type): count for count, node_type, process_type in rows}


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
