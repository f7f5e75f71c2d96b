"""`aiida-like advise`: what it prints, whole."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from aiida_like.advice import choose
from aiida_like.advice.choose import Effect
from aiida_like.advice.index import Index, Part
from aiida_like.advice.trial import Asked, Sample
from aiida_like.models import node
from aiida_like.profiles import Backend, demo
from restapi.commands.advise import _as_json, _report


def effect(query: str, before: float, after: float) -> Effect:
    return Effect(Asked(query, select(node.c.id), "", {}, 0.0), before, after)


MEASURED = choose.Advice(
    (
        choose.Advised(
            Index("db_dbnode", (Part("user_id", "user_id"), Part("mtime", "mtime")), "btree"),
            12_345_678,
            (effect("nodes?user=2&orderby=-mtime", 0.25, 0.002), effect("nodes?label=\x1b[31m", 1.0, 0.5)),
        ),
        choose.Advised(Index("db_dbnode", (Part("ctime", "ctime"),)), 49_000, (effect("nodes", 0.0123456, 0.0),)),
    ),
    (effect("nodes?id=1", 0.001, 0.0035),),
    {"db_dbnode": Sample(6000, 12_081), "db_dblink": Sample(5, 5)},
    ("db_dbnode", "db_dblink"),
)
UNMEASURED = choose.Advice(
    (choose.Advised(Index("db_dblink", (Part("type", "type"),)), None, (effect("nodes", 0.25, math.nan),)),),
    not_measured="no room",
)

HEAD = """\
-- Measured on 6000 of 12081 rows of db_dbnode.

-- 12.3 MB, for:
--     250.0 ms ->      2.00 ms   125.0 times  nodes?user=2&orderby=-mtime
--    1000.0 ms ->    500.00 ms     2.0 times  nodes?label= [31m
CREATE INDEX CONCURRENTLY IF NOT EXISTS aiida_like_node_user_id_mtime ON db_dbnode (user_id, mtime);

-- 0.0 MB, for:
--      12.3 ms ->      0.00 ms 12345.6 times  nodes
CREATE INDEX IF NOT EXISTS aiida_like_node_ctime ON db_dbnode (ctime);

-- Slower with all of these:
--       1.0 ms ->      3.50 ms     0.3 times  nodes?id=1
"""
UNKNOWN = (
    "-- AiiDA does not know such indexes and goes on as before; each takes room, and time whenever a node is stored.\n"
)
ARCHIVE = (
    "-- An archive stays as it is. Make them with sqlite3 in /p/database.sqlite while nobody serves it;\n"
    "-- they are gone when the archive is unpacked anew."
)

REPORTS: dict[str, tuple[Backend, choose.Advice, str]] = {
    "SQLite": (
        Backend.SQLITE_DOS,
        MEASURED,
        (
            f"{HEAD}\n{UNKNOWN}-- Make them with sqlite3 in /p/database.sqlite while nobody writes to it; "
            "drop them before `verdi storage migrate`."
        ),
    ),
    "an archive": (
        Backend.SQLITE_ZIP,
        MEASURED,
        f"{HEAD}\n{ARCHIVE}",
    ),
    "PostgreSQL": (
        Backend.PSQL_DOS,
        MEASURED,
        (
            f"{HEAD}\n{UNKNOWN}-- Make them with psql, as the owner of the tables, then run VACUUM ANALYZE; "
            "drop them before\n-- `verdi storage migrate`.\n\n"
            "-- The planner knows nothing of these tables, and guesses:\nANALYZE db_dbnode;\nANALYZE db_dblink;"
        ),
    ),
    "not measured": (
        Backend.SQLITE_ZIP,
        UNMEASURED,
        (
            "-- Not measured: no room\n"
            "-- These are the indexes that the queries look made for; try them on a copy of the database first.\n\n"
            "-- Perhaps, for:\n--     250.0 ms  nodes\n"
            "CREATE INDEX IF NOT EXISTS aiida_like_link_type ON db_dblink (type);\n\n"
            f"{ARCHIVE}"
        ),
    ),
    "nothing": (
        Backend.PSQL_DOS,
        choose.Advice(without_statistics=("db_dbuser",)),
        (
            "-- Nothing to advise: no index that is missing would make a query 2 times faster, and by 1 ms.\n\n"
            "-- The planner knows nothing of these tables, and guesses:\nANALYZE db_dbuser;"
        ),
    ),
}


@pytest.mark.parametrize("what", REPORTS)
def test_the_whole_report(what: str) -> None:
    backend, advice, expected = REPORTS[what]
    profile = replace(demo(), backend=backend)
    assert "\n".join(_report(profile, advice, Path("/p/database.sqlite"))) == expected


def test_the_whole_report_as_json() -> None:
    slow = {"query": "nodes?id=1", "milliseconds_before": 1.0, "milliseconds_after": 3.5, "factor": 0.3}
    helped = {"query": "nodes", "milliseconds_before": 12.346, "milliseconds_after": 0.0, "factor": 12345.6}
    told = _as_json(MEASURED)
    assert told["indexes"][1] == {
        "statement": "CREATE INDEX IF NOT EXISTS aiida_like_node_ctime ON db_dbnode (ctime);",
        "table": "db_dbnode",
        "bytes": 49_000,
        "queries": [helped],
    }
    assert {key: value for key, value in told.items() if key != "indexes"} == {
        "slower": [slow],
        "samples": {"db_dbnode": {"copied": 6000, "rows": 12_081}, "db_dblink": {"copied": 5, "rows": 5}},
        "without_statistics": ["db_dbnode", "db_dblink"],
        "not_measured": None,
    }
    told = _as_json(UNMEASURED)
    perhaps = {"query": "nodes", "milliseconds_before": 250.0, "milliseconds_after": None, "factor": None}
    assert (told["indexes"][0]["bytes"], told["indexes"][0]["queries"], told["not_measured"]) == (
        None,
        [perhaps],
        "no room",
    )
