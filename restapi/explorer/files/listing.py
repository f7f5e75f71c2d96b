"""The files of a node as a list with folders, sizes and kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import Any
from urllib.parse import quote

from restapi.explorer.query_values import quoted
from restapi.explorer.visit import Visit

MOST_SHOWN = 60
_MOST_MEASURED = 60
"""Files of which sizes are asked for: each is looked at."""

_LENGTH_OF_LINK = 120
"""Characters that the link of a file has on the average, or fewer files are shown: names can have thousands."""

_DEEPEST = 6
"""Levels that have an indent of their own."""


@dataclass(frozen=True)
class ListedFile:
    """A file or folder. `path` is below the repository of the node, `size` in bytes; None: not known, or a folder."""

    name: str
    path: str
    depth: int
    is_folder: bool
    size: int | None
    kind: str | None

    @property
    def indent(self) -> int:
        return min(self.depth, _DEEPEST)


@dataclass(frozen=True)
class FileList:
    """The first files of a folder, of `total` files and folders."""

    files: Sequence[ListedFile]
    total: int

    @property
    def is_whole(self) -> bool:
        return len(self.files) == self.total


def file_list(
    visit: Visit, api_path: str, folder: str = "", *, most: int = MOST_SHOWN, is_deep: bool = True
) -> FileList:
    """The files at a path of the API that lists them, with sizes unless there are many. Raises ApiRefused."""
    words = ([f"filename={quoted(folder)}"] if folder else []) + (["recursive=true"] if is_deep else [])
    entries = _entries(visit.api.get(api_path, "&".join(words)))
    number = sum(each["type"] == "FILE" for each in entries)
    if 0 < number <= _MOST_MEASURED:
        entries = _entries(visit.api.get(api_path, "&".join([*words, "sizes=true"])))
    above = f"{folder}/" if folder else ""
    files = [_listed(each, above) for each in entries[:most]]
    return FileList(files[: _number_within(files, most * _LENGTH_OF_LINK)], len(entries))


def _number_within(files: Sequence[ListedFile], most: int) -> int:
    """How many of the first files have links that are together no longer than that; at least one."""
    lengths = accumulate(len(quote(each.path)) for each in files)
    return max(1, sum(1 for _ in takewhile(lambda length: length <= most, lengths)))


def _entries(data: Any) -> Sequence[Mapping[str, Any]]:
    """The entries, of the two forms that lists of files have; none where the API says in words that there are none."""
    found = data.get("repo_list", []) if isinstance(data, dict) else data
    return found if isinstance(found, list) else []


def _listed(entry: Mapping[str, Any], above: str) -> ListedFile:
    path = entry["name"]
    *folders, name = path.split("/")
    is_folder = entry["type"] == "DIRECTORY"
    return ListedFile(name, above + path, len(folders), is_folder, entry.get("size"), entry.get("kind"))
