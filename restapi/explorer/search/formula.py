"""The chemical elements in what somebody types: `Si O`, `Si, O`, `SiO2`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from restapi.explorer.pictures.crystal.elements import ELEMENTS

_MOST = 6
"""Elements of one search: the query language takes fifty comparisons in JSON."""

_PART = re.compile(r"([A-Z][a-z]?)([0-9]*)")


def elements_in(text: str) -> Sequence[str]:
    """The elements that a text names and nothing but them, each once, in their order; none if it says more."""
    found: list[str] = []
    for word in re.split(r"[\s,;-]+", text.strip()):
        parts = _PART.findall(word)
        if not word or "".join(symbol + number for symbol, number in parts) != word:
            return ()
        found.extend(symbol for symbol, _ in parts)
    elements = tuple(dict.fromkeys(found))
    return elements if ELEMENTS.keys() >= {*elements} and len(elements) <= _MOST else ()
