"""Files of a node.

A node's `repository_metadata` is a tree, `{"o": {name: {"k": key} | {"o": {...}} | {}}}`; a key names an object in the
store that all nodes of a profile share. `{}` is an empty folder.
"""

from __future__ import annotations

import hashlib
import io
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from aiida_like.deflated import DAMAGED_BYTES
from aiida_like.errors import (
    CANNOT_INFLATE,
    ENDS_EARLY,
    NOT_ITS_KEY,
    TOO_LONG,
    DamagedNode,
    DamagedObject,
    FileNotFound,
    QueryError,
    StorageError,
)

_KEY = re.compile("[0-9a-f]{64}")
"""SHA-256 of the content."""

_NAME = re.compile(r"(?!\.{1,2}\Z)[^/\\\0\ud800-\udfff]+", re.DOTALL)
"""Of a file or a folder, on any system that a zip file is unpacked on; half characters are no text."""

_MOST_AT_ONCE = 512_000_000

BLOCK = 262_144
"""Bytes that are read at a time."""


@dataclass(frozen=True)
class StoredFile:
    """The content of a file, in blocks that are read when they are asked for; `size` in bytes.

    A reader that stops early closes the blocks.
    """

    size: int
    blocks: Blocks

    @classmethod
    def of(cls, content: bytes) -> StoredFile:
        return cls(len(content), Blocks("", io.BytesIO(), iter([content]), len(content), 0))

    def read(self) -> bytes:
        return b"".join(self.blocks)


class Blocks(Iterator[bytes]):
    """The blocks of an object in an open file. Closing a generator that has not begun would leave the file open.

    They are counted, because answers announce how many bytes there are: `size`, which a stranger may have written.
    `origin` is where the content begins in the file; None: it is compressed, so all before a part of it is read too.

    Raises:
        DamagedObject: there are other bytes than should be.
        StorageError: the file cannot be read.
    """

    def __init__(
        self, key: str, file: IO[bytes], blocks: Iterator[bytes], size: int, origin: int | None = None
    ) -> None:
        self._key = key
        self._file = file
        self._blocks = blocks
        self._left = size
        self._origin = origin
        self._begun = b""

    def __next__(self) -> bytes:
        if self._begun:
            block, self._begun = self._begun, b""
            return block
        return self._next()

    def begin(self) -> None:
        """Reads the first `BLOCK` of what is compressed, so that damage there is known before anything is sent."""
        wanted = min(BLOCK, self._left) if self._origin is None else 0
        begun = bytearray()
        while len(begun) < wanted:
            begun += self._next()
        self._begun = bytes(begun)

    def part(self, start: int, stop: int) -> Blocks:
        """The bytes from `start` to before `stop`, instead of the blocks, of which none was taken."""
        size = stop - start
        if self._origin is None:
            return Blocks(self._key, self._file, _cut(self, start, size), size)
        self._file.seek(self._origin + start)
        return Blocks(self._key, self._file, _cut(self._blocks, 0, size), size)

    @property
    def in_file(self) -> tuple[IO[bytes], int] | None:
        """The open file, and where the content begins in it; None: it is compressed."""
        return None if self._origin is None else (self._file, self._origin)

    def close(self) -> None:
        self._file.close()

    def _next(self) -> bytes:
        try:
            block = next(self._blocks, None)
        except OSError as error:
            self.close()
            raise StorageError(f"the object {self._key} of the repository cannot be read: {error}") from error
        except DAMAGED_BYTES as error:
            raise self._damaged(ENDS_EARLY if isinstance(error, EOFError) else CANNOT_INFLATE) from error
        if block is None:
            if self._left:
                raise self._damaged(ENDS_EARLY)
            raise StopIteration
        self._left -= len(block)
        if self._left < 0:
            raise self._damaged(TOO_LONG)
        return block

    def _damaged(self, reason: str) -> DamagedObject:
        self.close()
        return DamagedObject(self._key, reason)


def _cut(blocks: Iterator[bytes], skipped: int, size: int) -> Iterator[bytes]:
    """The `size` bytes behind the first `skipped` ones."""
    for block in blocks:
        part = block[skipped : skipped + size]
        skipped -= min(skipped, len(block))
        size -= len(part)
        if part:
            yield part
        if not size:
            return


def is_key(key: str) -> bool:
    return _KEY.fullmatch(key) is not None


