"""A tree of routes: the target of a path is found by one look-up for each part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Generic, TypeVar

T = TypeVar("T")

ID, PAGE, USER, RUN = "<path_id>", "<int:page>", "<user>", "<run>"
"""Markers in paths for an object, for the number of a page, for the name of an account, and for a run of an object."""

REST = "<path:rest>"
"""The marker at the end of a path for one or more further parts."""

_FREE = {ID: "path_id", PAGE: "page", USER: "user", RUN: "run"}
_LONGEST_NUMBER = 1000


@dataclass
class _Branch(Generic[T]):
    """A node of the tree. `named`: literal children; `free`: the child for the path parameter `name`.

    `below` is the target of all paths below it that lead nowhere else; they begin after `depth` parts.
    """

    depth: int = 0
    named: dict[str, _Branch[T]] = field(default_factory=dict)
    name: str = ""
    free: _Branch[T] | None = None
    target: T | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    below: T | None = None
    arguments_below: Mapping[str, Any] = field(default_factory=dict)


class RouteTree(Generic[T]):
    """Targets by their paths."""

    def __init__(self) -> None:
        self._root = _Branch[T]()

    def add(self, path: str, target: T, arguments: Mapping[str, Any], choices: Mapping[str, Mapping[str, Any]]) -> None:
        """Adds a path with the arguments that it does not name.

        Where it has `<converter:name>`, each word among the choices of the converter makes a path.
        """
        takes_rest = path.endswith(f"/{REST}")
        path = path.removesuffix(f"/{REST}")
        parts = [_alternatives(part, choices) for part in path.strip("/").split("/")]
        for written in product(*parts):
            branch = self._root
            for word, _ in written:
                if word in _FREE:
                    branch.name, branch.free = _FREE[word], branch.free or _Branch(branch.depth + 1)
                    branch = branch.free
                else:
                    branch = branch.named.setdefault(word, _Branch(branch.depth + 1))
            meant = {name: value for _, named in written for name, value in named.items()}
            if takes_rest:
                branch.below, branch.arguments_below = target, {**arguments, **meant}
            else:
                branch.target, branch.arguments = target, {**arguments, **meant}

    def leave(self, path: str) -> None:
        """Lets a path lead nowhere, and all below it, though a marker would fit: something else answers there."""
        branch = self._root
        for word in path.strip("/").split("/"):
            branch = branch.named.setdefault(word, _Branch(branch.depth + 1))

    def find(self, path: str) -> tuple[T, dict[str, Any]] | None:
        """The target at a path and its arguments. `path` is as in PATH_INFO; a slash at its end means nothing."""
        if not path.isascii():
            path = path.encode("latin-1").decode(errors="replace")
        branch = self._root
        found: dict[str, Any] = {}
        for part in path.removesuffix("/").split("/")[1:]:
            child = branch.named.get(part)
            if child is None:
                if branch.free is None or not part:
                    return None if branch.below is None else _with_rest(branch.below, branch, path, found)
                found[branch.name] = part
                child = branch.free
            branch = child
        if branch.target is None:
            return None
        if "page" in found:
            number = found["page"]
            if not (number.isascii() and number.isdecimal()) or len(number) > _LONGEST_NUMBER:
                return None
            found["page"] = int(number)
        return branch.target, {**branch.arguments, **found} if found else dict(branch.arguments)


def _with_rest(target: T, branch: _Branch[T], path: str, found: Mapping[str, Any]) -> tuple[T, dict[str, Any]] | None:
    """The target of all below a branch, with the parts of the path that come after it."""
    rest = path.removesuffix("/").split("/", branch.depth + 1)[-1]
    return None if "" in rest.split("/") else (target, {**branch.arguments_below, **found, "rest": rest})


def _alternatives(part: str, choices: Mapping[str, Mapping[str, Any]]) -> Iterable[tuple[str, dict[str, Any]]]:
    """The words that a part can be, each with the arguments that it means."""
    converter, _, name = part.strip("<>").partition(":")
    among = choices.get(converter) if part.startswith("<") else None
    return [(part, {})] if among is None else [(word, {name: meant}) for word, meant in among.items()]
