"""Parts of the log of a process: from a position, or from the end."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.exchanges import check
from tests.golden import graph, ids
from tests.test_v4 import LOGGED, about, refused

REPORT = f"processes/{graph.failed}/report"


def entry(level: str, message: str, time: str) -> dict[str, Any]:
    return {
        "time": time,
        "loggername": "aiida.orm.nodes.process.CalcJobNode",
        "levelname": level,
        "dbnode_id": ids[graph.failed],
        "message": message,
    }


FIRST = entry("WARNING", "could not parse stderr", "Wed, 04 May 2016 15:01:02 GMT")
SECOND = entry("ERROR", "no stdout, no XML", "Wed, 04 May 2016 15:01:03 GMT")

PARTS: dict[str, tuple[int, list[dict[str, Any]]]] = {
    "limit=1": (0, [FIRST]),
    "limit=2": (0, [FIRST, SECOND]),
    "limit=9223372036854775807": (0, [FIRST, SECOND]),
    "offset=0": (0, [FIRST, SECOND]),
    "offset=1": (1, [SECOND]),
    "offset=2": (2, []),
    "offset=9223372036854775807": (9223372036854775807, []),
    "limit=1&offset=1": (1, [SECOND]),
    "tail=1": (1, [SECOND]),
    "tail=2": (0, [FIRST, SECOND]),
    "tail=500": (0, [FIRST, SECOND]),
    "tail=1&_=5": (1, [SECOND]),
}


@pytest.mark.parametrize("asked", PARTS)
def test_parts(client: FlaskClient, asked: str) -> None:
    offset, logs = PARTS[asked]
    check(client, about(f"{REPORT}?{asked}", {"logs": logs, "offset": offset, "total": 2}, total=2))


def test_the_whole_is_as_upstream_has_it(client: FlaskClient) -> None:
    check(client, about(f"{REPORT}?_=5", {"logs": [FIRST, SECOND]}))
    check(client, about(f"processes/{graph.relax}/report", {"logs": [LOGGED]}))


def test_a_process_without_a_log(client: FlaskClient) -> None:
    check(client, about(f"processes/{graph.pick}/report?tail=3", {"logs": [], "offset": 0, "total": 0}, total=0))


FAULTS = {
    "tail=0": "tail=0 is out of range: it goes from 1",
    "limit=0": "limit=0 is out of range: it goes from 1",
    "offset=-1": "offset takes an integer without a sign, not '-1'",
    "tail=x": "tail takes an integer without a sign, not 'x'",
    "tail=1&limit=1": "tail is incompatible with limit and offset: it counts from the end",
    "tail=1&offset=1": "tail is incompatible with limit and offset: it counts from the end",
    "perpage=1": "perpage has no meaning for this resource; it takes limit, offset, profile, tail",
}


@pytest.mark.parametrize("asked", FAULTS)
def test_faults(archive_client: FlaskClient, asked: str) -> None:
    check(archive_client, refused(f"{REPORT}?{asked}", FAULTS[asked]))
