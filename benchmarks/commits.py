"""What a list costs while another process commits ten times a second, beside the limit and beside ours without caches.

python -m benchmarks.commits FOLDER [--database postgresql]

FOLDER is one of `benchmarks.run`. What is committed is the name of a user, which changes nothing else.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import statistics
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy import URL

from aiida_like.profiles import find
from benchmarks.client import message, seconds_of
from benchmarks.mix import Request
from benchmarks.profile.stores import SQLITE
from benchmarks.profiles import DATABASES, Profiles, opened_again
from benchmarks.servers import LIMIT, OURS, Running, running

LIST = "/nodes?limit=20&offset={}&orderby=-ctime"
COMMIT = "UPDATE db_dbuser SET institution = 'commit {}' WHERE id = 1"
ROUNDS, REQUESTS = 7, 100


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-d", "--database", type=click.Choice(DATABASES), default=SQLITE, show_default=True)
def main(folder: Path, database: str) -> None:
    """Prints the CPU time of a list of 20 nodes, first while nothing is committed."""
    with opened_again(folder) as profiles:
        for per_second in (0, 10):
            with (
                running(OURS, profiles, database, cached=True) as ours,
                running(OURS, profiles, database, cached=False) as uncached,
                running(LIMIT, profiles, database, cached=False) as limit,
                committing(profiles, database, per_second),
            ):
                found = measured({"caches on": ours, "caches off": uncached, "limit": limit})
            shown = ", ".join(f"{name} {seconds * 1000:.2f} ms" for name, seconds in found.items())
            click.echo(f"{per_second} commits a second: {shown}")


def measured(servers: Mapping[str, Running]) -> dict[str, float]:
    """Seconds of a request, the median of rounds in turns."""
    taken: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(ROUNDS):
        for name, server in servers.items():
            before = server.cpu()
            for place in range(REQUESTS):
                seconds_of(server.address, message(Request(LIST.format(20 * (place + REQUESTS * number)))))
            taken[name].append((server.cpu() - before) / REQUESTS)
    return {name: statistics.median(each) for name, each in taken.items()}


@contextmanager
def committing(profiles: Profiles, database: str, per_second: int) -> Iterator[None]:
    """Another process than the servers: this one."""
    over = threading.Event()

    def commit() -> None:
        with closing(_connection(profiles, database)) as connection:
            for number in itertools.count():
                connection.execute(COMMIT.format(number))
                if over.wait(1 / per_second):
                    return

    thread = threading.Thread(target=commit)
    if per_second:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if per_second:
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