class Repository(ABC):
    """A store of objects by key.

    Keys come from the database of a profile or archive, which may be anybody's: so they are checked, here for all.
    """

    def read(self, key: str) -> StoredFile:
        """An object, of which no more than its header was read.

        Raises:
            DamagedNode: there is no such object, though a node refers to it, or it is damaged.
            StorageError: the store cannot be read.
        """
        if not is_key(key):
            raise DamagedNode(f"{key!r:.80} is not a key of the repository")
        try:
            return self._read(key)
        except OSError as error:
            raise StorageError(f"the object {key} of the repository cannot be read: {error.strerror}") from error

    def begun(self, key: str) -> StoredFile:
        """As `read`, but the first block of what is compressed was read as well."""
        file = self.read(key)
        file.blocks.begin()
        return file

    def check(self, key: str) -> None:
        """Raises DamagedNode, StorageError: as `begun`."""
        self.begun(key).blocks.close()

    def content(self, key: str) -> bytes:
        """The whole content of an object. Raises DamagedNode, StorageError: as `read` and `checked`."""
        return self.checked(self.begun(key), key)

    def checked(self, file: StoredFile, key: str) -> bytes:
        """The whole content of an object that was opened, which its key is the checksum of.

        Raises:
            DamagedNode: it is too large to be read at once, or is damaged.
            StorageError: it cannot be read.
        """
        if file.size > _MOST_AT_ONCE:
            file.blocks.close()
            raise DamagedObject(key, f"has more than {_MOST_AT_ONCE // 1_000_000} MB, and cannot be read at once")
        digest, blocks = hashlib.sha256(), []
        for block in file.blocks:
            digest.update(block)
            blocks.append(block)
        if digest.hexdigest() != key:
            raise DamagedObject(key, NOT_ITS_KEY)
        return b"".join(blocks)

    @abstractmethod
    def _read(self, key: str) -> StoredFile:
        """As `read`, of a key that was checked. Raises DamagedNode, StorageError, OSError."""

    @abstractmethod
    def close(self) -> None: ...


def paths(metadata: Mapping[str, Any]) -> list[str]:
    """The paths of all files, `a/b.txt`, folder by folder in the order in which they are stored."""
    found = []
    # Not by recursion, which a stranger's tree could make too deep.
    open_folders = [("", iter(_below(metadata).items()))]
    while open_folders:
        above, unseen = open_folders[-1]
        for name, entry in unseen:
            if not _is_file(entry):
                open_folders.append((f"{above}{name}/", iter(_below(entry).items())))
                break
            found.append(above + name)
        else:
            open_folders.pop()
    return found


def _is_file(entry: Any) -> bool:
    return isinstance(entry, dict) and "k" in entry


def _below(entry: Any) -> Mapping[str, Any]:
    """What is in a folder; nothing, if it is malformed, and no names that lead elsewhere."""
    found = entry.get("o") if isinstance(entry, dict) else None
    return {name: each for name, each in found.items() if _NAME.fullmatch(name)} if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Entry:
    """A file or folder in a folder; `name` is its path there. A folder has no `key`."""

    name: str
    key: str | None

    @property
    def is_folder(self) -> bool:
        return self.key is None


def entries(metadata: Mapping[str, Any], folder: str, *, recursive: bool = False) -> list[Entry]:
    """The files and folders directly in a folder, by name in the order of code points.

    `recursive`: those in its folders too, each below its folder, which stands in front.

    Raises:
        QueryError: the path leaves the tree of the node.
        FileNotFound: there is no such folder.
    """
    entry = _entry(metadata, folder.removesuffix("/")) if folder else metadata
    if _is_file(entry):
        raise FileNotFound(f"{folder!r} is a file, not a folder, in the repository of the node")
    found = []
    # Not by recursion, which a stranger's tree could make too deep.
    unseen = [(name, below) for name, below in sorted(_below(entry).items(), reverse=True)]
    while unseen:
        path, below = unseen.pop()
        if _is_file(below):
            found.append(Entry(path, str(below["k"])))
            continue
        found.append(Entry(path, None))
        if recursive:
            unseen += [(f"{path}/{name}", each) for name, each in sorted(_below(below).items(), reverse=True)]
    return found


def key_of(metadata: Mapping[str, Any], path: str) -> str:
    """The key of the file at a path.

    Raises:
        QueryError: the path leaves the tree of the node.
        FileNotFound: there is no such file.
    """
    entry = _entry(metadata, path)
    if not _is_file(entry):
        raise FileNotFound(f"{path!r} is a folder, not a file, in the repository of the node")
    return str(entry["k"])


def _entry(metadata: Mapping[str, Any], path: str) -> Any:
    entry: Any = metadata
    for name in _names(path):
        entry = _below(entry).get(name)
        if entry is None:
            raise FileNotFound(f"the node has no file {path!r}")
    return entry


def _names(path: str) -> list[str]:
    names = path.split("/")
    if any(name in {"", ".", ".."} for name in names):
        raise QueryError(f"filename {path!r} is not a path inside the node: write it as folder/file, without . and ..")
    return names
