"""What aiida-core's own QueryBuilder answers: `python -m tests.querybuilder_oracle PROFILE`, with AIIDA_PATH set.

Reads a dictionary of the QueryBuilder a line, and writes a line of JSON: a list of rows, each a list of values in the
order of the projections, or `{"error": ...}`.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

from aiida import load_profile, orm


def main(profile: str) -> None:
    load_profile(profile)
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line)), default=_written), flush=True)


def _answer(query: dict[str, Any]) -> Any:
    try:
        return orm.QueryBuilder.from_dict(query).all()
    except Exception as error:  # noqa: BLE001 (whatever it is, the test must see it)
        return {"error": f"{type(error).__name__}: {error}"}


def _written(value: Any) -> str:
    assert isinstance(value, datetime), value
    return value.isoformat()


if __name__ == "__main__":
    main(sys.argv[1])
