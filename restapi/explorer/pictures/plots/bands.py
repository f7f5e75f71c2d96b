"""Bands along a path of k-points -> a plot: what the export of bands as JSON says, as lines between labelled points."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from restapi.explorer.pictures.plots.plot import Line, Plot, Rule
from restapi.explorer.pictures.plots.ticks import Tick

MOST_BANDS = 400
"""Of more, those in the middle: there are the bands around the gap."""

_MOST_POINTS, _FEWEST = 40_000, 40
"""Points of all bands, or fewer bands are drawn, but no fewer than that."""

_GREEK = {
    "GAMMA": "Γ",
    "DELTA": "Δ",
    "LAMBDA": "Λ",
    "SIGMA": "Σ",
    "G": "Γ",
}
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_NUMBERED = re.compile(r"_\{?(\d+)\}?")


def bands_plot(export: Mapping[str, Any], fermi: float | None = None, unit: str = "eV") -> Plot:
    """The plot of an export; relative to the Fermi energy where it is known.

    `export["paths"]` are stretches between two labelled k-points, each with `x` and the `values` of each band along
    it; the bands of the second of two spins follow those of the first.

    Raises:
        LookupError, TypeError, ValueError: it is no export of bands.
    """
    stretches = [stretch for stretch in export["paths"] if not _is_jump(stretch)]
    count = min((len(stretch["values"]) for stretch in stretches), default=0)
    has_two_spins = any(stretch.get("two_band_types") for stretch in stretches)
    of_each = count // 2 if has_two_spins else count
    lines = [
        _line(stretches, number, fermi or 0.0, _name(number, of_each, has_two_spins), 1 + number // max(of_each, 1))
        for number in _shown(of_each, has_two_spins, sum(len(stretch["x"]) for stretch in stretches))
    ]
    return Plot(
        lines,
        x_label="",
        y_label=f"E − E(Fermi) / {unit}" if fermi is not None else f"energy / {unit}",
        places=_places(stretches),
        rules=[Rule(0.0, "Fermi energy")] if fermi is not None else [],
    )


def pretty(name: str) -> str:
    r"""The name of a k-point as it is printed.

    >>> pretty("GAMMA"), pretty("X_1"), pretty(r"$\Gamma$")
    ('Γ', 'X₁', 'Γ')
    """
    plain = name.strip().strip("$").replace("\\", "")
    head, line, rest = plain.partition("_")
    greek = _GREEK.get(head.upper() if len(head) > 1 else head, head)
    return _NUMBERED.sub(lambda found: found[1].translate(_SUBSCRIPTS), greek + line + rest)[:20]


def _is_jump(stretch: Mapping[str, Any]) -> bool:
    """Whether the path is interrupted: two labelled points follow each other at the same place."""
    x = stretch["x"]
    return len(x) == 2 and x[0] == x[1]  # noqa: PLR2004


def _shown(of_each: int, has_two_spins: bool, points: int) -> Sequence[int]:  # noqa: FBT001
    """The numbers of the bands that are drawn; each has so many points."""
    of_all = min(MOST_BANDS, max(_FEWEST, _MOST_POINTS // max(points, 1)))
    most = of_all // 2 if has_two_spins else of_all
    first = max(0, (of_each - most) // 2)
    numbers = range(first, min(of_each, first + most))
    return [*numbers, *(of_each + number for number in numbers)] if has_two_spins else numbers


def _name(number: int, of_each: int, has_two_spins: bool) -> str:  # noqa: FBT001
    if not has_two_spins:
        return f"band {number + 1}"
    return f"band {number % of_each + 1}, spin {'up' if number < of_each else 'down'}"


def _line(stretches: Sequence[Mapping[str, Any]], number: int, zero: float, name: str, colour: int) -> Line:
    """A band along the whole path, with a gap where the path jumps."""
    x: list[float | None] = []
    y: list[float | None] = []
    for stretch in stretches:
        along, energies = stretch["x"], stretch["values"][number]
        if x and (x[-1] != along[0] or y[-1] is None):
            x.append(None)
            y.append(None)
        x.extend(along)
        y.extend(None if energy is None else energy - zero for energy in energies)
    return Line(name, x, y, colour)


def _places(stretches: Sequence[Mapping[str, Any]]) -> Sequence[Tick]:
    """The labels along the path; two at one place are written `U|K`."""
    found: dict[float, list[str]] = {}
    for stretch in stretches:
        for name, place in ((stretch["from"], stretch["x"][0]), (stretch["to"], stretch["x"][-1])):
            names = found.setdefault(float(place), [])
            text = pretty(str(name))
            if text and text not in names:
                names.append(text)
    return [Tick(place, "|".join(names)) for place, names in sorted(found.items())]
