"""Lines of `engine.log`: each begins with its time (UTC), and what belongs to it, as a traceback, is indented."""

from __future__ import annotations

import logging
import time

_TIME = "%Y-%m-%dT%H:%M:%SZ"


def line(text: str, of: str = "engine") -> str:
    """A line of the log, of this moment."""
    return f"{time.strftime(_TIME, time.gmtime())} {of}: {text}\n"


class Lines(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def __init__(self, of: str) -> None:
        super().__init__(f"%(asctime)s {of}: %(message)s", _TIME)

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).rstrip().replace("\n", "\n    ")


def write_log(of: str) -> None:
    """Let this process write warnings and errors to its standard error, which is the log; `of` is what it is called."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines(of))
    logging.basicConfig(handlers=[handler])
