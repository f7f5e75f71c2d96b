"""The types of nodes that occur, and how many nodes have each; the same for all AiiDA dialects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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

from aiida_like.models import node
from aiida_like.storage import Snapshot, Statement
from aiida_like.storage.expressions import has_prefix
from aiida_like.storage.patterns import prefix_end
from restapi.fetching.reading import fetch_remembered

Types = tuple[str, str | None]
"""Node type and process type."""

TypeCounts = dict[Types, int]


def type_counts(snapshot: Snapshot, user: int | None) -> TypeCounts:
    """The number of nodes of each node type and process type."""
    if user is None:
        found = _verified(_types_of(fetch_remembered(snapshot, _QUICK_TYPE_COUNTS)))
        if found is not None:
            return found
    return _types_of(fetch_remembered(snapshot, _all_type_counts(user)))


def _verified(found: dict[Types, int]) -> TypeCounts | None:
    """The counts; None if some data has a process type, which the quick statement does not read."""
    with_process_type = found.pop(_OF_ALL)
    is_exact = with_process_type == sum(count for (_, process_type), count in found.items() if process_type is not None)
    return found if is_exact else None


def _all_type_counts(user: int | None) -> Statement:
    return Statement(
        ("type counts", user is None),
        lambda: of_user(select(*_TYPES, func.count()).group_by(*_TYPES), user),
        values_of(user),
    )


def types(snapshot: Snapshot) -> Iterable[Types]:
    """Each node type and process type that occurs."""
    found = _types_of(fetch_remembered(snapshot, Statement(("quick types",), _quick_types, {})))
    of_data = found.pop(_OF_ALL)
    is_exact = of_data == 0 and not any(key[0].startswith(_PROCESS) and key[1] is None for key in found)
    return found if is_exact else type_counts(snapshot, None)


# No index has both types. So only the rows of processes are read; for data, which has no process type, the index of
# node types is enough. AiiDA writes nothing else; a count of all nodes with a process type verifies it.

_OF_ALL: tuple[Any, None] = (None, None)
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


def _union(processes: Select[Any], data: Select[Any], of_all: ColumnElement[int]) -> Select[Any]:
    return select(union_all(processes, data, select(null(), null(), of_all)).subquery())


def _with_process_type() -> ColumnElement[int]:
    # `>= ""` is true for any text: SQLite takes no index for IS NOT NULL.
    return select(func.count()).where(node.c.process_type >= "").scalar_subquery()


def _is_process(node_type: ColumnElement[str]) -> ColumnElement[bool]:
    texts = (f"{_PROCESS}%", _PROCESS, prefix_end(_PROCESS))
    return has_prefix(node_type, *(literal(text, String()) for text in texts))


_PROCESS = "process."
_TYPES = (node.c.node_type, node.c.process_type)


def of_user(counts: Select[Any], user: int | None) -> Select[Any]:
    return counts if user is None else counts.where(node.c.user_id == bindparam("user", type_=BigInteger()))


def values_of(user: int | None) -> dict[str, int]:
    return {} if user is None else {"user": user}
