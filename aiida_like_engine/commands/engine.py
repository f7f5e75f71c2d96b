"""`aiida-like engine`: make, start, stop and look after an engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from aiida_like_engine.client import Client
from aiida_like_engine.errors import EngineAway, EngineError, RootError
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import read_settings
from aiida_like_engine.root.store_lock import PURGE_SECONDS

ROOT = click.argument("root", metavar="ROOT", type=click.Path(path_type=Path, file_okay=False))


@contextmanager
def _in_one_line() -> Iterator[None]:
    """What goes wrong is said in one line; exit status 2 where something in ROOT is to be changed, else 1."""
    try:
        yield
    except EngineError as error:
        failure = click.ClickException(str(error))
        failure.exit_code = 2 if isinstance(error, RootError) else 1
        raise failure from None


@click.group()
def engine() -> None:
    """Runs jobs with AiiDA's engine, in a folder ROOT that holds all of it."""


@engine.command()
@ROOT
@click.option("--web-group", metavar="GROUP", help="Group whose members may read the store: web workers.")
def init(root: Path, web_group: str | None) -> None:
    """Makes ROOT: profile, computer, codes, settings. It asks nothing, and done twice it mends."""
    from aiida_like_engine.maintenance.setup import init as make

    with _in_one_line():
        made = make(root, web_group)
    click.echo(f"{made.path} is ready: aiida-like engine start {made.path}")


@engine.command()
@ROOT
@click.option("-w", "--workers", type=click.IntRange(1), help="Processes of AiiDA. [default: as engine.toml says]")
def start(root: Path, workers: int | None) -> None:
    """Works on ROOT until SIGTERM or Ctrl-C. Jobs that run go on, and are collected by the next start."""
    from aiida_like_engine.maintenance.setup import sandbox_works, verify, warnings
    from aiida_like_engine.services.supervisor import Supervisor

    with _in_one_line():
        found = Root.existing(root)
        settings = read_settings(found.settings)
        verify(found)
        has_sandbox = sandbox_works()
        for line in warnings(settings, has_sandbox=has_sandbox):
            click.echo(line, err=True)
        click.echo(f"The engine works on {found.path}; its log is {found.log}")
        Supervisor(found, settings, workers or settings.workers, has_sandbox=has_sandbox).run()


@engine.command()
@ROOT
def status(root: Path) -> None:
    """Says whether the engine works: exit status 0 if it does, 1 if not."""
    from aiida_like_engine.services.supervisor import running

    with _in_one_line():
        found = Root.existing(root)
        pid = running(found)
        if pid is None:
            raise EngineAway(f"no engine works on {found.path}: aiida-like engine start {found.path}")
        health = Client(found.socket).health()
        state = f"{health.workers} workers, {health.active} jobs that have not ended"
        click.echo(f"process {pid}, version {health.version}, {state}")
        if not health.ok:
            raise EngineAway("its workers do not answer yet")


@engine.command()
@ROOT
@click.option("--rebuild", is_flag=True, help="Make anew what is derived: results of runs, from the graph.")
def check(root: Path, rebuild: bool) -> None:  # noqa: FBT001 - click passes a flag so
    """Says what is wrong with ROOT, and what to do: exit status 0 if nothing is."""
    from aiida_like_engine.maintenance import check as checks

    with _in_one_line():
        found = Root.existing(root)
        if rebuild:
            click.echo(f"{checks.rebuild(found)} runs were made anew")
        findings = checks.check(found)
    for finding in findings:
        click.echo(str(finding))
    if findings:
        raise click.exceptions.Exit(1)
    click.echo(f"{found.path} is sound")


@engine.command()
@ROOT
@click.argument("destination", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False))
def backup(root: Path, destination: Path) -> None:
    """Copies ROOT to FOLDER, while the engine works. Done again, it copies what is new.

    To restore, copy FOLDER to a new ROOT, and run `aiida-like engine init` on it.
    """
    from aiida_like_engine.maintenance.backup import copy

    with _in_one_line():
        copy(Root.existing(root), destination)
    click.echo(f"{destination} holds a copy: copy it to a new ROOT, and run aiida-like engine init ROOT")


@engine.command()
@ROOT
@click.option(
    "--wait",
    "seconds",
    metavar="SECONDS",
    type=click.FloatRange(0),
    default=PURGE_SECONDS,
    show_default=True,
    help="How long to wait for files that are being stored.",
)
def purge(root: Path, seconds: float) -> None:
    """Removes the bytes of deleted files that no job used or waits for, while the engine works, too.

    Uploads and jobs that store files meanwhile are waited for, and others wait for it.
    """
    from aiida_like_engine.maintenance.purge import purge as remove

    with _in_one_line():
        purged = remove(Root.existing(root), seconds)
    click.echo(f"{purged.files} files were removed, {purged.freed} bytes are free")
    if purged.packed:
        click.echo(
            f"{purged.packed} contents lie in packs: verdi storage maintain --full, with the engine stopped, frees them"
        )


@engine.command()
@ROOT
def stop(root: Path) -> None:
    """Stops the engine of ROOT, and waits until it has. Jobs go on."""
    from aiida_like_engine.services.supervisor import stop as end

    with _in_one_line():
        found = Root.existing(root)
        was_running = end(found)
    click.echo(f"The engine of {found.path} has stopped" if was_running else f"No engine worked on {found.path}")
