"""Texts of profiles as values of the query language."""

from __future__ import annotations

import re

from querylang.ast import String
from querylang.unparse import unparse_value


def of_type(node_type: str) -> str:
    """The query of all nodes of a type; of one that makes no URL, of those whose types begin so."""
    operator = "=" if len(node_type) <= _LONGEST_TYPE else "=startswith="
    return f"node_type{operator}{quoted(node_type[:_LONGEST_TYPE])}"


_LONGEST_TYPE = 1000
"""Characters."""


def anywhere(text: str) -> String:
    """The pattern that `=ilike=` finds a text by, wherever it stands."""
    escaped = re.sub(r"([\\%_])", r"\\\1", text)
    return String(f"%{escaped}%")


def quoted(text: str) -> str:
    """The value of the query language that is this text. It takes no NUL, which no name that is found has."""
    return unparse_value(String(text.replace("\0", "")))
