"""Advice on indexes for queries, given or typical ones, measured on the statements that the server makes of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields, replace
from string import Formatter
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from aiida_like.advice.choose import Advice, advise
from aiida_like.advice.trial import Asked, Tell
from aiida_like.errors import StatementTimeout
from aiida_like.models import group, group_node, link, log, node
from aiida_like.profiles import Profile
from aiida_like.storage import Row, Snapshot, Statement, Storage, open_storage
from restapi.commands.in_process import Refused, ask_application
from restapi.config import Settings
from restapi.hosting.app import create_app


@dataclass(frozen=True)
class _RecordingStorage(Storage):
    """A storage that records its statements, even those that took too long."""

    asked: list[Asked] = field(default_factory=list)

    @property
    def was_late(self) -> bool:
        return any(each.seconds >= self.database.limits.statement_seconds for each in self.asked)

    def read(self) -> Snapshot:
        return _RecordingSnapshot(self)


class _RecordingSnapshot(Snapshot):
    storage: _RecordingStorage

    def rows(self, statement: Statement) -> list[Row]:
        started = time.perf_counter()
        try:
            return super().rows(statement)
        finally:
            seconds = time.perf_counter() - started
            prepared = self.storage.statements.prepared(statement)
            values = {**prepared.constants, **statement.values}
            self.storage.asked.append(Asked("", statement.build(), prepared.sql, values, seconds))


def advise_profile(profile: Profile, settings: Settings, queries: Sequence[str], most_rows: int, tell: Tell) -> Advice:
    """The advice for queries, written as for `aiida-like query`, or for typical ones if there are none.

    Raises:
        Refused: a query is at fault.
        TargetError: the profile cannot be opened.
        StorageError.
    """
    settings = replace(settings, cache=False)
    with closing(_opened(profile, settings)) as storage:
        application = create_app(profile, settings, opening=lambda: storage)
        texts = list(queries or _typical_queries(storage.read()))
        asked: dict[Any, Asked] = {}
        for number, text in enumerate(texts, 1):
            storage.asked.clear()
            try:
                ask_application(application, text)
            except Refused:
                # Advice is wanted most for queries that took too long.
                if queries and not storage.was_late:
                    raise
            for each in storage.asked:
                # A statement of several queries counts for the first of them.
                asked.setdefault((each.sql, *map(str, each.values.items())), replace(each, query=text))
            tell("asking", number / len(texts))
        return advise(storage, list(asked.values()), most_rows, tell)


def _opened(profile: Profile, settings: Settings) -> _RecordingStorage:
    opened = open_storage(profile, cache_folder=settings.cache_path, limits=settings.limits, remembers=False)
    return _RecordingStorage(**{known.name: getattr(opened, known.name) for known in fields(Storage)})


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


def _typical_queries(snapshot: Snapshot) -> Iterator[str]:
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
