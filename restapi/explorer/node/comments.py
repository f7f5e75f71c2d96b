"""What users wrote on a node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from restapi.explorer.node.found import Node
from restapi.explorer.times import moment
from restapi.explorer.visit import Visit

_MOST_TEXT = 2000
_MOST_NAME = 200
MOST_COMMENTS = 30


@dataclass(frozen=True)
class Comment:
    user: str
    time: datetime | None
    text: str
    is_cut: bool


@dataclass(frozen=True)
class Comments:
    """The first comments of `total`."""

    shown: Sequence[Comment]
    total: int


def comments(visit: Visit, node: Node) -> Comments:
    """The comments on a node, the oldest first. Raises ApiRefused."""
    found = visit.api.get(f"{node.path}/contents/comments")["comments"]
    shown = [
        Comment(
            str(each["user"] or "").strip()[:_MOST_NAME],
            moment(each["created_time"]),
            str(each["message"] or "")[:_MOST_TEXT],
            len(str(each["message"] or "")) > _MOST_TEXT,
        )
        for each in found[:MOST_COMMENTS]
    ]
    return Comments(shown, len(found))
