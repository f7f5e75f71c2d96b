"""A copy of a ROOT, made while its engine works: first `server.sqlite`, then the graph, then the contents.

Each refers to what is copied after it, and what is copied after it only grows, as no purge works meanwhile.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from aiida_like_engine.errors import RootError
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.store_lock import without_purges


def copy(root: Root, destination: Path) -> None:
    """Copy a ROOT to a folder, or bring an older copy in it up to date.

    Raises:
        RootError: something cannot be read or written, or the folder holds something else.
    """
    target = Root(destination.absolute())
    if target.path.is_relative_to(root.path):
        raise RootError(f"{target.path} lies in {root.path}: name a folder outside, best on another disk")
    if target.path.exists() and any(target.path.iterdir()) and not target.settings.exists():
        raise RootError(f"{target.path} is not empty, and no copy of an engine's folder")
    try:
        with without_purges(root):
            _copy(root, target)
    except (OSError, sqlite3.Error) as error:
        raise RootError(f"{root.path} cannot be copied to {target.path}: {error}") from None


def _copy(root: Root, target: Root) -> None:
    for folder in (target.path, target.store, target.aiida):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _copy_database(root.server_database, target.server_database)
    _copy_database(root.store_database, target.store_database)
    _copy_container(root.store / "container", target.store / "container")
    shutil.copy2(root.aiida / "config.json", target.aiida / "config.json")
    for file in ("analyses", "secret", "first_key", "settings"):
        if getattr(root, file).exists():
            shutil.copy2(getattr(root, file), getattr(target, file))


def _copy_database(source: Path, target: Path) -> None:
    """Copy a database at one moment, though others write to it; the old copy stays until the new one is whole."""
    new = target.with_name(f"{target.name}.new")
    new.unlink(missing_ok=True)
    # It has hashes of passwords, and the folder may be one that others can enter.
    new.touch(mode=0o600)
    reader, writer = sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True), sqlite3.connect(new)
    try:
        reader.backup(writer)
        # The log of the copy before must not be taken for this one's.
        writer.execute("PRAGMA journal_mode=DELETE")
    finally:
        reader.close()
        writer.close()
    for end in ("-wal", "-shm"):
        target.with_name(target.name + end).unlink(missing_ok=True)
    new.replace(target)


def _copy_container(source: Path, target: Path) -> None:
    """Copy a container of disk-objectstore: objects never change, packs grow, and their index is a database."""
    target.mkdir(mode=0o700, exist_ok=True)
    for name in ("config.json", "loose", "duplicates"):
        _copy_new(source / name, target / name)
    if (source / "packs.idx").exists():
        _copy_database(source / "packs.idx", target / "packs.idx")
    (target / "packs").mkdir(exist_ok=True)
    for pack in (source / "packs").iterdir():
        copied = target / "packs" / pack.name
        if not copied.exists() or copied.stat().st_size != pack.stat().st_size:
            shutil.copy2(pack, copied)
    (target / "sandbox").mkdir(exist_ok=True)


def _copy_new(source: Path, target: Path) -> None:
    if source.is_file():
        if not target.exists():
            new = target.with_name(f"{target.name}.new")
            shutil.copy2(source, new)
            new.replace(target)
        return
    target.mkdir(exist_ok=True)
    with os.scandir(source) as entries:
        for entry in entries:
            _copy_new(Path(entry.path), target / entry.name)
