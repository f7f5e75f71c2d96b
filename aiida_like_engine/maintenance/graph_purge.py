"""Removes nodes and contents of deleted files. It runs in a process of its own: see `in_a_process`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict

import sqlalchemy as sa
from aiida import orm as aiida_orm
from aiida.manage import get_manager
from aiida.tools import delete_nodes

from aiida_like_engine.errors import EngineAway
from aiida_like_engine.graph.profile_setup import check_codes
from aiida_like_engine.maintenance.purge import Purged
from aiida_like_engine.protocol import RunRequest
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.store_lock import purging
from aiida_like_engine.server_db.database import ServerDatabase, open_to_write
from aiida_like_engine.server_db.tables import FILES, RUNS


def purge_files(root: Root, seconds: str) -> str:
    """Remove nodes and contents of deleted files that no job used or waits for: a `Purged`, as JSON."""
    check_codes(root)
    database = open_to_write(root.server_database)
    files = _remove_nodes(database, ~_BROKE_OFF)
    try:
        with purging(root, float(seconds)):
            # Those of uploads that are under way look alike; now there are none.
            files += _remove_nodes(database, _BROKE_OFF)
            freed, packed = _remove_contents(root)
    except EngineAway as error:
        return json.dumps(asdict(Purged(files, 0, 0, str(error))))
    finally:
        database.close()
    return json.dumps(asdict(Purged(files, freed, packed, None)))


_BROKE_OFF = FILES.c.deleted == FILES.c.uploaded
"""Files whose gateway was killed just before, or after, it stored the node."""


def _remove_nodes(database: ServerDatabase, which: sa.ColumnElement[bool]) -> int:
    """Remove nodes and rows of deleted files that nothing needs, one after the other: how many there were."""
    query = sa.select(FILES.c.id, FILES.c.public_id, FILES.c.node_uuid).where(FILES.c.deleted.is_not(None), which)
    # A run that has a node is linked to its inputs. Which have none is looked up first: links come before it is noted.
    waiting = sa.select(RUNS.c.request).where(RUNS.c.state != "ended", RUNS.c.node_uuid.is_(None))
    with database.reading() as connection:
        requests = [RunRequest.from_json(json.loads(text)) for text in connection.execute(waiting).scalars()]
        needed = {each.file for request in requests for step in request.steps for each in step.inputs}
        deleted = [row for row in connection.execute(query) if row.public_id not in needed]
    removed = 0
    for row in deleted:
        if _is_removed(row.node_uuid):
            removed += 1
            with database.writing() as connection:
                connection.execute(FILES.delete().where(FILES.c.id == row.id))
    return removed


def _is_removed(uuid: str) -> bool:
    """Whether there is no such node any more: it is removed, unless something came of it."""
    found = aiida_orm.QueryBuilder().append(aiida_orm.Node, filters={"uuid": uuid}).first(flat=True)
    if found is not None:
        if found.base.links.get_outgoing().first() is not None:
            return False
        delete_nodes([found.pk], dry_run=False)
    return True


def _remove_contents(root: Root) -> tuple[int, int]:
    """Remove contents that belong to no node: the bytes that this frees, and how many lay in packs, and free none."""
    storage = get_manager().get_profile_storage()
    storage.get_session().commit()  # others have stored nodes meanwhile
    keys = storage.get_unreferenced_keyset()
    sizes = list(_sizes_of_loose(root, keys))
    storage.get_repository().delete_objects(list(keys))
    return sum(sizes), len(keys) - len(sizes)


def _sizes_of_loose(root: Root, keys: Iterable[str]) -> Iterable[int]:
    for key in keys:
        with suppress(FileNotFoundError):
            yield root.loose_object(key).stat().st_size
