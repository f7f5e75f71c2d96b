"""Halves of uploads, which a gateway that is killed leaves where contents lie before they are complete."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from aiida_like_engine.errors import EngineAway
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.store_lock import purging

LOGGER = logging.getLogger(__name__)


def halves(root: Root) -> Sequence[Path]:
    """What is not complete now: of uploads, if this gateway has not taken any yet, and of jobs."""
    return list(root.half_contents.iterdir())


def remove_halves(root: Root, found: Iterable[Path]) -> None:
    """Remove what was not complete before, and is not yet. The gateway that took it must have ended."""
    try:
        with purging(root):  # AiiDA's workers complete theirs
            for path in found:
                path.unlink(missing_ok=True)
    except EngineAway as error:
        LOGGER.warning("halves of uploads may be left until the next start: %s", error)
