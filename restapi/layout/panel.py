"""A part of a page: a viewer of a node, or what a run-API shows of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Panel:
    """A template and what it reads, as `panel`. `styles` and `scripts` are static files that the page loads for it."""

    template: str
    values: Mapping[str, Any]
    title: str = ""
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
