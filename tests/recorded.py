"""What an application does in a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import PoolProxiedConnection

from aiida_like.storage.databases.database import Connections


@contextmanager
def statements(app: Flask) -> Iterator[list[object]]:
    """One entry for each statement of the block: each takes a connection, and gives it back."""
    seen: list[object] = []
    connections = app.extensions["aiida_like_storage"]().database.connections

    def take() -> PoolProxiedConnection:
        taken = Connections.take(connections)
        seen.append(taken)
        return taken

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "take", take)
        yield seen
