"""What brings a `server.sqlite` of an older version forward: steps that change its tables, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from aiida_like_engine.server_db.tables import PHASE_TRIGGERS


def _phases(connection: Connection) -> None:
    """Version 2: jobs have phases."""
    connection.exec_driver_sql("ALTER TABLE jobs ADD COLUMN phase TEXT NOT NULL DEFAULT 'draft'")
    connection.exec_driver_sql("CREATE INDEX jobs_by_phase ON jobs (account_id, phase, api, deleted)")
    for trigger in PHASE_TRIGGERS:
        connection.exec_driver_sql(trigger)
    # Each run is written as it is: its trigger does the rest.
    connection.exec_driver_sql("UPDATE runs SET state = state")


MIGRATIONS: Sequence[Callable[[Connection], None]] = (_phases,)
"""What makes version 2 of version 1, and so on."""
