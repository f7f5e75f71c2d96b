"""TOML files that an operator writes: what is wrong in one is told with its place."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from aiida_like_engine.errors import RootError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        RootError: it cannot be read.
    """
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RootError(f"{path}: {error}") from None
    return content


def check_keys(table: Iterable[str], known: Collection[str], place: str) -> None:
    """Make sure that a table has no other keys than those that are known.

    Raises:
        RootError: it has one.
    """
    for key in table:
        if key not in known:
            raise RootError(f"{place}: {key!r} is unknown; there is {', '.join(sorted(known))}")
