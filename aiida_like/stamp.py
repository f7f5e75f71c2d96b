"""Stamps of files: they tell whether a path leads to another file than before, or to a file with other content."""

from __future__ import annotations

import os

Stamp = tuple[int, ...]


def stamp_of(facts: os.stat_result) -> Stamp:
    """Device, inode, size, and the time of change in ns. Not that of the inode: a file that another replaces changes it."""
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns
