"""Whether a database holds types of nodes without `core.`, as archives can. AiiDA 2 itself writes none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, or_, select

from aiida_like.core_names import OLD_STARTS
from aiida_like.models import node
from aiida_like.storage.databases.database import Database
from aiida_like.storage.sql.expressions import HAS_OLD_NAMES, has_prefix
from aiida_like.storage.sql.patterns import prefix_end
from aiida_like.storage.statements import Statement, StatementCache


@dataclass
class OldNames:
    """Looked for once at each data version, which takes 10 us. Those that were found are not forgotten."""

    database: Database
    statements: StatementCache
    _without: str | None = field(default=None, init=False)

    def are_there(self, version: str | None) -> bool:
        """Whether there are some at a data version; None: at one that cannot be told.

        Raises:
            StatementTimeout, StorageError: as `Database.rows`.
        """
        dialect = self.database.engine.dialect
        if not getattr(dialect, HAS_OLD_NAMES, False) and (version is None or version != self._without):
            prepared = self.statements.prepared(_LOOK)
            if self.database.rows(prepared.sql, prepared.constants):
                setattr(dialect, HAS_OLD_NAMES, True)
            else:
                self._without = version
        return bool(getattr(dialect, HAS_OLD_NAMES, False))


def _select_one() -> Select[Any]:
    starts = (has_prefix(node.c.node_type, f"{start}%", start, prefix_end(start)) for start in OLD_STARTS)
    return select(node.c.id).where(or_(*starts)).limit(1)


_LOOK = Statement("old names", _select_one, {})
