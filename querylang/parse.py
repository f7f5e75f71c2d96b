"""Text -> `ast.Query`: plain queries at once, all others by the grammar, which is made when the first of them comes.

Making it, and importing pyparsing for it, takes longer than assembling an application.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from querylang.ast import Query
from querylang.plain import Plain

if TYPE_CHECKING:
    from querylang.grammar import Grammar


class Parser:
    """For one set of reserved keys. Parses from several threads at once."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self._reserved = frozenset(reserved)
        self._plain = Plain(self._reserved)

    def parse(self, text: str) -> Query:
        """Raises QuerySyntaxError."""
        plain = self._plain.read(text)
        return _grammar_of(self._reserved).parse(text) if plain is None else plain


_making = threading.Lock()
"""pyparsing is not made for building in two threads at once."""


def _grammar_of(reserved: frozenset[str]) -> Grammar:
    with _making:
        return _made(reserved)


@cache
def _made(reserved: frozenset[str]) -> Grammar:
    """The only one for these reserved keys: it is large, and many applications in one process have the same."""
    from querylang.grammar import Grammar

    return Grammar(reserved)
