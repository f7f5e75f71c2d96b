"""Files and contents of nodes -> responses, and parts of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, select

from aiida_like.errors import DamagedNode, FileNotFound, QueryError
from aiida_like.file_kind import kind_of
from aiida_like.formats import StoredNode
from aiida_like.json_text import object_of
from aiida_like.models import link, node
from aiida_like.repository import Entry, Repository, entries, key_of, paths
from aiida_like.storage import Snapshot, Statement
from aiida_like.storage.sql.expressions import unindexed
from querylang.options import Options
from restapi.http.encoding import LARGE, attachment
from restapi.http.reply import Reply

Tree = Mapping[str, Any]


def stored_node(
    snapshot: Snapshot, uuid: str, node_type: str, label: str, attributes: str | None, metadata: str | None
) -> StoredNode:
    """The content of a node, from values of its columns."""
    tree, repository = object_of(metadata), snapshot.storage.repository
    return StoredNode(
        uuid=uuid,
        node_type=node_type,
        label=label,
        attributes=object_of(attributes),
        read=lambda path: repository.content(key_of(tree, path)),
        files=paths(tree),
    )


def retrieved_files(snapshot: Snapshot, pk: int) -> Tree | None:
    """The tree of files that a calculation job left, in its output `retrieved`; None without such an output."""
    rows = snapshot.rows(Statement("retrieved", _select_retrieved, {"main": pk}))
    return object_of(rows[0][0]) if rows else None


def asked_listing(snapshot: Snapshot, tree: Tree, given: Options) -> list[dict[str, Any]]:
    """The files and folders of the options `FILES`, in a folder and, if asked for, below; with sizes, if asked for.

    Raises:
        QueryError: too many sizes are asked for, or as `entries`.
        FileNotFound: as `entries`.
        StorageError: the store cannot be read.
    """
    found = entries(tree, given.get("filename", ""), recursive=given.get("recursive", False))
    if not given.get("sizes", False):
        return list(map(_listed, found))
    number = sum(not entry.is_folder for entry in found)
    if number > _MOST_SIZES:
        raise QueryError(
            f"these are {number} files, and sizes are told of at most {_MOST_SIZES} at once: leave out sizes or "
            "recursive, or name a folder with fewer files by filename"
        )
    repository = snapshot.storage.repository
    return [_listed(entry) | ({} if entry.key is None else _measured(repository, entry.key)) for entry in found]


_MOST_SIZES = 2000


def _listed(entry: Entry) -> dict[str, Any]:
    return {"name": entry.name, "type": "DIRECTORY" if entry.is_folder else "FILE"}


def _measured(repository: Repository, key: str) -> dict[str, Any]:
    """The size of a file in bytes, and its kind; null of one that is lost or damaged."""
    try:
        file = repository.read(key)
        return {"size": file.size, "kind": kind_of(file).value}
    except DamagedNode:
        return {"size": None, "kind": None}


def answer_file(snapshot: Snapshot, tree: Tree, written: str) -> Reply:
    """The file at the path that a client wrote, for download. What is small is read at once, so it can be checked.

    Raises:
        QueryError, FileNotFound: as `key_of`.
        DamagedNode, StorageError: as `Repository.read`.
    """
    path, repository = _path_of(tree, written), snapshot.storage.repository
    key = key_of(tree, path)
    file = repository.begun(key)
    content = repository.checked(file, key) if file.size <= LARGE else file.blocks
    reply = attachment(content, file.size, path.replace("/", "_"))
    # The checksum of the content, which no commit changes: so a download can go on after one.
    reply.headers["ETag"] = f'"{key}"'
    return reply


def _path_of(tree: Tree, written: str) -> str:
    """The stored path. A known client writes `+` for a blank, which is tried if no file has the plus in its name."""
    try:
        key_of(tree, written)
    except FileNotFound:
        blank = written.replace("+", " ")
        if blank == written:
            raise
        key_of(tree, blank)
        return blank
    return written


def _select_retrieved() -> Select[Any]:
    return (
        select(node.c.repository_metadata)
        .join_from(link, node, link.c.output_id == node.c.id)
        .where(link.c.input_id == bindparam("main", type_=BigInteger()), unindexed(link.c.label) == "retrieved")
        .order_by(node.c.id)
        .limit(1)
    )
