"""Raw query string -> text.

Queries are typed by hand, and `%` is a wildcard in them: in `like="%data%"` the characters `%da` are no escape. So only
runs of escapes that are well-formed UTF-8 are decoded, and all else stays as it was typed; `+` is a plus. What cannot
be told apart (`%45ab%` is `Eab%`) is written with `%25` for the percent sign.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_CONTINUED = r"%[89AB][0-9A-F]"

# The table "Well-Formed UTF-8 Byte Sequences" of the Unicode standard (table 3-7), each byte as its escape.
_WELL_FORMED = re.compile(
    rf"""
      %[0-7][0-9A-F]
    | %(?: C[2-9A-F] | D[0-9A-F] ) {_CONTINUED}
    | %E0 %[AB][0-9A-F] {_CONTINUED}
    | %(?: E[1-9ABCEF] ) (?: {_CONTINUED} ){{2}}
    | %ED %[89][0-9A-F] {_CONTINUED}
    | %F0 %[9AB][0-9A-F] (?: {_CONTINUED} ){{2}}
    | %F[1-3] (?: {_CONTINUED} ){{3}}
    | %F4 %8[0-9A-F] (?: {_CONTINUED} ){{2}}
    """,
    re.VERBOSE | re.IGNORECASE,
)


def decode(raw: bytes) -> str:
    """The text of any bytes: those that are no UTF-8 are taken for Latin-1, as WSGI does."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return _WELL_FORMED.sub(lambda escapes: unquote_to_bytes(escapes[0]).decode(), text)
