"""Typical queries, with values that a profile has: advice is about them, if no others are given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from aiida_like.errors import StatementTimeout
from aiida_like.models import group, group_node, link, log, node
from aiida_like.storage import Snapshot, Statement


def _most_frequent(column: ColumnElement[Any], *where: ColumnElement[bool]) -> Select[Any]:
    return select(column).where(column.is_not(None), *where).group_by(column).order_by(func.count().desc()).limit(1)


def _uuid_of(column: ColumnElement[int]) -> Select[Any]:
    return select(node.c.uuid).where(node.c.id == _most_frequent(column).scalar_subquery())


MOST_FREQUENT: Mapping[str, Select[Any]] = {
    "data": _most_frequent(node.c.node_type, node.c.node_type.between("data.", "data/")),
    "process": _most_frequent(node.c.node_type, node.c.node_type.between("process.", "process/")),
    "process_type": _most_frequent(node.c.process_type, node.c.process_type != ""),
    "user": _most_frequent(node.c.user_id),
    "computer": _most_frequent(node.c.dbcomputer_id),
    "group": select(group.c.label).where(group.c.id == _most_frequent(group_node.c.dbgroup_id).scalar_subquery()),
    "source": _uuid_of(link.c.input_id),
    "target": _uuid_of(link.c.output_id),
    "logged": _uuid_of(log.c.dbnode_id),
}
"""SELECTs of the most frequent values, by their names in the queries: there an index has most to do."""

QUERIES = (
    "nodes?orderby=-ctime&limit=20",
    "nodes?orderby=-mtime&limit=20",
    "nodes?orderby=label&limit=20",
    'nodes?label=ilike="si%"&limit=20',
    'nodes?node_type="{data}"&limit=20',
    'nodes?node_type="{data}"&orderby=-ctime&limit=20',
    'nodes?node_type="{data}"&orderby=-mtime&limit=20',
    'nodes?node_type="{process}"&orderby=-ctime&limit=20',
    'nodes?node_type=like="process.%"&orderby=-ctime&limit=20',
    'nodes?process_type="{process_type}"&orderby=-ctime&limit=20',
    'nodes?full_type="{process}|{process_type}"&orderby=-ctime&limit=20',
    "nodes?user={user}&orderby=-ctime&limit=20",
    "nodes?user={user}&facet=node_type&limit=1",
    'nodes?user={user}&node_type="{data}"&orderby=-ctime&limit=20',
    "nodes?dbcomputer_id={computer}&orderby=-ctime&limit=20",
    "nodes?facet=node_type,process_type,user,computer&limit=1",
    'nodes?group="{group}"&orderby=-ctime&limit=20',
    "nodes/full_types",
    "nodes/statistics",
    "nodes/statistics?user={user}",
    "nodes/{target}/links/incoming?limit=20",
    "nodes/{source}/links/outgoing?limit=20",
    'nodes?outgoing_of="{source}"&orderby=-ctime&limit=20',
    'nodes?descendant_of="{source}"&orderby=-ctime&limit=20',
    'nodes?attributes.process_state="finished"&orderby=-ctime&limit=20',
    "nodes?attributes.exit_status>0&orderby=-ctime&limit=20",
    "processes/{logged}/report",
)


def typical_queries(snapshot: Snapshot) -> Iterator[str]:
    """The queries whose values the profile has.

    Raises:
        StorageError.
    """
    facts = {name: value for name in MOST_FREQUENT if (value := _fact(snapshot, name)) is not None}
    for text in QUERIES:
        names = {name for _, name, *_ in Formatter().parse(text) if name}
        if names <= facts.keys():
            yield text.format(**facts)


def _fact(snapshot: Snapshot, name: str) -> Any:
    try:
        rows = snapshot.rows(Statement(("typical", name), lambda: MOST_FREQUENT[name], {}))
    except StatementTimeout:
        return None
    # A quote in the value would end the string around it.
    return rows[0][0] if rows and '"' not in str(rows[0][0]) else None
