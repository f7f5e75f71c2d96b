"""The bytes of deleted files are removed, also while an engine works."""

from __future__ import annotations

import json
from dataclasses import dataclass

from aiida_like_engine.errors import EngineAway
from aiida_like_engine.maintenance.setup import in_a_process
from aiida_like_engine.root.layout import Root


@dataclass(frozen=True)
class Purged:
    """`files` that were deleted have no node any more; `freed` bytes are free, and those of `packed` contents are not.

    `why_not`: why no bytes were removed.
    """

    files: int
    freed: int
    packed: int
    why_not: str | None


def purge(root: Root, seconds: float) -> Purged:
    """Remove what belongs to deleted files that no job used or waits for. Waits for uploads and jobs to store theirs.

    Raises:
        EngineAway: they took longer than so many seconds; what is left is removed by the next purge.
        RootError: it cannot be done.
    """
    answer = in_a_process(root, "purge_files", "aiida_like_engine.maintenance.graph_purge", str(seconds))
    purged = Purged(**json.loads(answer))
    if purged.why_not is not None:
        raise EngineAway(
            f"{purged.files} files were removed from the graph, and their bytes are there still: {purged.why_not}"
        )
    return purged
