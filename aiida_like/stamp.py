"""Stamps of files: they tell of another file at a path, and of other content."""

from __future__ import annotations

import os

Stamp = tuple[int, ...]


def stamp_of(facts: os.stat_result) -> Stamp:
    """Device, inode, size, and the time in ns when the content changed.

    Not the time when the inode changed: a file that is open changes it when another takes its place.
    """
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns
