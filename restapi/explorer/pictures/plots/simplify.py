"""Fewer points for a line that looks the same."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

Point = tuple[float, float]


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
