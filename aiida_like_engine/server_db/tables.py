"""The tables of `server.sqlite`.

Times are integers: microseconds since 1970, UTC. Ids of accounts, files, jobs and runs are never used again.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, MetaData, Table, Text

METADATA = MetaData()


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True)


ACCOUNTS = Table(
    "accounts",
    METADATA,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("email", Text, nullable=False, unique=True),
    Column("password_hash", Text),
    Column("is_superuser", Boolean, nullable=False, default=False),
    Column("is_disabled", Boolean, nullable=False, default=False),
    # Raised by a new password, by disabling and by logging out: sessions of older generations end.
    Column("generation", Integer, nullable=False, default=0),
    Column("created", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
KEYS = Table(
    "keys",
    METADATA,
    _id(),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("sha256", Text, nullable=False, unique=True),
    Column("label", Text, nullable=False, default=""),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("revoked", BigInteger),
    sqlite_autoincrement=True,
)
FILES = Table(
    "files",
    METADATA,
    _id(),
    Column("public_id", Text, nullable=False, unique=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("type_id", Integer, nullable=False, default=1),
    Column("size", BigInteger, nullable=False),
    Column("md5", Text, nullable=False),
    Column("sha512", Text, nullable=False),
    # The key of the content in the container, and the SinglefileData that holds it.
    Column("object_key", Text, nullable=False),
    Column("node_uuid", Text),
    Column("uploaded", BigInteger, nullable=False),
    # As `uploaded` until the node is stored: so it stays where a gateway was killed in between.
    Column("deleted", BigInteger),
    sa.Index("files_of_account", "account_id", "deleted", "id"),
    sqlite_autoincrement=True,
)
JOBS = Table(
    "jobs",
    METADATA,
    _id(),
    Column("public_id", Text, nullable=False, unique=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("api", Text, nullable=False, default="jobs"),
    Column("name", Text, nullable=False),
    # What the client sent, in words of its API: JSON.
    Column("document", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("submitted", BigInteger),
    Column("deleted", BigInteger),
    # One of `PHASES`: how far its newest run is. The database keeps it so by itself; see `PHASE_TRIGGERS`.
    Column("phase", Text, nullable=False, server_default="draft"),
    sa.Index("jobs_of_account", "account_id", "api", "deleted", "id"),
    sa.Index("jobs_by_phase", "account_id", "phase", "api", "deleted"),
    sqlite_autoincrement=True,
)
RUNS = Table(
    "runs",
    METADATA,
    _id(),
    Column("job_id", ForeignKey("jobs.id"), nullable=False),
    # From 1, in the job.
    Column("number", Integer, nullable=False),
    # Made before the node, whose attribute `run` it is; a submit that comes twice has the same.
    Column("uuid", Text, nullable=False, unique=True),
    Column("node_uuid", Text),
    # One of `STATES`.
    Column("state", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("cores", Integer, nullable=False),
    # When it was handed to AiiDA; never twice.
    Column("dispatched", BigInteger),
    Column("stop_requested", BigInteger),
    Column("started", BigInteger),
    Column("ended", BigInteger),
    Column("exit_status", Integer),
    # One of `REASONS` when it has ended, and a sentence on it.
    Column("reason", Text),
    Column("message", Text),
    Column("wall_seconds", sa.Float),
    Column("cpu_seconds", sa.Float),
    # Of its largest process.
    Column("peak_bytes", BigInteger),
    Column("output_count", Integer),
    Column("output_bytes", BigInteger),
    # The absolute path of its folder, while there is one.
    Column("folder", Text),
    Column("sealed", Boolean, nullable=False, default=False),
    sa.Index("runs_of_job", "job_id", "number", unique=True),
    sa.Index("runs_by_state", "state"),
    sqlite_autoincrement=True,
)
EVENTS = Table(
    "events",
    METADATA,
    _id(),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    # One of `EVENT_NAMES`, each at most once a run.
    Column("name", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("reason", Text),
    sa.Index("events_of_run", "run_id", "name", unique=True),
)
OUTPUTS = Table(
    "outputs",
    METADATA,
    _id(),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("public_id", Text, nullable=False, unique=True),
    Column("position", Integer, nullable=False),
    # Below the job's folder; bytes that are no UTF-8 stand as \xff.
    Column("path", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("md5", Text, nullable=False),
    Column("sha512", Text, nullable=False),
    Column("object_key", Text, nullable=False),
    sa.Index("outputs_of_run", "run_id", "position", unique=True),
)
SALT = Table("salt", METADATA, Column("salt", Text, nullable=False))
SCHEMA = Table("schema_version", METADATA, Column("version", Integer, nullable=False))

PHASES = ("draft", "waiting", "running", "done", "stopped", "failed")
"""Of a job, by its newest run: what is counted. To join and to judge all runs at each look takes too long."""

_PHASE_OF_RUN = """CASE
    WHEN NEW.state IN ('submitting', 'created', 'queued') THEN 'waiting'
    WHEN NEW.state <> 'ended' THEN 'running'
    WHEN NEW.reason IN ('done', 'stopped') THEN NEW.reason
    ELSE 'failed' END"""

PHASE_TRIGGERS = tuple(
    f"CREATE TRIGGER {name} AFTER {event} ON runs "  # noqa: S608 - all of it stands here
    "WHEN NEW.number = (SELECT max(number) FROM runs WHERE job_id = NEW.job_id) "
    # A row with its document is not written again for nothing.
    f"BEGIN UPDATE jobs SET phase = {_PHASE_OF_RUN} WHERE id = NEW.job_id AND phase <> {_PHASE_OF_RUN}; END"
    for name, event in (("phase_of_new_run", "INSERT"), ("phase_of_run", "UPDATE OF state, reason"))
)
"""What `METADATA` does not make."""

STATES = ("submitting", "created", "queued", "running", "stopping", "ended")
"""submitting: no node yet; created: waits for room; queued: with AiiDA; running: its first program was started;
stopping: it was asked to stop and has not ended; ended: nothing of it changes any more once it is `sealed`."""

REASONS = ("done", "failed", "stopped", "walltime", "signal", "no_room", "lost", "engine")
"""done: each command ended with 0; failed: one did not; signal: one was ended by a signal; no_room: the disk was nearly
full; lost: it left no record of its end; engine: AiiDA could not carry it out."""

EVENT_NAMES = ("pending", "queued", "started", "validated", "executing", "stopping", "completed", "force_stop")
