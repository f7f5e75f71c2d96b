"""Folders -> JSON."""

from __future__ import annotations

from aiida_like.repository import entries
from restapi.answering.files import Tree


def listing(tree: Tree, folder: str) -> list[dict[str, str]]:
    """The files and folders in a folder. Raises QueryError, FileNotFound: as `entries`."""
    return [{"name": entry.name, "type": "DIRECTORY" if entry.is_folder else "FILE"} for entry in entries(tree, folder)]
