"""Links of nodes by their types: how many there are, and walks that follow at most so many of each type.

A node can have hundreds of thousands of links, as a code has. Numbers of links are counted by an index, and no more
than `MOST_TYPED` links of a node in a direction are looked at for the types of the nodes that they lead to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, String, bindparam, func, select

from aiida_like.links import (
    Direction,
    LinkFilter,
    Neighbourhood,
    binds_of_types,
    id_list,
    is_id,
    of_types,
    values_of_types,
    walk,
)
from aiida_like.models import link, node
from aiida_like.storage import Row, Snapshot, Statement
from aiida_like.storage.databases.clock import Clock, timed
from aiida_like.storage.sql.expressions import in_json_array, joined_in_json_array

MOST_TYPED = 10_000
"""The most links of a node in a direction that are looked at, and of several nodes by one statement."""

_SLICE = 1_000


@dataclass(frozen=True)
class LinkGroup:
    """The links of a node in a direction that have one type, and lead to nodes of one type.

    Both types are None of the links behind the first `MOST_TYPED`.
    """

    node: int
    direction: str
    link_type: str | None
    node_type: str | None


def link_count(direction: Direction, types: int) -> ColumnElement[int]:
    """How many links start at a node in a direction, for a SELECT from nodes. `types`: as `binds_of_types`."""
    counted = select(func.count()).where(direction.here == node.c.id, *of_types(binds_of_types(types)))
    return counted.correlate(node).scalar_subquery()


def nearest_by_type(
    snapshot: Snapshot, link_filter: LinkFilter, start: int, depth: int | None, limit: int, per_type: int
) -> tuple[Neighbourhood, Mapping[LinkGroup, int]]:
    """As `links.nearest`, of walks that follow the first `per_type` links of each group, in the order of their ids.

    With the number of links in each group of the nodes whose links were followed.

    Raises:
        StatementTimeout, StorageError.
    """
    with timed(snapshot.storage.database.limits) as clock:
        links = _LinksByType(snapshot, link_filter, per_type, clock, Counter())
        return walk(links.neighbours, start, depth, limit), links.groups


@dataclass(frozen=True, eq=False)
class _LinksByType:
    snapshot: Snapshot
    link_filter: LinkFilter
    per_type: int
    clock: Clock
    groups: Counter[LinkGroup]

    def neighbours(self, ids: Iterable[int]) -> Iterator[int]:
        """The other ends of the links of some nodes that are followed."""
        ordered = sorted(ids)
        for direction in self.link_filter.directions:
            for first in range(0, len(ordered), _SLICE):
                yield from self._at(direction, ordered[first : first + _SLICE])

    def _at(self, direction: Direction, ids: Sequence[int]) -> Iterator[int]:
        self.clock.check()
        counts = self._counts(direction, ids)
        for part in _parts([(each, count) for each, count in counts.items() if count]):
            followed = list(self._followed(direction, part))
            for each in part:
                if counts[each] > MOST_TYPED:
                    self.groups[LinkGroup(each, direction.name, None, None)] = counts[each] - MOST_TYPED
            # Only now, because a walk can end within it.
            yield from followed

    def _followed(self, direction: Direction, ids: Sequence[int]) -> Iterator[int]:
        for here, _, there, link_type, node_type in self._rows(direction, ids):
            group = LinkGroup(here, direction.name, link_type, node_type)
            self.groups[group] += 1
            if self.groups[group] <= self.per_type and is_id(there):
                yield there

    def _counts(self, direction: Direction, ids: Sequence[int]) -> Mapping[int, int]:
        types = self.link_filter.tested
        shape = ("link counts", direction.name, len(types))
        values = {"ids": id_list(ids), **values_of_types(types)}
        rows = self.snapshot.rows(Statement(shape, lambda: _select_counts(direction, len(types)), values))
        return dict(sorted((pk, count) for pk, count in rows))

    def _rows(self, direction: Direction, ids: Sequence[int]) -> Sequence[Row]:
        self.clock.check()
        types = self.link_filter.tested
        values = {"ids": id_list(ids), "most": MOST_TYPED, **values_of_types(types)}
        shape = ("links by type", direction.name, len(types))
        return self.snapshot.rows(Statement(shape, lambda: _select_typed(direction, len(types)), values))


def _parts(counts: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """Nodes with at most `MOST_TYPED` links together, and alone those that have more."""
    part: list[int] = []
    number = 0
    for each, count in counts:
        if part and number + count > MOST_TYPED:
            yield part
            part, number = [], 0
        part.append(each)
        number += count
    if part:
        yield part


def _select_counts(direction: Direction, types: int) -> Select[Any]:
    columns: list[ColumnElement[Any]] = [node.c.id, link_count(direction, types)]
    return select(*columns).where(joined_in_json_array(node.c.id, bindparam("ids", type_=String())))


def _select_typed(direction: Direction, types: int) -> Select[Any]:
    # Not joined before the limit: PostgreSQL would look up the nodes of all links, and then sort them.
    columns: list[ColumnElement[Any]] = [direction.here.label("here"), link.c.id, direction.there.label("there")]
    first = (
        select(*columns, link.c.type)
        .where(in_json_array(direction.here, bindparam("ids", type_=String())), *of_types(binds_of_types(types)))
        .order_by(direction.here, link.c.id)
        .limit(bindparam("most", type_=BigInteger()))
        .subquery()
    )
    return (
        select(*first.c, node.c.node_type)
        .join_from(first, node, node.c.id == first.c.there)
        .order_by(first.c.here, first.c.id)
    )
