"""The data version that a request goes by: read once, before anything else is read."""

from __future__ import annotations

from flask import g, has_app_context

from aiida_like.storage import Storage


def read_version(storage: Storage) -> str | None:
    """Raises StatementTimeout, StorageError: as `Storage.version`."""
    version: str | None = storage.version()
    g.aiida_like_version = version
    return version


def version_of_request() -> str | None:
    """None: it cannot be told, or this is a request that does not ask for it."""
    return g.get("aiida_like_version") if has_app_context() else None
