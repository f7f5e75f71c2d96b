"""Advice on indexes for queries, measured on the statements that the server makes of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields, replace
from typing import Any

from aiida_like.advice.choose import Advice, advise
from aiida_like.advice.trial import Asked, Tell
from aiida_like.profiles import Profile
from aiida_like.storage import Row, Snapshot, Statement, Storage, open_storage
from restapi.commands.in_process import Refused, ask_application
from restapi.commands.typical_queries import typical_queries
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

    def rows(self, statement: Statement, most: int | None = None) -> list[Row]:
        started = time.perf_counter()
        try:
            return super().rows(statement, most)
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
        application = create_app(profile, settings.without_accounts(), opening=lambda: storage)
        texts = list(queries or typical_queries(storage.read()))
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
