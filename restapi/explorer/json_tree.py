"""JSON -> a tree to open and close, as HTML. It is bounded, because a profile can hold anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from markupsafe import Markup, escape

LEAVES = 2000
"""Values and branches that all trees of a page show; what is long counts as several."""

_COUNTS_AS_ONE = 100
"""Characters."""

MOST_OF_LEVEL = 100
MOST_LEVELS = 20
MOST_TEXT = 300
_OPEN = 12
"""A branch of the first level is open if it has no more parts than that."""

_MOST_IN_LINE, _LONGEST_LINE = 9, 90
"""Lists of so many scalars, of so many characters, stand in one line."""

UrlOf = Callable[[str], str]
"""The URL of the JSON below a key of the first level; an empty key stands for all of it."""


@dataclass
class Leaves:
    """How many values trees may still show."""

    left: int = LEAVES


def tree(value: Mapping[str, Any], url_of: UrlOf, leaves: Leaves) -> Markup:
    """The tree of an object; of each key of it, `url_of` is where all that is below it can be read."""
    drawn = _Tree(url_of, leaves).parts(value, "", 1)
    # Put together of escaped texts, because thousands of `Markup.format` would take longer than the rest of a page.
    return Markup(f'<ul class="tree">{drawn}</ul>')  # noqa: S704


@dataclass(frozen=True)
class _Tree:
    """Draws parts of a tree, each as HTML."""

    url_of: UrlOf
    leaves: Leaves

    def parts(self, value: Any, top: str, level: int) -> str:
        """The parts of an object or a list; `top` is the key of the first level that it is below."""
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        drawn = []
        for key, part in islice(pairs, MOST_OF_LEVEL):
            if self.leaves.left <= 0:
                break
            drawn.append(f"<li>{self._part(str(key), part, top if level > 1 else str(key), level)}</li>")
        if len(drawn) < len(value):
            drawn.append(f'<li class="more">{self._link(top, f"{len(value) - len(drawn):,} more")}</li>')
        return "".join(drawn)

    def _part(self, key: str, value: Any, top: str, level: int) -> str:
        self.leaves.left -= 1 + min(len(key), MOST_TEXT) // _COUNTS_AS_ONE
        name = f'<span class="key">{escape(key[:MOST_TEXT])}{"…" if len(key) > MOST_TEXT else ""}</span>'
        line = _in_line(value) if isinstance(value, list) else None
        if line is not None or not isinstance(value, dict | list) or not value:
            return f"{name} {self._scalar(value, top) if line is None else _value(line, 'line')}"
        mark = f"{{{len(value)}}}" if isinstance(value, dict) else f"[{len(value)}]"
        if level >= MOST_LEVELS:
            return f"{name} {self._link(top, mark)}"
        state = " open" if level == 1 and len(value) <= _OPEN else ""
        below = self.parts(value, top, level + 1)
        return f'<details{state}><summary>{name} <span class="mark">{mark}</span></summary><ul>{below}</ul></details>'

    def _scalar(self, value: Any, top: str) -> str:
        text, kind = written(value)
        self.leaves.left -= min(len(text), MOST_TEXT) // _COUNTS_AS_ONE
        if len(text) <= MOST_TEXT:
            return _value(text, kind)
        return f"{_value(text[:MOST_TEXT], kind)}… {self._link(top, f'all {len(text):,} characters')}"

    def _link(self, top: str, text: str) -> str:
        return f'<a href="{escape(self.url_of(top))}">{text}</a>'


def _value(text: str, kind: str) -> str:
    return f'<span class="value {kind}">{escape(text)}</span>'


def written(value: Any) -> tuple[str, str]:
    """The text of a value that has no parts, and its kind, a class of CSS."""
    match value:
        case None:
            return "null", "null"
        case bool():
            return ("true" if value else "false"), "bool"
        case int() | float():
            return str(value), "number"
        case str():
            return (f'"{value}"' if _is_ambiguous(value) else value), "text"
        case dict():
            return "{}", "null"
        case _:
            return "[]", "null"


def _is_ambiguous(text: str) -> bool:
    """Whether a text could be taken for another value, or for none."""
    is_padded = text.rstrip("\n") != text.strip()
    return text in {"null", "true", "false", "{}", "[]"} or is_padded or not text or _is_number(text)


_LONGEST_NUMBER = 40


def _is_number(text: str) -> bool:
    if len(text) > _LONGEST_NUMBER:
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True


def _in_line(value: list[Any]) -> str | None:
    """A short list of scalars as JSON; None of one that is long, or has parts."""
    if len(value) > _MOST_IN_LINE or any(isinstance(each, dict | list) for each in value):
        return None
    text = f"[{', '.join(_json(each) for each in value)}]" if all(_is_short(each) for each in value) else ""
    return text if 0 < len(text) <= _LONGEST_LINE else None


def _is_short(value: Any) -> bool:
    return not isinstance(value, str) or len(value) <= _LONGEST_LINE


def _json(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else written(value)[0]
