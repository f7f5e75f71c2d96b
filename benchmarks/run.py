"""Three servers on the same database, each asked the same in turns: ours, aiida-core's own, and the limit.

python -m benchmarks.run [FOLDER] [--nodes N] [--database sqlite] [--json FILE] ...
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import pytest
from rich.console import Console
from rich.progress import track

from aiida_like.profiles import find
from aiida_like.storage import open_storage
from benchmarks.agree import Differ, check_limit, compare_upstream
from benchmarks.client import Refused
from benchmarks.document import plot
from benchmarks.machine import machine, versions
from benchmarks.measure import PASSES, Effort, Measurement
from benchmarks.mix import KINDS, Sample, sample
from benchmarks.profile.stores import POSTGRESQL
from benchmarks.profiles import DATABASES, Profiles, opened
from benchmarks.report import print_tables
from benchmarks.servers import LIMIT, OURS, PEER, PROGRAMS, UPSTREAM, Running, first_answer, has_cache, running
from tests.servers import require

STDERR = Console(stderr=True)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("-n", "--nodes", default=100_000, show_default=True, help="Size of the profiles.")
@click.option("-d", "--database", "databases", multiple=True, type=click.Choice(DATABASES), help="[default: both]")
@click.option("--rounds", default=5, show_default=True)
@click.option("-r", "--requests", default=40, show_default=True, help="Of each kind to each server in a round.")
@click.option("--seconds", default=0.5, show_default=True, help="At most so long for those of one kind.")
@click.option("--without-peer", is_flag=True, help="Leave aiida-core out: of millions of nodes it takes long.")
@click.option("--json", "output", type=click.Path(path_type=Path), help="Write all figures to this file.")
@click.option("--plot", "chart", type=click.Path(path_type=Path), help="Draw them into this file (.svg, .png).")
def main(
    folder: Path | None,
    nodes: int,
    databases: Sequence[str],
    rounds: int,
    requests: int,
    seconds: float,
    without_peer: bool,  # noqa: FBT001 (click passes a flag so)
    output: Path | None,
    chart: Path | None,
) -> None:
    """Measures the servers on profiles in FOLDER, which are made where there are none.

    Without FOLDER they go away at the end.
    """
    names = [name for name in PROGRAMS if name != UPSTREAM or not without_peer]
    if UPSTREAM in names and not PEER.exists():
        raise click.ClickException(f"{PEER} is not there; `make .venv-peer/.installed` makes it")
    made_with = machine()
    databases = available(databases or DATABASES)
    with _folder(folder) as place, opened(place, nodes, databases) as profiles:
        figures: dict[str, Any] = {"nodes": nodes, "machine": made_with, "has_cache": has_cache()}
        figures["versions"] = versions(with_postgresql=POSTGRESQL in databases)
        asked = f"--nodes {nodes} --rounds {rounds} --requests {requests} --seconds {seconds:g}"
        figures["command"] = f"python -m benchmarks.run {asked}" + (" --without-peer" if without_peer else "")
        figures |= measured(profiles, names, Effort(rounds, requests, seconds))
    print_tables(figures, Console(width=None if sys.stdout.isatty() else 200))
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(figures) + "\n")
    if chart is not None:
        plot(figures, chart)


def available(databases: Sequence[str]) -> Sequence[str]:
    """Without PostgreSQL where it is not installed."""
    try:
        require("initdb")
    except pytest.skip.Exception as missing:
        STDERR.print(f"PostgreSQL is left out: {missing}")
        return [database for database in databases if database != POSTGRESQL]
    return databases


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given.absolute()
        return
    with TemporaryDirectory(prefix="aiida-like-benchmark-") as name:
        Path(name).chmod(0o755)  # PostgreSQL runs as another user, where we are root
        yield Path(name)


def measured(profiles: Profiles, names: Sequence[str], effort: Effort) -> dict[str, Any]:
    """All figures of these servers, by database and pass; how aiida-core's answers differ; and what processes take."""
    found: dict[str, Any] = {"figures": {}, "differences": {}, "processes": {}}
    for database in profiles.databases:
        asked_about = sample_of(profiles, database)
        found["figures"][database] = {}
        processes = {name: {"first_answer": first_answer(name, profiles, database)} for name in names}
        for of in PASSES:
            with ExitStack() as stack:
                started = [stack.enter_context(running(name, profiles, database, cached=of.cached)) for name in names]
                if of is PASSES[0]:
                    found["differences"][database] = checked(started, asked_about)
                measurement = rounds(Measurement(started, effort, of), asked_about, database)
                found["figures"][database][of.name] = shown(measurement)
                found["differences"][database] |= measurement.refused
                for server in started:
                    processes[server.name] |= server.memory()
        found["processes"][database] = processes
    return found


def sample_of(profiles: Profiles, database: str) -> Sample:
    os.environ["AIIDA_PATH"] = str(profiles.folder)
    storage = open_storage(find(database))
    try:
        return sample(lambda statement: storage.database.rows(statement, {}))
    finally:
        storage.close()


def checked(started: Sequence[Running], asked_about: Sample) -> dict[str, str]:
    """How aiida-core's answers differ; the limit's must not."""
    addresses = {server.name: server.address for server in started}
    try:
        check_limit(addresses[OURS], addresses[LIMIT], asked_about)
    except Differ as error:
        raise click.ClickException(f"ours and the limit differ in {error}") from None
    if UPSTREAM not in addresses:
        return {}
    differences = compare_upstream(addresses[OURS], addresses[UPSTREAM], asked_about)
    for kind, difference in differences.items():
        STDERR.print(f"aiida-core differs in {kind!r}: {difference}", markup=False)
    return differences


def rounds(measurement: Measurement, asked_about: Sample, database: str) -> Measurement:
    if measurement.of.cached and not has_cache():
        STDERR.print("there is no setting CACHE in this version: all passes run with the same settings")
    title, total = f"{database}, {measurement.of.name}", (1 + measurement.effort.rounds) * len(KINDS)
    steps = chain(measurement.warm_up(asked_about), measurement.rounds(asked_about))
    try:
        for _ in track(steps, title, total=total, console=STDERR):
            pass
    except Refused as error:
        raise click.ClickException(str(error)) from None
    for kind, refusal in measurement.refused.items():
        STDERR.print(f"aiida-core refuses {kind!r}: {refusal}", markup=False)
    return measurement


def shown(measurement: Measurement) -> dict[str, Any]:
    return {
        kind: {name: each.shown() for name, each in by_server.items()}
        for kind, by_server in measurement.figures.items()
    }


if __name__ == "__main__":
    main()
