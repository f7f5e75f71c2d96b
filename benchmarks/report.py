"""Figures -> ratios and tables."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.mix import KINDS
from benchmarks.servers import LIMIT, OURS, UPSTREAM

Figures = Mapping[str, Any]
"""The JSON that `run.py` writes."""

SERVERS = (UPSTREAM, OURS, LIMIT)
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
PASSES = {
    "varying": ("each request about something else", "caches off"),
    "cached": ("each request about something else", "caches on"),
    "repeating": ("the same few requests again and again", "caches on"),
}
RATIOS = {f"{OURS} / {LIMIT}": (OURS, LIMIT), f"{UPSTREAM} / {OURS}": (UPSTREAM, OURS)}
NONE = "-"


@dataclass(frozen=True)
class Line:
    """One kind of requests on one database in one pass: figures by server."""

    name: str
    of: Mapping[str, Mapping[str, Any]]

    def figure(self, server: str, key: str) -> float | None:
        return self.of.get(server, {}).get(key)

    def ratio(self, above: str, below: str) -> float | None:
        """The median of those of all rounds: what disturbed a round disturbed both servers."""
        rounds = [self.of.get(server, {}).get("cpu_ms_of_rounds", ()) for server in (above, below)]
        ratios = [one / other for one, other in zip(*rounds, strict=False)]
        return statistics.median(ratios) if ratios else None


@dataclass(frozen=True)
class Summary:
    """Of one ratio over all kinds; the worst are first."""

    ratio: str
    values: Sequence[tuple[float, str]]

    @property
    def cells(self) -> list[str]:
        ratios = [value for value, _ in self.values]
        (highest, of_highest), (lowest, of_lowest) = self.values[0], self.values[-1]
        middle = (statistics.geometric_mean(ratios), statistics.median(ratios))
        return [self.ratio, *map(short, middle), f"{short(highest)}, {of_highest}", f"{short(lowest)}, {of_lowest}"]


SUMMARY = ("CPU time", "geometric mean", "median", "highest", "lowest")


def described(figures: Figures, of: str) -> str:
    """What a pass asks; a version without the setting for caches has nothing to switch off."""
    asked, caches = PASSES[of]
    return f"{asked}, {caches}" if figures["has_cache"] else asked


def lines(figures: Figures, database: str, of: str) -> list[Line]:
    measured = figures["figures"][database][of]
    return [Line(kind.name, measured[kind.name]) for kind in KINDS if kind.name in measured]


def summaries(found: Sequence[Line]) -> Iterator[Summary]:
    for name, of in RATIOS.items():
        values = [(ratio, line.name) for line in found if (ratio := line.ratio(*of)) is not None]
        if values:
            yield Summary(name, sorted(values, reverse=True))


HEADINGS = (
    *(f"CPU ms, {server}" for server in SERVERS),
    *RATIOS,
    *(f"p50 ms, {server}" for server in SERVERS),
    *(f"requests/s, {server}" for server in SERVERS),
)


def cells(line: Line) -> Iterator[str]:
    yield from (short(line.figure(server, "cpu_ms")) for server in SERVERS)
    yield from (short(line.ratio(*of)) for of in RATIOS.values())
    for key in ("p50_ms", "rate"):
        yield from (short(line.figure(server, key)) for server in SERVERS)


def short(value: float | None) -> str:
    """About three digits."""
    if value is None:
        return NONE
    digits = next(digits for least, digits in ((100, 0), (10, 1), (0, 2)) if value >= least)
    return f"{value:.{digits}f}"


PROCESSES: Mapping[str, Callable[[Mapping[str, float]], str]] = {
    "memory of a worker behind the mix, MB": lambda of: short(of["VmRSS"]),
    "... without mapped files, MB": lambda of: short(of["RssAnon"]),
    "from the start of Python to the first answer, s": lambda of: short(of["first_answer"]),
}


def process_rows(figures: Figures, database: str) -> Iterator[list[str]]:
    for name, show in PROCESSES.items():
        measured = figures["processes"][database]
        yield [name, *(show(measured[server]) if server in measured else NONE for server in SERVERS)]


def print_tables(figures: Figures, console: Console) -> None:
    for database, passes in figures["figures"].items():
        title = f"{DATABASES[database]}, {figures['nodes']} nodes"
        for of in passes:
            found = lines(figures, database, of)
            rows = ([line.name, *cells(line)] for line in found)
            console.print(_table(f"{title}: {described(figures, of)}", ("request", *HEADINGS), rows))
            console.print(_table(None, SUMMARY, (summary.cells for summary in summaries(found))))
        console.print(_table(None, ("process", *SERVERS), process_rows(figures, database)))


def _table(title: str | None, headings: Sequence[str], rows: Iterator[list[str]]) -> Table:
    table = Table(title=title)
    for number, heading in enumerate(headings):
        # The servers below each other make columns narrow.
        broken = heading.replace(", ", "\n").replace(" / ", "\n/ ")
        table.add_column(broken, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table
