"""Judges an ended job by the record that its wrapper left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiida.engine import ExitCode
from aiida.orm import Dict
from aiida.parsers import Parser

from aiida_like_engine.plugins.calculation import STOP
from aiida_like_engine.plugins.wrapper.record import RECORD

_CODES: Mapping[str, str] = {
    "stopped": "STOPPED",
    "walltime": "WALLTIME",
    "signal": "SIGNAL",
    "no_room": "NO_ROOM",
    "failed": "FAILED",
}
"""Exit codes of the calculation by the wrapper's reasons; `done` has none."""


class JobParser(Parser):
    def parse(self, **_: Any) -> ExitCode | None:
        codes = self.exit_codes
        try:
            end = json.loads(self.retrieved.base.repository.get_object_content(f"{RECORD}/end.json"))
        except (OSError, ValueError):
            return codes.STOPPED if self.node.base.extras.get(STOP, False) else codes.LOST
        self.out("record", Dict(end))
        status, message = end["exit_status"], end["message"]
        code = getattr(codes, _CODES[end["reason"]]) if end["reason"] in _CODES else None
        return code and code.format(signal=status - 128, message=message)
