"""Opening a profile and reading from it. All that differs between databases is in this folder.

Nothing here writes: SQLite files are opened read-only, sessions of PostgreSQL are read-only.
"""

from aiida_like.storage.databases.clock import Limits
from aiida_like.storage.databases.row_sizes import Row
from aiida_like.storage.lazy_storage import LazyStorage
from aiida_like.storage.opening import open_storage, stamp_of
from aiida_like.storage.statements import Prepared, Statement
from aiida_like.storage.storage import Effort, Snapshot, Storage, Strategy

__all__ = [
    "Effort",
    "LazyStorage",
    "Limits",
    "Prepared",
    "Row",
    "Snapshot",
    "Statement",
    "Storage",
    "Strategy",
    "open_storage",
    "stamp_of",
]
