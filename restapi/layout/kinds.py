"""How pages show what a node is: a short name of its type, its kind, which has a colour, and the state of a process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_KINDS: Mapping[str, str] = {
    "data.core.code.": "code",
    "data.code.": "code",
    "data.": "data",
    "process.calculation.": "calculation",
    "process.workflow.": "workflow",
}
"""Kinds of nodes, which are also classes of CSS, by the beginning of a type; the first that fits counts."""

_TONES: Mapping[str, str] = {
    "created": "busy",
    "waiting": "busy",
    "running": "busy",
    "finished": "good",
    "excepted": "bad",
    "killed": "bad",
}


_LONGEST = 60
"""Characters of a state, and of the short name of a type."""


@dataclass(frozen=True)
class State:
    """The state of a process. `tone` is a class of CSS: good, bad, busy or warn."""

    text: str
    tone: str


def kind_of(node_type: str) -> str:
    return next((kind for beginning, kind in _KINDS.items() if node_type.startswith(beginning)), "data")


def short_type(node_type: str) -> str:
    """`StructureData` of `data.core.structure.StructureData.`; the whole text if it has no such part."""
    return shortened(node_type.rstrip(".").rpartition(".")[2] or node_type)


def state_of(process_state: object, exit_status: object) -> State | None:
    """What is shown of a process; None for what is no process, or says nothing of its state."""
    if not isinstance(process_state, str):
        return None
    # Objects and lists are no statuses, and can be of any size and depth.
    if process_state == "finished" and isinstance(exit_status, str | int | float) and exit_status != 0:
        return State(f"finished [{shortened(str(exit_status))}]", "bad")
    return State(shortened(process_state), _TONES.get(process_state, "warn"))


def shortened(text: str, most: int = _LONGEST) -> str:
    """A text of at most so many characters; where it is longer, the last one says so."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
