"""Circles of data provenance, of which the links back are cut: walks that name each way would not come to an end."""

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

MOST_LINKS = 4_000_000
"""Links that are looked at; each takes up to 60 bytes."""

_BETWEEN_CHECKS = 50_000

_DATA = "FROM db_dblink WHERE type IN ('input_calc', 'create')"
_BACK = f"{_DATA} AND input_id >= output_id"

_Item = TypeVar("_Item")


class TooManyLinks(Exception):
    """More links than are looked at can be on a circle."""


def cut_circles(connection: sqlite3.Connection, check: Callable[[], None]) -> None:
    """Leaves out, of each circle, the links back to a node that is no younger. `check` is called now and then.

    AiiDA gives most nodes a higher id than their inputs, so most databases have no link back.

    Raises:
        TooManyLinks
        Exception: `check` did.
    """
    low, high = connection.execute(f"SELECT min(output_id), max(input_id) {_BACK}").fetchone()
    if low is None:
        return
    # Each circle lies between the ends of links back: all other links lead up.
    ends = f"input_id BETWEEN {low} AND {high} AND output_id BETWEEN {low} AND {high}"
    # Of links between the same nodes one is enough, and sorting them takes files instead of memory.
    pairs = f"SELECT {{}}, {{}} {_DATA} AND {ends} GROUP BY 1, 2 ORDER BY 1"
    onward = connection.execute(pairs.format("input_id", "output_id"))
    behind = _Ids(_in_or_behind_circles(_read(_checked(onward, check)), check))
    backward = connection.execute(pairs.format("output_id", "input_id"))
    links = (link for link in _checked(backward, check) if link[0] in behind and link[1] in behind)
    circles = _Ids(_in_or_behind_circles(_read(links), check))
    connection.create_function("on_circle", 1, circles.__contains__)
    connection.execute(f"DELETE {_BACK} AND on_circle(input_id) AND on_circle(output_id)")


@dataclass(frozen=True)
class _Links:
    """Links by where they begin: those of `heads[n]`, in order of ids, lead to `ends[starts[n]:starts[n + 1]]`."""

    heads: array[int]
    starts: array[int]
    ends: array[int]


@dataclass(frozen=True)
class _Ids:
    """Sorted ids, in eight bytes each."""

    ids: Sequence[int]

    def place(self, each: int) -> int:
        """The place of an id; -1: it is not there."""
        place = bisect_left(self.ids, each)
        return place if place < len(self.ids) and self.ids[place] == each else -1

    def __contains__(self, each: int) -> bool:
        return self.place(each) >= 0


def _read(links: Iterable[tuple[int, int]]) -> _Links:
    """The links, which come in the order of where they begin. Raises TooManyLinks."""
    heads, starts, ends = array("q"), array("q"), array("q")
    for here, there in links:
        if not heads or heads[-1] != here:
            heads.append(here)
            starts.append(len(ends))
        ends.append(there)
        if len(ends) > MOST_LINKS:
            raise TooManyLinks
    starts.append(len(ends))
    return _Links(heads, starts, ends)


def _in_or_behind_circles(links: _Links, check: Callable[[], None]) -> array[int]:
    """The nodes that are left when again and again those are taken away that no link leads to, or from."""
    heads, starts = links.heads, links.starts
    known = _Ids(heads)
    # From here on places instead of ids. Where no link begins there is no circle.
    ends = array("q", (known.place(each) for each in _checked(links.ends, check)))
    incoming = array("q", bytes(8 * len(heads)))
    for place in _checked(ends, check):
        if place >= 0:
            incoming[place] += 1
    free = array("q", (place for place, number in enumerate(incoming) if not number))
    for place in _checked(_popped(free), check):
        for there in ends[starts[place] : starts[place + 1]]:
            if there >= 0:
                incoming[there] -= 1
                if not incoming[there]:
                    free.append(there)
    return array("q", (heads[place] for place, number in enumerate(incoming) if number))


def _popped(items: array[int]) -> Iterator[int]:
    while items:
        yield items.pop()


def _checked(items: Iterable[_Item], check: Callable[[], None]) -> Iterator[_Item]:
    for number, item in enumerate(items):
        if number % _BETWEEN_CHECKS == 0:
            check()
        yield item
