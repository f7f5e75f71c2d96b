"""What a request asks for."""

from __future__ import annotations

from dataclasses import dataclass

ROOT = "/api/v4/"
WORDS = frozenset({"page", "statistics", "full_types", "full_types_count"})


@dataclass(frozen=True)
class Asked:
    """`route` is the path with `*` for the uuid `path_id`, and without the number of a page (0: there is none)."""

    route: str
    path_id: str | None
    page: int
    query: str
    body: bytes = b""


def asked(path: str, query: str, body: bytes) -> Asked:
    parts = path[len(ROOT) :].split("/")
    page = int(parts.pop()) if len(parts) > 2 and parts[-2] == "page" else 0
    if len(parts) == 1 or parts[1] in WORDS:
        return Asked("/".join(parts), None, page, query, body)
    return Asked("/".join((parts[0], "*", *parts[2:])), parts[1], page, query, body)
