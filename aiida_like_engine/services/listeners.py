"""Workers that listen to the broker: the supervisor starts them anew if they do not."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

LISTEN_SECONDS = 20.0
"""How long workers may take until they listen to the broker; after each time that this was too short, twice as long."""
LOOK_SECONDS = 5.0
"""How often the broker says who listens."""


@dataclass
class Listeners:
    """Workers that listen to the broker, as it says itself.

    One that is halted while it has something to do, as on a machine that swaps, is dropped by the broker after some
    seconds. It goes on then, but asks for nothing any more: it has to be started anew.
    """

    status: Path
    workers: int
    patience: float = LISTEN_SECONDS
    complete: float = field(default_factory=time.monotonic)
    looked: float = 0.0

    def are_missing(self) -> bool:
        """Whether some have not listened for too long. Said once, then they have time to begin."""
        moment = time.monotonic()
        if moment < self.looked + LOOK_SECONDS:
            return False
        self.looked = moment
        if self._count() >= self.workers:
            self.complete, self.patience = moment, LISTEN_SECONDS
        if moment < self.complete + self.patience:
            return False
        self.complete, self.patience = moment, 2 * self.patience
        return True

    def _count(self) -> int:
        try:
            return int(json.loads(self.status.read_text("utf-8"))["task_subscribers"])
        except (OSError, ValueError, KeyError):
            return 0
