"""The lock of a store, by which a purge waits for all that others put there.

A file lies in the store before a node refers to it, and until then it looks like what a deleted file has left. So
whoever adds files shares the lock until their nodes are stored, and a purge holds it alone. While a purge waits for its
turn, whoever comes to add something waits behind it. A backup keeps purges away as long as it takes, and nobody else.

What is locked are two folders of the engine: they are there, and need not be made by whoever comes first.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from aiida_like_engine.errors import EngineAway
from aiida_like_engine.root.layout import Root

PURGE_SECONDS = 60.0
"""How long a purge waits: less than who uploads something waits for the gateway."""

_AGAIN_SECONDS = 0.02


def _store(root: Root) -> Path:
    return root.scratch


def _queue(root: Root) -> Path:
    return root.control


@contextmanager
def adding(root: Root) -> Iterator[None]:
    """The right to add files, which lasts until they belong to nodes. It waits while a purge works."""
    with _locked(_queue(root), fcntl.LOCK_SH):
        pass
    with _locked(_store(root), fcntl.LOCK_SH):
        yield


@asynccontextmanager
async def adding_beside(root: Root) -> AsyncIterator[None]:
    """As `adding`, in an event loop, whose other tasks go on while it waits."""
    while not _is_free(_queue(root)):  # noqa: ASYNC110 - other processes hold it
        await asyncio.sleep(_AGAIN_SECONDS)
    with ExitStack() as held:
        while not _entered(held, _store(root), fcntl.LOCK_SH):  # noqa: ASYNC110
            await asyncio.sleep(_AGAIN_SECONDS)
        yield


@contextmanager
def without_purges(root: Root) -> Iterator[None]:
    """No purge removes files meanwhile. It waits while one works."""
    with _locked(_queue(root), fcntl.LOCK_SH):
        yield


@contextmanager
def purging(root: Root, seconds: float = PURGE_SECONDS) -> Iterator[None]:
    """The right to remove files that belong to no node: nobody adds any meanwhile.

    Raises:
        EngineAway: others did not stop doing so for so many seconds.
    """
    until = time.monotonic() + seconds
    with ExitStack() as held:
        _enter(held, _queue(root), until, f"a backup is made, or another purge works, for {seconds:g} s now")
        _enter(held, _store(root), until, f"files of an upload or a job are being stored for {seconds:g} s now")
        yield


def _enter(held: ExitStack, path: Path, until: float, why_not: str) -> None:
    while not _entered(held, path, fcntl.LOCK_EX):
        if time.monotonic() > until:
            raise EngineAway(f"{why_not}: try again later")
        time.sleep(_AGAIN_SECONDS)


def _entered(held: ExitStack, path: Path, kind: int) -> bool:
    try:
        held.enter_context(_locked(path, kind | fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _is_free(path: Path) -> bool:
    with ExitStack() as held:
        return _entered(held, path, fcntl.LOCK_SH)


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    """A lock of a folder, which ends with the process at the latest."""
    file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, kind)
        yield
    finally:
        os.close(file)
