"""Links between nodes, and walks over links: ancestors, descendants and the nodes nearest to one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import BigInteger, ColumnElement, Select, String, bindparam, or_, select

from aiida_like.errors import QueryError
from aiida_like.models import LINK_TYPES, link
from aiida_like.storage import Row, Snapshot, Statement
from aiida_like.storage.databases.clock import timed
from aiida_like.storage.sql.expressions import hashed_in_json_array, in_json_array, joined_in_json_array, unindexed

KINDS_OF_LINKS: Mapping[str, tuple[str, ...]] = {"data": LINK_TYPES[:2], "logic": LINK_TYPES[2:], "all": LINK_TYPES}
"""AiiDA's data provenance, which never makes a circle; its logical provenance, which can; and both."""

Neighbours = Callable[[Iterable[int]], Iterator[int]]
"""The other ends of the links of some nodes."""

DATA_LINKS = KINDS_OF_LINKS["data"]


def types_named(words: Iterable[str], where: str) -> tuple[str, ...]:
    """The types of links that words name, singly or by data, logic and all.

    They come in the order of `LINK_TYPES`, so that the order of the words makes no other statement. `where` is the
    beginning of an error.

    Raises:
        QueryError: a word names no type; the message lists the words that do.
    """
    named: set[str] = set()
    for word in words:
        if word not in KINDS_OF_LINKS and word not in LINK_TYPES:
            allowed = ", ".join((*KINDS_OF_LINKS, *LINK_TYPES))
            raise QueryError(f"{where} takes types of links, separated by commas ({allowed}), not {word!r}")
        named.update(KINDS_OF_LINKS.get(word, (word,)))
    return tuple(known for known in LINK_TYPES if known in named)


@dataclass(frozen=True)
class Direction:
    """A direction over links: the column of the end where it starts, `here`, and of the other, `there`."""

    name: str
    here: ColumnElement[int]
    there: ColumnElement[int]


INCOMING = Direction("incoming", link.c.output_id, link.c.input_id)
OUTGOING = Direction("outgoing", link.c.input_id, link.c.output_id)


@dataclass(frozen=True)
class LinkFilter:
    """The links that a walk follows: links of some types, in one direction or in both."""

    directions: tuple[Direction, ...]
    types: tuple[str, ...] = LINK_TYPES

    @property
    def tested(self) -> tuple[str, ...]:
        """The types to compare links with; none if links of all types are followed."""
        return () if set(self.types) == set(LINK_TYPES) else self.types


@dataclass(frozen=True)
class Neighbourhood:
    """The nodes nearest to one: the number of links to each, by its id, the node itself first.

    `is_truncated`: further nodes lie within the depth that was asked for.
    """

    distances: Mapping[int, int]
    is_truncated: bool


def reached(
    direction: Direction, starts: ColumnElement[bool], types: Sequence[ColumnElement[str]] = ()
) -> Select[tuple[int]]:
    """A SELECT of the ids of all nodes that links of some types lead to; without `types`, links of any type.

    `starts` is a condition on `direction.here`, where walks begin. Each node is found once, so even circles come to an
    end. The start of a walk is found only if a circle leads back to it.
    """
    seeds = select(direction.there.label("id")).where(starts, *of_types(types))
    # The CTE has no name, because a statement may have several.
    walk = seeds.cte(recursive=True)
    steps = select(direction.there).select_from(walk.join(link, direction.here == walk.c.id)).where(*of_types(types))
    return select(walk.union(steps).c.id)


def reached_within(snapshot: Snapshot, link_filter: LinkFilter, start: int, depth: int) -> set[int]:
    """The ids of all nodes that at most `depth` links lead to; the start only if a circle leads back to it.

    A recursive statement would find a node again at each depth; here each node is looked at once.

    Raises:
        StatementTimeout, StorageError.
    """
    seen: set[int] = set()
    frontier = {start}
    with _neighbours_of(snapshot, link_filter) as neighbours:
        for _ in range(depth):
            frontier = {each for each in neighbours(frontier) if each not in seen}
            if not frontier:
                break
            seen |= frontier
    return seen


def nearest(snapshot: Snapshot, link_filter: LinkFilter, start: int, depth: int | None, limit: int) -> Neighbourhood:
    """The nodes at most `depth` links away from one, the nearest first; at most `limit`, itself included.

    The walk is breadth-first: it follows nodes in the order of their ids, and the links of a node in the order of
    theirs. It reads no more links than it needs.

    Raises:
        StatementTimeout, StorageError.
    """
    with _neighbours_of(snapshot, link_filter) as neighbours:
        return walk(neighbours, start, depth, limit)


def walk(neighbours: Neighbours, start: int, depth: int | None, limit: int) -> Neighbourhood:
    """The nodes at most `depth` steps away from one, the nearest first; at most `limit`, itself included."""
    distances = {start: 0}
    frontier = [start]
    distance = 0
    while frontier and distance != depth:
        distance += 1
        found = []
        for each in neighbours(frontier):
            if each in distances:
                continue
            if len(distances) >= limit:
                return Neighbourhood(distances, is_truncated=True)
            distances[each] = distance
            found.append(each)
        frontier = found
    return Neighbourhood(distances, is_truncated=False)


