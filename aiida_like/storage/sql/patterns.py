r"""LIKE patterns: those of SQL, and those in which `_` stands for at most one character.

    pattern = { "%" | "_" | "\" character | character }

SQL's own LIKE takes `_` for exactly one character. So a pattern in which it is at most one is asked in two steps: a
LIKE in which every wildcard is `%` finds the candidates (an index can serve it), and an exact test follows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import groupby

from aiida_like.errors import QueryError

MAX_OPTIONAL = 128
"""The most `_` of a pattern, without those beside a `%`."""
MAX_GAPS = 256
"""The most runs of wildcards of a pattern."""
MAX_LENGTH = 1000
"""The most characters of a pattern: SQLite may compare each of them with each of a text, without asking the clock."""

_TOKEN = re.compile(r"\\(.)|([%_])|(\\)\Z|(.)", re.DOTALL)
_LAST_CHARACTER = "\U0010ffff"
_FIRST_SURROGATE, _AFTER_SURROGATES = 0xD800, 0xE000  # code points that no text can hold


@dataclass(frozen=True)
class Gap:
    """Any characters, from `least` to `most` of them; None: any number."""

    least: int
    most: int | None

    @property
    def optional(self) -> int:
        """The number of optional characters; 0 for a gap of any length."""
        return 0 if self.most is None else self.most - self.least


@dataclass(frozen=True)
class Pattern:
    """A parsed pattern: literal texts and gaps, never two of a kind side by side."""

    tokens: tuple[str | Gap, ...]

    @classmethod
    @lru_cache(maxsize=256)
    def parse_sql(cls, text: str) -> Pattern:
        """A pattern in which `_` is exactly one character.

        Raises:
            QueryError: it ends in the middle of an escape, or is too long.
        """
        return cls._parse(text, 1)

    @classmethod
    @lru_cache(maxsize=256)
    def parse(cls, text: str) -> Pattern:
        """A pattern in which `_` is at most one character.

        Raises:
            QueryError: it ends in the middle of an escape, is too long, or has too many `_`.
        """
        pattern = cls._parse(text, 0)
        if pattern.optional > MAX_OPTIONAL:
            raise QueryError(
                f"the pattern has {pattern.optional} wildcards '_'; at most {MAX_OPTIONAL} are allowed "
                "(write \\_ for the character itself, or % for any sequence)"
            )
        return pattern

    @classmethod
    def _parse(cls, text: str, least: int) -> Pattern:
        if len(text) > MAX_LENGTH:
            raise QueryError(f"the pattern has {len(text)} characters; at most {MAX_LENGTH} are allowed")
        tokens: list[str | Gap] = []
        for is_wildcard, run in groupby(map(_token, _TOKEN.finditer(text)), key=lambda token: token[0]):
            characters = "".join(character for _, character in run)
            if is_wildcard:
                most = None if "%" in characters else len(characters)
                tokens.append(Gap(least * characters.count("_"), most))
            else:
                tokens.append(characters)
        gaps = sum(isinstance(token, Gap) for token in tokens)
        if gaps > MAX_GAPS:
            raise QueryError(f"the pattern has wildcards in {gaps} places; at most {MAX_GAPS} are allowed")
        return cls(tuple(tokens))

    @cached_property
    def optional(self) -> int:
        return sum(token.optional for token in self.tokens if isinstance(token, Gap))

    @property
    def literal(self) -> str | None:
        """The one text that matches, None where there are wildcards."""
        if not self.tokens:
            return ""
        first = self.tokens[0]
        return first if len(self.tokens) == 1 and isinstance(first, str) else None

    @property
    def prefix(self) -> str:
        """The text that every match starts with."""
        return self.tokens[0] if self.tokens and isinstance(self.tokens[0], str) else ""

    @property
    def is_prefix(self) -> bool:
        """Whether every text with this prefix matches."""
        return len(self.tokens) == 2 and self.tokens[1] == Gap(0, None)  # noqa: PLR2004

    @cached_property
    def like(self) -> str:
        r"""An SQL pattern (escape `\`) that matches at least what this one matches, and no more unless `optional`."""
        return "".join(escape(token) if isinstance(token, str) else _gap_like(token) for token in self.tokens)

    @property
    def regex(self) -> str:
        """The pattern as an advanced regular expression of PostgreSQL, whose dot matches line ends too."""
        return "^" + "".join(re.escape(t) if isinstance(t, str) else _gap_regex(t) for t in self.tokens) + "$"

    @property
    def text(self) -> str:
        """`parse(pattern.text) == pattern`, if `_` is at most one character in it."""
        return "".join(
            escape(token) if isinstance(token, str) else "_" * token.most if token.most else "%"
            for token in self.tokens
        )

    def matches(self, text: str) -> bool:
        """Whether a text matches. Bit i of `ends`: a match of the tokens so far may end before character i."""
        length = len(text)
        everywhere = (1 << length + 1) - 1
        ends = 1
        for token in self.tokens:
            if isinstance(token, str):
                ends = (ends & _occurrences(token, text)) << len(token)
                continue
            ends = ends << token.least & everywhere
            if token.most is None:
                ends = everywhere & ~((ends & -ends) - 1) if ends else 0
            else:
                for _ in range(token.optional):
                    ends |= ends << 1
                ends &= everywhere
            if not ends:
                return False
        return bool(ends >> length & 1)


def anywhere(text: str) -> str:
    """The pattern of texts that hold a text. Raises QueryError: it is too long."""
    if len(text) > MAX_LENGTH:
        raise QueryError(f"the text to look for has {len(text)} characters; at most {MAX_LENGTH} are allowed")
    return f"%{escape(text)}%"


def escape(text: str) -> str:
    r"""`text` as an SQL pattern (escape `\`) that matches only itself."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def prefix_end(prefix: str) -> str:
    """The smallest text after all texts that start with `prefix`, in the order of code points.

    There is none if all of `prefix` is U+10FFFF, which is no character; the result is then after the texts that go on
    with any other.
    """
    stem = prefix.rstrip(_LAST_CHARACTER)
    if not stem:
        return _LAST_CHARACTER * (len(prefix) + 1)
    following = ord(stem[-1]) + 1
    return stem[:-1] + chr(_AFTER_SURROGATES if following == _FIRST_SURROGATE else following)


def _token(match: re.Match[str]) -> tuple[bool, str]:
    """Whether a token is a wildcard, and its character."""
    escaped, wildcard, dangling, character = match.groups()
    if dangling:
        raise QueryError("the pattern ends in the escape character \\; write \\\\ for a backslash")
    return (True, wildcard) if wildcard else (False, escaped or character)


def _gap_like(gap: Gap) -> str:
    return "_" * gap.least + ("%" if gap.most != gap.least else "")


def _gap_regex(gap: Gap) -> str:
    return ".*" if gap == Gap(0, None) else f".{{{gap.least},{'' if gap.most is None else gap.most}}}"


def _occurrences(literal: str, text: str) -> int:
    """Bit i is set where `literal` stands at `text[i:]`."""
    marks = bytearray(b"0") * (len(text) + 1)
    position = text.find(literal)
    while position >= 0:
        marks[len(text) - position] = ord("1")
        position = text.find(literal, position + 1)
    return int(marks, 2)
