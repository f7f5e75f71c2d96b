"""Looks at the graph of a ROOT, and what belongs to it. It runs in processes of its own: see `in_a_process`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict

import sqlalchemy as sa

from aiida_like_engine.errors import RootError
from aiida_like_engine.graph import orm
from aiida_like_engine.graph.profile_setup import check_codes
from aiida_like_engine.maintenance.finding import Finding
from aiida_like_engine.root.layout import Root
from aiida_like_engine.server_db.database import open_to_write
from aiida_like_engine.server_db.tables import JOBS, RUNS
from aiida_like_engine.services.sealing import seal


def look_at_graph(root: Root) -> str:
    try:
        check_codes(root)
    except RootError as error:
        return json.dumps([asdict(Finding(str(error), "make the code, or change analyses.toml"))])
    database = sqlite3.connect(f"{root.server_database.as_uri()}?mode=ro", uri=True)
    try:
        return json.dumps([asdict(each) for look in (_contents, _nodes) for each in look(database)])
    finally:
        database.close()


def _contents(database: sqlite3.Connection) -> Iterator[Finding]:
    """Files whose content is not in the container."""
    known: dict[str, str] = dict(
        database.execute(
            "SELECT object_key, name FROM files WHERE deleted IS NULL UNION SELECT object_key, path FROM outputs"
        )
    )
    with orm.container() as container:
        there = container.has_objects(list(known))
    lost = [name for (_, name), is_there in zip(known.items(), there, strict=True) if not is_there]
    if lost:
        yield Finding(f"the content of {len(lost)} files is lost, such as {lost[0]!r}", "restore store/ from a backup")


def _nodes(database: sqlite3.Connection) -> Iterator[Finding]:
    """Runs whose node says otherwise."""
    rows = database.execute("SELECT node_uuid, sealed FROM runs WHERE node_uuid IS NOT NULL").fetchall()
    states = orm.processes([uuid for uuid, _ in rows])
    lost = sum(uuid not in states for uuid, _ in rows)
    if lost:
        yield Finding(f"{lost} runs have no node any more", "they were deleted with verdi; outputs of theirs are gone")
    unsealed = sum(uuid in states and states[uuid].has_ended and not sealed for uuid, sealed in rows)
    if unsealed:
        yield Finding(f"{unsealed} runs have ended and are not copied yet", "start the engine, or check --rebuild")


def rebuild_runs(root: Root) -> str:
    check_codes(root)  # loads the profile
    database = open_to_write(root.server_database)
    query = sa.select(RUNS, JOBS.c.public_id.label("job")).join(JOBS).where(RUNS.c.node_uuid.is_not(None))
    with database.reading() as connection:
        runs = connection.execute(query).all()
    states = orm.processes([run.node_uuid for run in runs])
    ended = [run for run in runs if run.node_uuid in states and states[run.node_uuid].has_ended]
    for run in ended:
        seal(database, run, orm.ended(run.node_uuid))
    database.close()
    return str(len(ended))
