"""Any text -> a line of a picture: only what XML may hold and an eye can see, cut where it gets too wide."""

from __future__ import annotations

import re
from html import escape
from itertools import accumulate, takewhile
from unicodedata import combining, east_asian_width

_WIDTHS = {
    **dict.fromkeys("iljI.,:;'|!`", 0.3),
    **dict.fromkeys('ftr()[]{}/\\- "', 0.4),
    **dict.fromkeys("mwMW@%", 0.92),
    **dict.fromkeys("ABCDEFGHKLNOPQRSTUVXYZ+<>=~#&_", 0.74),
}
"""Widths of characters in a sans serif, in multiples of the size of the font; others are about 0.62 wide."""


_ELLIPSIS = 0.9
"""The width of `…`, with a little room."""

_BLANKS = re.compile(r"\s+")

MOST_CHARACTERS = 300
"""Nobody reads more in a picture; labels may be of any length."""


def visible(text: str) -> str:
    """The text in one line, without what turns or hides it: control characters, bidirectional overrides, surrogates."""
    return "".join(each for each in _BLANKS.sub(" ", text[:MOST_CHARACTERS]) if each.isprintable())


def width_of(text: str) -> float:
    """The width that a text takes at most in most fonts, in multiples of the size of the font."""
    return sum(map(_width, text))


def shortened(text: str, most: float) -> str:
    """The text, or its beginning with an ellipsis if it is wider than `most`, a multiple of the size of the font."""
    if width_of(text) <= most:
        return text
    ends = accumulate(map(_width, text))
    kept = sum(1 for _ in takewhile(lambda end: end <= most - _ELLIPSIS, ends))
    return text[:kept].rstrip() + "…"


def marked_up(text: str) -> str:
    """The text as it stands between tags or in quoted attributes of XML and HTML."""
    return escape(visible(text))


def _width(character: str) -> float:
    if character.isascii():
        return _WIDTHS.get(character, 0.62)
    if combining(character):
        return 0
    return 1.05 if east_asian_width(character) in "WF" else 0.68
