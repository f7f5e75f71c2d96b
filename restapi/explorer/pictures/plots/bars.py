"""Counts -> a row of bars, each of which leads somewhere, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_STEP, _WIDTH, _HEIGHT, _BELOW, _ABOVE = 62, 50, 110, 20, 18
"""Pixels from bar to bar, of a bar, of the highest bar, and of the text below and above."""


@dataclass(frozen=True)
class Bar:
    name: str
    count: int
    url: str


def bars(given: Sequence[Bar]) -> Markup:
    """A picture that is read from left to right; a bar without height has only its name."""
    most = max((bar.count for bar in given), default=0) or 1
    width, height = _STEP * len(given), _ABOVE + _HEIGHT + _BELOW
    drawn = Markup("").join(_bar(index * _STEP, bar, most) for index, bar in enumerate(given))
    return Markup('<svg class="bars" width="{}" height="{}" viewBox="0 0 {} {}">{}</svg>').format(
        width, height, width, height, drawn
    )


def _bar(left: int, bar: Bar, most: int) -> Markup:
    middle, baseline = left + _STEP / 2, _ABOVE + _HEIGHT
    name = Markup('<text class="name" x="{}" y="{}">{}</text>').format(middle, baseline + 16, bar.name)
    if not bar.count:
        return name
    high = max(2.0, round(_HEIGHT * bar.count / most, 1))
    inside = Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="2"/><text x="{}" y="{}">{}</text>').format(
        left + (_STEP - _WIDTH) / 2, baseline - high, _WIDTH, high, middle, baseline - high - 5, f"{bar.count:,}"
    )
    label = f"{bar.name}: {bar.count:,}"
    return Markup('<a href="{}" aria-label="{}">{}{}</a>').format(bar.url, escape(label), inside, name)
