"""Temporary files of PostgreSQL: rows that it keeps while it sorts or joins, and that do not fit into its memory.

A session's limit stops a statement that writes too much (`temp_file_limit`). Where the role may not set it, the plan
says before how much is to be expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_KILOBYTES = 1_000_000
"""Of the temporary files of one session."""

_KEEPING = frozenset({"Sort", "Incremental Sort", "Hash", "Materialize"})
"""Nodes of plans that keep all rows of the node below them."""

_PASSING = frozenset({"Gather Merge", "Result", "Subquery Scan"})
"""Nodes through which a LIMIT reaches the sort below them."""

_OVERHEAD = 32
"""Bytes of a row besides its values."""

Plan = Mapping[str, Any]


def expected_kilobytes(plan: Plan, window: int | None) -> int:
    """What is kept at once, at most, by a node of a plan (EXPLAIN in JSON, its "Plan") and those below it.

    `window`: so many rows, counted from the first, are asked for; None: all. Of a sort right below a LIMIT no more are
    kept.
    """
    return sum(_bytes_of(node, window if is_cut else None) for node, is_cut in _nodes(plan)) // 1000


def _nodes(plan: Plan, *, is_cut: bool = False) -> Iterator[tuple[Plan, bool]]:
    yield plan, is_cut
    kind = plan["Node Type"]
    for each in plan.get("Plans", ()):
        yield from _nodes(each, is_cut=kind == "Limit" or (is_cut and kind in _PASSING))


def _bytes_of(node: Plan, window: int | None) -> int:
    if node["Node Type"] not in _KEEPING and node.get("Strategy") != "Hashed":
        return 0
    rows = node["Plan Rows"] if window is None else min(node["Plan Rows"], window)
    return int(rows * (node["Plan Width"] + _OVERHEAD))
