"""Values -> text in a table: what a person reads, and what a spreadsheet may open."""

from __future__ import annotations

from typing import Any

import orjson

from restapi.http.encoding import LargeJSON, dumps

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula, or of what hides one (OWASP, CSV injection)."""


def cell(value: Any) -> str:
    """Text as it is, nothing for null, all else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else dumps(value).decode()


def safe_cell(value: Any) -> str:
    """For a spreadsheet: text that it would take for a formula gets an apostrophe in front."""
    plain = _plain(value)
    text = cell(plain)
    return f"'{text}" if isinstance(plain, str) and text.startswith(_FORMULA) else text


def _plain(value: Any) -> Any:
    """JSON of the database stays as it is, unless it is text, or null."""
    if not isinstance(value, (orjson.Fragment, LargeJSON)):
        return value
    stored = dumps(value)
    return orjson.loads(stored) if stored.startswith((b'"', b"null")) else value
