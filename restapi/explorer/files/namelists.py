"""Input files of Fortran programs, namelists and cards, for Pygments, which knows only the language itself."""

from __future__ import annotations

import re
from typing import ClassVar

from pygments.lexer import RegexLexer, bygroups
from pygments.token import Comment, Keyword, Name, Number, Punctuation, String, Text


class NamelistLexer(RegexLexer):  # type: ignore[misc]  # Pygments has no types
    """`&CONTROL`, `calculation = 'scf'`, `/`, and cards such as `K_POINTS automatic`."""

    flags = re.MULTILINE
    tokens: ClassVar = {
        "root": [
            (r"[!#].*$", Comment.Single),
            (r"^(\s*)(&\w+)", bygroups(Text, Keyword)),
            (r"^(\s*)(/)(?=\s*$)", bygroups(Text, Keyword)),
            (r"^[A-Z][A-Z_]{3,}\b", Keyword),
            (r"([A-Za-z_]\w*)((?:\([^)\n]{0,40}\))?\s*)(=)", bygroups(Name.Attribute, Text, Punctuation)),
            (r"'[^'\n]*'|\"[^\"\n]*\"", String),
            (r"\.(?:true|false|t|f)\.", Keyword.Constant),
            (r"(?<![\w.])[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?(?![\w.])", Number),
            (r"[^\W\d]\w*", Text),
            (r"\s+", Text),
            (r".", Text),
        ],
    }
