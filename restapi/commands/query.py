"""`aiida-like query`: the answer of the server, without one."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence

import click
import orjson
from rich.console import Console
from rich.table import Table

from aiida_like.profiles import demo, find
from restapi.answering.csv_cells import cell, safe_cell
from restapi.commands.in_process import Found, Refused, Row, ask
from restapi.commands.terminal import open_visibly, repository_option, told_in_one_line
from restapi.config import settings_of_environment


@click.command()
@click.argument("target", metavar="PROFILE")
@click.argument("text", metavar="QUERY")
@click.option("--csv", "form", flag_value="csv", help="Print CSV, for a spreadsheet.")
@click.option("--json", "form", flag_value="json", help="Print the data of the answer as JSON.")
@repository_option
def query(target: str, text: str, form: str | None, repository: str | None) -> None:
    """Asks a PROFILE without a server, and prints a table.

    PROFILE is what `aiida-like serve` takes as a TARGET, QUERY what stands behind /api/v4/ in a URL, or behind the
    root if it begins with a slash. Put it in single quotes.

    \b
    Examples:
      aiida-like query results.aiida 'nodes?attributes.energy<-3&orderby=attributes.energy&limit=5'
      aiida-like query my-profile 'nodes?filter=label LIKE "Si%" AND NOT attributes.exit_status=0' --csv
      aiida-like query my-profile 'nodes?facet=node_type,user&limit=1'
      aiida-like query my-profile 'nodes?format=ndjson&attributes=true' > nodes.ndjson
      aiida-like query my-profile /api/v2/nodes/statistics
    """  # noqa: D301 (click knows a backspace)
    with told_in_one_line():
        settings = settings_of_environment()
        profile = demo() if target == "demo" else find(target, repository)
        open_visibly(profile, settings)
        _print(ask(profile, settings, text), form)


def _print(found: Found | bytes, form: str | None) -> None:
    if isinstance(found, bytes):
        click.echo(found, nl=False)
        return
    if form == "json" or found.rows is None:
        click.echo(orjson.dumps(found.data, option=orjson.OPT_INDENT_2).decode())
    elif form == "csv" and found.facets:
        raise Refused("--csv has room for rows only: ask for facets as a table, or with --json")
    elif form == "csv":
        _write_csv(found.rows)
    else:
        # In a file or a pipe no line is folded.
        console = Console(width=None if sys.stdout.isatty() else 10_000, soft_wrap=not sys.stdout.isatty())
        console.print(_table_of(found.rows))
        for key, facet in found.facets.items():
            console.print()
            console.print(_table_of([{key: each.pop("value"), **each} for each in facet["values"]]))
    if found.rows is not None and found.total is not None:
        click.echo(f"{len(found.rows)} of {found.total}", err=True)


def _columns_of(rows: Iterable[Row]) -> list[str]:
    """All keys, in the order in which they come first."""
    return list(dict.fromkeys(key for row in rows for key in row))


def _write_csv(rows: Sequence[Row]) -> None:
    """Writes CSV (RFC 4180) with a header line."""
    columns = _columns_of(rows)
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    writer.writerows([safe_cell(row.get(column)) for column in columns] for row in rows)


def _table_of(rows: Sequence[Row]) -> Table:
    columns = _columns_of(rows)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        are_numbers = all(type(row.get(column)) in (int, float, type(None)) for row in rows)
        table.add_column(column, justify="right" if are_numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_printable(cell(row.get(column))) for column in columns))
    return table


def _printable(text: str) -> str:
    # Neither markup nor control characters of a terminal: the text can come from anybody.
    shown = "".join(each if each.isprintable() else " " for each in text)
    return shown.replace("[", r"\[")
