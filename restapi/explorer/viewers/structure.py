"""Structures: a scene to turn, and the cell in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from aiida_like.formats.structure import Structure, stored_structure
from restapi.explorer.node.found import Node
from restapi.explorer.pictures.crystal.cell import angle, angles, area, length, volume
from restapi.explorer.pictures.crystal.scene import MOST_SITES, Scene, scene_of
from restapi.explorer.pictures.crystal.structure_svg import structure_svg
from restapi.explorer.viewers.reading import listed, stored
from restapi.explorer.visit import Visit
from restapi.layout.panel import Panel

_SHOWN_KINDS = 24
_AXES = ("a", "b", "c")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_LONGEST_FORMULA = 200


def view(_: Visit, node: Node) -> Panel:
    attributes = node.attributes
    sites = listed(attributes.get("sites"))
    shortened = {**attributes, "sites": sites[:MOST_SITES]} if len(sites) > MOST_SITES else attributes
    structure = stored_structure(stored(node, shortened))
    return structure_panel(structure, node, len(sites))


def structure_panel(
    structure: Structure,
    node: Node,
    total: int,
    more: Mapping[str, Any] | None = None,
    scripts: tuple[str, ...] = (),
    plots: Sequence[Markup] = (),
) -> Panel:
    """The panel of a structure that has `total` sites. `more` are values of the template beside its own."""
    scene = scene_of(structure, total)
    formula = structure.formula if total <= MOST_SITES else ""
    label = f"Structure {formula[:80]}".strip()
    values = {
        "scene": scene.as_json(),
        "picture": structure_svg(scene, label),
        "kinds": scene.kinds[:_SHOWN_KINDS],
        "more_kinds": max(0, len(scene.kinds) - _SHOWN_KINDS),
        "axes": [(number, name) for number, name in enumerate(_AXES) if scene.repeats[number]],
        "directions": _AXES if any(scene.repeats) else ("x", "y", "z"),
        "repeat": scene.repeat,
        "notes": scene.notes,
        "facts": _facts(structure, scene, total, formula),
        "name": str(node.row["label"] or formula or "structure"),
        "steps": None,
        "plots": (),
        **(more or {}),
    }
    return Panel(
        "viewers/structure.html",
        values,
        title="Structure",
        scripts=("structure.js", *scripts),
        plots=plots,
    )


def _facts(structure: Structure, scene: Scene, total: int, formula: str) -> Sequence[tuple[str, str]]:
    """What chemists ask first: names and values, with units."""
    written = formula if "{" in formula else formula.translate(_SUBSCRIPTS)
    found = [("Formula", written)] if 0 < len(formula) <= _LONGEST_FORMULA else []
    found.append(("Sites", f"{total:,}"))
    repeats = [name for name, along in zip(_AXES, scene.repeats, strict=True) if along]
    found.append(("Repeats along", ", ".join(repeats) or "no axis"))
    cell = [vector for vector, along in zip(structure.cell, scene.repeats, strict=True) if along]
    found += [(name, f"{length(vector):.4f} Å") for name, vector in zip(repeats, cell, strict=True)]
    if len(cell) == 3:  # noqa: PLR2004
        found += [("α, β, γ", ", ".join(f"{each:.2f}°" for each in angles(*cell)))]
        found += [("Volume", f"{volume(*cell):.3f} Å³")]
    elif len(cell) == 2:  # noqa: PLR2004
        found += [("Angle", f"{angle(*cell):.2f}°"), ("Area", f"{area(*cell):.3f} Å²")]
    return found
