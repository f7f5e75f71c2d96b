"""An index that a database might have."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

PREFIX = "aiida_like_"
_LONGEST_NAME = 63  # PostgreSQL cuts what is longer


@dataclass(frozen=True)
class Part:
    """A column, or an expression with parentheses around it; `label` stands for it in the name of an index."""

    sql: str
    label: str


@dataclass(frozen=True)
class Index:
    """An index of a table. `method`: btree, hash or gin of PostgreSQL; None for SQLite, which has one."""

    table: str
    parts: tuple[Part, ...]
    method: str | None = None

    @property
    def name(self) -> str:
        table = self.table.removeprefix("db_db")
        name = re.sub(r"\W+", "_", "_".join((PREFIX + table, *(part.label for part in self.parts))))
        if len(name) <= _LONGEST_NAME:
            return name
        return f"{name[: _LONGEST_NAME - 9]}_{zlib.crc32(name.encode()):08x}"

    @property
    def has_expression(self) -> bool:
        return any(part.sql.startswith("(") for part in self.parts)

    @property
    def target(self) -> str:
        """The method and the columns, as CREATE INDEX writes them after the name of the table."""
        parts = ", ".join(part.sql for part in self.parts)
        return f"USING {self.method} ({parts})" if self.method not in (None, "btree") else f"({parts})"

    @property
    def statement(self) -> str:
        """The CREATE INDEX statement, to be pasted into a shell of the database."""
        # So that AiiDA can store nodes meanwhile.
        concurrently = "CONCURRENTLY " if self.method else ""
        return f"CREATE INDEX {concurrently}IF NOT EXISTS {self.name} ON {self.table} {self.target};"
