"""Paths of dialects, and a tree of them: finding a resource takes a look-up for each part of its path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from restapi.http.conditional import Conditional
from restapi.http.reply import Reply

ID, PAGE = "<path_id>", "<int:page>"
"""What stands in paths for an object, and for the number of a page."""

_FREE = {ID: "path_id", PAGE: "page"}
_LONGEST_NUMBER = 18


@dataclass(frozen=True)
class Way:
    """What answers at a path: by method, with arguments that the path does not name."""

    conditional: Conditional
    answers: Mapping[str, Callable[..., Reply]]
    defaults: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class _Step:
    """A place in the tree of paths; `free` leads on for what is not `named`, and is called `name`."""

    named: dict[str, _Step] = field(default_factory=dict)
    name: str = ""
    free: _Step | None = None
    way: Way | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


class Ways:
    """Paths -> ways, as Flask's router has them."""

    def __init__(self) -> None:
        self._root = _Step()

    def add(self, path: str, way: Way, choices: Mapping[str, Mapping[str, Any]]) -> None:
        """`path` is as for Flask; where it has `<converter:name>`, each word among the choices makes a path."""
        parts = [_alternatives(part, choices) for part in path.strip("/").split("/")]
        for written in product(*parts):
            step = self._root
            for word, _ in written:
                if word not in _FREE:
                    step = step.named.setdefault(word, _Step())
                    continue
                step.name, step.free = _FREE[word], step.free or _Step()
                step = step.free
            meant = {name: value for _, arguments in written for name, value in arguments.items()}
            step.way, step.arguments = way, {**way.defaults, **meant}

    def find(self, path: str) -> tuple[Way, dict[str, Any]] | None:
        """None: only Flask can say."""
        step = self._root
        found: dict[str, Any] = {}
        # A slash at the end means nothing.
        for part in path.removesuffix("/").split("/")[1:]:
            after = step.named.get(part)
            if after is None:
                if step.free is None or not part:
                    return None
                found[step.name] = part
                after = step.free
            step = after
        if step.way is None or not path.isascii():
            return None
        if "page" in found:
            number = found["page"]
            if not number.isdigit() or len(number) > _LONGEST_NUMBER:
                return None
            found["page"] = int(number)
        return step.way, {**step.arguments, **found}


def _alternatives(part: str, choices: Mapping[str, Mapping[str, Any]]) -> Iterable[tuple[str, dict[str, Any]]]:
    """The words that can stand there, each with the arguments that it means."""
    converter, _, name = part.strip("<>").partition(":")
    among = choices.get(converter) if part.startswith("<") else None
    return [(part, {})] if among is None else [(word, {name: meant}) for word, meant in among.items()]
