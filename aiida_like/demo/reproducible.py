"""What makes two runs equal: a clock to set, seeded uuids, an archive rewritten in a fixed order."""

from __future__ import annotations

import datetime as dt
import random
import sqlite3
import uuid
import zipfile
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATABASE = "db.sqlite3"
METADATA = "metadata.json"
ZIP_DATE = (2025, 4, 1, 0, 0, 0)
LINKS = """
    SELECT row_number() OVER (ORDER BY input_id, output_id, type, label) AS id,
        input_id, output_id, label, type
    FROM old.db_dblink ORDER BY id
"""
TICK = dt.timedelta(microseconds=7391)
"""No two moments are the same: reading the clock moves it on."""


class Clock:
    """The time of the story, in UTC; it moves by `TICK` when read and otherwise only when told."""

    def __init__(self, start: str) -> None:
        self._now = dt.datetime.fromisoformat(start).replace(tzinfo=dt.timezone.utc)

    def now(self, tz: dt.tzinfo | None = None) -> dt.datetime:
        self._now += TICK
        return self._now.astimezone(tz or dt.timezone.utc)

    def move_to(self, moment: str) -> None:
        """Go on to a later moment, e.g. `2024-03-04 09:15`.

        Raises:
            ValueError: the moment has passed; the ids of nodes follow their times.
        """
        later = dt.datetime.fromisoformat(moment).replace(tzinfo=dt.timezone.utc)
        if later < self._now:
            raise ValueError(f"{moment} has passed: it is {self._now}")
        self._now = later

    def wait(self, minutes: float) -> None:
        self._now += dt.timedelta(minutes=minutes)


@contextmanager
def reproducible(clock: Clock, seed: int) -> Iterator[None]:
    """Let AiiDA read `clock` and take its uuids from a generator seeded with `seed`."""
    numbers = random.Random(seed)

    def seeded_uuid() -> uuid.UUID:
        return uuid.UUID(int=numbers.getrandbits(128), version=4)

    with ExitStack() as patches:
        patches.enter_context(mock.patch("uuid.uuid4", seeded_uuid))
        for module in ("aiida.common.timezone", "aiida.tools.archive.create"):
            patches.enter_context(mock.patch(f"{module}.datetime", clock))
        yield


def rewrite(archive: Path, target: Path, scratch: Path) -> None:
    """Write the archive again so that equal content is equal bytes.

    AiiDA leaves three things to chance: the order of the links and of the clauses in CREATE TABLE (both come
    out of sets), and the dates in the zip file.
    """
    with zipfile.ZipFile(archive) as old:
        members = {name: old.read(name) for name in sorted(old.namelist()) if not name.endswith("/")}
    (scratch / "old.sqlite3").write_bytes(members.pop(DATABASE))
    rewrite_database(scratch / "old.sqlite3", scratch / "new.sqlite3")
    # A reader looks for these two among the first members only.
    first = {METADATA: members.pop(METADATA), DATABASE: (scratch / "new.sqlite3").read_bytes()}
    with zipfile.ZipFile(target, "w") as new:
        for name, content in (first | members).items():
            info = zipfile.ZipInfo(name, ZIP_DATE)
            info.compress_type = zipfile.ZIP_STORED if name == METADATA else zipfile.ZIP_DEFLATED
            new.writestr(info, content, compresslevel=9)


def rewrite_database(source: Path, target: Path) -> None:
    """Copy a database: clauses of its tables sorted, rows by id, links numbered from one node to the next."""
    with closing(sqlite3.connect(target, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS old", [str(source)])
        connection.execute("BEGIN")
        for table, sql in schema(connection, "table"):
            connection.execute(with_sorted_constraints(sql))
            rows = LINKS if table == "db_dblink" else f"SELECT * FROM old.{table} ORDER BY id"
            connection.execute(f"INSERT INTO main.{table} {rows}")
        for _, sql in schema(connection, "index"):
            connection.execute(sql)
        connection.execute("COMMIT")


def schema(connection: sqlite3.Connection, kind: str) -> list[tuple[str, str]]:
    """Names and statements of the tables or indexes of the attached database, by name."""
    query = "SELECT name, sql FROM old.sqlite_master WHERE type = ? AND sql IS NOT NULL ORDER BY name"
    return connection.execute(query, [kind]).fetchall()


def with_sorted_constraints(create_table: str) -> str:
    """The same CREATE TABLE statement (as SQLAlchemy prints it, a clause a line), its constraints sorted."""
    head, *clauses, end = create_table.split("\n")
    clauses = [clause.strip().rstrip(",") for clause in clauses]
    columns = [clause for clause in clauses if not clause.startswith("CONSTRAINT ")]
    constraints = sorted(clause for clause in clauses if clause.startswith("CONSTRAINT "))
    body = ",\n".join(f"\t{clause}" for clause in columns + constraints)
    return f"{head}\n{body}\n{end}"
