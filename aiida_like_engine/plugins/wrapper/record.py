"""The record of a job, outside of its reach: what the engine knows of it.

`events.jsonl` gets a line when something happens; `outputs.json` lists the files of `work/` that are the job's; and at
last comes `end.json`. A job without an end was lost, and is never run again.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORD = "record"
"""The folder beside `work` in which the wrapper leaves what it knows."""

RECORD_BYTES = 2_000_000
"""Set aside for the record of the end, however full the disk is."""


def now() -> int:
    """This moment, in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


@dataclass(frozen=True)
class Record:
    folder: Path

    @property
    def _reserved(self) -> Path:
        return self.folder.parent / "reserved"

    def reserve(self) -> None:
        with suppress(OSError), self._reserved.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, RECORD_BYTES)

    def release(self) -> None:
        """Give back what was reserved, to write the end of the record."""
        self._reserved.unlink(missing_ok=True)

    def event(self, name: str) -> int:
        """Note that something happened; when, in microseconds."""
        at = now()
        with suppress(OSError), (self.folder / "events.jsonl").open("a") as file:
            file.write(json.dumps({"name": name, "at": at}) + "\n")
        return at

    def write(self, name: str, value: Any) -> None:
        """Put a file into the record: it is whole, or not there."""
        temporary = self.folder / f".{name}"
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(temporary.with_name(name))
