"""K-points: a mesh, or a list with weights and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from aiida_like.errors import DamagedNode
from restapi.explorer.node.found import Node
from restapi.explorer.pictures.plots.bands import pretty
from restapi.explorer.pictures.plots.ticks import is_drawable, short
from restapi.explorer.viewers.reading import listed, text_of
from restapi.explorer.viewers.slices import numbers_of, rows_of, slice_of
from restapi.explorer.visit import Visit
from restapi.layout.panel import Panel

_SHOWN = 100
_MOST = 10**9
"""Of points along an axis: more is no mesh that anybody meant."""


def view(visit: Visit, node: Node) -> Panel | None:
    attributes = node.attributes
    if "mesh" in attributes:
        return _panel(_mesh(attributes))
    if "array|kpoints" not in attributes:
        return None
    part = slice_of(visit, node, "kpoints", f":{_SHOWN}")
    points = rows_of(part.values, 3, "kpoints")
    labels = _labels(attributes)
    head = ["", "b₁", "b₂", "b₃"]
    rows = [[str(number), *map(_text, point)] for number, point in enumerate(points)]
    if "array|weights" in attributes:
        weights = numbers_of(slice_of(visit, node, "weights", f":{_SHOWN}").values, "weights")
        head, rows = _with_column(head, rows, "weight", dict(enumerate(map(_text, weights))))
    if labels:
        head, rows = _with_column(head, rows, "label", labels)
    return _panel(_facts(attributes, part.shape[0], labels), head, rows, max(0, part.shape[0] - _SHOWN))


def _panel(
    facts: Sequence[tuple[str, str]], head: Sequence[str] = (), rows: Sequence[Sequence[str]] = (), more: int = 0
) -> Panel:
    values = {"facts": facts, "head": head, "rows": rows, "more": more}
    return Panel("viewers/table.html", values, title="K-points")


def _facts(attributes: Mapping[str, Any], count: int, labels: Mapping[int, str]) -> Sequence[tuple[str, str]]:
    path = [("Path", " – ".join(labels[index] for index in sorted(labels))[:300])] if labels else []
    unit = [("In units of", "the reciprocal vectors")]
    return [("K-points", f"{count:,}"), *path, *unit, *([] if attributes.get("cell") else [("Cell", "not stored")])]


def _with_column(
    head: list[str], rows: list[list[str]], name: str, column: Mapping[int, str]
) -> tuple[list[str], list[list[str]]]:
    return [*head, name], [[*row, column.get(number, "")] for number, row in enumerate(rows)]


def _labels(attributes: Mapping[str, Any]) -> Mapping[int, str]:
    numbers, names = listed(attributes.get("label_numbers")), listed(attributes.get("labels"))
    return {
        number: pretty(text_of(name, 20))
        for number, name in zip(numbers, names, strict=False)
        if isinstance(number, int)
    }


def _mesh(attributes: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    mesh = listed(attributes["mesh"])
    if not mesh or not all(isinstance(count, int) and 0 < count < _MOST for count in mesh):
        raise DamagedNode(f"the mesh is {text_of(attributes['mesh'], 100)}, not three whole numbers")
    facts = [("Mesh", " × ".join(map(str, mesh))), ("K-points", f"{prod(mesh):,} before symmetry")]
    offset = listed(attributes.get("offset"))
    shifts = [float(shift) for shift in offset if isinstance(shift, int | float) and is_drawable(shift)]
    return [*facts, ("Offset", ", ".join(map(short, shifts)) + " of a step")] if any(shifts) else facts


def _text(value: float | None) -> str:
    return "–" if value is None else short(value)
