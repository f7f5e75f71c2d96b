"""What requests cost while another process commits, beside ours without caches and beside the limit.

python -m benchmarks.commits FOLDER [--database postgresql] [--per-second 10] [--rounds 7] [KIND...]

FOLDER is one of `benchmarks.run`, KIND the name of a request of the mix. What is committed is the name of a user, which
changes nothing else.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from statistics import geometric_mean
from typing import Any

import click
from rich.progress import track
from sqlalchemy import URL

from aiida_like.profiles import find
from benchmarks.document import table
from benchmarks.mix import KINDS
from benchmarks.profile.stores import SQLITE
from benchmarks.profiles import DATABASES, Profiles, opened_again
from benchmarks.report import short
from benchmarks.run import STDERR, sample_of
from benchmarks.servers import LIMIT, OURS, running
from benchmarks.turns import ROUNDS, measured

COMMIT = "UPDATE db_dbuser SET institution = 'commit {}' WHERE id = 1"
HEADER = ("request", "caches on, ms", "caches off, ms", "limit, ms", "on / off", "on / limit")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("kinds", nargs=-1, metavar="[KIND]...")
@click.option("-d", "--database", type=click.Choice(DATABASES), default=SQLITE, show_default=True)
@click.option("--per-second", default=10.0, show_default=True, help="Commits; 0 for none.")
@click.option("--rounds", type=click.IntRange(1), default=ROUNDS, show_default=True, help="Turns of each server.")
def main(folder: Path, kinds: Sequence[str], database: str, per_second: float, rounds: int) -> None:
    """Prints a table of the CPU time of each KIND of requests, of all if none is named."""
    chosen = [kind for kind in KINDS if kind.name in kinds or not kinds]
    if unknown := set(kinds) - {kind.name for kind in chosen}:
        names = ", ".join(kind.name for kind in KINDS)
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: not one of {names}", param_hint="KIND")
    found: dict[str, tuple[float, ...]] = {}
    with opened_again(folder.absolute()) as profiles:
        about = sample_of(profiles, database)
        with (
            running(OURS, profiles, database, cached=True) as ours,
            running(OURS, profiles, database, cached=False) as uncached,
            running(LIMIT, profiles, database, cached=False) as limit,
            committing(profiles, database, per_second) if per_second else nullcontext(),
        ):
            for kind in track(chosen, "requests", console=STDERR):
                on, off, least = measured(kind, [(server, about) for server in (ours, uncached, limit)], rounds)
                found[kind.name] = (on, off, least, on / off, on / least)
    for name, function in (("geometric mean", geometric_mean), ("highest", max)):
        found[name] = tuple(map(function, zip(*(found[kind.name] for kind in chosen), strict=True)))
    click.echo(table(HEADER, ([name, *map(short, figures)] for name, figures in found.items())))


@contextmanager
def committing(profiles: Profiles, database: str, per_second: float) -> Iterator[None]:
    """Another process than the servers: this one."""
    over = threading.Event()

    def commit() -> None:
        with closing(_connection(profiles, database)) as connection:
            for number in itertools.count():
                connection.execute(COMMIT.format(number))
                if over.wait(1 / per_second):
                    return

    thread = threading.Thread(target=commit)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _connection(profiles: Profiles, database: str) -> Any:
    if database == SQLITE:
        file = profiles.folder / SQLITE / "database.sqlite"
        return sqlite3.connect(file, isolation_level=None, timeout=30, check_same_thread=False)
    import psycopg

    os.environ["AIIDA_PATH"] = str(profiles.folder)
    url = find(database).database
    assert isinstance(url, URL)
    return psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True)


if __name__ == "__main__":
    main()
