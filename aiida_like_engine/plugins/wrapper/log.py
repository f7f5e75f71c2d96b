"""The log of a job: what its programs print, and what the wrapper says."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LOG = "process_output.log"
OTHER_LOG = "process_output-1.log"
"""The name of an input that is called as the log of the job is."""


@dataclass(frozen=True)
class Log:
    descriptor: int

    @classmethod
    def begun(cls, folder: Path) -> Log:
        """A new log in the folder of a job."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW
        return cls(os.open(folder / LOG, flags, 0o640))

    def say(self, text: str) -> None:
        with suppress(OSError):
            os.write(self.descriptor, f"aiida-like: {text}\n".encode())

    def sync(self) -> None:
        with suppress(OSError):
            os.fsync(self.descriptor)
