"""Rows of a profile's tables, ids counting up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from benchmarks.profile.content import Content, dumps, uuids

Row = tuple[Any, ...]
Batch = tuple[str, Sequence[Row]]
"""A table, and rows of it."""

TABLES: Mapping[str, tuple[str, ...]] = {
    "db_dbuser": ("id", "email", "first_name", "last_name", "institution"),
    "db_dbcomputer": (
        *("id", "uuid", "label", "hostname", "description"),
        *("scheduler_type", "transport_type", "metadata"),
    ),
    "db_dbnode": (
        *("id", "uuid", "node_type", "process_type", "label", "description", "ctime", "mtime"),
        *("attributes", "extras", "repository_metadata", "dbcomputer_id", "user_id"),
    ),
    "db_dblink": ("id", "input_id", "output_id", "label", "type"),
    "db_dbgroup": ("id", "uuid", "label", "type_string", "time", "description", "extras", "user_id"),
    "db_dbgroup_dbnodes": ("id", "dbnode_id", "dbgroup_id"),
    "db_dbcomment": ("id", "uuid", "dbnode_id", "ctime", "mtime", "user_id", "content"),
    "db_dblog": ("id", "uuid", "time", "loggername", "levelname", "dbnode_id", "message", "metadata"),
}
"""The columns of each row, by table. A table comes before those that refer to it."""

FIRST, DAYS = datetime(2017, 3, 1), 3500  # noqa: DTZ001  UTC, as both databases store it
CHUNK = 20_000


class Rows:
    """`number` is how many nodes there will be, `content` makes what they hold up."""

    def __init__(self, number: int, chance: Random, content: Content) -> None:
        self.number = number
        self.chance = chance
        self.content = content
        self.uuids = uuids(chance)
        self.counts = dict.fromkeys(TABLES, 0)
        self._added: dict[str, list[Row]] = defaultdict(list)

    @property
    def nodes(self) -> int:
        return self.counts["db_dbnode"]

    @property
    def is_full(self) -> bool:
        return len(self._added["db_dbnode"]) >= CHUNK

    def taken(self) -> Iterator[Batch]:
        """What was added since the last time."""
        for table in TABLES:
            if self._added[table]:
                yield table, self._added.pop(table)

    def add(self, table: str, *values: Any) -> int:
        """The id of the new row."""
        self.counts[table] += 1
        self._added[table].append((self.counts[table], *values))
        return self.counts[table]

    def node(
        self,
        node_type: str,
        attributes: str,
        user: int,
        *,
        process_type: str | None = None,
        files: str = "{}",
        computer: int | None = None,
        label: str = "",
        uuid: str | None = None,
    ) -> int:
        ctime, mtime = self.time(self.nodes + 1)
        return self.add(
            "db_dbnode",
            *(uuid or next(self.uuids), node_type, process_type, label, "", ctime, mtime),
            *(attributes, self.content.extras(), files, computer, user),
        )

    def link(self, source: int, target: int, label: str, link_type: str) -> None:
        self.add("db_dblink", source, target, label, link_type)

    def log(self, node: int, level: str, message: str) -> None:
        time, name = self.time(node)[0], "aiida.orm.nodes.process"
        self.add("db_dblog", next(self.uuids), time, name, level, node, message, dumps({"levelname": level}))

    def time(self, node: int) -> tuple[str, str]:
        """When a node was made and changed last: mostly in the order of ids, but imported ones at any time."""
        share = (node / self.number) ** 0.8 if self.chance.getrandbits(6) else self.chance.random()
        made = FIRST + timedelta(days=min(share, 1) * DAYS, seconds=3600 * self.chance.random())
        return _text(made), _text(made + timedelta(seconds=0.05 + 2e6 * self.chance.random() ** 6))

    def skewed(self, most: int, rate: float) -> int:
        """1 most of the time, and hardly ever `most`."""
        return min(1 + int(self.chance.expovariate(rate)), most)


def _text(time: datetime) -> str:
    return time.isoformat(" ", "microseconds")
