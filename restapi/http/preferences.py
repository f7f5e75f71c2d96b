"""Preferences of a client beside the URL: the format of an answer, and how rows are counted (RFC 7240)."""

from __future__ import annotations

from enum import Enum

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header, parse_dict_header

from aiida_like.errors import QueryError
from querylang.options import OptionSpec, word


class Count(Enum):
    """Ways to find the number of all rows."""

    EXACT = "exact"
    ESTIMATED = "estimated"
    NONE = "none"


class Format(Enum):
    """The value is the media type."""

    JSON = "application/json"
    CSV = "text/csv"
    NDJSON = "application/x-ndjson"


VARY = "Accept, Prefer"
"""The headers that decide what an answer is."""

FORMAT = OptionSpec(
    word, "csv or ndjson: all rows, or limit= of them, as a file.", choices=tuple(form.name.lower() for form in Format)
)
"""An option of lists."""

_COUNTS = {count.value: count for count in Count}
_FORMATS = {form.name.lower(): form for form in Format}


def preferred_count(prefers: str) -> Count | None:
    """The count that a `Prefer` header asks for; None: none that is known."""
    preferences = {name.strip().lower(): value or "" for name, value in parse_dict_header(prefers).items()}
    # Parameters follow a semicolon; this preference has none.
    return _COUNTS.get(preferences.get("count", "").partition(";")[0].strip())


def preferred_format(accepts: str | None, name: str | None) -> Format:
    """The format of that name, or of an `Accept` header. Raises QueryError: no such format."""
    if name is not None:
        if name not in _FORMATS:
            raise QueryError(f"format takes one of {', '.join(_FORMATS)}, not {name!r}")
        return _FORMATS[name]
    if accepts is None:
        return Format.JSON
    found = parse_accept_header(accepts, MIMEAccept).best_match([form.value for form in Format])
    return Format.JSON if found is None else Format(found)
