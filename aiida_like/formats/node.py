"""The content of a node, as the formats need it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aiida_like.errors import DamagedNode


def _no_file(path: str) -> bytes:
    raise DamagedNode(f"the file {path!r} was not asked for")


@dataclass(frozen=True)
class StoredNode:
    """`attributes` is parsed JSON, `files` the paths of all files of the node, `read` the content of one of them.

    Functions that read attributes alone need no files.
    """

    uuid: str
    node_type: str
    label: str
    attributes: Mapping[str, Any]
    read: Callable[[str], bytes] = _no_file
    files: Sequence[str] = ()

    def content(self, path: str) -> bytes:
        """Raises DamagedNode: the node has no such file."""
        if path not in self.files:
            raise DamagedNode(f"node {self.uuid} has lost its file {path!r}")
        return self.read(path)


@contextmanager
def parsing(node: StoredNode, kind: str) -> Iterator[None]:
    """Raises DamagedNode: what is stored does not have the shape that AiiDA gives to this kind of node."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DamagedNode(f"node {node.uuid} does not hold what a {kind} node holds: {error!r:.200}") from error
