"""Nodes that are one file: CifData and UpfData."""

from __future__ import annotations

from typing import Any

from aiida_like.errors import StorageError
from aiida_like.formats.node import StoredNode


def stored_file(node: StoredNode) -> bytes:
    """The file that the attribute `filename` names; without a match, the only file of the node."""
    filename = node.attributes.get("filename")
    named = [path for path in node.files if path == filename] or list(node.files)
    if len(named) != 1:
        raise StorageError(f"node {node.uuid} has {len(named)} files, and none is its filename {filename!r}")
    return node.content(named[0])


def cif_picture(node: StoredNode) -> dict[str, Any]:
    """CIF is ASCII; what is not UTF-8 in an old file shows as U+FFFD."""
    return {"str_viz_info": {"data": stored_file(node).decode(errors="replace"), "format": "cif"}}
