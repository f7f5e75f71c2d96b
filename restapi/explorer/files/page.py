"""`/nodes/ID/files` and `/nodes/ID/files/PATH`: folders and files of a node, as what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from restapi.explorer.ask import ApiRefused
from restapi.explorer.files.content import content_of
from restapi.explorer.files.listing import file_list
from restapi.explorer.node import candidates
from restapi.explorer.node.found import Node, find_head
from restapi.explorer.query_values import quoted
from restapi.explorer.visit import Visit
from restapi.layout import API, Page

_MOST_LISTED = 1000
_MOST_STEPS = 12
"""Folders above, the nearest ones: each link holds the path down to it."""


@dataclass(frozen=True)
class Step:
    """A folder on the way to a file; `path` is that of its page."""

    name: str
    path: str


def view(visit: Visit, path_id: str, rest: str = "") -> Page:
    try:
        node = find_head(visit, path_id)
    except ApiRefused as refused:
        return candidates.page_of(visit, path_id, refused)
    return _file_or_folder(visit, node, rest) if rest else _folder(visit, node, rest)


def _file_or_folder(visit: Visit, node: Node, path: str) -> Page:
    """Raises ApiRefused: it is neither."""
    try:
        return _file(visit, node, path)
    except ApiRefused as refused:
        if refused.status != HTTPStatus.NOT_FOUND:
            raise
        try:
            return _folder(visit, node, path)
        except ApiRefused:
            raise refused from None


def _folder(visit: Visit, node: Node, path: str) -> Page:
    listed = file_list(visit, f"{node.path}/repo/list", path, most=_MOST_LISTED, is_deep=False)
    values = {
        **_around(node, path),
        "files": listed,
        "list_url": visit.url(f"{API}{node.path}/repo/list", f"filename={quoted(path)}" if path else ""),
        "zip_url": visit.url(f"{API}{node.path}/repo/zip", f"filename={quoted(path)}" if path else ""),
    }
    return Page("files/folder.html", _title(path) or f"Files of {node.title}", values, styles=("files.css",))


def _file(visit: Visit, node: Node, path: str) -> Page:
    content = content_of(visit, node.path, path, as_text=visit.options.get("as") == "text")
    return Page("files/file.html", _title(path), {**_around(node, path), "file": content}, styles=("files.css",))


def _title(path: str) -> str:
    return path.rpartition("/")[2]


def _around(node: Node, path: str) -> Mapping[str, Any]:
    """Where a file or folder is."""
    return {"node": node, "path": path, "steps": _steps(node, path)}


def _steps(node: Node, path: str) -> Sequence[Step]:
    parts = path.split("/") if path else []
    root = f"{node.path}/files"
    numbers = range(max(0, len(parts) - 1 - _MOST_STEPS), len(parts) - 1)
    return [Step(parts[number], "/".join((root, *parts[: number + 1]))) for number in numbers]
