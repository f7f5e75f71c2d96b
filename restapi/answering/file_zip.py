"""The files of a node as one zip file, which is made while it is sent."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import zip_longest

from aiida_like.errors import FeatureUnavailable, QueryError
from aiida_like.repository import Entry, Repository, entries
from aiida_like.storage import Snapshot
from aiida_like.timestamps import instant
from aiida_like.zip_stream import MOST_BYTES_OF_PATH, Member, zip_blocks
from restapi.answering.files import Tree
from restapi.http.encoding import attachment
from restapi.http.reply import Reply

MOST_FILES = 10_000
"""Files and empty folders of one zip file: where each lies in it is in memory until the end."""


def answer_zip(snapshot: Snapshot, tree: Tree, folder: str, uuid: str, ctime: str) -> Reply:
    """All that lies in a folder of a node, in a folder with the uuid of the node, dated as the node.

    Raises:
        QueryError: there are too many files, or as `entries`.
        FileNotFound: as `entries`.
        FeatureUnavailable: a path is too long for a zip file.
        DamagedNode: a file is lost.
        StorageError: the store cannot be read.
    """
    above = "".join(f"{each}/" for each in (uuid, folder.removesuffix("/")) if each)
    stored = list(_without_filled(entries(tree, folder, recursive=True)))
    if len(stored) > MOST_FILES:
        raise QueryError(
            f"these are {len(stored)} files and empty folders, and a zip file has at most {MOST_FILES}: name a folder "
            "by filename, or ask for the files one by one"
        )
    repository = snapshot.storage.repository
    members = [_member(repository, above, each) for each in stored]
    for key in {each.key for each in stored if each.key is not None}:
        repository.read(key).blocks.close()
    reply = attachment(zip_blocks(members, instant(ctime)), None, f"{uuid}.zip", "application/zip")
    # Of all that decides the bytes, which no commit changes.
    decides = repr((zlib.ZLIB_RUNTIME_VERSION, above, ctime, [(each.name, each.key) for each in stored]))
    reply.headers["ETag"] = f'"{hashlib.sha256(decides.encode()).hexdigest()}"'
    return reply


def _without_filled(found: Sequence[Entry]) -> Iterator[Entry]:
    """The entries without folders that something is in, which their files name."""
    for entry, following in zip_longest(found, found[1:]):
        is_filled = following is not None and following.name.startswith(f"{entry.name}/")
        if not (entry.is_folder and is_filled):
            yield entry


def _member(repository: Repository, above: str, entry: Entry) -> Member:
    path = above + entry.name
    if len(path.encode()) > MOST_BYTES_OF_PATH:
        raise FeatureUnavailable(f"a path in the repository of the node is too long for a zip file: {path[:100]!r}...")
    return Member(f"{path}/") if entry.key is None else Member(path, partial(repository.read, entry.key))
