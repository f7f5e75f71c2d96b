"""What can be a uuid, and which begin with a text."""

from __future__ import annotations

import re

_NIL = "00000000-0000-0000-0000-000000000000"
_MAX = _NIL.replace("0", "f")


def is_uuid(text: str) -> bool:
    return re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is not None


def uuids_with(prefix: str) -> tuple[str, str] | None:
    """The first and the last uuid that start so, a range that the unique index can serve; None if none can."""
    if len(prefix) > len(_NIL) or not re.fullmatch("[0-9a-f-]*", prefix):
        return None
    if any((character == "-") != (place == "-") for character, place in zip(prefix, _NIL, strict=False)):
        return None
    return prefix + _NIL[len(prefix) :], prefix + _MAX[len(prefix) :]
