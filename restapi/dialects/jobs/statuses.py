"""Statuses of jobs and of the clusters that they ran on, from what was recorded of their runs when it happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Event = tuple[str, str, str | None]
"""Name, date and reason of what happened to a run."""


@dataclass(frozen=True)
class Status:
    """`date` in ISO 8601, UTC; `reason` is None unless there is one to tell."""

    name: str
    date: str
    reason: str | None = None

    def as_json(self) -> dict[str, str | None]:
        return {"status": self.name, "statusDate": self.date, "statusReason": self.reason}


JOB_STATUSES: Mapping[str, str] = {
    "pending": "Pending",
    "queued": "Queued",
    "started": "Started",
    "validated": "Validated",
    "executing": "Executing",
    "stopping": "Stopping",
    "completed": "Completed",
    "force_stop": "Force Stop",
}
"""The statuses of a job by the events of its run. There is none for a failure: a job that failed is completed."""

CLUSTER_STATUSES: Mapping[str, str] = {
    "pending": "Not Started",
    "queued": "Starting",
    "started": "Started",
    "stopping": "Stop Requested",
    "completed": "Stopped",
    "force_stop": "Stopped",
}
"""The statuses of a cluster, which is this machine, by the events of the run; other events change nothing."""

_DONE, _STOPPED, _FAILED = "Completed successfully", "User Terminated", "A run failed"

_REASONS: Mapping[str, str] = {"done": _DONE, "stopped": _STOPPED}
"""Reasons of completed jobs, by those of the engine; all others are failures."""

NOT_STARTED = CLUSTER_STATUSES["pending"]

LABEL_CLASSES: Mapping[str, str] = {
    "Not Started": "label-default",
    "Starting": "label-info",
    "Started": "label-success",
    "Stop Requested": "label-warning",
    "Stopped": "label-default",
}
"""What a browser shows the statuses of a cluster with."""

ENDED = frozenset({"completed", "force_stop"})
"""Events after which nothing more happens."""


def event_of(status: str) -> str | None:
    """The event after which a job has a status; None: there is no such status."""
    return next((event for event, name in JOB_STATUSES.items() if name.lower() == status.lower()), None)


def end_of(reason: str | None, message: str | None) -> str | None:
    """The reason of the end of a run, by the engine's word for it and its message. None: it has not ended."""
    if reason is None or reason in _REASONS:
        return None if reason is None else _REASONS[reason]
    return f"{_FAILED}: {message}" if message else _FAILED


def job_statuses(events: Iterable[Event], end: str | None) -> list[Status]:
    """Statuses, the newest first, of events in the order in which they happened; `end` is the reason of the last."""
    return _newest_first(JOB_STATUSES, ((name, date, end if name in ENDED else None) for name, date, _ in events))


def cluster_statuses(events: Iterable[Event]) -> list[Status]:
    """As `job_statuses`, of the cluster; without reasons."""
    return _newest_first(CLUSTER_STATUSES, ((name, date, None) for name, date, _ in events))


def _newest_first(names: Mapping[str, str], events: Iterable[Event]) -> list[Status]:
    found = [Status(names[name], date, reason) for name, date, reason in events if name in names]
    return found[::-1]
