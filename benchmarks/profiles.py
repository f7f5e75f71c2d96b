"""Profiles to measure on: made in a folder, or found there, and the PostgreSQL server that belongs to one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.generate import generate
from benchmarks.profile.stores import POSTGRESQL, SQLITE
from tests import servers

DATABASES = (SQLITE, POSTGRESQL)
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "8GB", "autovacuum": "off"}
"""Of PostgreSQL; all else is as it comes. Nothing is written while it is measured."""


@dataclass(frozen=True)
class Profiles:
    """`folder` is AiiDA's, and has a profile for each of the databases. `postmaster` is a process, 0 without one."""

    folder: Path
    databases: Sequence[str]
    postmaster: int


@contextmanager
def opened(folder: Path, nodes: int, databases: Sequence[str]) -> Iterator[Profiles]:
    """Makes the profiles first, where there are none.

    Raises:
        ClickException: what is there is something else.
    """
    cluster, note = folder / "cluster", folder / "made.json"
    made = json.loads(note.read_text()) if note.exists() else None
    wanted = {"nodes": nodes, "databases": list(databases)}
    if made is None and any(folder.iterdir()):
        raise click.ClickException(f"{folder} holds something else, or profiles that were not finished")
    if made is not None and made != wanted:
        raise click.ClickException(f"{folder} has {made}, not {wanted}: name another folder")
    with servers.postgresql(cluster, **SETTINGS) if POSTGRESQL in databases else nullcontext() as server:
        if made is None:
            generate(folder, nodes, None if server is None else server.create("benchmark"))
            note.write_text(json.dumps(wanted))
        if server is None:
            yield Profiles(folder, databases, 0)
            return
        _point_to(folder, server.port)
        yield Profiles(folder, databases, int((cluster / "postmaster.pid").read_text().split()[0]))


def opened_again(folder: Path) -> AbstractContextManager[Profiles]:
    """Those that are there."""
    return opened(folder, **json.loads((folder / "made.json").read_text()))


def _point_to(folder: Path, port: int) -> None:
    """The server has another port each time."""
    file = folder / ".aiida" / "config.json"
    config = json.loads(file.read_text())
    config["profiles"][POSTGRESQL]["storage"]["config"]["database_port"] = port
    file.write_text(json.dumps(config, indent=4))
