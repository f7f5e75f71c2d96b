"""A row of API v4 -> the cells of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiida_like import json_text
from restapi.explorer.node.found import reference
from restapi.explorer.tables.columns import Column
from restapi.explorer.tables.names import full_name
from restapi.explorer.tables.wording import Names
from restapi.explorer.times import shown_time
from restapi.explorer.visit import Visit
from restapi.layout.kinds import kind_of, short_type, shortened, state_of
from restapi.layout.quantities import duration

Row = Mapping[str, Any]

_LONGEST = 90
"""Characters of a text in a cell; its title has more."""

_LONGEST_TITLE = 400
_LONGEST_NOTE = 200
_MESSAGE = "attributes.exit_message"


@dataclass(frozen=True)
class Cell:
    """`look` is how the cell is drawn: text, chip, state, time, number or code; `tone` its class of CSS.

    `note` stands beside the text. Of a time, `tone` is the time for programs.
    """

    look: str
    text: str = ""
    title: str = ""
    url: str = ""
    tone: str = ""
    note: str = ""

    @property
    def css(self) -> str:
        """The class of the cell around it."""
        return self.tone if self.look == "text" else "noted" if self.note else _CLASSES.get(self.look, "")


_CLASSES = {"number": "number", "time": "time"}

EMPTY = Cell("text")


@dataclass(frozen=True)
class RowShow:
    """What rows of an entity look like."""

    visit: Visit
    entity: str
    names: Names

    def cells(self, row: Row, columns: Sequence[Column]) -> list[Cell]:
        own = _BY_ENTITY[self.entity]
        return [own[each.key](self, row) if each.key in own else shown_value(row.get(each.key)) for each in columns]

    def url(self, row: Row) -> str:
        """The page of a row; empty where neither its uuid can stand in a path nor its id was asked for."""
        name = reference({"id": "", **row})
        return self.visit.url(f"/{self.entity}/{name}") if name else ""


def shown_value(value: Any) -> Cell:
    """The cell of a value that nothing more is known of."""
    match value:
        case None:
            return EMPTY
        case bool():
            return Cell("code", "true" if value else "false")
        case int() | float():
            return Cell("number", repr(value))
        case str():
            return _text(value)
        case _:
            written = json_text.dumps(value)
            return Cell(
                "code",
                shortened(written, _LONGEST),
                shortened(written, _LONGEST_TITLE) if len(written) > _LONGEST else "",
            )


def _text(value: str, url: str = "") -> Cell:
    is_long = len(value) > _LONGEST
    return Cell("text", shortened(value, _LONGEST), shortened(value, _LONGEST_TITLE) if is_long else "", url)


def _id(show: RowShow, row: Row) -> Cell:
    return Cell("number", str(row["id"]), url=show.url(row))


def _uuid(show: RowShow, row: Row) -> Cell:
    return Cell("code", row["uuid"], url=show.url(row))


def _label(show: RowShow, row: Row) -> Cell:
    """The label of a node; of one without a label what it ran, or its type."""
    label = row["label"]
    process = row["attributes.process_label"]
    text = label or (process if isinstance(process, str) else "") or short_type(row["node_type"])
    return _text(text, show.url(row))


def _process(show: RowShow, row: Row) -> Cell:
    """What a process ran, and beside it the label that somebody gave."""
    process = row["attributes.process_label"]
    cell = _text((process if isinstance(process, str) else "") or short_type(row["node_type"]), show.url(row))
    return replace(cell, note=shortened(row["label"], _LONGEST))


def _type(_: RowShow, row: Row) -> Cell:
    node_type = row["node_type"]
    return Cell("chip", short_type(node_type), shortened(node_type, _LONGEST_TITLE), tone=kind_of(node_type))


def _state(_: RowShow, row: Row) -> Cell:
    """The state of a process, and below it why it failed."""
    state, message = state_of(row["attributes.process_state"], row["attributes.exit_status"]), row[_MESSAGE]
    if state is None:
        return EMPTY
    note = message if isinstance(message, str) else ""
    return Cell("state", shortened(state.text, _LONGEST), tone=state.tone, note=shortened(note, _LONGEST_NOTE))


def _time(key: str) -> Callable[[RowShow, Row], Cell]:
    def show(_: RowShow, row: Row) -> Cell:
        time = shown_time(row[key])
        return Cell("time", time.text, time.full, tone=time.iso)

    return show


def _duration(_: RowShow, row: Row) -> Cell:
    seconds = row["attributes.last_job_info.wallclock_time_seconds"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return shown_value(seconds)
    return Cell("number", duration(seconds), f"{seconds} s")


def _user(show: RowShow, row: Row) -> Cell:
    number = row["user_id"]
    name = show.names.of("user_id").get(number) or f"user {number}"
    return Cell("text", shortened(name, _LONGEST), url=show.visit.url("/nodes", f"user={number}"), tone="soft")


def _computer(show: RowShow, row: Row) -> Cell:
    number = row["dbcomputer_id"]
    if number is None:
        return EMPTY
    name = show.names.of("dbcomputer_id").get(number) or f"computer {number}"
    return Cell("text", shortened(name, _LONGEST), url=show.visit.url("/nodes", f"computer={number}"), tone="soft")


def _group(show: RowShow, row: Row) -> Cell:
    return _text(row["label"] or row["uuid"], show.url(row))


def _computer_itself(show: RowShow, row: Row) -> Cell:
    return _text(row["label"] or f"computer {row['id']}", show.visit.url("/nodes", f"computer={row['id']}"))


def _user_itself(show: RowShow, row: Row) -> Cell:
    name = full_name(row)
    return _text(name or f"user {row['id']}", show.visit.url("/nodes", f"user={row['id']}"))


def _own_number(_: RowShow, row: Row) -> Cell:
    return Cell("number", str(row["id"]))


_Show = Callable[[RowShow, Row], Cell]

_BY_ENTITY: Mapping[str, Mapping[str, _Show]] = {
    "nodes": {
        "id": _id,
        "uuid": _uuid,
        "label": _label,
        "node_type": _type,
        "ctime": _time("ctime"),
        "mtime": _time("mtime"),
        "user_id": _user,
        "dbcomputer_id": _computer,
        "attributes.process_label": _process,
        "attributes.process_state": _state,
        "attributes.last_job_info.wallclock_time_seconds": _duration,
    },
    "groups": {"id": _id, "uuid": _uuid, "label": _group, "time": _time("time"), "user_id": _user},
    "computers": {"id": _own_number, "label": _computer_itself},
    "users": {"id": _own_number, "first_name": _user_itself},
}
"""What columns of an entity show that is not just their value."""
