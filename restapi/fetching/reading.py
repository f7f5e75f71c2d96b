"""Rows, JSON and bookmarks that are remembered until a commit, and rows that take too long."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import orjson

from aiida_like.errors import StatementTimeout
from aiida_like.storage import Snapshot, Statement
from restapi.http.encoding import dumps

Rows = Sequence[Sequence[Any]]


@contextmanager
def narrowed(way_out: str) -> Iterator[None]:
    """Makes the StatementTimeout of a block say how to ask for less."""
    try:
        yield
    except StatementTimeout as error:
        raise StatementTimeout(error.seconds, way_out) from error


def remembered(snapshot: Snapshot, statement: Statement, make: Callable[[], Rows]) -> Rows:
    """The rows that `make` returns, under the name of a statement; remembered until a commit."""
    rows: Rows | None = snapshot.recall(statement)
    if rows is None:
        rows = make()
        snapshot.remember(statement, rows)
    return rows


def fetch_remembered(snapshot: Snapshot, statement: Statement) -> Rows:
    """The rows of a statement; remembered until a commit, because it reads many rows for few."""
    return remembered(snapshot, statement, lambda: snapshot.rows(statement))


def json_remembered(
    snapshot: Snapshot, name: Hashable, values: Mapping[str, Any], make: Callable[[], Any]
) -> orjson.Fragment:
    """The JSON of what `make` returns, under a name; remembered until a commit, because making it takes long."""
    rows = remembered(snapshot, Statement(name, _never_built, values), lambda: [(dumps(make()),)])
    return orjson.Fragment(rows[0][0])


class Bookmark(NamedTuple):
    """`position` counts rows, or is a bound of ids; `key` is the sort key or the total there."""

    position: int
    key: tuple[Any, ...]


@dataclass(frozen=True)
class Bookmarks:
    """Bookmarks along a list. Its `name` and the statement that counts its rows tell lists apart."""

    snapshot: Snapshot
    name: Hashable
    counted: Statement

    def known(self) -> Sequence[Bookmark]:
        """All bookmarks, in the order of their positions."""
        return [Bookmark(*row) for row in self.snapshot.recall(self._statement) or ()]

    def add(self, bookmark: Bookmark) -> None:
        """Keeps a bookmark where there is none yet; if there are too many, every second one is forgotten."""
        kept = list(self.known())
        place = bisect_left(kept, (bookmark.position,))
        if place < len(kept) and kept[place].position == bookmark.position:
            return
        kept.insert(place, bookmark)
        most = self.snapshot.storage.tuning.bookmarks
        self.snapshot.remember(self._statement, kept if len(kept) <= most else kept[::2])

    @property
    def _statement(self) -> Statement:
        return Statement(("bookmarks", self.name, self.counted.cache_key), _never_built, self.counted.values)


def _never_built() -> NoReturn:
    """The `build` of a Statement that only names something remembered."""
    raise AssertionError
