"""Trajectories: the structure at each step, and what changes with the steps as plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from aiida_like.errors import DamagedNode, FeatureUnavailable
from aiida_like.formats.structure import Site, Species, Structure, Vector
from restapi.explorer.node.found import Node
from restapi.explorer.pictures.crystal.scene import MOST_SITES
from restapi.explorer.pictures.plots.plot import Line, Plot, plot_svg
from restapi.explorer.pictures.plots.ticks import short
from restapi.explorer.viewers.reading import listed, plot_url
from restapi.explorer.viewers.slices import numbers_of, rows_of, slice_of
from restapi.explorer.viewers.structure import structure_panel
from restapi.explorer.visit import Visit
from restapi.layout.panel import Panel

_MOST_PLOTS = 3
_MOST_POINTS = 20_000
_OF_STEPS = ("steps", "times")
"""Arrays that say when a step was, and are no plots of their own."""

_NOWHERE = float("nan")


def view(visit: Visit, node: Node) -> Panel:
    attributes = node.attributes
    count, total = _size(attributes)
    step = _asked(visit, count)
    structure = _structure(visit, node, attributes, step)
    plots = _plots(visit, node, attributes, count)
    more = {
        "steps": {"count": count, "step": step, "text": _when(visit, node, attributes, step)},
        "here": visit.url(node.path),
        "plots": [(name, plot, plot_url(visit, node, number)) for number, (name, plot) in enumerate(plots)],
    }
    pictures = [plot for _, plot in plots]
    return structure_panel(structure, node, total, more, ("steps.js", "plot.js"), pictures)


def _size(attributes: Mapping[str, Any]) -> tuple[int, int]:
    """How many steps and how many atoms there are, by the stored shape of the positions."""
    shape = attributes.get("array|positions")
    if isinstance(shape, list) and len(shape) == 3 and all(isinstance(each, int) for each in shape):  # noqa: PLR2004
        steps, atoms, _ = shape
        if steps > 0:
            return steps, atoms
        raise FeatureUnavailable("the trajectory has no steps")
    raise DamagedNode("the trajectory has no positions of the shape (steps, atoms, 3)")


def _asked(visit: Visit, count: int) -> int:
    """The step that the page is asked for, within those there are; the first if it is none."""
    text = visit.options.get("step", "")
    return min(int(text), count - 1) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004


def _structure(visit: Visit, node: Node, attributes: Mapping[str, Any], step: int) -> Structure:
    positions = rows_of(slice_of(visit, node, "positions", str(step), f":{MOST_SITES}").values, 3, "positions")
    symbols = _symbols(visit, node, attributes)
    if len(symbols) < len(positions):
        raise DamagedNode(f"the trajectory has {len(positions)} positions, and symbols of {len(symbols)} atoms")
    sites = tuple(
        Site(Species(symbol, (symbol,), (1.0,)), _vector(position))
        for symbol, position in zip(symbols, positions, strict=False)
    )
    if "array|cells" not in attributes:
        nothing = (0.0, 0.0, 0.0)
        return Structure((nothing, nothing, nothing), (False, False, False), sites)
    cell = rows_of(slice_of(visit, node, "cells", str(step)).values, 3, "cells")
    if len(cell) != 3:  # noqa: PLR2004
        raise DamagedNode("the cells of the trajectory are no three vectors each")
    a, b, c = map(_vector, cell)
    return Structure((a, b, c), _periodic(attributes), sites)


def _symbols(visit: Visit, node: Node, attributes: Mapping[str, Any]) -> Sequence[str]:
    """The symbols of the atoms: an attribute, or an array in old trajectories."""
    if "array|symbols" in attributes and "symbols" not in attributes:
        symbols = slice_of(visit, node, "symbols", f":{MOST_SITES}").values
    else:
        symbols = attributes.get("symbols")
    found = listed(symbols)[:MOST_SITES]
    if not all(isinstance(symbol, str) for symbol in found):
        raise DamagedNode("the symbols of the trajectory are no texts")
    return found


def _periodic(attributes: Mapping[str, Any]) -> tuple[bool, bool, bool]:
    """Along which axes it repeats: all, unless newer versions of AiiDA have stored something else."""
    found = listed(attributes.get("pbc"))
    a, b, c = (bool(each) for each in found) if len(found) == 3 else (True, True, True)  # noqa: PLR2004
    return a, b, c


def _when(visit: Visit, node: Node, attributes: Mapping[str, Any], step: int) -> str:
    """The time of a step in ps, where it is stored."""
    if "array|times" not in attributes:
        return ""
    time = slice_of(visit, node, "times", str(step)).values
    return f"{short(float(time))} ps" if isinstance(time, int | float) else ""


def _plots(visit: Visit, node: Node, attributes: Mapping[str, Any], count: int) -> Sequence[tuple[str, Markup]]:
    """Names and pictures of arrays that have a number for each step."""
    names = [
        key.removeprefix("array|")
        for key, shape in sorted(attributes.items())
        if key.startswith("array|") and shape == [count] and key.removeprefix("array|") not in _OF_STEPS
    ]
    every = max(1, -(-count // _MOST_POINTS))
    steps: list[float | None] = [float(step) for step in range(0, count, every)]
    plots = []
    for name in names[:_MOST_PLOTS] if count > 1 else ():
        unit = attributes.get(f"units|{name}")
        label = f"{name} / {unit}" if isinstance(unit, str) else name
        values = numbers_of(slice_of(visit, node, name, f"::{every}").values, name)
        plot = Plot([Line(name, steps, values)], "step", label[:60], is_counted=True)
        plots.append((name, plot_svg(plot, f"{name} over steps")))
    return plots


def _vector(row: Sequence[float | None]) -> Vector:
    x, y, z = (_NOWHERE if value is None else value for value in row)
    return x, y, z
