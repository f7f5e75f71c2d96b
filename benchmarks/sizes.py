"""How much longer a larger profile takes to answer what should not grow: single objects, links and first pages.

python -m benchmarks.sizes SMALL LARGE [--database postgresql]

Both are folders of `benchmarks.run`. Two servers of ours, caches on, are asked in turns, so what else the machine does
is the same for both.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import click

from benchmarks.client import ask_each, message
from benchmarks.document import table
from benchmarks.measure import CLIENTS, WARMING, WARMING_SECONDS, ask_one_by_one
from benchmarks.mix import KINDS, Kind, Sample
from benchmarks.profile.stores import SQLITE
from benchmarks.profiles import DATABASES, opened_again
from benchmarks.report import short
from benchmarks.run import sample_of
from benchmarks.servers import OURS, Running, running

FIRST_PAGES = frozenset(
    {"computers", "users", "groups", "20 nodes by -id", "400 nodes by -id", "first page by -ctime", "ten ids"}
)
ROUNDS, REQUESTS, SECONDS = 7, 40, 0.3


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folders", nargs=2, metavar="SMALL LARGE", type=click.Path(exists=True, path_type=Path))
@click.option("-d", "--database", type=click.Choice(DATABASES), default=SQLITE, show_default=True)
def main(folders: Sequence[Path], database: str) -> None:
    """Prints a table of the CPU time of requests to a SMALL and to a LARGE profile, and how often one is the other."""
    with ExitStack() as stack:
        servers: list[tuple[Running, Sample]] = []
        for folder in folders:
            profiles = stack.enter_context(opened_again(folder.absolute()))
            about = sample_of(profiles, database)
            servers.append((stack.enter_context(running(OURS, profiles, database, cached=True)), about))
        found = {kind.name: measured(kind, servers) for kind in KINDS if is_bounded(kind)}
    rows = [[name, *map(short, each), short(each[1] / each[0])] for name, each in found.items()]
    click.echo(table(["request", *(f"{folder.name}, ms" for folder in folders), "growth"], rows))


def is_bounded(kind: Kind) -> bool:
    """Whether it asks for so much of any profile."""
    return kind.group == "one node" or kind.name in FIRST_PAGES


def measured(kind: Kind, servers: Sequence[tuple[Running, Sample]]) -> list[float]:
    """Milliseconds of a request to each server, the median of rounds in turns."""
    taken: list[list[float]] = [[] for _ in servers]
    for server, about in servers:
        wanted = list(map(message, islice(kind.requests(about, ROUNDS * REQUESTS), WARMING)))
        ask_each(server.address, wanted, CLIENTS, WARMING_SECONDS)
    for number in range(ROUNDS):
        for (server, about), of_server in zip(servers, taken, strict=True):
            wanted = list(map(message, islice(kind.requests(about, number * REQUESTS), REQUESTS)))
            before = server.cpu()
            asked = len(ask_one_by_one(server, wanted, SECONDS))
            of_server.append((server.cpu() - before) / asked * 1000)
    return list(map(statistics.median, taken))


if __name__ == "__main__":
    main()
