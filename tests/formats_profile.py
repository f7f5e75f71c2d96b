"""aiida-core with a profile in memory, for tests that compare with it.

Importing aiida makes a folder for its configuration, so where AIIDA_PATH names none it gets one that goes away again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_SCRATCH = TemporaryDirectory(prefix="aiida-like-formats-")
if "AIIDA_PATH" not in os.environ:
    os.environ["AIIDA_PATH"] = _SCRATCH.name
    (Path(_SCRATCH.name) / ".aiida").mkdir()

from aiida import orm  # noqa: E402
from aiida.manage import get_manager  # noqa: E402
from aiida.manage.configuration import profile_context  # noqa: E402
from aiida.storage.sqlite_temp import SqliteTempBackend  # noqa: E402

from aiida_like.formats import StoredNode  # noqa: E402

__all__ = ["memory_profile", "orm", "restapi_module", "stored"]


def restapi_module(name: str) -> Any:
    """A module of aiida-core's REST API, imported where AIIDA_PATH is set."""
    return import_module(f"aiida.restapi.{name}")


@contextmanager
def memory_profile() -> Iterator[None]:
    # Without a folder named here, aiida leaves one behind.
    profile = SqliteTempBackend.create_profile(filepath=_SCRATCH.name)
    with profile_context(profile, allow_switch=True):
        yield
        engine = get_manager().get_profile_storage().get_session().get_bind()
    # AiiDA closes the session, and leaves the connection open.
    engine.dispose()


def stored(node: orm.Node) -> StoredNode:
    """A node of AiiDA as our formats see it."""
    repository = node.base.repository
    files = [str(folder / name) for folder, _, names in repository.walk() for name in names]
    return StoredNode(
        node.uuid,
        node.node_type,
        node.label,
        node.base.attributes.all,
        lambda path: repository.get_object_content(path, mode="rb"),
        files,
    )
