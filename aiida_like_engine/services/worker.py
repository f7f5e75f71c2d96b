"""One of AiiDA's workers: `python -m aiida_like_engine.services.worker PROFILE`. The engine's log has what it says."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.store_lock import adding_beside
from aiida_like_engine.services.log import Lines


@dataclass
class OfJob:
    """Says before a line on a node which job it is of."""

    root: Root
    known: dict[int, str] = field(default_factory=dict)

    def filter(self, record: logging.LogRecord) -> bool:
        node = getattr(record, "dbnode_id", None)
        if node is not None:
            record.msg, record.args = f"{self.of(node)}{record.getMessage()}", ()
        return True

    def of(self, node: int) -> str:
        if node not in self.known:
            with suppress(sqlite3.Error):
                self.known[node] = self._found(node)
        return self.known.get(node, "")

    def _found(self, node: int) -> str:
        uuid = _one(self.root.store_database, "SELECT uuid FROM db_dbnode WHERE id = ?", node)
        query = "SELECT public_id FROM jobs JOIN runs ON runs.job_id = jobs.id WHERE runs.node_uuid = ?"
        job = _one(self.root.server_database, query, uuid)
        return "" if job is None else f"job {job}: "


def _one(database: Path, query: str, value: Any) -> Any:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return next(connection.execute(query, (value,)), (None,))[0]


def write_log_of_aiida(root: Root) -> None:
    """Let what AiiDA says go to the log, whenever it sets up its own: that is of processes, and knows nothing of jobs.

    To be called before other modules of AiiDA are imported.
    """
    from aiida.common import log

    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(Lines("worker"))
    handler.addFilter(OfJob(root))
    set_up = log.configure_logging

    def set_up_both(*args: Any, **options: Any) -> None:
        set_up(*args, **options)
        for name in ("aiida", "plumpy", "kiwipy"):
            logger = logging.getLogger(name)
            kept = [each for each in logger.handlers if type(each) is not logging.StreamHandler]  # of the terminal
            logger.handlers = [*kept, handler]

    log.configure_logging = set_up_both


def wait_for_purges(root: Root) -> None:
    """Let AiiDA store files of jobs only while no purge looks for what belongs to no node."""
    from aiida.engine.daemon import execmanager

    for name in ("upload_calculation", "retrieve_calculation"):
        setattr(execmanager, name, _adding(root, getattr(execmanager, name)))


def _adding(root: Root, do: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(do)
    async def do_while_adding(*args: Any, **options: Any) -> Any:
        async with adding_beside(root):
            return await do(*args, **options)

    return do_while_adding


def look_early() -> None:
    """Let AiiDA look sooner whether a job has ended that has just begun."""
    from aiida.engine.processes.calcjobs.manager import JobsList

    from aiida_like_engine.plugins.scheduler import poll_seconds

    setting = JobsList.get_minimum_update_interval

    def interval(self: Any) -> float:
        return poll_seconds(self._job_update_requests, setting(self))

    JobsList.get_minimum_update_interval = interval


def main() -> None:
    root = Root(Path(os.environ["AIIDA_PATH"]))
    write_log_of_aiida(root)
    wait_for_purges(root)
    look_early()
    from aiida.engine.daemon.worker import start_daemon_worker

    start_daemon_worker(foreground=False, profile_name=sys.argv[1])


if __name__ == "__main__":
    main()
