"""Names of a job's files, in UTF-8 and no longer than disks take, whatever the job called them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

LONGEST = 3000
"""Bytes of a path."""

LONGEST_NAME = 255
"""Bytes of a name, of files and folders."""


def readable_names(paths: list[bytes]) -> dict[bytes, bytes]:
    """A path in UTF-8 for each path. None is that of another, or of a folder of another."""
    below: dict[bytes, set[bytes]] = {}
    for path in paths:
        while path:
            parent, name = os.path.split(path)
            below.setdefault(parent, set()).add(name)
            path = parent  # noqa: PLW2901
    whole = {b"": b""}
    for parent in sorted(below, key=lambda each: each.count(b"/") + bool(each)):
        for name, readable in fresh_names(below[parent]).items():
            path = os.path.join(parent, name)
            target = os.path.join(whole[parent], readable)
            # Escapes are longer than what they stand for: too long a path becomes a name.
            whole[path] = target if len(target) <= LONGEST else shortened(target, of=path)
    return {path: whole[path] for path in paths}


def fresh_names(names: set[bytes]) -> dict[bytes, bytes]:
    """A name in UTF-8 for each name in one folder: those that are UTF-8 keep theirs."""
    found: dict[bytes, bytes] = {}
    taken: set[bytes] = set()
    for name in sorted(names, key=lambda each: (escaped(each) != each, each)):
        readable = shortened(escaped(name), of=name)
        while readable in taken:
            readable = shortened(readable + b"_", of=name + readable)
        taken.add(readable)
        found[name] = readable
    return found


def escaped(name: bytes) -> bytes:
    return name.decode("utf-8", "backslashreplace").encode()


def shortened(name: bytes, *, of: bytes) -> bytes:
    """The name; one that no disk takes ends in a hash of what it is the name `of`."""
    if len(name) <= LONGEST_NAME:
        return name
    start = name.replace(b"/", b"_")[: LONGEST_NAME - 33].decode("utf-8", "ignore").encode()
    return start + b"~" + hashlib.sha256(of).hexdigest()[:32].encode()


def free_name(name: str, taken: Iterable[bytes]) -> str:
    """The name, or that with `_` behind it, that nothing has and no folder."""
    first = {path.split(b"/")[0] for path in taken}
    while os.fsencode(name) in first:
        name += "_"
    return name


def shown(path: bytes) -> str:
    """A path for people to read."""
    return repr(path.decode("utf-8", "backslashreplace"))
