"""What a client prefers of an answer, beside what the URL says: its format, and how rows are counted (RFC 7240)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header, parse_dict_header

from aiida_like.errors import QueryError
from querylang.options import Options, OptionSpec, word
from restapi.fetching.lists import Count
from restapi.http.exchange import current


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


def preferred(environ: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The headers of `VARY`, where they can make a difference: nearly all clients accept anything."""
    accepted = environ.get("HTTP_ACCEPT", "").lower()
    matters = "csv" in accepted or "ndjson" in accepted
    return accepted if matters else None, environ.get("HTTP_PREFER")


def preferred_count() -> Count | None:
    """None without one. What a server does not know of a preference it ignores."""
    header = current().environ.get("HTTP_PREFER")
    if not header:
        return None
    preferences = {name.strip().lower(): value or "" for name, value in parse_dict_header(header).items()}
    # Behind a semicolon stand parameters, and there are none of this preference.
    return _COUNTS.get(preferences.get("count", "").partition(";")[0].strip())


def preferred_format(given: Options) -> Format:
    """Raises QueryError: no such format."""
    name = given.get("format")
    if name is not None:
        if name not in _FORMATS:
            raise QueryError(f"format takes one of {', '.join(_FORMATS)}, not {name!r}")
        return _FORMATS[name]
    accepted, _ = preferred(current().environ)
    if accepted is None:
        return Format.JSON
    found = parse_accept_header(accepted, MIMEAccept).best_match([form.value for form in Format])
    return Format.JSON if found is None else Format(found)
