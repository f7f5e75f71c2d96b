"""What grows with the number of nodes, and what does not: figures of several sizes side by side.

python -m benchmarks.growth FIGURES.json... DOCUMENT.md    writes the section
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from benchmarks.document import table, written
from benchmarks.mix import KINDS
from benchmarks.report import DATABASES, PASSES, Figures, lines, short
from benchmarks.servers import OURS

SHOWN = ("cached", "varying")
"""The passes that users meet, first with caches, then behind each commit."""


def section(sizes: Sequence[Figures]) -> str:
    return "\n\n".join(_parts(sorted(sizes, key=lambda figures: int(figures["nodes"]))))


def _parts(sizes: Sequence[Figures]) -> Iterator[str]:
    commands = ", ".join(f"`{figures['command']}`" for figures in sizes)
    yield f"CPU time of a request in ms, that of the database included. Made by {commands}."
    for database in sizes[-1]["figures"]:
        measured = [figures for figures in sizes if database in figures["figures"]]
        numbers = [f"{figures['nodes']:,} nodes".replace(",", " ") for figures in measured]
        header = ["request", *(f"{number}, {_caches(of)}" for of in SHOWN for number in numbers)]
        yield f"### {DATABASES[database]}"
        yield table(header, _rows(measured, database))


def _caches(of: str) -> str:
    return PASSES[of][1]


def _rows(sizes: Sequence[Figures], database: str) -> Iterator[list[str]]:
    found = {
        (of, number): {line.name: line.figure(OURS, "cpu_ms") for line in lines(figures, database, of)}
        for of in SHOWN
        for number, figures in enumerate(sizes)
    }
    for kind in KINDS:
        yield [kind.name, *(short(by_kind.get(kind.name)) for by_kind in found.values())]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("figures", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.argument("document", type=click.Path(exists=True, path_type=Path))
def main(figures: Sequence[Path], document: Path) -> None:
    """Writes FIGURES of several sizes between the marks in DOCUMENT."""
    document.write_text(written(document.read_text(), section([json.loads(file.read_text()) for file in figures])))


if __name__ == "__main__":
    main()
