"""Links back on circles of data provenance, in databases that a stranger may have made large."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest

from aiida_like.errors import TargetError
from aiida_like.profiles import find
from aiida_like.storage import open_storage
from aiida_like.storage.archives import circles
from aiida_like.storage.archives.circles import TooManyLinks, cut_circles
from aiida_like.storage.archives.rebuilding import TooSlow
from tests.conftest import Golden
from tests.test_hostile import ODD, odd_archive

Link = tuple[int, int]


def with_links(links: Iterable[Link]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE db_dblink (id INTEGER PRIMARY KEY, input_id, output_id, type)")
    connection.executemany("INSERT INTO db_dblink (input_id, output_id, type) VALUES (?, ?, 'create')", links)
    return connection


def left(connection: sqlite3.Connection) -> list[Link]:
    return connection.execute("SELECT input_id, output_id FROM db_dblink ORDER BY id").fetchall()


def reached(links: Iterable[Link], start: int) -> set[int]:
    """The nodes that some links lead to."""
    found: set[int] = set()
    new = {start}
    while new:
        new = {there for here, there in links if here in new} - found
        found |= new
    return found


def expected(links: list[Link]) -> list[Link]:
    """What is left, by its definition: without links back between nodes on circles, or on a way between two."""
    onward = {node: reached(links, node) for link in links for node in link}
    on_circle = {node for node, ends in onward.items() if node in ends}
    between = {
        node
        for node, ends in onward.items()
        if (ends | {node}) & on_circle and any(node in onward[each] | {each} for each in on_circle)
    }
    return [(here, there) for here, there in links if here < there or not {here, there} <= between]


@pytest.mark.parametrize("seed", range(40))
def test_random_links(seed: int) -> None:
    chance = random.Random(seed)
    nodes = [chance.randrange(-(2**40), 2**40) for _ in range(14)]
    links = [(chance.choice(nodes), chance.choice(nodes)) for _ in range(chance.randrange(4, 30))]
    connection = with_links(links)
    cut_circles(connection, lambda: None)
    assert left(connection) == expected(links)


def test_many_links_between_the_same_nodes_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circles, "MOST_LINKS", 2)
    connection = with_links([(1, 2), (2, 1)] * 1000)
    cut_circles(connection, lambda: None)
    assert left(connection) == [(1, 2)] * 1000


def test_what_no_link_back_spans_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circles, "MOST_LINKS", 2)
    others = [(each, each + 1) for each in [*range(100), *range(300, 400)]]
    connection = with_links([*others, (200, 201), (201, 200)])
    cut_circles(connection, lambda: None)
    assert left(connection) == [*others, (200, 201)]


def test_more_links_than_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circles, "MOST_LINKS", 3)
    with pytest.raises(TooManyLinks):
        cut_circles(with_links([(1, 2), (2, 3), (3, 4), (4, 1)]), lambda: None)


def test_an_archive_of_too_many(golden: Golden, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(circles, "MOST_LINKS", 3)
    archive = odd_archive(golden, tmp_path, ODD["circles of links"])
    message = "has links back to older nodes, .* import it into a profile, and serve that$"
    with pytest.raises(TargetError, match=message) as raised:
        open_storage(find(str(archive)), cache_folder=tmp_path / "cache")
    assert raised.value.reason == "its links are too many to look for circles"
    assert {path.suffix for path in (tmp_path / "cache" / "archives").iterdir()} == {".lock", ".refused"}


def test_the_clock_is_looked_at_all_along() -> None:
    """While links are read, and while nodes are taken away, both ways."""
    chain = [(each, each + 1) for each in range(200_000)]
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1

    cut_circles(with_links([*chain, (200_000, 0)]), look)
    # Of both ways four times: links are read, their ends are found and counted; nodes: none can be taken away.
    assert looks >= 2 * 3 * 4
    ended = looks // 2

    def end() -> None:
        nonlocal looks
        looks -= 1
        if looks < ended:
            raise TooSlow

    with pytest.raises(TooSlow):
        cut_circles(with_links([*chain, (200_000, 0)]), end)
