"""Nodes that are one file: what it holds. What a folder holds is listed on the page of each node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from restapi.explorer.files.content import content_of
from restapi.explorer.node.found import Node
from restapi.explorer.visit import Visit
from restapi.layout.panel import Panel

_FOLDER = "DIRECTORY"
_MOST_BYTES = 8_000
"""Of the beginning of a file; its own page shows more."""


def view(visit: Visit, node: Node) -> Panel | None:
    name = name_of_file(visit, node)
    if name is None:
        return None
    values = {"file": content_of(visit, node.path, name, most=_MOST_BYTES)}
    return Panel("viewers/file.html", values, title=name, styles=("files.css",))


def name_of_file(visit: Visit, node: Node) -> str | None:
    """The file that a node is: the one that its attribute `filename` names, or the only one; None if that says nothing.

    Raises:
        ApiRefused: its files cannot be listed.
    """
    names = [str(entry["name"]) for entry in _listed(visit, node) if entry.get("type") != _FOLDER]
    named = [name for name in names if name == node.attributes.get("filename")] or names
    return named[0] if len(named) == 1 else None


def _listed(visit: Visit, node: Node) -> Sequence[Mapping[str, Any]]:
    entries: Sequence[Mapping[str, Any]] = visit.api.get(f"{node.path}/repo/list")["repo_list"]
    return entries
