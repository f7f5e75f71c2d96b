"""Marks along a list: what is known of some of its rows, in their order, until something is committed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from aiida_like.storage import Storage
from querylang.compile import Statement
from restapi.http.exchange import version_of_request

MOST = 500
"""Marks of one list; of more, every other one is forgotten."""

Mark = tuple[Any, ...]
"""A number that says where it stands, and what is known there."""


@dataclass(frozen=True)
class Marks:
    """`key` tells lists apart, and is never run."""

    storage: Storage
    key: Statement

    def known(self) -> Sequence[Mark]:
        """In the order of their numbers."""
        rows = self.storage.recall(version_of_request(), self.key.shape, self.key.values)
        return cast("Sequence[Mark]", rows or ())

    def add(self, *marks: Mark) -> None:
        """Where none stands yet."""
        kept = list(self.known())
        for mark in marks:
            position = bisect_left(kept, mark[:1])
            if position == len(kept) or kept[position][0] != mark[0]:
                kept.insert(position, mark)
        kept = kept if len(kept) <= MOST else kept[::2]
        self.storage.remember(version_of_request(), self.key.shape, self.key.values, kept)
