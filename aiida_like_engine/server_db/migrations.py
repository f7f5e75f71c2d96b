"""What brings a `server.sqlite` of an older version forward: steps that change its tables, in one transaction.

Each has its SQL in full, as it was at its version: `tables.py` says what the newest has, and later steps change what
these have made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

_PHASE_OF_RUN_2 = """CASE
    WHEN NEW.state IN ('submitting', 'created', 'queued') THEN 'waiting'
    WHEN NEW.state <> 'ended' THEN 'running'
    WHEN NEW.reason IN ('done', 'stopped') THEN NEW.reason
    ELSE 'failed' END"""
_TRIGGER_2 = f"""CREATE TRIGGER {{}} ON runs
    WHEN NEW.number = (SELECT max(number) FROM runs WHERE job_id = NEW.job_id)
    BEGIN UPDATE jobs SET phase = {_PHASE_OF_RUN_2} WHERE id = NEW.job_id AND phase <> {_PHASE_OF_RUN_2}; END"""  # noqa: S608


def _phases(connection: Connection) -> None:
    """Version 2: jobs have phases."""
    connection.exec_driver_sql("ALTER TABLE jobs ADD COLUMN phase TEXT NOT NULL DEFAULT 'draft'")
    connection.exec_driver_sql("CREATE INDEX jobs_by_phase ON jobs (account_id, phase, api, deleted)")
    for trigger in ("phase_of_new_run AFTER INSERT", "phase_of_run AFTER UPDATE OF state, reason"):
        connection.exec_driver_sql(_TRIGGER_2.format(trigger))
    # Each run is written as it is: its trigger does the rest.
    connection.exec_driver_sql("UPDATE runs SET state = state")


MIGRATIONS: Sequence[Callable[[Connection], None]] = (_phases,)
"""What makes version 2 of version 1, and so on."""
