"""Layouts of graphs: boxes do not overlap, arrows go right but in circles, the same graph gives the same picture."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations, pairwise
from random import Random
from typing import Any

import pytest

from restapi.explorer.pictures.graph.crossings import crossings, ordered
from restapi.explorer.pictures.graph.cycles import order_of
from restapi.explorer.pictures.graph.heights import heights_of, rising, straighten
from restapi.explorer.pictures.graph.layered import Arrow, Layout, Sizes, lay_out

SIZES = Sizes()


def arrows(text: str) -> list[Arrow]:
    """`a>b b~c`: an arrow from a to b, and one from b to c that may go back."""
    return [
        Arrow(*each.split("~"), may_go_back=True) if "~" in each else Arrow(*each.split(">")) for each in text.split()
    ]


def laid_out(text: str) -> Layout:
    found = arrows(text)
    return lay_out(sorted({end for arrow in found for end in (arrow.source, arrow.target)}), found)


def some_graph(seed: int, boxes: int, links: int, *, in_circles: bool = False) -> tuple[list[str], list[Arrow]]:
    """A graph like those of provenance: most links are short, and some boxes have many."""
    random = Random(seed)
    names = [f"n{number}" for number in range(boxes)]
    found = []
    for _ in range(links):
        source = random.randrange(boxes) if random.random() < 0.8 else random.randrange(min(3, boxes))
        target = min(boxes - 1, source + 1 + int(random.expovariate(0.2)))
        if in_circles and random.random() < 0.3:
            source, target = target, source
        if source != target or in_circles:
            found.append(Arrow(names[source], names[target], may_go_back=random.random() < 0.5))
    return names, found


GRAPHS = [(seed, boxes, 2 * boxes) for seed in range(6) for boxes in (1, 2, 9, 40)]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a>b", {"a": 0, "b": 1}),
        ("a>b b>c a>c", {"a": 0, "b": 1, "c": 2}),
        # A source stands just before the first that it leads to.
        ("a>b b>c x>c y>c y>b", {"a": 0, "b": 1, "c": 2, "x": 1, "y": 0}),
        ("a>b b>c c>a", {"a": 0, "b": 1, "c": 2}),
        # A workflow that returns what it was given: what it took stands before it.
        ("d>w w~d", {"d": 0, "w": 1}),
        ("w~d d>w", {"d": 0, "w": 1}),
        ("a>a", {"a": 0}),
        ("", {}),
    ],
)
def test_columns(text: str, columns: dict[str, int]) -> None:
    assert {name: place.column for name, place in laid_out(text).corners.items()} == columns


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("a>b b>c", []),
        ("d>w w~d", ["w~d"]),
        ("w~d d>w", ["w~d"]),
        # The return of one workflow is an input of the next, which returns it again.
        ("a>v v~b b>w w~b", ["w~b"]),
        # A return that closes no circle goes right, although what it leads to has no other arrow.
        ("w~a w>c c>a", []),
    ],
)
def test_arrows_that_go_back(text: str, back: list[str]) -> None:
    ways = laid_out(text).ways
    assert [written for written, way in zip(text.split(), ways, strict=True) if way.goes_back] == back


@pytest.mark.parametrize("in_circles", [False, True])
@pytest.mark.parametrize(("seed", "boxes", "links"), GRAPHS)
def test_layout(seed: int, boxes: int, links: int, in_circles: bool) -> None:
    names, found = some_graph(seed, boxes, links, in_circles=in_circles)
    layout = lay_out(names, found)
    assert layout == lay_out(list(names), list(found))
    check_boxes(layout)
    for arrow, way in zip(found, layout.ways, strict=True):
        check_way(layout, arrow, way.points, way.goes_back)
    if not in_circles:
        assert not any(way.goes_back for way in layout.ways)


def check_boxes(layout: Layout) -> None:
    """Boxes lie in the picture, and do not touch."""
    for place in layout.corners.values():
        assert SIZES.margin <= place.x <= layout.width - SIZES.width - SIZES.margin
        assert SIZES.margin <= place.y <= layout.height - SIZES.height - SIZES.margin
    for one, other in combinations(layout.corners.values(), 2):
        if one.column == other.column:
            assert one.x == other.x
            assert abs(one.y - other.y) >= SIZES.height + SIZES.between_boxes - 1
        else:
            assert abs(one.x - other.x) >= SIZES.width + SIZES.least_gap


def check_way(layout: Layout, arrow: Arrow, points: Sequence[tuple[int, int]], goes_back: bool) -> None:
    """A way begins and ends at its boxes, goes on in one direction, bends between columns, and crosses no box."""
    if arrow.source == arrow.target:
        assert not points
        return
    source, target = layout.corners[arrow.source], layout.corners[arrow.target]
    assert points[0] == (source.x + (0 if goes_back else SIZES.width), source.y + SIZES.height // 2)
    assert points[-1] == (target.x + (SIZES.width if goes_back else 0), target.y + SIZES.height // 2)
    for (x, y), (to_x, to_y) in pairwise(points):
        assert (to_x < x) if goes_back else (to_x > x)
        over = [place for place in layout.corners.values() if place.x == min(x, to_x)]
        if abs(to_x - x) == SIZES.width and over:
            assert y == to_y
            assert not any(place.y < y < place.y + SIZES.height for place in over)


def test_boxes_that_nothing_orders() -> None:
    """They stand in the order of their names, whatever the order of the arrows."""
    layout = lay_out(["a", "b", "c", "d"], arrows("d>a c>a b>a"))
    assert sorted("bcd", key=lambda name: layout.corners[name].y) == ["b", "c", "d"]


def test_ways_from_one_box_are_shared() -> None:
    """Two arrows from `a` over the same columns are one way until the last of them ends."""
    layout = laid_out("a>b b>c c>d d>e a>d a>e")
    (*_, to_d, to_e) = layout.ways
    assert to_e.points[: len(to_d.points) - 1] == to_d.points[:-1]


def test_ways_that_go_back_are_not_those_that_go_on() -> None:
    """Both lie between the same boxes, two columns apart."""
    layout = laid_out("a>b b>c a>c c~a")
    there, back = layout.ways[2:]
    assert back.goes_back
    assert len(there.points) == len(back.points) == 4
    assert there.points[1][1] != back.points[2][1]


def test_order_of_circles() -> None:
    """0 and 1 make one circle, 2 and 3 another; of each only the firm arrow counts."""
    links = [[1], [0, 2], [3], [2]]
    assert order_of(links, [[], [0], [3], []]) == [1, 0, 2, 3]
    assert order_of(links, [[1], [], [], [2]]) == [0, 1, 3, 2]


@pytest.mark.parametrize(
    ("columns", "lines", "fewest"),
    [
        ([[0, 1], [2, 3]], [(0, 3), (1, 2)], 0),
        # Each of two is linked with each of two: one crossing is left.
        ([[0, 1], [2, 3]], [(0, 2), (0, 3), (1, 2), (1, 3)], 1),
        ([[0, 1, 2], [3, 4, 5], [6, 7, 8]], [(0, 5), (1, 4), (2, 3), (3, 6), (4, 7), (5, 8)], 0),
    ],
)
def test_crossings(columns: list[list[int]], lines: list[tuple[int, int]], fewest: int) -> None:
    points = sum(map(len, columns))
    before: list[list[int]] = [[] for _ in range(points)]
    after: list[list[int]] = [[] for _ in range(points)]
    for left, right in lines:
        after[left].append(right)
        before[right].append(left)
    found = ordered(columns, before, after, points)
    assert [sorted(column) for column in found] == columns
    rows = {point: row for column in found for row, point in enumerate(column)}
    assert crossings(found, [rows[point] for point in range(points)], after) == fewest


@pytest.mark.parametrize(
    ("wishes", "weights", "expected"),
    [
        ([], [], []),
        ([1, 2, 3], [1, 1, 1], [1, 2, 3]),
        ([3, 1], [1, 1], [2, 2]),
        ([3, 1], [3, 1], [2.5, 2.5]),
        ([5, 1, 0, 9], [1, 1, 1, 1], [2, 2, 2, 9]),
    ],
)
def test_rising(wishes: list[float], weights: list[float], expected: list[float]) -> None:
    assert rising(wishes, weights) == expected


def test_heights_of_a_fan() -> None:
    """One point before three that need ten each: it stands level with the middle one."""
    ends = [{1: 1.0, 2: 1.0, 3: 1.0}, {0: 1.0}, {0: 1.0}, {0: 1.0}]
    alone, upper, middle, lower = heights_of([[0], [1, 2, 3]], ends, lambda _upper, _lower: 10.0)
    assert (upper, middle, lower) == pytest.approx((alone - 10, alone, alone + 10), abs=0.01)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # 1 is led by 0 and has room; 2 below it needs ten.
        ([0, 5, 30], [0, 0, 30]),
        ([20, 5, 30], [20, 20, 30]),
        ([21, 5, 30], [21, 5, 30]),
    ],
)
def test_straightened(before: list[float], after: list[float]) -> None:
    straighten([[0], [1, 2]], {1: 0}, lambda _upper, _lower: 10.0, before)
    assert before == after


def calls(action: Callable[[], Any]) -> int:
    """The number of functions that are called meanwhile, of Python and of C: the same on any machine."""
    count = 0

    def note(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


def test_work() -> None:
    """Twice the boxes and links are hardly more than twice the work; a picture of 150 boxes is no burden."""
    work = {boxes: calls(partial(lay_out, *some_graph(1, boxes, 2 * boxes))) for boxes in (75, 150, 300)}
    assert work[150] < 250_000
    assert work[150] < 4 * work[75]
    assert work[300] < 4 * work[150]


def test_the_worst_that_can_be_drawn() -> None:
    """All arrows in one circle, and all boxes linked with one."""
    names = [f"n{number}" for number in range(200)]
    circle = [Arrow(one, other) for one, other in pairwise([*names, names[0]])]
    star = [Arrow(names[0], name) for name in names[1:]]
    layout = lay_out(names, [*circle, *star])
    assert [arrow for arrow, way in zip(circle, layout.ways, strict=False) if way.goes_back] == [circle[-1]]
    check_boxes(layout)
