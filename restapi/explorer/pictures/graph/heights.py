"""Columns of points in their order -> heights at which lines are short, and points have the room they need.

Each column in turn is put where the squares of its lines, the others unmoved, have the least sum. With an order and
distances to keep that is isotonic regression, which pooling adjacent violators solves (Ayer and others 1955).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

SWEEPS = 12

Ends = Sequence[Mapping[int, float]]
"""For each point the points of other columns that lines lead to, with how much each line wants to be level."""


def heights_of(columns: Sequence[Sequence[int]], ends: Ends, distance: Callable[[int, int], float]) -> list[float]:
    """The height of each point, downwards; `distance` is what two points need, of which the first is just above."""
    heights = [0.0] * len(ends)
    offsets = []
    for column in columns:
        offset, steps = 0.0, [0.0] * len(column)
        for row in range(1, len(column)):
            offset += distance(column[row - 1], column[row])
            steps[row] = offset
        offsets.append(steps)
        for point, step in zip(column, steps, strict=True):
            heights[point] = step - offset / 2
    for turn in range(SWEEPS):
        for number in range(len(columns))[:: -1 if turn % 2 else 1]:
            _settle(columns[number], offsets[number], ends, heights)
    return heights


def straighten(
    columns: Sequence[Sequence[int]],
    guides: Mapping[int, int],
    distance: Callable[[int, int], float],
    heights: list[float],
) -> None:
    """Moves each point that has a guide, a point further left, to the height of that, wherever there is room."""
    for column in columns:
        for row, point in enumerate(column):
            if point not in guides:
                continue
            wanted = heights[guides[point]]
            above = row == 0 or heights[column[row - 1]] + distance(column[row - 1], point) <= wanted
            if above and (
                row + 1 == len(column) or wanted + distance(point, column[row + 1]) <= heights[column[row + 1]]
            ):
                heights[point] = wanted


def _settle(column: Sequence[int], offsets: Sequence[float], ends: Ends, heights: list[float]) -> None:
    """Puts the points of one column where their lines want them, as far as the distances between them allow."""
    wishes, weights = [], []
    for point, offset in zip(column, offsets, strict=True):
        weight = sum(ends[point].values())
        wished = sum(heights[end] * each for end, each in ends[point].items())
        wishes.append((wished / weight if weight else heights[point]) - offset)
        # A point without lines wants nothing, and goes wherever those beside it push it.
        weights.append(weight or 1e-6)
    for point, offset, height in zip(column, offsets, rising(wishes, weights), strict=True):
        heights[point] = height + offset


def rising(wishes: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Numbers that never fall, with the least sum of weighted squares of what each differs from its wish."""
    pools: list[tuple[float, float, int]] = []  # mean, weight, count
    for wish, weight in zip(wishes, weights, strict=True):
        mean, heavy, count = wish, weight, 1
        while pools and pools[-1][0] > mean:
            other, other_weight, other_count = pools.pop()
            mean = (mean * heavy + other * other_weight) / (heavy + other_weight)
            heavy, count = heavy + other_weight, count + other_count
        pools.append((mean, heavy, count))
    return [mean for mean, _, count in pools for _ in range(count)]
