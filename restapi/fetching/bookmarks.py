"""Bookmarks along a list: keys or totals at some of its positions, remembered until a commit."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiida_like.storage import Snapshot, Statement
from restapi.fetching.reading import never_built


class Bookmark(NamedTuple):
    """`position` counts rows, or is a bound of ids; `key` is the sort key or the total there."""

    position: int
    key: tuple[Any, ...]


@dataclass(frozen=True)
class Bookmarks:
    """The bookmarks of a list. `name` and the statement that counts its rows tell lists apart."""

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
        return Statement(("bookmarks", self.name, self.counted.cache_key), never_built, self.counted.values)
