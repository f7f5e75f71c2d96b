"""XyData: curves over one axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiida_like.errors import DamagedNode
from restapi.explorer.node.found import Node
from restapi.explorer.pictures.plots.plot import COLOURS, Line, Plot, plot_svg
from restapi.explorer.viewers.reading import listed, plot_url, text_of
from restapi.explorer.viewers.slices import Numbers, numbers_of, slice_of
from restapi.explorer.visit import Visit
from restapi.layout.panel import Panel

_MOST_POINTS = 20_000
"""Of one curve; of more, every second, third and so on."""


def view(visit: Visit, node: Node) -> Panel:
    attributes = node.attributes
    names = [text_of(name, 60) for name in listed(attributes.get("y_names"))]
    units = [text_of(unit, 20) for unit in listed(attributes.get("y_units"))]
    step = _step(attributes.get("array|x_array"))
    x = _curve(visit, node, "x_array", step)
    lines = [
        Line(_named(name, units, number), x, _curve(visit, node, f"y_array_{number}", step), number + 1)
        for number, name in enumerate(names[:COLOURS])
    ]
    if any(len(line.y) != len(x) for line in lines):
        raise DamagedNode("the curves do not have as many points as their axis")
    plot = Plot(
        lines,
        _with_unit(text_of(attributes.get("x_name"), 60) or "x", text_of(attributes.get("x_units"), 20)),
        lines[0].name if len(lines) == 1 else ", ".join(dict.fromkeys(units))[:60],
    )
    picture = plot_svg(plot, f"{', '.join(line.name for line in lines)} over {plot.x_label}")
    values = {
        "picture": picture,
        "svg_url": plot_url(visit, node),
        "kind": "xy",
        "legend": [(line.colour, line.name) for line in lines],
        "notes": _notes(len(names), step),
    }
    return Panel("viewers/plot.html", values, title="Plot", scripts=("plot.js",), plots=(picture,))


def _step(shape: Any) -> int:
    """Every how manyth point is drawn, by the stored shape of the axis."""
    points = shape[0] if isinstance(shape, list) and shape and isinstance(shape[0], int) else 0
    return max(1, -(-points // _MOST_POINTS))


def _curve(visit: Visit, node: Node, name: str, step: int) -> Numbers:
    return numbers_of(slice_of(visit, node, name, f"::{step}").values, name)


def _notes(curves: int, step: int) -> list[str]:
    if not curves:
        return ["There are no curves."]
    notes = [f"The first {COLOURS} of {curves:,} curves are drawn."] if curves > COLOURS else []
    return [*notes, f"One of {step:,} points is drawn."] if step > 1 else notes


def _named(name: str, units: Sequence[str], number: int) -> str:
    return _with_unit(name, units[number] if number < len(units) else "")


def _with_unit(name: str, unit: str) -> str:
    return name if unit in {"", "None"} else f"{name} / {unit}"
