"""Advice on indexes for queries: the statements that the server itself makes of them are what is measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields, replace
from typing import Any

from sqlalchemy import Select

from aiida_like.advice.choose import Advice, advise
from aiida_like.advice.trial import Asked, Tell
from aiida_like.profiles import Profile
from aiida_like.storage import Row, Storage, open_storage
from restapi.commands.advise_queries import typical_queries
from restapi.commands.in_process import Refused, ask_application
from restapi.config import Settings
from restapi.hosting.app import create_app


@dataclass(frozen=True)
class _Recording(Storage):
    """A storage that keeps what it was asked, also what took too long."""

    asked: list[Asked] = field(default_factory=list)

    @property
    def was_late(self) -> bool:
        return any(each.seconds >= self.database.limits.statement_seconds for each in self.asked)

    def rows(self, shape: Hashable, build: Callable[[], Select[Any]], values: Mapping[str, Any]) -> list[Row]:
        started = time.perf_counter()
        try:
            return super().rows(shape, build, values)
        finally:
            prepared = self._prepared_for(shape, build)
            seconds = time.perf_counter() - started
            self.asked.append(Asked("", build(), prepared.sql, {**prepared.constants, **values}, seconds))


def advise_profile(profile: Profile, settings: Settings, queries: Sequence[str], most_rows: int, tell: Tell) -> Advice:
    """For these queries, written as for `aiida-like query`, or for typical ones if there are none.

    Raises:
        Refused: a query is at fault.
        TargetError: the profile cannot be opened.
        StorageError.
    """
    settings = replace(settings, cache=False)
    with closing(_opened(profile, settings)) as storage:
        application = create_app(profile, settings, opening=lambda: storage)
        texts = list(queries or typical_queries(storage))
        asked: dict[Any, Asked] = {}
        for number, text in enumerate(texts, 1):
            storage.asked.clear()
            try:
                ask_application(application, text)
            except Refused:
                # What took too long is what advice is wanted for most.
                if queries and not storage.was_late:
                    raise
            for each in storage.asked:
                # What several queries ask is helped for the first of them.
                asked.setdefault((each.sql, *map(str, each.values.items())), replace(each, query=text))
            tell("asking", number / len(texts))
        return advise(storage, list(asked.values()), most_rows, tell)


def _opened(profile: Profile, settings: Settings) -> _Recording:
    opened = open_storage(profile, cache_folder=settings.cache_path, limits=settings.limits, remembers=False)
    return _Recording(**{known.name: getattr(opened, known.name) for known in fields(Storage)})
