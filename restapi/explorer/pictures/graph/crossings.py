"""Columns of points -> the same columns, ordered so that few of the lines between neighbouring columns cross.

Medians of the neighbours, column after column, there and back (Sugiyama, Tagawa and Toda 1981; Eades and Wormald 1994),
then swaps of points that stand next to each other.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence

Lines = Sequence[Sequence[int]]
"""For each point the points of the next column, or of the one before, that lines lead to."""

SWEEPS = 10
SWAPS = 4
UNCHANGED_SWEEPS = 4
"""After so many sweeps that make nothing better, no more are tried."""


def ordered(columns: Sequence[Sequence[int]], before: Lines, after: Lines, boxes: int) -> list[list[int]]:
    """The columns, each from top to bottom. The points below the number `boxes` are boxes."""
    at = [list(column) for column in columns]
    rows = _rows_of(at, len(before))
    best, fewest, since = at, crossings(at, rows, after), 0
    for turn in range(SWEEPS):
        if not fewest or since >= UNCHANGED_SWEEPS:
            break
        at = _swept(at, rows, after if turn % 2 else before, backwards=bool(turn % 2))
        found = crossings(at, rows, after)
        since += 1
        if found < fewest:
            best, fewest, since = at, found, 0
    best = [list(column) for column in best]
    rows = _rows_of(best, len(before))
    for _ in range(SWAPS):
        swapped = [_swapped(column, rows, before, after, boxes) for column in best]
        if True not in swapped:
            break
    return best


def crossings(columns: Sequence[Sequence[int]], rows: Sequence[int], after: Lines) -> int:
    """The number of crossings of lines, for points that stand in these rows."""
    found = 0
    for column in columns:
        passed: list[int] = []
        for point in column:
            ends = sorted(rows[each] for each in after[point])
            for end in ends:
                found += len(passed) - bisect_left(passed, end + 1)
            for end in ends:
                insort(passed, end)
    return found


def _rows_of(columns: Sequence[Sequence[int]], points: int) -> list[int]:
    rows = [0] * points
    for column in columns:
        for row, point in enumerate(column):
            rows[point] = row
    return rows


def _swept(columns: list[list[int]], rows: list[int], lines: Lines, *, backwards: bool) -> list[list[int]]:
    """The columns, sorted by the medians of what lines lead to; points without lines keep their rows.

    `rows` is brought up to date, since each column counts on the one sorted before it.
    """
    made = [list(column) for column in columns]
    for column in reversed(made) if backwards else made:
        linked = [row for row, point in enumerate(column) if lines[point]]
        medians = {column[row]: _median(sorted(rows[each] for each in lines[column[row]])) for row in linked}
        for row, point in zip(linked, sorted(medians, key=medians.__getitem__), strict=True):
            column[row] = point
        for row, point in enumerate(column):
            rows[point] = row
    return made


def _median(sorted_rows: Sequence[int]) -> float:
    middle = len(sorted_rows) // 2
    return sorted_rows[middle] if len(sorted_rows) % 2 else (sorted_rows[middle - 1] + sorted_rows[middle]) / 2


def _swapped(column: list[int], rows: list[int], before: Lines, after: Lines, boxes: int) -> bool:
    """Swaps each two points of a column that cross less the other way round; says whether there were any.

    Of two boxes for which it makes no difference the one with the lower number comes first.
    """
    any_swapped = False
    ends = {point: [sorted(rows[each] for each in side[point]) for side in (before, after)] for point in column}
    for row in range(len(column) - 1):
        upper, lower = column[row], column[row + 1]
        sides = list(zip(ends[upper], ends[lower], strict=True))
        gain = sum(_crossed(up, low) - _crossed(low, up) for up, low in sides)
        if gain > 0 or (gain == 0 and lower < upper < boxes):
            column[row], column[row + 1] = lower, upper
            rows[lower], rows[upper] = row, row + 1
            any_swapped = True
    return any_swapped


def _crossed(upper: Sequence[int], lower: Sequence[int]) -> int:
    """The number of crossings of the lines of two points, one above the other, whose ends are in these sorted rows."""
    return sum(bisect_left(lower, end) for end in upper)
