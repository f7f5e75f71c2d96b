"""Bookmarks along a list: what is known of some of its rows, in their order, until something is committed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from aiida_like.storage import Snapshot, Statement


class Bookmark(NamedTuple):
    """`position` says where it lies, `key` what is known there."""

    position: int
    key: tuple[Any, ...]


@dataclass(frozen=True)
class Bookmarks:
    """The bookmarks of a list. `name` and the statement that counts its rows tell lists apart."""

    snapshot: Snapshot
    name: Hashable
    counted: Statement

    def known(self) -> Sequence[Bookmark]:
        """All of them, in the order of their positions."""
        return [Bookmark(*row) for row in self.snapshot.recall(self._statement) or ()]

    def add(self, bookmark: Bookmark) -> None:
        """Keeps a bookmark where none lies yet; of too many every second one is forgotten."""
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
    raise AssertionError
