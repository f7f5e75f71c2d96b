"""Files of a node.

A node's `repository_metadata` is a tree, `{"o": {name: {"k": key} | {"o": {...}} | {}}}`; a key names an object in the
store that all nodes of a profile share. `{}` is an empty folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Protocol

from aiida_like.errors import FileNotFound, QueryError


@dataclass(frozen=True)
class StoredFile:
    """The content of a file, in blocks that are read when they are asked for; `size` in bytes.

    A reader that stops early closes the blocks.
    """

    size: int
    blocks: Iterator[bytes]

    def read(self) -> bytes:
        return b"".join(self.blocks)


class Blocks(Iterator[bytes]):
    """The blocks of an open file. Closing a generator that has not begun would leave the file open."""

    def __init__(self, file: IO[bytes], blocks: Iterator[bytes]) -> None:
        self._file = file
        self._blocks = blocks

    def __next__(self) -> bytes:
        return next(self._blocks)

    def close(self) -> None:
        self._file.close()


class Repository(Protocol):
    """A store of objects by key."""

    def read(self, key: str) -> StoredFile:
        """Raises StorageError: there is no such object, though a node refers to it."""

    def close(self) -> None: ...


def paths(metadata: Mapping[str, Any]) -> list[str]:
    """The paths of all files, `a/b.txt`, folder by folder in the order in which they are stored."""
    found: list[str] = []
    for name, entry in metadata.get("o", {}).items():
        found += [name] if "k" in entry else [f"{name}/{path}" for path in paths(entry)]
    return found


@dataclass(frozen=True)
class Entry:
    """A file or folder in a folder."""

    name: str
    is_folder: bool


def entries(metadata: Mapping[str, Any], folder: str) -> list[Entry]:
    """The files and folders directly in a folder, by name in the order of code points.

    Raises:
        QueryError: the path leaves the tree of the node.
        FileNotFound: there is no such folder.
    """
    entry = _entry(metadata, folder.removesuffix("/")) if folder else metadata
    if "k" in entry:
        raise FileNotFound(f"{folder!r} is a file, not a folder, in the repository of the node")
    return [Entry(name, "k" not in below) for name, below in sorted(entry.get("o", {}).items())]


def key_of(metadata: Mapping[str, Any], path: str) -> str:
    """The key of the file at a path.

    Raises:
        QueryError: the path leaves the tree of the node.
        FileNotFound: there is no such file.
    """
    entry = _entry(metadata, path)
    if "k" not in entry:
        raise FileNotFound(f"{path!r} is a folder, not a file, in the repository of the node")
    return str(entry["k"])


def _entry(metadata: Mapping[str, Any], path: str) -> Any:
    entry: Any = metadata
    for name in _names(path):
        entry = entry.get("o", {}).get(name)
        if entry is None:
            raise FileNotFound(f"the node has no file {path!r}")
    return entry


def _names(path: str) -> list[str]:
    names = path.split("/")
    if any(name in {"", ".", ".."} for name in names):
        raise QueryError(f"filename {path!r} is not a path inside the node: write it as folder/file, without . and ..")
    return names
