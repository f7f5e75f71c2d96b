"""Nodes that are one file: CifData and UpfData."""

from __future__ import annotations

from typing import Any

from aiida_like.errors import StorageError
from aiida_like.formats.node import StoredNode


def stored_file(node: StoredNode) -> bytes:
    """The file that the attribute `filename` names; without a match, the only file of the node."""
    filename = node.attributes.get("filename")
    if filename in node.files:
        return node.content(filename)
    if len(node.files) == 1:
        return node.content(node.files[0])
    raise StorageError(f"node {node.uuid} has {len(node.files)} files and none is {filename!r}, its filename")


def cif_picture(node: StoredNode) -> dict[str, Any]:
    """CIF is ASCII; what is not UTF-8 in an old file shows as U+FFFD."""
    return {"str_viz_info": {"data": stored_file(node).decode(errors="replace"), "format": "cif"}}
