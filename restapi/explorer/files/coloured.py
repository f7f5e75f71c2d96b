"""Text -> lines with numbers and colours, as HTML with classes of Pygments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from pygments.lexer import Lexer

_LEXERS: Mapping[str, str] = {
    ".py": "python",
    ".json": "json",
    ".aiida": "json",
    ".xml": "xml",
    ".html": "html",
    ".svg": "xml",
    ".upf": "xml",
    ".sh": "bash",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".toml": "toml",
    ".ini": "ini",
    ".cfg": "ini",
    ".f90": "fortran",
    ".c": "c",
    ".h": "c",
    ".cpp": "cpp",
    ".js": "javascript",
    ".css": "css",
    ".md": "markdown",
    ".tex": "latex",
    ".diff": "diff",
    ".sql": "sql",
}
"""Names of lexers of Pygments by the ends of files' names. It could guess itself, by reading all it has first."""


MOST_DRAWN = 150_000
"""Characters of HTML: of a text that would take more, the first lines are drawn."""

_LONGEST_LINE = 20_000
"""Characters of a line that are drawn."""

_LONGEST_COLOURED = 2_000
"""Characters: each may get an element of its own, so texts with longer lines stay without colours."""


def coloured_lines(name: str, text: str) -> Markup:
    """The first lines of a text, coloured by what its name says it is."""
    language = language_of(name, text)
    if language is None or max(map(len, text.split("\n"))) > _LONGEST_COLOURED:
        return plain_lines(text)
    from pygments import highlight
    from pygments.formatters.html import HtmlFormatter

    return _numbered(highlight(text, _lexer(language), HtmlFormatter(nowrap=True)).removesuffix("\n").split("\n"))


def plain_lines(text: str) -> Markup:
    """The first lines of a text as they are."""
    return _numbered(map(_plain, text.removesuffix("\n").split("\n")))


def _plain(line: str) -> str:
    if len(line) <= _LONGEST_LINE:
        return str(escape(line))
    return f"{escape(line[:_LONGEST_LINE])}… ({len(line):,} characters)"


def language_of(name: str, text: str) -> str | None:
    """The name of the lexer for a file; None: it is not coloured."""
    found = _LEXERS.get(PurePosixPath(name.lower()).suffix)
    if found is None and text.startswith("#!"):
        first = text.partition("\n")[0]
        return "python" if "python" in first else "bash"
    return _NAMELIST if found is None and text.lstrip()[:1] in {"&", "!"} else found


_NAMELIST = "namelist"


@cache
def _lexer(name: str) -> Lexer:
    from pygments.lexers import get_lexer_by_name

    from restapi.explorer.files.namelists import NamelistLexer

    options = {"stripnl": False, "ensurenl": False}
    found: Lexer = NamelistLexer(**options) if name == _NAMELIST else get_lexer_by_name(name, **options)
    return found


def _numbered(lines: Iterable[str]) -> Markup:
    """The first lines of HTML with numbers that lead to themselves."""
    drawn = []
    left = MOST_DRAWN
    for number, line in enumerate(lines, 1):
        drawn.append(f'<a id="L{number}" href="#L{number}" tabindex="-1">{number}</a><span>{line}</span>')
        left -= len(drawn[-1])
        if left <= 0:
            break
    return Markup("\n".join(drawn))  # noqa: S704 Pygments and `escape` have escaped each line
