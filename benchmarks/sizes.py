"""How much longer a larger profile takes to answer what should not grow: single objects, links and first pages.

python -m benchmarks.sizes SMALL LARGE [--database postgresql]

Both are folders of `benchmarks.run`. Each is served by ours, caches on.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from benchmarks.document import table
from benchmarks.mix import KINDS, Kind, Sample
from benchmarks.profile.stores import SQLITE
from benchmarks.profiles import DATABASES, opened_again
from benchmarks.report import short
from benchmarks.run import sample_of
from benchmarks.servers import OURS, running
from benchmarks.turns import measured

FIRST_PAGES = frozenset(
    {"computers", "users", "groups", "20 nodes by -id", "400 nodes by -id", "first page by -ctime", "ten ids"}
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folders", nargs=2, metavar="SMALL LARGE", type=click.Path(exists=True, path_type=Path))
@click.option("-d", "--database", type=click.Choice(DATABASES), default=SQLITE, show_default=True)
def main(folders: Sequence[Path], database: str) -> None:
    """Prints a table of the CPU time of requests to a SMALL and to a LARGE profile, and how often one is the other."""
    with ExitStack() as stack:
        opened = [stack.enter_context(opened_again(folder.absolute())) for folder in folders]
        servers = [
            (stack.enter_context(running(OURS, profiles, database, cached=True)), about)
            for profiles, about in zip(opened, _as_many([sample_of(each, database) for each in opened]), strict=True)
        ]
        found = {kind.name: measured(kind, servers) for kind in KINDS if is_bounded(kind)}
    rows = [[name, *map(short, each), short(each[1] / each[0])] for name, each in found.items()]
    click.echo(table(["request", *(f"{folder.name}, ms" for folder in folders), "growth"], rows))


def _as_many(samples: Sequence[Sample]) -> list[Sample]:
    """Samples of the same size: of more, less has been asked before, and less is remembered."""
    return [{name: of[: min(len(each[name]) for each in samples)] for name, of in sample.items()} for sample in samples]


def is_bounded(kind: Kind) -> bool:
    """Whether it asks for so much of any profile."""
    return kind.group == "one node" or kind.name in FIRST_PAGES


if __name__ == "__main__":
    main()
