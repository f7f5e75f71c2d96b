"""Plots as SVG: axes, ticks, lines. Colours are classes, `plot1` to `plot6`, that a style sheet gives a meaning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from restapi.explorer.pictures.plots.simplify import Point, simplified, thinned
from restapi.explorer.pictures.plots.ticks import Tick, is_drawable, ticks
from restapi.explorer.pictures.svg import document, element, group, number

WIDTH, HEIGHT = 720.0, 420.0
COLOURS = 6
"""Lines have these many colours, then the first again."""

_TOP, _RIGHT, _BOTTOM, _LABEL = 14.0, 18.0, 30.0, 24.0
_CHARACTER = 7.2
"""Units that a character of a tick takes at most, at the 12 units of its font."""

_TOLERANCE = 0.1
"""Units: a quarter of what an eye sees. Lines lose the points that they do without."""

_COARSEST = 1.6
_APART = 4.0
"""Units between two labels of the axis along x; nearer ones are left out."""


@dataclass(frozen=True)
class Line:
    """`y` at `x`; where either is None or cannot be drawn, as NaN, the line has a gap. `colour` counts from 1."""

    name: str
    x: Sequence[float | None]
    y: Sequence[float | None]
    colour: int = 1


@dataclass(frozen=True)
class Rule:
    """A line across the plot at a value of y, with a word to it."""

    value: float
    text: str


@dataclass(frozen=True)
class Plot:
    """`places` are ticks along x that are no numbers, such as the k-points of a path; each has a line upwards.

    `is_counted` says that x are whole numbers, as indices are. `y_range` is the part that is shown; None: all.
    """

    lines: Sequence[Line]
    x_label: str
    y_label: str
    places: Sequence[Tick] | None = None
    rules: Sequence[Rule] = ()
    is_counted: bool = False
    y_range: tuple[float, float] | None = None


@dataclass(frozen=True)
class _Frame:
    """The box of the plot in units of the picture, and the values at its sides."""

    left: float
    right: float
    top: float
    bottom: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)


def plot_svg(plot: Plot, label: str, most_bytes: int = 60_000) -> Markup:
    """The plot, with as few points of its lines as can be seen, and fewer still where it would be larger than asked.

    An axis without a finite number is drawn from 0 to 1.
    """
    y_range = plot.y_range or _range_of(plot, "y")
    y_ticks = ticks(*y_range)
    frame = _frame(plot, y_range, y_ticks)
    tolerance = _TOLERANCE
    lines = _lines(plot, frame, tolerance)
    while sum(map(len, lines)) > most_bytes and tolerance < _COARSEST:
        tolerance *= 2
        lines = _lines(plot, frame, tolerance)
    return document(
        WIDTH,
        HEIGHT,
        label,
        *_x_axis(plot, frame),
        *_y_axis(plot, frame, y_ticks),
        group(*_rules(plot, frame), class_="rules"),
        _cut(frame, lines),
        element(
            "rect",
            class_="frame",
            x=frame.left,
            y=frame.top,
            width=frame.right - frame.left,
            height=frame.bottom - frame.top,
        ),
        class_="plot",
        data_box=_joined(frame.left, frame.top, frame.right, frame.bottom),
        data_range=" ".join(repr(value) for value in (*frame.x_range, *frame.y_range)),
    )


def _joined(*values: float) -> str:
    return " ".join(map(number, values))


def _range_of(plot: Plot, axis: str) -> tuple[float, float]:
    """From the least to the greatest number; a little more along y; 0 to 1 where there is none."""
    values = [value for line in plot.lines for value in getattr(line, axis) if value is not None and is_drawable(value)]
    if axis == "y":
        values += [rule.value for rule in plot.rules if is_drawable(rule.value)]
    elif plot.places:
        values += [place.value for place in plot.places]
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    part = 0.04 if axis == "y" else 0.0
    room = part * (high - low) if high > low else abs(low) * 0.1 or 1.0
    return low - room, high + room


def _frame(plot: Plot, y_range: tuple[float, float], y_ticks: Sequence[Tick]) -> _Frame:
    """The left margin follows the longest tick; there is room for the larger letters of small screens."""
    longest = max((len(tick.text) for tick in y_ticks), default=1)
    left = 40.0 + 1.25 * _CHARACTER * longest
    bottom = HEIGHT - _BOTTOM - (_LABEL if plot.x_label else 0)
    return _Frame(left, WIDTH - _RIGHT, _TOP, bottom, _range_of(plot, "x"), y_range)


def _x_axis(plot: Plot, frame: _Frame) -> Iterator[Markup]:
    places = _numbers(plot, frame) if plot.places is None else plot.places
    marks: list[str] = []
    words: list[str] = []
    free = -1.0
    for place in places:
        x = frame.x(place.value)
        name = "place" if plot.places is not None else "grid"
        marks.append(element("line", class_=name, x1=x, x2=x, y1=frame.top, y2=frame.bottom))
        half = _CHARACTER * len(place.text) / 2
        if x - half > free + _APART or not words:
            words.append(element("text", place.text, x=x, y=frame.bottom + 18, text_anchor="middle"))
            free = x + half
    yield group(*marks)
    yield group(*words, class_="ticks")
    middle = (frame.left + frame.right) / 2
    if plot.x_label:
        yield element("text", plot.x_label, class_="axis", x=middle, y=HEIGHT - 7, text_anchor="middle")


def _numbers(plot: Plot, frame: _Frame) -> Sequence[Tick]:
    found = ticks(*frame.x_range, 8)
    if plot.is_counted:
        return [Tick(tick.value, f"{tick.value:.0f}") for tick in found if tick.value == round(tick.value)]
    return found


def _y_axis(plot: Plot, frame: _Frame, y_ticks: Sequence[Tick]) -> Iterator[Markup]:
    marks = [
        element("line", class_="grid", x1=frame.left, x2=frame.right, y1=frame.y(tick.value), y2=frame.y(tick.value))
        for tick in y_ticks
    ]
    yield group(*marks)
    words = [
        element("text", tick.text, x=frame.left - 8, y=frame.y(tick.value), text_anchor="end", dy="0.35em")
        for tick in y_ticks
    ]
    yield group(*words, class_="ticks")
    middle = (frame.top + frame.bottom) / 2
    if plot.y_label:
        turn = f"translate(18 {number(middle)}) rotate(-90)"
        yield element("text", plot.y_label, class_="axis", transform=turn, text_anchor="middle")


def _cut(frame: _Frame, lines: Sequence[str]) -> Markup:
    """The lines as far as they are inside of the frame: a picture in a picture shows nothing outside of it."""
    width, height = frame.right - frame.left, frame.bottom - frame.top
    return element(
        "svg",
        *lines,
        x=frame.left,
        y=frame.top,
        width=width,
        height=height,
        viewBox=_joined(frame.left, frame.top, width, height),
        class_="lines",
    )


def _rules(plot: Plot, frame: _Frame) -> Iterator[Markup]:
    low, high = frame.y_range
    for rule in plot.rules:
        if not low <= rule.value <= high:
            continue
        y = frame.y(rule.value)
        yield element("line", x1=frame.left, x2=frame.right, y1=y, y2=y)
        yield element("text", rule.text, x=frame.right - 6, y=y - 6, text_anchor="end")


def _lines(plot: Plot, frame: _Frame, tolerance: float) -> list[Markup]:
    return [
        element(
            "path",
            class_=f"line plot{(line.colour - 1) % COLOURS + 1}",
            data_name=line.name,
            d="".join(_stroke(piece, tolerance) for piece in _pieces(line, frame)),
        )
        for line in plot.lines
    ]


def _pieces(line: Line, frame: _Frame) -> Iterator[list[Point]]:
    """The stretches of a line between its gaps, in units of the picture."""
    piece: list[Point] = []
    for x, y in zip(line.x, line.y, strict=False):
        if x is None or y is None or not (is_drawable(x) and is_drawable(y)):
            yield piece
            piece = []
        else:
            piece.append((frame.x(x), frame.y(y)))
    yield piece


def _stroke(piece: Sequence[Point], tolerance: float) -> str:
    """A path through the points; a single one is a short stroke, because a line of no length is not seen."""
    if not piece:
        return ""
    if len(piece) == 1:
        (x, y) = piece[0]
        return f"M{number(x - 1.5)},{number(y)}L{number(x + 1.5)},{number(y)}"
    return "M" + "L".join(f"{number(x)},{number(y)}" for x, y in simplified(thinned(piece), tolerance))
