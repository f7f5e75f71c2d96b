"""Texts that are uuids, and the range of the uuids with a prefix."""

from __future__ import annotations

import re

_NIL = "00000000-0000-0000-0000-000000000000"
_MAX = _NIL.replace("0", "f")
_TO_NIL = str.maketrans("0123456789abcdef", "0" * 16)


def is_uuid(text: str) -> bool:
    return re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is not None


def uuids_with(prefix: str) -> tuple[str, str] | None:
    """The first and the last uuid with a prefix, a range that the unique index can serve; None if no uuid has it."""
    if prefix.translate(_TO_NIL) != _NIL[: len(prefix)]:
        return None
    return prefix + _NIL[len(prefix) :], prefix + _MAX[len(prefix) :]
