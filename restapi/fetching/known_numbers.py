"""Numbers in JSON that were read for one threshold, remembered for all others until something is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from time import perf_counter

from aiida_like.errors import StatementTimeout
from aiida_like.storage import Storage
from querylang.graph.ast import GraphQuery
from querylang.graph.compile import compile_graph
from querylang.graph.numbers import Numbers
from restapi.fetching.reading import Rows
from restapi.http.exchange import version_of_request

FIRST, PARTS = 256, 6
"""Rows that the first part looks at; each further one looks at twice as many, so all parts at 16 128."""

LEARNING = 0.05
"""Seconds of one request, from which on it leaves further parts to others: it has its answer already."""

_Read = Callable[[int | None, int], Rows | None]


def recall_rows(storage: Storage, numbers: Numbers) -> Rows | None:
    """The rows of the query; None: too few numbers are known, or something was committed since they were read."""
    query, version = numbers.query, storage.remembered_version
    if version is None:
        return None
    ids: list[int] = []
    for part in _parts(storage, numbers, version, lambda *_: None):
        ids += numbers.found(part[1:])
        if len(ids) >= numbers.last or part[0][0] is None:
            break
    else:
        return None
    wanted = ids[query.offset : numbers.last]
    if not wanted:
        return [] if storage.version_begun() == version else None
    statement = compile_graph(numbers.of_ids(wanted), len(wanted))
    return storage.rows_at(version, statement.shape, statement.build, statement.values)


def learn(storage: Storage, numbers: Numbers, fetch: Callable[[GraphQuery, int], Rows]) -> None:
    """Reads the numbers that the query would have needed, if such a one was asked before at this data version.

    As parts double, hardly more than twice as many rows are read as the query looked at.

    Raises:
        StorageError: as `Storage.rows`.
    """
    version = version_of_request()
    if version is None:
        return
    asked = ("asked", numbers.key)
    if storage.recall(version, asked, {}) is None:
        storage.remember(version, asked, {}, [()])
        return
    if not storage.is_settled(version):
        return

    began = perf_counter()

    def read(after: int | None, size: int) -> Rows | None:
        if perf_counter() - began > LEARNING:
            return None
        rows = fetch(numbers.part(after, size), size)
        part = [(rows[-1][0] if len(rows) == size else None,), *(row for row in rows if row[1] is not None)]
        storage.remember(version, numbers.key, {"after": after}, part)
        return part

    found = 0
    # A part that takes too long is none.
    with suppress(StatementTimeout):
        for part in _parts(storage, numbers, version, read):
            found += len(numbers.found(part[1:]))
            if found >= numbers.last:
                return


def _parts(storage: Storage, numbers: Numbers, version: str, read: _Read) -> Iterator[Rows]:
    """In their order, those that are not known as they are read, as far as there are some.

    The first row of a part is the id that the next one lies behind, or None; then come ids with their numbers.
    """
    after, size = None, FIRST
    for _ in range(PARTS):
        known = storage.recall(version, numbers.key, {"after": after})
        part = read(after, size) if known is None else known
        if part is None:
            return
        yield part
        (after,) = part[0]
        if after is None:
            return
        size *= 2
