"""`aiida-like query`: the answer of the server, without one."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import click
import orjson
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aiida_like.profiles import find
from restapi.answering.csv_cells import cell, safe_cell
from restapi.commands.in_process import Found, Row, ask
from restapi.commands.terminal import open_visibly, repository_option, told_in_one_line
from restapi.config import settings_of_environment


@click.command()
@click.argument("target", metavar="PROFILE")
@click.argument("text", metavar="QUERY")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: of a list all rows, or limit= of them.")
@click.option("--json", "as_json", is_flag=True, help="Print the data of the answer as JSON.")
@repository_option
def query(
    target: str,
    text: str,
    as_csv: bool,  # noqa: FBT001 (click passes a flag so)
    as_json: bool,  # noqa: FBT001
    repository: str | None,
) -> None:
    """Asks a PROFILE without a server, and prints a table.

    PROFILE is what `aiida-like serve` takes as a TARGET, QUERY what stands behind /api/v4/ in a URL, or behind the
    root if it begins with a slash. Put it in single quotes. A terminal shows the columns that it has room for.

    \b
    Examples:
      aiida-like query results.aiida 'nodes?attributes.energy<-3&orderby=attributes.energy&fields=id,attributes.energy'
      aiida-like query my-profile 'nodes?filter=label LIKE "Si%" AND NOT attributes.exit_status=0' --csv
      aiida-like query my-profile 'nodes?facet=node_type,user&limit=1'
      aiida-like query my-profile 'nodes?format=ndjson&attributes=true' > nodes.ndjson
      aiida-like query my-profile /api/v2/nodes/statistics
    """  # noqa: D301 (click knows a backspace)
    if as_csv and as_json:
        raise click.UsageError("--csv and --json are two forms of one answer: choose")
    with told_in_one_line():
        settings = settings_of_environment()
        profile = find(target, repository)
        open_visibly(profile, settings)
        accept = "text/csv, */*;q=0.5" if as_csv else "*/*"
        _print(ask(profile, settings, text, accept), as_csv=as_csv, as_json=as_json)


def _print(found: Found | bytes, *, as_csv: bool, as_json: bool) -> None:
    if isinstance(found, bytes):
        click.echo(found, nl=False)
        return
    if as_json or found.rows is None:
        click.echo(orjson.dumps(found.data, option=orjson.OPT_INDENT_2).decode())
    elif as_csv:
        _write_csv(found.rows)
    else:
        _print_table(found.rows)
        for key, facet in found.facets.items():
            click.echo()
            _print_table([{key: each.pop("value"), **each} for each in facet["values"]])
    if found.rows is not None:
        click.echo(f"{len(found.rows)} of {found.total}", err=True)


def _columns_of(rows: Iterable[Row]) -> list[str]:
    """All keys, in the order in which they come first."""
    return list(dict.fromkeys(key for row in rows for key in row))


def _write_csv(rows: Sequence[Row]) -> None:
    """Writes CSV (RFC 4180) with a header line, for what the server gives in JSON only."""
    columns = _columns_of(rows)
    writer = csv.writer(sys.stdout)
    if columns:
        writer.writerow(columns)
    writer.writerows([safe_cell(row.get(column)) for column in columns] for row in rows)


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LEAST_WIDTH = 12
"""Characters of a text, at least, that are worth a column."""
_BETWEEN = 2


def _print_table(rows: Sequence[Row]) -> None:
    columns = _columns_of(rows)
    cells = {column: [_printable(cell(row.get(column))) for row in rows] for column in columns}
    numbers = {column for column in columns if all(type(row.get(column)) in (int, float, type(None)) for row in rows)}
    widths = {column: max(map(cell_len, (column, *values))) for column, values in cells.items()}
    if sys.stdout.isatty():
        filled = {column for column, values in cells.items() if any(values)}
        whole = {column for column in filled if column in numbers or all(map(_UUID.fullmatch, cells[column]))}
        widths = dict(_fitted(widths, whole, filled, Console().width))
    table = Table(box=None, header_style="bold", padding=(0, _BETWEEN, 0, 0), pad_edge=False)
    for column, width in widths.items():
        table.add_column(column, justify="right" if column in numbers else "left", width=width, no_wrap=True)
    for row in zip(*(cells[column] for column in widths), strict=True):
        table.add_row(*map(Text, row))
    console = Console(width=sum(widths.values()) + _BETWEEN * len(widths), highlight=False)
    with console.capture() as shown:
        console.print(table)
    sys.stdout.write(shown.get())
    if len(widths) < len(columns):
        left_out = ", ".join(column for column in columns if column not in widths)
        click.echo(f"No room for {left_out}: take --csv or --json, or choose with fields=", err=True)


def _fitted(
    widths: Mapping[str, int], whole: Collection[str], filled: Collection[str], room: int
) -> Iterator[tuple[str, int]]:
    """The columns that a line has room for and their widths: first those that are shown whole, then texts, cut.

    `filled` are the columns with a value in any row.
    """
    least = {column: width if column in whole else min(width, _LEAST_WIDTH) for column, width in widths.items()}
    taken: dict[str, int] = {}
    for column in sorted(widths, key=lambda column: (column not in whole, column not in filled)):
        if column in whole or sum(taken.values()) + _BETWEEN * len(taken) + least[column] <= room:
            taken[column] = least[column]
    left = max(0, room - sum(taken.values()) - _BETWEEN * (len(taken) - 1))
    for column, width in widths.items():
        if column in taken:
            more = min(left, width - taken[column])
            left -= more
            yield column, taken[column] + more


def _printable(text: str) -> str:
    """The text without control characters of a terminal: it can come from anybody."""
    return "".join(each if each.isprintable() else " " for each in text)
