"""Values -> text in a table: what a person reads, and what a spreadsheet may open."""

from __future__ import annotations

from typing import Any

import orjson

from restapi.http.encoding import LargeJSON, dumps

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Characters that begin a formula of a spreadsheet, or hide one that follows (OWASP, CSV injection)."""


def cell(value: Any) -> str:
    """The text of a value: a string as it is, nothing for null, all else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else dumps(value).decode()


def safe_cell(value: Any) -> str:
    """The text for a spreadsheet: a string that would be a formula gets an apostrophe in front."""
    plain = _plain(value)
    text = cell(plain)
    return f"'{text}" if isinstance(plain, str) and text.startswith(_FORMULA) else text


def _plain(value: Any) -> Any:
    """The value; JSON of the database is parsed if it is a string or null."""
    if not isinstance(value, (orjson.Fragment, LargeJSON)):
        return value
    stored = dumps(value)
    return orjson.loads(stored) if stored.startswith((b'"', b"null")) else value
