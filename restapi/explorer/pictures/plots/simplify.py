"""Fewer points for a line that looks the same."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import floor, inf

Point = tuple[float, float]


def thinned(points: Sequence[Point]) -> Sequence[Point]:
    """Of all points that share a unit of x the lowest and the highest alone, where there are many; in their order.

    Nobody sees more of a line that goes up and down within a unit. `x` does not fall.
    """
    if len(points) < _MANY:
        return points
    kept: list[int] = [0]
    for _, unit in groupby(range(len(points)), lambda place: floor(points[place][0])):
        places = list(unit)
        ends = {min(places, key=lambda place: points[place][1]), max(places, key=lambda place: points[place][1])}
        kept += sorted(ends)
    return [points[place] for place in dict.fromkeys([*kept, len(points) - 1])]


_MANY = 2000
"""Points of a line: some three for each unit of a plot."""


def simplified(points: Sequence[Point], tolerance: float) -> list[Point]:
    """Some of the points, in order, so that the line through them passes all others within `tolerance` in y.

    One pass: from the last point that was kept, lines that pass all points since within tolerance are a cone; the
    point before the first that the cone does not meet is kept. Where x does not grow, points are kept.

    >>> simplified([(0, 0), (1, 1), (2, 2), (3, 0)], 0.1)
    [(0, 0), (2, 2), (3, 0)]
    """
    if len(points) < 3:  # noqa: PLR2004
        return list(points)
    kept = [points[0]]
    (x0, y0), low, high = points[0], -inf, inf
    before = points[0]
    for point in points[1:]:
        x, y = point
        run = x - x0
        if run <= 0 or not low <= (y - y0) / run <= high:
            if before is not kept[-1]:
                kept.append(before)
            (x0, y0), low, high = before, -inf, inf
            run = x - x0
        if run > 0:
            low = max(low, (y - tolerance - y0) / run)
            high = min(high, (y + tolerance - y0) / run)
        before = point
    return [*kept, points[-1]]
