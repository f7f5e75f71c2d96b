"""A graph of links that no production profile is spared: layers, circles, a hub, a long chain, and chance.

Beside the golden graph, in copies of its storages. What is expected comes from a plain walk over the list of links.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import psycopg

from tests.conftest import Golden, GoldenPostgreSQL
from tests.servers import PostgreSQL

TYPES = ("create", "input_calc", "input_work", "return", "call_calc", "call_work")
DATA = ("create", "input_calc")

LAYERS = [range(1000 + 10 * layer, 1010 + 10 * layer) for layer in range(20)]
"""Each node of one has links to all of the next: 10^19 ways."""

CIRCLE = range(2000, 2003)
LOOP = 2010  # a link to itself
CHAIN = range(3000, 3300)  # with short cuts over five
HUB = 4000
SPOKES = range(4001, 7501)
PAIR = (7600, 7601)  # 2500 links between two nodes
CHANCE = range(8000, 8040)


@dataclass(frozen=True)
class Link:
    id: int
    input_id: int
    output_id: int
    type: str


def _pairs() -> Iterator[tuple[int, int, str]]:
    for above, below in pairwise(LAYERS):
        yield from ((one, other, "create") for one in above for other in below)
    yield from ((one, CIRCLE[(place + 1) % 3], "input_work") for place, one in enumerate(CIRCLE))
    yield LOOP, LOOP, "return"
    yield from ((one, one + 1, "create") for one in CHAIN[:-1])
    yield from ((one, one + 5, "create") for one in CHAIN[:-5])
    yield from ((HUB, spoke, "input_calc") for spoke in SPOKES)
    yield from ((*PAIR, "input_calc") for _ in range(2500))
    chance = random.Random(7)
    yield from ((chance.choice(CHANCE), chance.choice(CHANCE), chance.choice(TYPES)) for _ in range(90))


LINKS = [Link(1000 + number, *pair) for number, pair in enumerate(_pairs())]


def neighbours(links: Iterable[Link], types: Sequence[str], directions: Sequence[str]) -> Mapping[int, list[int]]:
    """In the order of the directions, and of the ids of links."""
    found: dict[int, list[int]] = {}
    for direction in directions:
        for link in links:
            here, there = (link.output_id, link.input_id) if direction == "in" else (link.input_id, link.output_id)
            if link.type in types:
                found.setdefault(here, []).append(there)
    return found


def closure(near: Mapping[int, list[int]], start: int, depth: int | None = None) -> set[int]:
    """All that is reached; the start itself only by a circle."""
    seen: set[int] = set()
    frontier = {start}
    while frontier and depth != 0:
        frontier = {there for here in frontier for there in near.get(here, ())} - seen
        seen |= frontier
        depth = None if depth is None else depth - 1
    return seen


def distances(near: Mapping[int, list[int]], start: int) -> dict[int, int]:
    found, frontier = {start: 0}, [start]
    for here in frontier:  # which grows
        for there in near.get(here, ()):
            if there not in found:
                found[there] = found[here] + 1
                frontier.append(there)
    return found


_NODE = (
    "INSERT INTO db_dbnode (id, uuid, node_type, label, description, ctime, mtime, attributes, extras, "
    "repository_metadata, user_id) SELECT ?, ?, node_type, 'grown', '', ctime, mtime, attributes, extras, "
    "repository_metadata, user_id FROM db_dbnode WHERE id = 1"
)
_LINK = "INSERT INTO db_dblink (id, input_id, output_id, label, type) VALUES (?, ?, ?, 'grown', ?)"


def _rows() -> tuple[list[tuple[int, str]], list[tuple[int, int, int, str]]]:
    numbers = sorted({end for link in LINKS for end in (link.input_id, link.output_id)} | set(CHANCE))
    nodes = [(number, str(UUID(int=number))) for number in numbers]
    return nodes, [(link.id, link.input_id, link.output_id, link.type) for link in LINKS]


def grow_sqlite(golden: Golden, folder: Path) -> str:
    """A copy with more nodes, as a target."""
    copy = folder / "grown"
    shutil.copytree(golden.sqlite, copy)
    connection = sqlite3.connect(copy / "database.sqlite")
    nodes, links = _rows()
    connection.executemany(_NODE, nodes)
    connection.executemany(_LINK, links)
    connection.commit()
    connection.close()
    return str(copy)


def grow_postgresql(server: PostgreSQL, stored: GoldenPostgreSQL, name: str = "grown") -> str:
    """A database of this name with more nodes, as a URL."""
    url = server.copy(stored.url.rpartition("/")[2], name)
    nodes, links = _rows()
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(_NODE.replace("?, ?", "%s, CAST(%s AS uuid)"), nodes)
        cursor.executemany(_LINK.replace("?", "%s"), links)
    return url
