"""Arrays: which there are, and of one a slice as a table and as a picture; never the whole.

The query string of the page says what is shown: `array` is a name, `at` the indices of all axes but the last two, `row`
and `column` where the table begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiida_like.errors import DamagedNode
from restapi.explorer.ask import ApiRefused
from restapi.explorer.node.found import Node
from restapi.explorer.pictures.plots.ticks import short
from restapi.explorer.viewers.array_picture import ArrayPicture, picture_of
from restapi.explorer.viewers.reading import plot_url, text_of
from restapi.explorer.viewers.slices import StoredArray, arrays_of, slice_of
from restapi.explorer.visit import Visit
from restapi.layout.panel import Panel

_ROWS, _COLUMNS = 20, 8
_SHOWN = 100
"""Arrays that are listed."""

_DIGITS = 12


@dataclass(frozen=True)
class _Choice:
    """What of an array is shown; all of it lies within its shape."""

    array: StoredArray
    shape: Sequence[int]
    at: Sequence[int]
    row: int
    column: int

    @property
    def rows(self) -> int:
        return self.shape[len(self.at)] if len(self.shape) > len(self.at) else 1

    @property
    def columns(self) -> int | None:
        """None: the array has no second axis to show."""
        return self.shape[-1] if len(self.shape) > 1 else None

    def link(self, **changed: Any) -> str:
        """The query string of another choice."""
        given = {"array": self.array.name, "at": ",".join(map(str, self.at)), "row": self.row, "column": self.column}
        return "?" + urlencode({key: value for key, value in (given | changed).items() if value not in {"", 0}})


@dataclass(frozen=True)
class _Table:
    """`head` are the indices of the columns; each row begins with its own."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def view(visit: Visit, node: Node) -> Panel:
    arrays = arrays_of(visit, node)
    choice = _choice(visit.options, arrays)
    picture, table, problem = ArrayPicture(), None, ""
    if choice:
        try:
            picture, table = (
                picture_of(visit, node, choice.array.name, choice.shape, choice.at),
                _table(visit, node, choice),
            )
        except ApiRefused as refused:
            problem = refused.message
        except DamagedNode as error:
            problem = str(error)
    values = {
        "arrays": [(array, "?" + urlencode({"array": array.name}), _shape(array)) for array in arrays[:_SHOWN]],
        "more": max(0, len(arrays) - _SHOWN),
        "choice": choice,
        "indices": _indices(choice) if choice else (),
        "turns": _turns(choice) if choice else {},
        "picture": picture,
        "svg_url": plot_url(visit, node),
        "here": visit.url(node.path),
        "table": table,
        "problem": problem,
    }
    plots = (picture.svg,) if picture.svg else ()
    return Panel("viewers/arrays.html", values, title="Arrays", scripts=("plot.js",), plots=plots)


def _choice(options: Mapping[str, str], arrays: Sequence[StoredArray]) -> _Choice | None:
    """What is asked for, or of the first array that is not empty the beginning."""
    known = {array.name: array for array in arrays if array.shape is not None}
    first = next((array for array in known.values() if all(array.shape or ())), None)
    array = known.get(options.get("array", ""), first)
    if array is None or array.shape is None:
        return None
    leading = array.shape[:-2]
    written = options.get("at", "").split(",")
    at = [_index(written[axis] if axis < len(written) else "", length) for axis, length in enumerate(leading)]
    rows = array.shape[len(at)] if len(array.shape) > len(at) else 1
    columns = array.shape[-1] if len(array.shape) > 1 else 1
    return _Choice(
        array, array.shape, at, _index(options.get("row", ""), rows), _index(options.get("column", ""), columns)
    )


def _index(text: str, length: int) -> int:
    """An index that is written in a URL, within the length; 0 if it is none."""
    is_number = text.isascii() and text.isdigit() and len(text) < 10  # noqa: PLR2004
    return max(0, min(int(text), length - 1)) if is_number else 0


def _table(visit: Visit, node: Node, choice: _Choice) -> _Table:
    at = list(map(str, choice.at))
    if not choice.shape:
        return _Table((), [["", _text(slice_of(visit, node, choice.array.name).values)]])
    rows = f"{choice.row}:{choice.row + _ROWS}"
    if choice.columns is None:
        values = slice_of(visit, node, choice.array.name, rows).values
        return _Table((), [[str(choice.row + number), _text(value)] for number, value in enumerate(values)])
    columns = f"{choice.column}:{choice.column + _COLUMNS}"
    lines = slice_of(visit, node, choice.array.name, *at, rows, columns).values
    head = [str(choice.column + number) for number in range(min(_COLUMNS, choice.columns - choice.column))]
    return _Table(head, [[str(choice.row + number), *map(_text, line)] for number, line in enumerate(lines)])


def _text(value: Any) -> str:
    """A value in a cell: null stands for NaN and the infinities."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return short(value, _DIGITS)
    return text_of(value, 40)


def _shape(array: StoredArray) -> str:
    if array.shape is None:
        return "lost or damaged"
    return " × ".join(f"{length:,}" for length in array.shape) or "one value"


def _indices(choice: _Choice) -> Sequence[Mapping[str, Any]]:
    """The axes of which one index is shown, with links to the ones beside it, empty at the ends of an axis."""
    found = []
    for axis, index in enumerate(choice.at):
        length = choice.shape[axis]
        beside = {
            name: choice.link(at=",".join(map(str, [*choice.at[:axis], other, *choice.at[axis + 1 :]])))
            if 0 <= other < length
            else ""
            for name, other in (("before", index - 1), ("after", index + 1))
        }
        found.append({"axis": axis, "index": index, "length": length, **beside})
    return found


def _turns(choice: _Choice) -> Mapping[str, str]:
    """Links to the parts of the table above, below and beside."""
    columns = choice.columns or 0
    wanted = {
        "rows above": (choice.row > 0, {"row": max(0, choice.row - _ROWS)}),
        "rows below": (choice.row + _ROWS < choice.rows, {"row": choice.row + _ROWS}),
        "columns before": (choice.column > 0, {"column": max(0, choice.column - _COLUMNS)}),
        "columns after": (choice.column + _COLUMNS < columns, {"column": choice.column + _COLUMNS}),
    }
    return {name: choice.link(**changed) for name, (is_there, changed) in wanted.items() if is_there}