def links_between(snapshot: Snapshot, ids: Iterable[int], types: Sequence[str]) -> list[Row]:
    """The input_id, output_id, type and label of all links that have both ends among some nodes."""
    tested = LinkFilter((), tuple(types)).tested
    values = {"ids": id_list(ids), **values_of_types(tested)}
    return snapshot.rows(Statement(("links between", len(tested)), lambda: _select_between(len(tested)), values))


def links_at(
    snapshot: Snapshot, direction: Direction, ids: Iterable[int], types: Sequence[str], limit: int
) -> list[Row]:
    """The columns of `links_between` for the links that start at some nodes in a direction, at most `limit`."""
    values = {"ids": id_list(ids), "limit": limit, **values_of_types(types)}
    return snapshot.rows(
        Statement(("links at", direction.name, len(types)), lambda: _select_at(direction, len(types)), values)
    )


def is_id(value: object) -> bool:
    """Whether a value can be the end of a link: SQLite takes any type in any column."""
    return isinstance(value, int)


def id_list(ids: Iterable[int]) -> str:
    """The ids as one text, which the SQL function `in_json_array` takes."""
    return orjson.dumps(sorted(ids)).decode()


_FIRST_CHUNK, _LAST_CHUNK = 1_000, 64_000
_SLICE = 1_000


@contextmanager
def _neighbours_of(snapshot: Snapshot, link_filter: LinkFilter) -> Iterator[Neighbours]:
    """A function from some nodes to the other ends of their links, which reads no more links than are consumed.

    All its statements together may take as long as one statement may.
    """
    named = values_of_types(link_filter.tested)

    def rows(direction: Direction, values: Mapping[str, Any]) -> list[Row]:
        clock.check()
        shape = ("neighbours", direction.name, len(named))
        return snapshot.rows(Statement(shape, lambda: _select_links(direction, len(named)), {**values, **named}))

    def chunks(direction: Direction, ids: Sequence[int]) -> Iterator[list[Row]]:
        near, after, limit = ids[0], -1, _FIRST_CHUNK
        while True:
            left = id_list(each for each in ids if each >= near)
            found = rows(direction, {"ids": left, "near": near, "after": after, "limit": limit})
            yield found
            if len(found) < limit:
                return
            near, after, _ = found[-1]
            limit = min(4 * limit, _LAST_CHUNK)

    def neighbours(ids: Iterable[int]) -> Iterator[int]:
        ordered = sorted(ids)
        for direction in link_filter.directions:
            for first in range(0, len(ordered), _SLICE):
                for found in chunks(direction, ordered[first : first + _SLICE]):
                    yield from (there for *_, there in found if is_id(there))

    with timed(snapshot.storage.database.limits) as clock:
        yield neighbours


def _select_links(direction: Direction, types: int) -> Select[Any]:
    """The links of some nodes, from the link after `after` of the node `near` on."""
    here = direction.here
    return (
        select(here, link.c.id, direction.there)
        .where(
            in_json_array(here, bindparam("ids", type_=String())),
            or_(here > bindparam("near", type_=BigInteger()), link.c.id > bindparam("after", type_=BigInteger())),
            *of_types(binds_of_types(types)),
        )
        .order_by(here, link.c.id)
        .limit(bindparam("limit", type_=BigInteger()))
    )


def _select_between(types: int) -> Select[Any]:
    # By their outputs: few links lead to a node, but hundreds of thousands can come from a code.
    ids = bindparam("ids", type_=String())
    return (
        select(link.c.input_id, link.c.output_id, link.c.type, link.c.label)
        .where(
            joined_in_json_array(link.c.output_id, ids),
            hashed_in_json_array(link.c.input_id, ids),
            *of_types(binds_of_types(types)),
        )
        .order_by(link.c.output_id, link.c.input_id, link.c.id)
    )


def _select_at(direction: Direction, types: int) -> Select[Any]:
    return (
        select(link.c.input_id, link.c.output_id, link.c.type, link.c.label)
        .where(in_json_array(direction.here, bindparam("ids", type_=String())), *of_types(binds_of_types(types)))
        .order_by(direction.here, link.c.id)
        .limit(bindparam("limit", type_=BigInteger()))
    )


def of_types(types: Sequence[ColumnElement[str]]) -> Iterator[ColumnElement[bool]]:
    if types:
        yield unindexed(link.c.type).in_(types)


def values_of_types(types: Iterable[str]) -> dict[str, str]:
    return {f"type_{number}": name for number, name in enumerate(types)}


def binds_of_types(types: int) -> list[ColumnElement[str]]:
    return [bindparam(f"type_{number}", type_=String()) for number in range(types)]
