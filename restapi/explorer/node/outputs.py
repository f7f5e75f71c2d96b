"""What the scheduler of a calculation job printed: files of its output `retrieved`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from restapi.explorer.ask import ApiRefused
from restapi.explorer.query_values import quoted
from restapi.explorer.visit import Visit

_MOST_BYTES = 8000
_MOST_LINES = 40


@dataclass(frozen=True)
class Output:
    """The end of a file; `path` is that of its page."""

    name: str
    path: str
    text: str
    is_cut: bool


def printed(visit: Visit, folder: str, name: str) -> Output | None:
    """The end of a file that is text; None: it is empty, or cannot be read."""
    try:
        part = visit.api.end_of(f"/nodes/{folder}/repo/contents", f"filename={quoted(name)}", _MOST_BYTES)
    except ApiRefused:
        return None
    text = part.content.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}").strip("\r\n")
    if not text.strip():
        return None
    lines = text.splitlines()
    is_cut = not part.is_whole or len(lines) > _MOST_LINES
    return Output(name, f"/nodes/{folder}/files/{name}", "\n".join(lines[-_MOST_LINES:]), is_cut)


def all_printed(visit: Visit, folder: str, names: Iterable[Any]) -> list[Output]:
    """The ends of files by their names, for which anything can stand; of a folder only those that are in it."""
    try:
        listed = visit.api.get(f"/nodes/{folder}/repo/list", "recursive=true")["repo_list"]
    except ApiRefused:
        return []
    there = {each["name"] for each in listed if each["type"] == "FILE"}
    found = (printed(visit, folder, name) for name in names if isinstance(name, str) and name in there)
    return [each for each in found if each is not None]
