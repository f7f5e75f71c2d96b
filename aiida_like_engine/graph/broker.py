"""AiiDA's broker, as it tells of itself in files: what it has to hand out, and who listens."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from aiida.manage import get_manager


def processes_with_task() -> set[int]:
    """The processes that the broker has a task for. An active one without was lost on its way: nobody works on it."""
    found = set()
    storage = Path(get_manager().get_broker()._service_dir) / "storage" / "tasks"  # noqa: SLF001
    for path in storage.glob("*/*.json"):
        try:
            found.add(int(json.loads(path.read_text("utf-8"))["body"]["args"]["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


@dataclass(frozen=True)
class Broker:
    """`age`: seconds since it last wrote that it lives. `workers` listen to it."""

    age: float
    workers: int


def state_of_broker(now_seconds: float) -> Broker:
    path = Path(get_manager().get_broker()._service_dir) / "broker.status"  # noqa: SLF001
    try:
        status = json.loads(path.read_text("utf-8"))
        return Broker(round(max(0.0, now_seconds - status["timestamp"]), 1), int(status.get("task_subscribers", 0)))
    except (OSError, ValueError, KeyError):
        return Broker(float("inf"), 0)
