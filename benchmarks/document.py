"""Figures -> a plot and a section of a document.

python -m benchmarks.document FIGURES.json DOCUMENT.md    writes the section, and the plot beside it
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.report import (
    DATABASES,
    HEADINGS,
    SERVERS,
    SUMMARY,
    Figures,
    cells,
    described,
    lines,
    process_rows,
    summaries,
)
from benchmarks.servers import LIMIT, OURS, UPSTREAM

if TYPE_CHECKING:
    from matplotlib.patches import PathPatch

BEGIN, END = "<!-- begin benchmark -->", "<!-- end benchmark -->"
PLOT = "benchmark.svg"
COLOURS = {UPSTREAM: "#c44e52", OURS: "#4c72b0", LIMIT: "#a0a0a0"}
COLUMNS = {"varying": None, "cached": 6}
"""How much of each request is shown, by pass; None: all."""
BAR, LEAST = 0.28, 0.05
"""How thick a bar is, in lines, and where all of them begin, in ms."""


def written(document: str, text: str) -> str:
    """The document with the section made anew."""
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}"


def section(figures: Figures) -> str:
    return "\n\n".join(_parts(figures))


def _parts(figures: Figures) -> Iterator[str]:
    yield f"![CPU time of a request to three servers]({PLOT})"
    made_with = ", ".join(f"{name} {version}" for name, version in figures["versions"].items())
    machine = "{cpu}, {cores} cores, {memory}, {system}, load before it {load}".format(**figures["machine"])
    yield f"Made by `{figures['command']}` on {machine}, with {made_with}."
    for database, passes in figures["figures"].items():
        yield f"### {DATABASES[database]}, {figures['nodes']} nodes"
        for of in passes:
            found = lines(figures, database, of)
            yield f"{described(figures, of).capitalize()}:"
            yield table(SUMMARY, (summary.cells for summary in summaries(found)))
        yield table(("process", *SERVERS), process_rows(figures, database))
        for of, columns in COLUMNS.items():
            if of in passes:
                rows = ([line.name, *cells(line)][:columns] for line in lines(figures, database, of))
                yield f"Requests one by one, {described(figures, of)}:"
                yield table(("request", *HEADINGS)[:columns], rows)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows))


def plot(figures: Figures, file: Path) -> None:
    """Three bars for each request, the shorter the better."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "benchmark", "font.size": 9})
    from matplotlib import pyplot as plt

    databases = list(figures["figures"])
    names = [line.name for line in lines(figures, databases[0], "varying")]
    size = (1.5 + 4.5 * len(databases), 1 + 0.26 * len(names))
    chart, panels = plt.subplots(1, len(databases), figsize=size, sharey=True, squeeze=False)
    for panel, database in zip(panels[0], databases, strict=True):
        found = lines(figures, database, "varying")
        for place, server in enumerate(SERVERS):
            widths = {number + BAR * (place - 1.5): line.figure(server, "cpu_ms") for number, line in enumerate(found)}
            panel.add_patch(_bars(widths, color=COLOURS[server], label=server, linewidth=0))
        widest = max(line.figure(server, "cpu_ms") or 0 for line in found for server in SERVERS)
        panel.set(xscale="log", xlim=(LEAST, 1.5 * widest), ylim=(len(found) - 0.4, -0.6))
        panel.set(title=f"{DATABASES[database]}, {figures['nodes']} nodes", xlabel="CPU time of a request, ms")
        panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        panel.tick_params(axis="y", length=0)
        panel.grid(axis="x", alpha=0.3)
        panel.set_axisbelow(True)
    panels[0][0].set_yticks(range(len(names)), names)
    chart.legend(*panels[0][0].get_legend_handles_labels(), loc="upper left", frameon=False)
    chart.tight_layout()
    chart.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)
    plt.close(chart)


def _bars(widths: Mapping[float, float | None], **style: Any) -> PathPatch:
    """By the places where they begin, as one patch: the file is a quarter of that with a patch for each."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    corners = [
        [(LEAST, place), (width, place), (width, place + BAR), (LEAST, place + BAR), (LEAST, place)]
        for place, width in widths.items()
        if width is not None
    ]
    return PathPatch(Outline.make_compound_path(*(Outline(corner, closed=True) for corner in corners)), **style)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("figures", type=click.Path(exists=True, path_type=Path))
@click.argument("document", type=click.Path(exists=True, path_type=Path))
def main(figures: Path, document: Path) -> None:
    """Writes FIGURES between the marks in DOCUMENT, and draws them."""
    read = json.loads(figures.read_text())
    document.write_text(written(document.read_text(), section(read)))
    plot(read, document.with_name(PLOT))


if __name__ == "__main__":
    main()
