"""A picture of an array, or of a plane in it: a few lines, or a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from restapi.explorer.node.found import Node
from restapi.explorer.pictures.plots.heat import heat_svg
from restapi.explorer.pictures.plots.plot import COLOURS, Line, Plot, plot_svg
from restapi.explorer.viewers.slices import ArraySlice, Numbers, numbers_of, rows_of, slice_of
from restapi.explorer.visit import Visit

_MOST_POINTS = 10_000
"""Of one line; of more, every second, third and so on."""

_MOST_CELLS = 250
"""Of a heat map along an axis."""


@dataclass(frozen=True)
class ArrayPicture:
    """`svg` is None for what cannot be drawn, such as texts and single numbers."""

    svg: Markup | None = None
    legend: Sequence[tuple[int, str]] = ()
    notes: Sequence[str] = ()


def picture_of(visit: Visit, node: Node, name: str, shape: Sequence[int], at: Sequence[int]) -> ArrayPicture:
    """The plane at some indices of all axes but the last two.

    Raises:
        ApiRefused, DamagedNode: as for `slice_of` and `numbers_of`.
    """
    plane = shape[len(at) :]
    if not plane or 0 in plane or max(plane) == 1:
        return ArrayPicture()
    places = [str(index) for index in at]
    if len(plane) == 1:
        step = _step(plane[0], _MOST_POINTS)
        part = slice_of(visit, node, name, f"::{step}")
        return _lines({name: numbers_of(part.values, name)}, step, name) if _is_drawn(part) else ArrayPicture()
    rows, columns = plane
    is_lines, is_turned = min(plane) <= COLOURS, columns > rows
    most = _MOST_POINTS if is_lines else _MOST_CELLS
    row_step, column_step = _step(rows, most), _step(columns, most)
    part = slice_of(visit, node, name, *places, f"::{row_step}", f"::{column_step}")
    if not _is_drawn(part):
        return ArrayPicture()
    values = rows_of(part.values, -(-columns // column_step), name)
    if not is_lines:
        return _heat(values, name, row_step, column_step)
    if is_turned:
        return _lines({f"row {number}": row for number, row in enumerate(values)}, column_step, name)
    by_column = {f"column {number}": [row[number] for row in values] for number in range(columns)}
    return _lines(by_column, row_step, name)


def _step(length: int, most: int) -> int:
    return max(1, -(-length // most))


def _is_drawn(part: ArraySlice) -> bool:
    return part.dtype.startswith(("float", "int", "uint", "bool", "longdouble"))


def _lines(curves: dict[str, Numbers], step: int, name: str) -> ArrayPicture:
    longest = max(map(len, curves.values()))
    x: list[float | None] = [float(index * step) for index in range(longest)]
    lines = [Line(key, x, curve, number + 1) for number, (key, curve) in enumerate(curves.items())]
    svg = plot_svg(Plot(lines, "index", name[:60], is_counted=True), f"{name} by index")
    legend = [(line.colour, line.name) for line in lines] if len(lines) > 1 else []
    return ArrayPicture(svg, legend, _notes({"values": step}))


def _heat(values: Sequence[Numbers], name: str, row_step: int, column_step: int) -> ArrayPicture:
    table = np.array([[np.nan if value is None else value for value in row] for row in values])
    svg = heat_svg(table, f"{name} by row and column", column_step, row_step)
    return ArrayPicture(svg, (), _notes({"rows": row_step, "columns": column_step}))


def _notes(steps: dict[str, int]) -> list[str]:
    return [f"One of {step:,} {what} is drawn." for what, step in steps.items() if step > 1]
