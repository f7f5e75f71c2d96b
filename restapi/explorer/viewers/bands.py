"""Band structures: energies along the path, relative to the Fermi energy where the calculation has left it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiida_like.errors import DamagedNode
from restapi.explorer.ask import ApiRefused
from restapi.explorer.node.found import Node, NodeRow
from restapi.explorer.pictures.plots.bands import bands_plot
from restapi.explorer.pictures.plots.plot import Plot, plot_svg
from restapi.explorer.pictures.plots.ticks import is_drawable, short
from restapi.explorer.viewers.reading import exported, plot_url
from restapi.explorer.visit import Visit
from restapi.layout.panel import Panel

_HIGHEST = 1e6
"""Of energies that can be asked for."""

_NO_UNIT = ("", "None")
_OUTPUT = "output_parameters"
_FERMI = ("fermi_energy", "fermi_energy_up", "efermi", "fermi_level")
_FIELDS = ",".join(f"attributes.{key}" for key in (*_FERMI, "fermi_energy_units"))


@dataclass(frozen=True)
class Fermi:
    """An energy, and the path of the node that has it."""

    energy: float
    url: str


def view(visit: Visit, node: Node) -> Panel:
    export = exported(visit, node)
    units = node.attributes.get("units")
    unit = units[:20] if isinstance(units, str) and units not in _NO_UNIT else "eV"
    fermi = _fermi(visit, node) if unit == "eV" else None
    try:
        plot = replace(bands_plot(export, fermi.energy if fermi else None, unit), y_range=_asked(visit.options))
        picture = plot_svg(plot, f"Bands {node.row['label'] or ''}".strip())
        bands = max((len(stretch["values"]) for stretch in export["paths"]), default=0)
    except (LookupError, TypeError, ValueError) as error:
        raise DamagedNode(f"the bands cannot be drawn: {error!r:.200}") from error
    values = {
        "picture": picture,
        "svg_url": plot_url(visit, node),
        "here": visit.url(node.path),
        "kind": "bands",
        "legend": _legend(plot),
        "fermi": {"text": f"{short(fermi.energy)} eV", "url": fermi.url} if fermi else None,
        "notes": _notes(plot, bands),
        "unit": unit,
        "y_range": [f"{energy:g}" for energy in plot.y_range or ()],
    }
    return Panel("viewers/plot.html", values, title="Bands", scripts=("plot.js",), plots=(picture,))


def _asked(options: Mapping[str, str]) -> tuple[float, float] | None:
    """The energies that the page is asked to show, `from` and `to`; None: all, or no range."""
    try:
        low, high = float(options["from"]), float(options["to"])
    except (KeyError, ValueError):
        return None
    return (low, high) if low < high and max(-low, high) < _HIGHEST else None


def _legend(plot: Plot) -> list[tuple[int, str]]:
    colours = {line.colour for line in plot.lines}
    return [(1, "spin up"), (2, "spin down")] if len(colours) > 1 else []


def _notes(plot: Plot, bands: int) -> list[str]:
    if not plot.lines:
        return ["There are no bands."]
    return [f"{len(plot.lines):,} of {bands:,} bands are drawn."] if bands > len(plot.lines) else []


def _fermi(visit: Visit, node: Node) -> Fermi | None:
    """The Fermi energy in the output parameters of the calculation that made the bands, if it is there."""
    try:
        makers = visit.api.get(f"{node.path}/links/incoming", 'link_type="create"&limit=1&fields=id,uuid')["incoming"]
        if not makers:
            return None
        outputs = visit.api.get(
            f"{NodeRow(makers[0]).path}/links/outgoing",
            f'link_label="{_OUTPUT}"&limit=1&fields=id,uuid,{_FIELDS}',
        )["outgoing"]
    except ApiRefused:
        return None
    for output in outputs:
        energy = energy_in({key.removeprefix("attributes."): value for key, value in output.items()})
        if energy is not None:
            return Fermi(energy, visit.url(NodeRow(output).path))
    return None


def energy_in(attributes: Mapping[str, Any]) -> float | None:
    """In eV; of several, as of two spins, the first."""
    if attributes.get("fermi_energy_units") not in (None, "eV"):
        return None
    for key in _FERMI:
        found = attributes.get(key)
        value = found[0] if isinstance(found, list) and found else found
        if isinstance(value, int | float) and not isinstance(value, bool) and is_drawable(value):
            return float(value)
    return None
