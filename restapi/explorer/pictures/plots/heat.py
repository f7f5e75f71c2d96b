"""Heat maps: a table of numbers as an image in a frame with a scale of colours. NaN and the infinities stay empty."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from struct import pack
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from restapi.explorer.pictures.plots.ticks import LARGEST, Tick, ticks
from restapi.explorer.pictures.svg import document, element, group

_SCALE = ("#16204f", "#24528c", "#2a8795", "#63b57c", "#c3d25d", "#fbe99a")
"""From little to much; as grey values they grow too."""

_TOP, _BOTTOM, _BAR = 14.0, 46.0, 16.0
_HEIGHT, _MOST_WIDTH = 420.0, 560.0
_CHARACTER = 7.2

Floats = NDArray[np.float64]


def heat_svg(values: Floats, label: str, column_step: int = 1, row_step: int = 1) -> Markup:
    """The image of `values` (rows, columns), the first row on top, with the indices of rows and columns as ticks.

    Where only one of several rows or columns is drawn, the steps are how many there are from one to the next.
    """
    rows, columns = values.shape
    finite = values[np.abs(values) <= LARGEST]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    row_ticks, value_ticks = _index_ticks(rows, row_step, 6), ticks(low, high, 5)
    left = 30.0 + _CHARACTER * max(len(tick.text) for tick in row_ticks)
    height = _HEIGHT - _TOP - _BOTTOM
    width = float(np.clip(height * columns / rows, height / 2, _MOST_WIDTH))
    bar = left + width + 24
    return document(
        bar + _BAR + 12 + _CHARACTER * max((len(tick.text) for tick in value_ticks), default=1),
        _HEIGHT,
        label,
        element(
            "image",
            href=_png_url(_pixels(values, low, high)),
            x=left,
            y=_TOP,
            width=width,
            height=height,
            preserveAspectRatio="none",
            class_="heat",
        ),
        group(*_below(_index_ticks(columns, column_step, 8), left, width, columns), class_="ticks"),
        group(*_beside(row_ticks, left, height, rows), class_="ticks"),
        element("text", "column", class_="axis", x=left + width / 2, y=_HEIGHT - 8, text_anchor="middle"),
        element(
            "text",
            "row",
            class_="axis",
            transform=f"translate(14 {_TOP + height / 2}) rotate(-90)",
            text_anchor="middle",
        ),
        element("rect", class_="frame", x=left, y=_TOP, width=width, height=height),
        *_colour_bar(bar, height, value_ticks, low, high),
        class_="plot heat-map",
    )


def _index_ticks(count: int, step: int, at_most: int) -> Sequence[Tick]:
    """Stored indices, at their places among those that are drawn."""
    found = ticks(0, (count - 1) * step, at_most)
    return [Tick(tick.value / step, tick.text) for tick in found if tick.value == round(tick.value)]


def _below(marks: Sequence[Tick], left: float, width: float, columns: int) -> Iterator[Markup]:
    for tick in marks:
        x = left + width * (tick.value + 0.5) / columns
        yield element("text", tick.text, x=x, y=_HEIGHT - _BOTTOM + 18, text_anchor="middle")


def _beside(marks: Sequence[Tick], left: float, height: float, rows: int) -> Iterator[Markup]:
    for tick in marks:
        y = _TOP + height * (tick.value + 0.5) / rows
        yield element("text", tick.text, x=left - 8, y=y, text_anchor="end", dy="0.35em")


def _colour_bar(left: float, height: float, marks: Sequence[Tick], low: float, high: float) -> Iterator[Markup]:
    bar = _pixels(np.linspace(1, 0, 64)[:, None], 0, 1)
    place = {"x": left, "y": _TOP, "width": _BAR, "height": height}
    yield element("image", href=_png_url(bar), preserveAspectRatio="none", **place)
    yield element("rect", class_="frame", **place)
    words = (
        element("text", tick.text, x=left + _BAR + 6, y=_TOP + height * (1 - _part(tick.value, low, high)), dy="0.35em")
        for tick in marks
    )
    yield group(*words, class_="ticks")


def _part(value: Any, low: float, high: float) -> Any:
    """0 for the least, 1 for the greatest; a half where all are the same. Halves first: their span may be infinite."""
    return (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else value * 0 + 0.5


def _pixels(values: Floats, low: float, high: float) -> NDArray[np.uint8]:
    """Red, green, blue and opacity of each value."""
    anchors = np.array([[int(colour[start : start + 2], 16) for start in (1, 3, 5)] for colour in _SCALE])
    is_finite = np.abs(values) <= LARGEST
    part = _part(np.where(is_finite, values, low), low, high) * (len(_SCALE) - 1)
    channels = [np.interp(part, range(len(_SCALE)), anchors[:, channel]) for channel in range(3)]
    pixels: NDArray[np.uint8] = np.stack([*channels, np.where(is_finite, 255, 0)], axis=-1).round().astype(np.uint8)
    return pixels


def _png_url(pixels: NDArray[np.uint8]) -> str:
    """A PNG file (ISO 15948) as a URL of its own."""
    rows, columns, _ = pixels.shape
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = pack(">IIBBBBB", columns, rows, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 6)), (b"IEND", b""))
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return f"data:image/png;base64,{b64encode(content).decode()}"
