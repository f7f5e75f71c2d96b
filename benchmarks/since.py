"""What requests cost now, as a multiple of what they cost at an earlier revision: the price of what came since.

python -m benchmarks.since REVISION FOLDER [--database postgresql] [--pairs 11] [--cached] [KIND...]

FOLDER is one of `benchmarks.run`, REVISION what git knows. Both run in this environment, by `aiida-like serve`.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from math import comb
from pathlib import Path
from statistics import geometric_mean, median
from tempfile import TemporaryDirectory

import click
from rich.progress import track

from benchmarks.document import table
from benchmarks.mix import KINDS, Kind
from benchmarks.profile.stores import SQLITE
from benchmarks.profiles import DATABASES, opened_again
from benchmarks.report import short
from benchmarks.run import STDERR, sample_of
from benchmarks.servers import ROOT, serving
from benchmarks.turns import each_round

PAIRS = 11

Ratios = Mapping[str, Sequence[float]]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("revision")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("kinds", nargs=-1, metavar="[KIND]...")
@click.option("-d", "--database", type=click.Choice(DATABASES), default=SQLITE, show_default=True)
@click.option("--pairs", type=click.IntRange(5), default=PAIRS, show_default=True, help="Turns of both versions.")
@click.option("--cached", is_flag=True, help="With caches on.")
def main(revision: str, folder: Path, kinds: Sequence[str], database: str, pairs: int, *, cached: bool) -> None:
    """Prints how many times the CPU time of REVISION each KIND of requests takes, of all if none is named."""
    chosen = [kind for kind in KINDS if kind.name in kinds or not kinds]
    if unknown := set(kinds) - {kind.name for kind in chosen}:
        names = ", ".join(kind.name for kind in KINDS)
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: not one of {names}", param_hint="KIND")
    with _checkout(revision) as then:
        milliseconds = _measured(chosen, folder.absolute(), database, pairs, then, cached=cached)
    ratios = {name: [new / old for old, new in of_kind] for name, of_kind in milliseconds.items()}
    rows = [
        [name, *(short(median(each)) for each in zip(*milliseconds[name], strict=True)), *_interval(ratios[name])]
        for name in sorted(ratios, key=lambda name: -median(ratios[name]))
    ]
    click.echo(table(["request", f"{revision}, ms", "now, ms", "ratio", "at least", "at most"], rows))
    each_pair = list(zip(*ratios.values(), strict=True))
    for title, function in (("geometric mean", geometric_mean), ("median of the kinds", median)):
        middle, least, most = _interval([function(pair) for pair in each_pair])
        click.echo(f"{title}: {middle} ({least} to {most})")


def _measured(
    kinds: Sequence[Kind], folder: Path, database: str, pairs: int, then: Path, *, cached: bool
) -> dict[str, list[list[float]]]:
    """For each kind and pair, milliseconds of the earlier version and of this one."""
    with opened_again(folder) as profiles:
        about = sample_of(profiles, database)
        with (
            serving(then, profiles, database, cached=cached) as before,
            serving(ROOT, profiles, database, cached=cached) as now,
        ):
            servers = [(before, about), (now, about)]
            return {kind.name: each_round(kind, servers, pairs) for kind in track(kinds, "requests", console=STDERR)}


def _interval(ratios: Sequence[float]) -> list[str]:
    """The median, and what it lies above and below, each with 95 %."""
    ordered = sorted(ratios)
    left_out = _left_out(len(ordered))
    return [f"{each:.3f}" for each in (median(ordered), ordered[left_out], ordered[-1 - left_out])]


def _left_out(number: int) -> int:
    """How many of the largest of so many figures are beyond a bound that the median is below with 95 %: 2 of 11."""
    odds = accumulate(comb(number, wrong) / 2**number for wrong in range(number))
    return sum(1 for each in odds if each <= 0.05) - 1


@contextmanager
def _checkout(revision: str) -> Iterator[Path]:
    with TemporaryDirectory(prefix="aiida-like-revision-") as name:
        if shutil.which("git") is None:
            raise click.ClickException("git, which has the earlier versions, is not installed")
        archive = subprocess.run(["git", "archive", revision], cwd=ROOT, stdout=subprocess.PIPE, check=False)
        if archive.returncode:
            raise click.BadParameter(f"git knows no {revision}", param_hint="REVISION")
        subprocess.run(["tar", "-x", "-C", name], input=archive.stdout, check=True)
        yield Path(name)


if __name__ == "__main__":
    main()
