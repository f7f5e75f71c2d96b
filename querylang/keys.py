"""The spelling of keys and operators, the same in pairs and in expressions."""

from __future__ import annotations

import re

from querylang.ast import Operator

TEXT = r'"(?:[^"\0]|"")*"'
PLAIN = r'[^\x00-\x20.=!<>&,()"+]+'
_SEGMENT = rf"(?:{TEXT}|{PLAIN})"

KEY = rf"[A-Za-z_][A-Za-z0-9_]*(?:\.{_SEGMENT})*"
OPERATORS = {operator.value: operator for operator in Operator}
SYMBOLS = "|".join(map(re.escape, sorted(OPERATORS, key=len, reverse=True)))


def split_key(text: str) -> tuple[str, tuple[str, ...]]:
    """The key and the path of `attributes.kinds.0."a b"`."""
    key, dot, rest = text.partition(".")
    if not dot:
        return text, ()
    segments = re.findall(_SEGMENT, rest)
    return key, tuple(unquoted(each) if each.startswith('"') else each for each in segments)


def unquoted(text: str) -> str:
    return text[1:-1].replace('""', '"')
