"""A part of a page: a viewer of a node, or what a run-API shows of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup


@dataclass(frozen=True)
class Panel:
    """A template and what it reads, as `panel`. `styles` and `scripts` are static files that the page loads for it.

    `plots` are pictures of the panel that can be had as files, too.
    """

    template: str
    values: Mapping[str, Any]
    title: str = ""
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    plots: Sequence[Markup] = ()
