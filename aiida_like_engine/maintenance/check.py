"""What is wrong with a ROOT, and what to do about it, in words. With `rebuild`, what is derived is made anew."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from aiida_like_engine.client import Client
from aiida_like_engine.errors import EngineAway, RootError
from aiida_like_engine.maintenance.finding import Finding
from aiida_like_engine.maintenance.setup import in_a_process, sandbox_works
from aiida_like_engine.root.catalogue import read_catalogue
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import EngineSettings, read_settings
from aiida_like_engine.server_db.database import log_is_left, open_to_read
from aiida_like_engine.server_db.tables import RUNS
from aiida_like_engine.services.supervisor import running

_GRAPH_CHECK = "aiida_like_engine.maintenance.graph_check"
"""What other processes import, as it loads AiiDA."""


def check(root: Root) -> list[Finding]:
    """All that is wrong, what is most in the way first. Nothing but the write-ahead logs is changed."""
    found: list[Finding] = []
    for look in (_settings, _rights, _database, _sandbox, _room):
        found += look(root)
    if any(_settings(root)) or any(_database(root)):
        return found  # the others need these
    found += _engine(root)
    found += [Finding(**each) for each in json.loads(in_a_process(root, "look_at_graph", _GRAPH_CHECK))]
    for database in (root.server_database, root.store_database):
        with log_is_left(database):
            pass
    return found


def rebuild(root: Root) -> int:
    """Make anew what `server.sqlite` holds of runs that have ended; the number of runs.

    Raises:
        RootError: it cannot be done.
    """
    return int(in_a_process(root, "rebuild_runs", _GRAPH_CHECK))


def _settings(root: Root) -> Iterator[Finding]:
    try:
        read_settings(root.settings)
        read_catalogue(root.analyses)
    except RootError as error:
        yield Finding(str(error), "mend the line, or remove the file: aiida-like engine init ROOT writes it anew")


def _rights(root: Root) -> Iterator[Finding]:
    for path, most in ((root.aiida, 0o700), (root.control, 0o700), (root.scratch, 0o700), (root.secret, 0o640)):
        if not path.exists():
            yield Finding(f"{path} is missing", f"aiida-like engine init {root.path}")
        elif stat.S_IMODE(path.stat().st_mode) & ~most:
            yield Finding(f"{path} can be read by more than it should", f"chmod {most:o} {path}")
        elif path.stat().st_uid != os.getuid():
            yield Finding(f"{path} belongs to another user", "run this as the user of the engine")


def _database(root: Root) -> Iterator[Finding]:
    try:
        database = open_to_read(root.server_database)
    except RootError as error:
        yield Finding(str(error), "see docs/runs.md, 'When something is wrong'")
        return
    with database.reading() as connection:
        sound = connection.exec_driver_sql("PRAGMA quick_check").scalar()
    database.close()
    if sound != "ok":
        yield Finding(f"{root.server_database} is damaged ({sound})", "restore it from a backup")


def _sandbox(root: Root) -> Iterator[Finding]:
    if not sandbox_works():
        yield Finding("jobs have no sandbox", "apt install bubblewrap; in a container allow user namespaces")
    if os.getuid() == 0:
        yield Finding(f"the engine of {root.path} is root's, and jobs run as root", "give it a user of its own")


def _room(root: Root) -> Iterator[Finding]:
    state = os.statvfs(root.path)
    free, least = state.f_bavail * state.f_frsize, _limits(root).limits.free_bytes
    if free < 2 * least:
        yield Finding(
            f"the disk has {free} bytes free, and below {least} no upload and no job goes on",
            "make room, or aiida-like engine purge ROOT",
        )


def _limits(root: Root) -> EngineSettings:
    try:
        return read_settings(root.settings)
    except RootError:
        return EngineSettings()


def _engine(root: Root) -> Iterator[Finding]:
    pid = running(root)
    if pid is None:
        waiting = _count(root, RUNS.c.state != "ended")
        if waiting:
            yield Finding(f"no engine runs, and {waiting} jobs wait for it", f"aiida-like engine start {root.path}")
        return
    try:
        health = Client(root.socket).health()
    except EngineAway as error:
        yield Finding(str(error), f"wait some seconds; if it stays so, read {root.log}")
        return
    if not health.ok:
        yield Finding(f"the broker was last seen {health.broker_age} s ago", f"read {root.log}")
    for path in root.aiida.glob("daemon/circus-*.pid"):
        yield Finding(
            f"AiiDA's own daemon may run beside the engine ({path})", "verdi daemon stop: jobs would run twice"
        )


def _count(root: Root, condition: Any) -> int:
    database = open_to_read(root.server_database)
    try:
        with database.reading() as connection:
            query = sa.select(sa.func.count()).select_from(RUNS).where(condition)
            return int(connection.execute(query).scalar_one())
    finally:
        database.close()
