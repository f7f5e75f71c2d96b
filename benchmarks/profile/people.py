"""Users and computers, and what users say about nodes."""

from __future__ import annotations

from benchmarks.profile.content import dumps
from benchmarks.profile.rows import Rows

USERS, COMPUTERS = 12, 20
GROUP_TYPES = ("core", "core", "core.auto", "core.import", "pseudo.family.upf")
SCHEDULERS = ("core.slurm", "core.pbspro", "core.sge", "core.direct")


def some_user(rows: Rows) -> int:
    return rows.skewed(USERS, 0.45)


def some_computer(rows: Rows) -> int:
    return rows.skewed(COMPUTERS, 0.25)


def add_users(rows: Rows) -> None:
    rows.counts["db_dbuser"] = 1  # aiida-core has made the first one
    for number in range(2, USERS + 1):
        rows.add("db_dbuser", f"user{number}@example.org", f"First{number}", f"Last{number}", "EPFL")


def add_computers(rows: Rows) -> None:
    for number in range(1, COMPUTERS + 1):
        rows.add(
            "db_dbcomputer",
            *(next(rows.uuids), f"machine{number:02d}", f"host{number}.example.org", f"computer {number}"),
            *(SCHEDULERS[number % len(SCHEDULERS)], "core.ssh"),
            dumps({"workdir": f"/scratch/{{username}}/{number}/", "shebang": "#!/bin/bash"}),
        )


def add_groups(rows: Rows) -> None:
    """A few large ones, and many that are small."""
    for number in range(1, min(200, rows.number // 50) + 1):
        group_type = GROUP_TYPES[number % len(GROUP_TYPES)]
        owner, time = some_user(rows), rows.time(rows.chance.randrange(rows.number))[0]
        rows.add("db_dbgroup", next(rows.uuids), f"group {number}", group_type, time, "", "{}", owner)
        size = max(1, int(0.03 * rows.number / number**0.8))
        for node in rows.chance.sample(range(1, rows.nodes + 1), size):
            rows.add("db_dbgroup_dbnodes", node, number)


def add_comments(rows: Rows) -> None:
    for number in range(1, rows.number // 200 + 1):
        node, user = rows.chance.randrange(1, rows.nodes + 1), rows.chance.randrange(1, USERS + 1)
        rows.add("db_dbcomment", next(rows.uuids), node, *rows.time(node), user, f"comment {number}: looks good")
