"""What is kept of what a job leaves: files one by one, the rest in a tar file, as far as there is room."""

from __future__ import annotations

import os
import stat
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .checksums import Checksums
from .folders import look, paths, room
from .log import LOG
from .names import free_name, readable_names, shown

REST = "more_outputs.tar"

COPIES = 3
"""Of each file that is kept there are so many more at once: in a tar file, on AiiDA's way into the store, and there."""


@dataclass(frozen=True)
class Bounds:
    """How many files and bytes are kept of a job, and what is true of files beyond the bytes."""

    files: int
    bytes: int
    beyond: str


def bounds(folder: Path, spec: dict[str, Any]) -> Bounds:
    """What is kept of the job in a folder, as far as the disk has room for it now."""
    limit, there_is = int(spec["output_bytes"]), room(folder, spec["free_bytes"]) // COPIES
    if there_is < limit:
        return Bounds(spec["output_files"], there_is, "are not kept, as the disk has no room for them")
    return Bounds(spec["output_files"], limit, f"are beyond the {limit} bytes that are kept of a job")


def keep(left: Path, work: Path, placed: dict[bytes, tuple[int, ...]], most: Bounds) -> tuple[list[bytes], list[str]]:
    """Move the job's files that are kept from `left` to `work`: their paths, and sentences on those that are not.

    Inputs that are as they were when they were `placed` are none of them.
    """
    folder, notes = os.fsencode(left), []
    outputs, others = sift(folder, placed)
    if others:
        notes.append(f"{len(others)} that are no files were left out, such as {shown(others[0])}")
    chosen = choose(folder, outputs, most.files, most.bytes)
    if chosen.too_large:
        notes.append(f"{len(chosen.too_large)} files {most.beyond}, such as {shown(chosen.too_large[0])}")
    names = readable_names(chosen.kept)
    for path, name in names.items():
        target = os.path.join(os.fsencode(work), name)
        os.makedirs(os.path.dirname(target), mode=0o750, exist_ok=True)
        os.rename(os.path.join(folder, path), target)
    found = list(names.values())
    if chosen.packed:
        rest = free_name(REST, found)
        notes.append(f"{len(chosen.packed)} more files are in {rest}")
        pack(folder, chosen.packed, work / rest)
        found.append(os.fsencode(rest))
    return found, notes


def sift(work: bytes, placed: dict[bytes, tuple[int, ...]]) -> tuple[list[bytes], list[bytes]]:
    """The regular files of a job, its log first, and what else there was."""
    outputs, others = [], []
    for path in list(paths(work)):
        full = os.path.join(work, path)
        if not stat.S_ISREG(os.lstat(full).st_mode):
            others.append(path)
        elif placed.get(path) != look(full):
            os.chmod(full, stat.S_IMODE(os.lstat(full).st_mode) | stat.S_IRUSR | stat.S_IWUSR)
            outputs.append(path)
    return sorted(outputs, key=lambda path: (path != os.fsencode(LOG), path)), others


@dataclass(frozen=True)
class Chosen:
    """Which files are kept one by one, which together in a tar file, and which not at all."""

    kept: list[bytes]
    packed: list[bytes]
    too_large: list[bytes]


def choose(work: bytes, outputs: list[bytes], most: int, most_bytes: int) -> Chosen:
    """What is kept of a job. A file counts as the bytes that it has when it is read, on the disk it may have fewer."""
    sizes = {path: os.lstat(os.path.join(work, path)).st_size for path in outputs}
    kept, too_large, left = fitting(sizes, most_bytes)
    if len(kept) <= most:
        return Chosen(kept, [], too_large)
    single = kept[: max(1, most - 1)]
    left = most_bytes - sum(sizes[path] for path in single) - tarfile.RECORDSIZE
    packed, beyond, _ = fitting({path: size_in_tar(path, sizes[path]) for path in kept[len(single) :]}, left)
    return Chosen(single, packed, too_large + beyond)


def fitting(sizes: dict[bytes, int], left: int) -> tuple[list[bytes], list[bytes], int]:
    """The files for which there is room, in their order; those for which there is none; and the bytes that are left."""
    fit: list[bytes] = []
    beyond: list[bytes] = []
    for path, size in sizes.items():
        (fit if size <= left else beyond).append(path)
        left -= size if size <= left else 0
    return fit, beyond, left


def size_in_tar(path: bytes, size: int) -> int:
    """Bytes of a file in a tar file, or a few more: blocks, a header, another for a long name."""
    blocks = -(-size // tarfile.BLOCKSIZE) + 1
    more = 2 + (4 * len(path) + 100) // tarfile.BLOCKSIZE  # its time, and its name with escapes
    return tarfile.BLOCKSIZE * (blocks + more)


def pack(work: bytes, rest: list[bytes], target: Path) -> None:
    """Put files into a new tar file."""
    try:
        with tarfile.open(target, "x") as tar:
            for path, name in readable_names(rest).items():
                tar.add(os.fsdecode(os.path.join(work, path)), name.decode(), recursive=False)
    except OSError:  # a part of it is none
        target.unlink(missing_ok=True)
        raise


def described(work: Path, path: bytes) -> dict[str, Any]:
    """What is recorded of a file that is kept."""
    with open(os.open(os.path.join(os.fsencode(work), path), os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        found = Checksums.of(file)
    return {"path": path.decode(), "size": found.size, "md5": found.md5, "sha512": found.sha512}
