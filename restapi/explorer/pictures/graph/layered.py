"""A graph -> places of boxes in columns from left to right, and the ways of the arrows between them.

Arrows go right; where they make a circle some go back. Each box stands as far left as its arrows allow, those without
arrows to them just before the first box that they lead to. Arrows over several columns pass each column between its
boxes, and those from one box share their way: that is what keeps a picture of provenance readable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from restapi.explorer.pictures.graph.crossings import ordered
from restapi.explorer.pictures.graph.cycles import order_of
from restapi.explorer.pictures.graph.heights import heights_of, straighten


@dataclass(frozen=True)
class Arrow:
    """A link between two boxes. Of a circle, arrows that `may_go_back` do so first."""

    source: str
    target: str
    may_go_back: bool = False


@dataclass(frozen=True)
class Sizes:
    """Lengths in pixels of a picture that is not scaled."""

    width: int = 176
    height: int = 46
    between_boxes: int = 18
    between_ways: int = 11
    beside_box: int = 16
    least_gap: int = 48
    """Between columns."""
    most_gap: int = 150
    margin: int = 20


@dataclass(frozen=True)
class Corner:
    """The upper left corner of a box, and the number of its column."""

    x: int
    y: int
    column: int


@dataclass(frozen=True)
class Way:
    """The points of an arrow from its source to its target; between columns it bends, across them it is level.

    An arrow from a box to itself has no points.
    """

    points: tuple[tuple[int, int], ...]
    goes_back: bool


@dataclass(frozen=True)
class Layout:
    """A picture in numbers: pixels from its upper left corner. `ways` is in the order of the arrows."""

    corners: Mapping[str, Corner]
    ways: tuple[Way, ...]
    width: int
    height: int


def lay_out(names: Sequence[str], arrows: Sequence[Arrow], sizes: Sizes | None = None) -> Layout:
    """The layout of boxes with these names, which all differ, and of arrows between them; the same for the same graph.

    Boxes that nothing else orders stand in the order of their names in `names`, from top to bottom.
    """
    sizes = sizes or Sizes()
    numbers = {name: number for number, name in enumerate(names)}
    pairs = [(numbers[arrow.source], numbers[arrow.target]) for arrow in arrows]
    ranks = _ranks(len(names), pairs, arrows)
    layers = _Layers(_columns(ranks, pairs), ranks, pairs)
    boxes = len(names)
    columns = ordered(layers.columns, layers.before, layers.after, boxes)

    def distance(upper: int, lower: int) -> float:
        upper_is_box, lower_is_box = upper < boxes, lower < boxes
        if upper_is_box and lower_is_box:
            return sizes.height + sizes.between_boxes
        return sizes.height / 2 + sizes.beside_box if upper_is_box or lower_is_box else sizes.between_ways

    heights = heights_of(columns, layers.ends(boxes), distance)
    # On its way an arrow is level as long as it can be. Where a way passes a column it comes from one point.
    guides = {each: before[0] for each, before in enumerate(layers.before) if each >= boxes and before[0] >= boxes}
    straighten(columns, guides, distance, heights)
    return _drawn(names, layers, columns, heights, sizes)


def _ranks(boxes: int, pairs: Sequence[tuple[int, int]], arrows: Sequence[Arrow]) -> list[int]:
    """The number of each box in an order in which only arrows go back that have to."""
    links: list[list[int]] = [[] for _ in range(boxes)]
    firm: list[list[int]] = [[] for _ in range(boxes)]
    for (source, target), arrow in zip(pairs, arrows, strict=True):
        links[source].append(target)
        if not arrow.may_go_back:
            firm[source].append(target)
    ranks = [0] * boxes
    for rank, box in enumerate(order_of(links, firm)):
        ranks[box] = rank
    return ranks


def _columns(ranks: Sequence[int], pairs: Sequence[tuple[int, int]]) -> list[int]:
    """The number of the column of each box."""
    before: list[list[int]] = [[] for _ in ranks]
    after: list[list[int]] = [[] for _ in ranks]
    for source, target in pairs:
        if source != target:
            left, right = _from_left(ranks, source, target)
            before[right].append(left)
            after[left].append(right)
    columns = [0] * len(ranks)
    for box in sorted(range(len(ranks)), key=ranks.__getitem__):
        columns[box] = max((columns[each] + 1 for each in before[box]), default=0)
    for box, rights in enumerate(after):
        if rights and not before[box]:
            columns[box] = min(columns[each] for each in rights) - 1
    used = {column: number for number, column in enumerate(sorted(set(columns)))}
    return [used[column] for column in columns]


def _from_left(ranks: Sequence[int], source: int, target: int) -> tuple[int, int]:
    return (source, target) if ranks[source] < ranks[target] else (target, source)


class _Layers:
    """Points in columns: boxes, by their numbers, then places where ways pass a column. Lines lead one column on."""

    def __init__(self, box_columns: Sequence[int], ranks: Sequence[int], pairs: Sequence[tuple[int, int]]) -> None:
        self.columns: list[list[int]] = [[] for _ in range(max(box_columns, default=-1) + 1)]
        self.before: list[list[int]] = []
        self.after: list[list[int]] = []
        self.column_of: list[int] = []
        for column in box_columns:
            self._add_point(column)
        passed: dict[tuple[int, bool, int], int] = {}
        lines: set[tuple[int, int]] = set()
        self.chains: list[list[int]] = []
        """For each arrow the points from its source to its target."""
        for source, target in pairs:
            goes_back = ranks[source] > ranks[target]
            left, right = _from_left(ranks, source, target)
            chain = [left]
            for column in range(box_columns[left] + 1, box_columns[right]):
                key = (left, goes_back, column)
                if key not in passed:
                    passed[key] = self._add_point(column)
                chain.append(passed[key])
            if right != left:
                chain.append(right)
            for line in pairwise(chain):
                if line not in lines:
                    lines.add(line)
                    self.after[line[0]].append(line[1])
                    self.before[line[1]].append(line[0])
            self.chains.append(chain[::-1] if goes_back else chain)

    def _add_point(self, column: int) -> int:
        point = len(self.before)
        self.columns[column].append(point)
        self.column_of.append(column)
        self.before.append([])
        self.after.append([])
        return point

    def ends(self, boxes: int) -> list[dict[int, float]]:
        """What the lines of each point lead to, and how level they are to be: long ways more than their ends."""
        weights = (1.0, 2.0, 8.0)
        return [
            {each: weights[(each >= boxes) + (point >= boxes)] for each in (*self.before[point], *self.after[point])}
            for point in range(len(self.before))
        ]


def _drawn(
    names: Sequence[str], layers: _Layers, columns: Sequence[Sequence[int]], heights: Sequence[float], sizes: Sizes
) -> Layout:
    top = min(
        (heights[column[0]] - (sizes.height / 2 if column[0] < len(names) else 0) for column in columns), default=0
    )
    middles = [round(height - top) + sizes.margin for height in heights]
    lefts = [sizes.margin]
    for column in columns[:-1]:
        steepest = max((abs(middles[end] - middles[at]) for at in column for end in layers.after[at]), default=0)
        gap = min(sizes.least_gap + steepest // 6, sizes.most_gap)
        lefts.append(lefts[-1] + sizes.width + gap)
    half = sizes.height // 2
    places = {
        name: Corner(lefts[layers.column_of[box]], middles[box] - half, layers.column_of[box])
        for box, name in enumerate(names)
    }
    lowest = max((middles[column[-1]] + (half if column[-1] < len(names) else 0) for column in columns), default=0)
    return Layout(
        places,
        tuple(_way(chain, layers.column_of, lefts, middles, sizes.width) for chain in layers.chains),
        lefts[-1] + sizes.width + sizes.margin,
        lowest + sizes.margin,
    )


def _way(
    chain: Sequence[int], column_of: Sequence[int], lefts: Sequence[int], middles: Sequence[int], width: int
) -> Way:
    """The way through the points of a chain: in on one side of each, out on the other."""
    goes_back = column_of[chain[0]] > column_of[chain[-1]]
    sides = [
        [(lefts[column_of[point]], middles[point]), (lefts[column_of[point]] + width, middles[point])]
        for point in chain
    ]
    points = [each for side in sides for each in (side[::-1] if goes_back else side)]
    return Way(tuple(points[1:-1]), goes_back)
